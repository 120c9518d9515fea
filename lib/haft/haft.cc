#include "haft/haft.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <memory>
#include <new>
#include <optional>
#include <type_traits>

#include "haft/any_table.h"
#include "haft/check.h"
#include "haft/handle.h"
#include "haft/intern_table.h"
#include "haft/made_once.h"
#include "haft/status.h"

// The numbers of the two are one another's.
static_assert(HAFT_OK == static_cast<int>(haft::Status::kOk));
static_assert(HAFT_STALE == static_cast<int>(haft::Status::kStale));
static_assert(HAFT_WRONG_TYPE == static_cast<int>(haft::Status::kWrongType));
static_assert(HAFT_FULL == static_cast<int>(haft::Status::kFull));
static_assert(HAFT_TIMED_OUT == static_cast<int>(haft::Status::kTimedOut));
static_assert(HAFT_INVALID == static_cast<int>(haft::Status::kInvalid));

namespace haft {
namespace {

static_assert(sizeof(PinWords) == sizeof(haft_pin));

haft_status ToC(Status status) noexcept {
  return static_cast<haft_status>(status);
}

internal::MadeOnce<AnyTable> process_table;

std::size_t ProcessCapacity() noexcept {
  constexpr std::size_t kDefault = std::size_t{1} << 22;
  std::size_t capacity = kDefault;
  if (const char* const text = std::getenv("HAFT_CAPACITY")) {
    char* end;
    const unsigned long long value = std::strtoull(text, &end, 10);
    if (*end == '\0' && value != 0) capacity = value;
  }
  return std::min(capacity, AnyTable::kMaxCapacity);
}

// The table that is meant; nullptr when there is no memory for the process's.
AnyTable* TableOf(haft_table* table) noexcept {
  if (table != nullptr) return reinterpret_cast<AnyTable*>(table);
  return process_table.Get([] { return AnyTable::Create(ProcessCapacity()); });
}

// What f(table) returns, if the handle is of the type; else why not.
template <typename F>
haft_status IfType(haft_table* table, haft_handle handle, const haft_type* type,
                   F&& f) noexcept {
  AnyTable* const any = TableOf(table);
  if (any == nullptr) return HAFT_OUT_OF_MEMORY;
  if (type != nullptr) {
    void* object;
    const Status status = AnyValue(*any, Handle(handle), type, &object);
    if (status != Status::kOk) return ToC(status);
  }
  return ToC(f(*any));
}

std::size_t Describe(AnyTable& table, Handle handle, char* buffer,
                     std::size_t size) noexcept {
  const Word word = static_cast<Word>(handle);
  const AnyTable::Pinned pinned = table.Pin(handle);
  const int length =
      pinned ? std::snprintf(buffer, size,
                             "0x%" PRIxPTR ": live in table %p, a %s at %p",
                             word, static_cast<void*>(&table),
                             pinned->type()->name, pinned->object())
             : std::snprintf(buffer, size, "0x%" PRIxPTR ": %s in table %p",
                             word, StatusName(pinned.status()),
                             static_cast<void*>(&table));
  return length < 0 ? 0 : static_cast<std::size_t>(length);
}

[[noreturn, gnu::cold]] void DieOf(const char* operation, haft_handle handle,
                                   const haft_type* type,
                                   haft_status status) noexcept {
  char known[256] = "";
  if (AnyTable* const table = TableOf(nullptr))
    Describe(*table, Handle(handle), known, sizeof(known));
  char sentence[480];
  std::snprintf(sentence, sizeof(sentence), "%s, wanted: a %s: %s; %s",
                operation, type == nullptr ? "object of any type" : type->name,
                haft_strerror(status), known);
  internal::Die(sentence);
}

InternTable intern_table;

// Whether a child of fork finds no mutex locked by a thread it does not have.
bool InternTableSurvivesFork() noexcept {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  static bool survives = false;
  pthread_once(&once, [] {
    survives = pthread_atfork([] { intern_table.Lock(); },
                              [] { intern_table.Unlock(); },
                              [] { intern_table.Unlock(); }) == 0;
  });
  return survives;
}

}  // namespace
}  // namespace haft

namespace {

// Grows without exceptions.
template <typename T>
class Array {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  Array() noexcept = default;
  ~Array() { std::free(data_); }
  Array(const Array&) = delete;
  Array& operator=(const Array&) = delete;

  // Whether there was memory for it.
  bool Append(const T& value) noexcept {
    if (size_ == capacity_) {
      const std::size_t capacity = capacity_ == 0 ? 16 : 2 * capacity_;
      void* const data = std::realloc(data_, capacity * sizeof(T));
      if (data == nullptr) return false;
      data_ = static_cast<T*>(data);
      capacity_ = capacity;
    }
    data_[size_++] = value;
    return true;
  }
  T TakeLast() noexcept { return data_[--size_]; }
  void Erase(T* place) noexcept {
    std::copy(place + 1, end(), place);
    --size_;
  }

  bool empty() const noexcept { return size_ == 0; }
  T* begin() noexcept { return data_; }
  T* end() noexcept { return data_ + size_; }

 private:
  T* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace

struct haft_scope {
  explicit haft_scope(haft_table* of) noexcept : table(of) {}
  haft_table* const table;
  Array<haft_handle> handles;
};

using haft::AnyTable;
using haft::Handle;
using haft::Status;

extern "C" {

haft_status haft_table_create(size_t capacity, haft_table** table) {
  if (table == nullptr || capacity == 0) return HAFT_INVALID;
  if (capacity > AnyTable::kMaxCapacity) return HAFT_FULL;
  std::unique_ptr<AnyTable> made = AnyTable::Create(capacity);
  if (made == nullptr) return HAFT_OUT_OF_MEMORY;
  *table = reinterpret_cast<haft_table*>(made.release());
  return HAFT_OK;
}

void haft_table_destroy(haft_table* table) {
  delete reinterpret_cast<AnyTable*>(table);
}

haft_status haft_table_new_with(haft_table* table, void* object,
                                const haft_type* type, void (*destroy)(void*),
                                void* context, haft_handle* handle) {
  if (type == nullptr || handle == nullptr) return HAFT_INVALID;
  AnyTable* const any = haft::TableOf(table);
  if (any == nullptr) return HAFT_OUT_OF_MEMORY;
  const Handle made = any->Emplace(object, type, destroy, context);
  if (made == haft::kNullHandle) return HAFT_FULL;
  *handle = static_cast<haft_handle>(made);
  return HAFT_OK;
}

haft_status haft_table_new(haft_table* table, void* object,
                           const haft_type* type, haft_handle* handle) {
  if (type == nullptr) return HAFT_INVALID;
  return haft_table_new_with(table, object, type, type->destroy, object,
                             handle);
}

haft_status haft_table_value(haft_table* table, haft_handle handle,
                             const haft_type* type, void** object) {
  if (object == nullptr) return HAFT_INVALID;
  const AnyTable* const any = haft::TableOf(table);
  if (any == nullptr) return HAFT_OUT_OF_MEMORY;
  return haft::ToC(haft::AnyValue(*any, Handle(handle), type, object));
}

haft_status haft_table_check(haft_table* table, haft_handle handle) {
  const AnyTable* const any = haft::TableOf(table);
  if (any == nullptr) return HAFT_OUT_OF_MEMORY;
  return haft::ToC(any->Check(Handle(handle)));
}

haft_status haft_table_pin_object(haft_table* table, haft_handle handle,
                                  const haft_type* type, haft_pin* pin,
                                  void** object) {
  if (pin == nullptr || object == nullptr) return HAFT_INVALID;
  AnyTable* const any = haft::TableOf(table);
  if (any == nullptr) return HAFT_OUT_OF_MEMORY;
  AnyTable::Pinned pinned = any->Pin(Handle(handle));
  if (!pinned) return haft::ToC(pinned.status());
  if (!haft::IsType(pinned->type(), type)) return HAFT_WRONG_TYPE;
  *object = pinned->object();
  const haft::PinWords words = pinned.Detach();
  std::copy(std::begin(words.words), std::end(words.words), pin->words);
  return HAFT_OK;
}

void haft_unpin(haft_pin* pin) {
  if (pin == nullptr) return;
  haft::PinWords words;
  std::copy(std::begin(pin->words), std::end(pin->words), words.words);
  *pin = {};
  AnyTable::Pinned::Attach(words).Unpin();
}

haft_status haft_table_delete(haft_table* table, haft_handle handle,
                              const haft_type* type) {
  return haft::IfType(table, handle, type, [&](AnyTable& any) {
    return any.Delete(Handle(handle));
  });
}

haft_status haft_table_delete_unless_pinned(haft_table* table,
                                            haft_handle handle,
                                            const haft_type* type) {
  return haft::IfType(table, handle, type, [&](AnyTable& any) {
    return any.DeleteUnlessPinned(Handle(handle));
  });
}

haft_status haft_table_delete_and_wait(haft_table* table, haft_handle handle,
                                       const haft_type* type,
                                       uint64_t nanoseconds) {
  const auto timeout = std::chrono::nanoseconds(
      std::min<uint64_t>(nanoseconds, std::chrono::nanoseconds::max().count()));
  return haft::IfType(table, handle, type, [&](AnyTable& any) {
    return any.DeleteAndWait(Handle(handle), timeout);
  });
}

haft_status haft_table_take(haft_table* table, haft_handle handle,
                            const haft_type* type, void** object) {
  if (object == nullptr) return HAFT_INVALID;
  return haft::IfType(table, handle, type, [&](AnyTable& any) {
    Status status;
    if (std::optional<haft::AnyObject> taken =
            any.Take(Handle(handle), &status)) {
      haft::InternTable::Forget(*taken);
      *object = taken->Release();
    }
    return status;
  });
}

haft_status haft_table_intern_with(haft_table* table, void* object,
                                   const haft_type* type,
                                   void (*destroy)(void*), void* context,
                                   haft_handle* handle) {
  if (object == nullptr || type == nullptr || handle == nullptr)
    return HAFT_INVALID;
  AnyTable* const any = haft::TableOf(table);
  if (any == nullptr || !haft::InternTableSurvivesFork())
    return HAFT_OUT_OF_MEMORY;
  Handle interned = haft::kNullHandle;
  const Status status = haft::intern_table.Intern(*any, object, type, destroy,
                                                  context, &interned);
  if (status == Status::kOk) *handle = static_cast<haft_handle>(interned);
  return haft::ToC(status);
}

haft_status haft_table_intern(haft_table* table, void* object,
                              const haft_type* type, haft_handle* handle) {
  if (type == nullptr) return HAFT_INVALID;
  return haft_table_intern_with(table, object, type, type->destroy, object,
                                handle);
}

haft_status haft_table_release(haft_table* table, haft_handle handle) {
  AnyTable* const any = haft::TableOf(table);
  if (any == nullptr) return HAFT_OUT_OF_MEMORY;
  return haft::ToC(haft::intern_table.Release(*any, Handle(handle)));
}

haft_status haft_table_new_batch(haft_table* table, void* const* objects,
                                 size_t count, const haft_type* type,
                                 haft_handle* handles, size_t* made) {
  if (made == nullptr) return HAFT_INVALID;
  *made = 0;
  if (count != 0 && (objects == nullptr || handles == nullptr))
    return HAFT_INVALID;
  haft_status status = HAFT_OK;
  for (; *made < count; ++*made) {
    status = haft_table_new(table, objects[*made], type, &handles[*made]);
    if (status != HAFT_OK) break;
  }
  return status;
}

size_t haft_table_delete_batch(haft_table* table, const haft_handle* handles,
                               size_t count, const haft_type* type,
                               haft_status* statuses) {
  if (handles == nullptr) return 0;
  size_t deleted = 0;
  for (size_t i = 0; i < count; ++i) {
    const haft_status status = haft_table_delete(table, handles[i], type);
    deleted += status == HAFT_OK;
    if (statuses != nullptr) statuses[i] = status;
  }
  return deleted;
}

int haft_table_for_each(haft_table* table,
                        int (*visit)(void*, haft_handle, const haft_type*,
                                     void*),
                        void* context) {
  AnyTable* const any = haft::TableOf(table);
  if (any == nullptr || visit == nullptr) return 0;
  int result = 0;
  any->ForEach([&](Handle handle, const haft::AnyObject& object) {
    result = visit(context, static_cast<haft_handle>(handle), object.type(),
                   object.object());
    return result != 0;
  });
  return result;
}

haft_status haft_table_stats(haft_table* table, haft_stats* stats) {
  if (stats == nullptr) return HAFT_INVALID;
  const AnyTable* const any = haft::TableOf(table);
  if (any == nullptr) return HAFT_OUT_OF_MEMORY;
  const haft::ObjectTableStats figures = any->Stats();
  *stats = {figures.live,    figures.dying,   figures.created,
            figures.deleted, figures.retired, figures.capacity};
  return HAFT_OK;
}

size_t haft_table_describe(haft_table* table, haft_handle handle, char* buffer,
                           size_t size) {
  AnyTable* const any = haft::TableOf(table);
  return any == nullptr ? 0
                        : haft::Describe(*any, Handle(handle), buffer, size);
}

size_t haft_table_report(haft_table* table, size_t most,
                         void (*line)(void*, const char*), void* context) {
  AnyTable* const any = haft::TableOf(table);
  if (any == nullptr || line == nullptr) return 0;
  struct Count {
    const haft_type* type;
    std::size_t live;
  };
  Array<Count> counts;
  bool complete = true;
  size_t live = 0;
  char text[256];
  any->ForEach([&](Handle handle, const haft::AnyObject& object) {
    if (live++ < most) {
      std::snprintf(text, sizeof(text), "0x%" PRIxPTR ": a %s at %p",
                    static_cast<haft::Word>(handle), object.type()->name,
                    object.object());
      line(context, text);
    }
    for (Count& count : counts) {
      if (!haft::IsType(object.type(), count.type)) continue;
      ++count.live;
      return;
    }
    complete &= counts.Append({object.type(), 1});
  });
  for (const Count& count : counts) {
    std::snprintf(text, sizeof(text), "%zu live of type %s", count.live,
                  count.type->name);
    line(context, text);
  }
  if (!complete) line(context, "and others: there is no memory to count them");
  return live;
}

haft_status haft_new(void* object, const haft_type* type, haft_handle* handle) {
  return haft_table_new(nullptr, object, type, handle);
}
haft_status haft_new_with(void* object, const haft_type* type,
                          void (*destroy)(void*), void* context,
                          haft_handle* handle) {
  return haft_table_new_with(nullptr, object, type, destroy, context, handle);
}
haft_status haft_value(haft_handle handle, const haft_type* type,
                       void** object) {
  return haft_table_value(nullptr, handle, type, object);
}
haft_status haft_check(haft_handle handle) {
  return haft_table_check(nullptr, handle);
}
haft_status haft_pin_object(haft_handle handle, const haft_type* type,
                            haft_pin* pin, void** object) {
  return haft_table_pin_object(nullptr, handle, type, pin, object);
}
haft_status haft_delete(haft_handle handle, const haft_type* type) {
  return haft_table_delete(nullptr, handle, type);
}
haft_status haft_delete_unless_pinned(haft_handle handle,
                                      const haft_type* type) {
  return haft_table_delete_unless_pinned(nullptr, handle, type);
}
haft_status haft_delete_and_wait(haft_handle handle, const haft_type* type,
                                 uint64_t nanoseconds) {
  return haft_table_delete_and_wait(nullptr, handle, type, nanoseconds);
}
haft_status haft_take(haft_handle handle, const haft_type* type,
                      void** object) {
  return haft_table_take(nullptr, handle, type, object);
}
haft_status haft_intern(void* object, const haft_type* type,
                        haft_handle* handle) {
  return haft_table_intern(nullptr, object, type, handle);
}
haft_status haft_intern_with(void* object, const haft_type* type,
                             void (*destroy)(void*), void* context,
                             haft_handle* handle) {
  return haft_table_intern_with(nullptr, object, type, destroy, context,
                                handle);
}
haft_status haft_release(haft_handle handle) {
  return haft_table_release(nullptr, handle);
}
void* haft_must_value(haft_handle handle, const haft_type* type) {
  void* object = nullptr;
  const haft_status status = haft_value(handle, type, &object);
  if (status != HAFT_OK) haft::DieOf("haft_must_value", handle, type, status);
  return object;
}
void haft_must_delete(haft_handle handle, const haft_type* type) {
  const haft_status status = haft_delete(handle, type);
  if (status != HAFT_OK) haft::DieOf("haft_must_delete", handle, type, status);
}

haft_status haft_scope_open(haft_table* table, haft_scope** scope) {
  if (scope == nullptr) return HAFT_INVALID;
  haft_scope* const made = new (std::nothrow) haft_scope(table);
  if (made == nullptr) return HAFT_OUT_OF_MEMORY;
  *scope = made;
  return HAFT_OK;
}

haft_status haft_scope_add(haft_scope* scope, haft_handle handle) {
  if (scope == nullptr) return HAFT_INVALID;
  return scope->handles.Append(handle) ? HAFT_OK : HAFT_OUT_OF_MEMORY;
}

haft_status haft_scope_escape(haft_scope* scope, haft_handle handle,
                              haft_scope* outer) {
  if (scope == nullptr) return HAFT_INVALID;
  Array<haft_handle>& handles = scope->handles;
  haft_handle* const found = std::find(handles.begin(), handles.end(), handle);
  if (found == handles.end()) return HAFT_NEVER_ISSUED;
  if (outer == scope) return HAFT_OK;
  if (outer != nullptr && outer->table != scope->table) return HAFT_INVALID;
  if (outer != nullptr && !outer->handles.Append(handle))
    return HAFT_OUT_OF_MEMORY;
  handles.Erase(found);
  return HAFT_OK;
}

size_t haft_scope_close(haft_scope* scope) {
  if (scope == nullptr) return 0;
  size_t deleted = 0;
  // By the last, and again: destructors may put more into it.
  while (!scope->handles.empty()) {
    const haft_handle handle = scope->handles.TakeLast();
    deleted += haft_table_delete(scope->table, handle, nullptr) == HAFT_OK;
  }
  delete scope;
  return deleted;
}

void* haft_to_pointer(haft_handle handle) { return Handle(handle).ToPointer(); }
haft_handle haft_from_pointer(const void* pointer) {
  return static_cast<haft_handle>(Handle::FromPointer(pointer));
}

const char* haft_status_name(haft_status status) {
  switch (status) {
    case HAFT_OK:
      return "HAFT_OK";
    case HAFT_NULL:
      return "HAFT_NULL";
    case HAFT_MALFORMED:
      return "HAFT_MALFORMED";
    case HAFT_NEVER_ISSUED:
      return "HAFT_NEVER_ISSUED";
    case HAFT_STALE:
      return "HAFT_STALE";
    case HAFT_WRONG_TYPE:
      return "HAFT_WRONG_TYPE";
    case HAFT_FULL:
      return "HAFT_FULL";
    case HAFT_OUT_OF_MEMORY:
      return "HAFT_OUT_OF_MEMORY";
    case HAFT_PINNED:
      return "HAFT_PINNED";
    case HAFT_TIMED_OUT:
      return "HAFT_TIMED_OUT";
    case HAFT_INVALID:
      return "HAFT_INVALID";
  }
  return "HAFT_UNKNOWN";
}

const char* haft_strerror(haft_status status) {
  switch (status) {
    case HAFT_OK:
      return "the handle is live";
    case HAFT_NULL:
      return "the null handle";
    case HAFT_MALFORMED:
      return "no table issues such a word";
    case HAFT_NEVER_ISSUED:
      return "this table never issued the handle";
    case HAFT_STALE:
      return "the handle has been deleted";
    case HAFT_WRONG_TYPE:
      return "the object is of another type";
    case HAFT_FULL:
      return "the table is full";
    case HAFT_OUT_OF_MEMORY:
      return "out of memory";
    case HAFT_PINNED:
      return "the object is in use";
    case HAFT_TIMED_OUT:
      return "deleted, and still in use";
    case HAFT_INVALID:
      return "invalid argument";
  }
  return "unknown status";
}

int haft_version(void) { return HAFT_VERSION; }

}  // extern "C"
