#include <pthread.h>

#include <algorithm>
#include <memory>
#include <new>

#include "haft/haft.h"
#include "haft/handle.h"
#include "haft/internal/base/growing_array.h"
#include "haft/internal/base/probes.h"
#include "haft/internal/diagnostics/diagnostics.h"
#include "haft/internal/process/any_table.h"
#include "haft/internal/process/intern_table.h"
#include "haft/status.h"

// The numbers of the two are one another's.
static_assert(HAFT_OK == static_cast<int>(haft::Status::kOk));
static_assert(HAFT_STALE == static_cast<int>(haft::Status::kStale));
static_assert(HAFT_WRONG_TYPE == static_cast<int>(haft::Status::kWrongType));
static_assert(HAFT_FULL == static_cast<int>(haft::Status::kFull));
static_assert(HAFT_TIMED_OUT == static_cast<int>(haft::Status::kTimedOut));
static_assert(HAFT_INVALID == static_cast<int>(haft::Status::kInvalid));

struct haft_scope {
  explicit haft_scope(haft_table* of) noexcept : table(of) {}
  haft_table* const table;
  haft::internal::GrowingArray<haft_handle> handles;
};

namespace haft::internal {
inline namespace HAFT_ABI {
namespace {

// Calls that nobody watches. The exported functions reach them by tail calls,
// so what these return to is what those do.

[[gnu::cold, gnu::noinline]] haft_status NewSlowlyIn(
    Table& table, void* object, const haft_type* type, void (*destroy)(void*),
    void* context, haft_handle* handle) noexcept {
  const Status status = AnyNew(table, object, type, destroy, context, handle);
  if (status == Status::kOk)
    HAFT_PROBE2(new, *handle, __builtin_return_address(0));
  return ToC(status);
}
haft_status NewIn(Table& table, void* object, const haft_type* type,
                  void (*destroy)(void*), void* context,
                  haft_handle* handle) noexcept {
  const Handle made = table.TryEmplace(object, type, destroy, context);
  if (__builtin_expect(made == kNullHandle, 0))
    return NewSlowlyIn(table, object, type, destroy, context, handle);
  *handle = static_cast<haft_handle>(made);
  HAFT_PROBE2(new, *handle, __builtin_return_address(0));
  return HAFT_OK;
}

// HAFT_OK, or why not.
[[gnu::always_inline]] inline haft_status Answer(haft_handle handle,
                                                 Status status) noexcept {
  return __builtin_expect(status == Status::kOk, 1)
             ? HAFT_OK
             : Refused(handle, status, __builtin_return_address(0));
}
// The same of what ends a handle. Here, and not where the handle ends:
// compilers take a probe for a lot of code, and would not inline what it is in.
[[gnu::always_inline]] inline haft_status Ended(haft_handle handle,
                                                Status status) noexcept {
  if (__builtin_expect(status != Status::kOk, 0))
    return Refused(handle, status, __builtin_return_address(0));
  HAFT_PROBE2(delete, handle, __builtin_return_address(0));
  return HAFT_OK;
}

[[gnu::always_inline]] inline haft_status ValueIn(const Table& table,
                                                  haft_handle handle,
                                                  const haft_type* type,
                                                  void** object) noexcept {
  return Answer(handle, AnyValue(table, Handle(handle), type, object));
}

haft_status PinIn(Table& table, haft_handle handle, const haft_type* type,
                  haft_pin* pin, void** object) noexcept {
  return Answer(handle, AnyPin(table, Handle(handle), type, pin, object));
}

haft_status DeleteIn(Table& table, haft_handle handle,
                     const haft_type* type) noexcept {
  return Ended(handle, AnyDelete(table, Handle(handle), type));
}

// The bodies of several functions each, inlined: one branch, and from there on
// a tail call. So the return address is that of the exported function.

[[gnu::always_inline]] inline Place Caller() noexcept {
  return PlaceOfReturn(__builtin_return_address(0));
}

// Where a call is made, for those who watch: asked for off the hot path only.
struct AtCaller {
  [[gnu::always_inline]] Place operator()() const noexcept { return Caller(); }
};
struct AtLine {
  const char* file;
  unsigned line;
  Place operator()() const noexcept { return {file, line}; }
};

template <typename At = AtCaller>
[[gnu::always_inline]] inline haft_status New(haft_table* name, void* object,
                                              const haft_type* type,
                                              haft_handle* handle,
                                              At at = {}) noexcept {
  if (type == nullptr || handle == nullptr) return HAFT_INVALID;
  Table* const table = FastPathTable(name);
  return table == nullptr
             ? observed::New(name, object, type, handle, at())
             : NewIn(*table, object, type, type->destroy, object, handle);
}

template <typename At = AtCaller>
[[gnu::always_inline]] inline haft_status NewWith(
    haft_table* name, void* object, const haft_type* type,
    void (*destroy)(void*), void* context, haft_handle* handle,
    At at = {}) noexcept {
  if (type == nullptr || handle == nullptr) return HAFT_INVALID;
  Table* const table = FastPathTable(name);
  return table == nullptr
             ? observed::NewWith(name, object, type, destroy, context, handle,
                                 at())
             : NewIn(*table, object, type, destroy, context, handle);
}

[[gnu::always_inline]] inline haft_status Value(haft_table* name,
                                                haft_handle handle,
                                                const haft_type* type,
                                                void** object) noexcept {
  if (object == nullptr) return HAFT_INVALID;
  Table* const table = FastPathTable(name);
  return table == nullptr
             ? observed::Value(name, handle, type, object, Caller())
             : ValueIn(*table, handle, type, object);
}

[[gnu::always_inline]] inline haft_status PinObject(haft_table* name,
                                                    haft_handle handle,
                                                    const haft_type* type,
                                                    haft_pin* pin,
                                                    void** object) noexcept {
  if (pin == nullptr || object == nullptr) return HAFT_INVALID;
  Table* const table = FastPathTable(name);
  return table == nullptr
             ? observed::Pin(name, handle, type, pin, object, Caller())
             : PinIn(*table, handle, type, pin, object);
}

template <typename At = AtCaller>
[[gnu::always_inline]] inline haft_status Delete(haft_table* name,
                                                 haft_handle handle,
                                                 const haft_type* type,
                                                 At at = {}) noexcept {
  Table* const table = FastPathTable(name);
  return table == nullptr ? observed::Delete(name, handle, type, at())
                          : DeleteIn(*table, handle, type);
}

[[gnu::always_inline]] inline haft_status DeleteUnlessPinned(
    haft_table* name, haft_handle handle, const haft_type* type) noexcept {
  Table* const table = FastPathTable(name);
  if (table == nullptr)
    return observed::DeleteUnlessPinned(name, handle, type, Caller());
  return Ended(handle, AnyDeleteUnlessPinned(*table, Handle(handle), type));
}

[[gnu::always_inline]] inline haft_status DeleteAndWait(
    haft_table* name, haft_handle handle, const haft_type* type,
    uint64_t nanoseconds) noexcept {
  Table* const table = FastPathTable(name);
  if (table == nullptr)
    return observed::DeleteAndWait(name, handle, type, nanoseconds, Caller());
  return Ended(handle,
               AnyDeleteAndWait(*table, Handle(handle), type, nanoseconds));
}

[[gnu::always_inline]] inline haft_status TakeWith(
    haft_table* name, haft_handle handle, const haft_type* type, void** object,
    void (**destroy)(void*), void** context) noexcept {
  if (object == nullptr || destroy == nullptr || context == nullptr)
    return HAFT_INVALID;
  TakenObject taken;
  Table* const table = FastPathTable(name);
  const haft_status status =
      table == nullptr
          ? observed::Take(name, handle, type, &taken, Caller())
          : Ended(handle, AnyTake(*table, Handle(handle), type, &taken));
  if (status != HAFT_OK) return status;
  *object = taken.object;
  *destroy = taken.destroy;
  *context = taken.context;
  return HAFT_OK;
}

[[gnu::always_inline]] inline haft_status Take(haft_table* name,
                                               haft_handle handle,
                                               const haft_type* type,
                                               void** object) noexcept {
  void (*destroy)(void*);
  void* context;
  return TakeWith(name, handle, type, object, &destroy, &context);
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

[[gnu::always_inline]] inline haft_status InternWith(
    haft_table* name, void* object, const haft_type* type,
    void (*destroy)(void*), void* context, haft_handle* handle) noexcept {
  if (object == nullptr || type == nullptr || handle == nullptr)
    return HAFT_INVALID;
  Table* const table = TableOf(name);
  if (table == nullptr || !InternTableSurvivesFork()) return HAFT_OUT_OF_MEMORY;
  Handle interned = kNullHandle;
  const Status status =
      intern_table.Intern(*table, object, type, destroy, context, &interned);
  if (status != Status::kOk) return ToC(status);
  *handle = static_cast<haft_handle>(interned);
  if (fast_path_gate.IsSlowPathForced())
    observed::Interned(*table, *handle, type, Caller());
  return HAFT_OK;
}

[[gnu::always_inline]] inline haft_status Release(haft_table* name,
                                                  haft_handle handle) noexcept {
  Table* const table = TableOf(name);
  if (table == nullptr) return HAFT_OUT_OF_MEMORY;
  const Status status = intern_table.Release(*table, Handle(handle));
  return fast_path_gate.IsSlowPathForced()
             ? observed::Released(name, handle, status, Caller())
             : Answer(handle, status);
}

}  // namespace
}  // namespace HAFT_ABI
}  // namespace haft::internal

using haft::Handle;
using haft::internal::AnyTable;
using haft::internal::Table;

extern "C" {

haft_status haft_table_create(size_t capacity, haft_table** table) {
  if (table == nullptr || capacity == 0) return HAFT_INVALID;
  if (capacity > AnyTable::kMaxCapacity) return HAFT_FULL;
  std::unique_ptr<Table> made = Table::Create(capacity);
  if (made == nullptr) return HAFT_OUT_OF_MEMORY;
  *table = reinterpret_cast<haft_table*>(made.release());
  return HAFT_OK;
}

void haft_table_destroy(haft_table* table) {
  delete reinterpret_cast<Table*>(table);
}

haft_status haft_table_new(haft_table* table, void* object,
                           const haft_type* type, haft_handle* handle) {
  return haft::internal::New(table, object, type, handle);
}
haft_status haft_new(void* object, const haft_type* type, haft_handle* handle) {
  return haft::internal::New(nullptr, object, type, handle);
}
haft_status haft_new_at(void* object, const haft_type* type,
                        haft_handle* handle, const char* file, unsigned line) {
  return haft::internal::New(nullptr, object, type, handle,
                             haft::internal::AtLine{file, line});
}

haft_status haft_table_new_with(haft_table* table, void* object,
                                const haft_type* type, void (*destroy)(void*),
                                void* context, haft_handle* handle) {
  return haft::internal::NewWith(table, object, type, destroy, context, handle);
}
haft_status haft_new_with(void* object, const haft_type* type,
                          void (*destroy)(void*), void* context,
                          haft_handle* handle) {
  return haft::internal::NewWith(nullptr, object, type, destroy, context,
                                 handle);
}
haft_status haft_table_new_with_at(haft_table* table, void* object,
                                   const haft_type* type,
                                   void (*destroy)(void*), void* context,
                                   haft_handle* handle, const char* file,
                                   unsigned line) {
  return haft::internal::NewWith(table, object, type, destroy, context, handle,
                                 haft::internal::AtLine{file, line});
}

haft_status haft_table_value(haft_table* table, haft_handle handle,
                             const haft_type* type, void** object) {
  return haft::internal::Value(table, handle, type, object);
}
haft_status haft_value(haft_handle handle, const haft_type* type,
                       void** object) {
  return haft::internal::Value(nullptr, handle, type, object);
}
void* haft_must_value(haft_handle handle, const haft_type* type) {
  Table* const table = haft::internal::FastPathTable(nullptr);
  void* object;
  if (table != nullptr &&
      haft::internal::AnyValue(*table, Handle(handle), type, &object) ==
          haft::Status::kOk)
    return object;
  return haft::internal::observed::MustValue(handle, type,
                                             haft::internal::Caller());
}

haft_status haft_table_check(haft_table* table, haft_handle handle) {
  const AnyTable* const any = haft::internal::TableOf(table);
  if (any == nullptr) return HAFT_OUT_OF_MEMORY;
  return haft::internal::ToC(any->Check(Handle(handle)));
}
haft_status haft_check(haft_handle handle) {
  return haft_table_check(nullptr, handle);
}

haft_status haft_table_pin_object(haft_table* table, haft_handle handle,
                                  const haft_type* type, haft_pin* pin,
                                  void** object) {
  return haft::internal::PinObject(table, handle, type, pin, object);
}
haft_status haft_pin_object(haft_handle handle, const haft_type* type,
                            haft_pin* pin, void** object) {
  return haft::internal::PinObject(nullptr, handle, type, pin, object);
}

void haft_unpin(haft_pin* pin) {
  if (pin == nullptr) return;
  // As AnyPin: by words.
  const haft::PinWords words = {
      {pin->words[0], pin->words[1], pin->words[2], pin->words[3]}};
  *pin = {};
  AnyTable::Pinned::Attach(words).Unpin();
}

haft_status haft_table_delete(haft_table* table, haft_handle handle,
                              const haft_type* type) {
  return haft::internal::Delete(table, handle, type);
}
haft_status haft_delete(haft_handle handle, const haft_type* type) {
  return haft::internal::Delete(nullptr, handle, type);
}
haft_status haft_table_delete_at(haft_table* table, haft_handle handle,
                                 const haft_type* type, const char* file,
                                 unsigned line) {
  return haft::internal::Delete(table, handle, type,
                                haft::internal::AtLine{file, line});
}
void haft_must_delete(haft_handle handle, const haft_type* type) {
  Table* const table = haft::internal::FastPathTable(nullptr);
  if (table != nullptr &&
      haft::internal::Ended(
          handle, haft::internal::AnyDelete(*table, Handle(handle), type)) ==
          HAFT_OK)
    return;
  haft::internal::observed::MustDelete(handle, type, haft::internal::Caller());
}

haft_status haft_table_delete_unless_pinned(haft_table* table,
                                            haft_handle handle,
                                            const haft_type* type) {
  return haft::internal::DeleteUnlessPinned(table, handle, type);
}
haft_status haft_delete_unless_pinned(haft_handle handle,
                                      const haft_type* type) {
  return haft::internal::DeleteUnlessPinned(nullptr, handle, type);
}

haft_status haft_table_delete_and_wait(haft_table* table, haft_handle handle,
                                       const haft_type* type,
                                       uint64_t nanoseconds) {
  return haft::internal::DeleteAndWait(table, handle, type, nanoseconds);
}
haft_status haft_delete_and_wait(haft_handle handle, const haft_type* type,
                                 uint64_t nanoseconds) {
  return haft::internal::DeleteAndWait(nullptr, handle, type, nanoseconds);
}

haft_status haft_table_take(haft_table* table, haft_handle handle,
                            const haft_type* type, void** object) {
  return haft::internal::Take(table, handle, type, object);
}
haft_status haft_take(haft_handle handle, const haft_type* type,
                      void** object) {
  return haft::internal::Take(nullptr, handle, type, object);
}

haft_status haft_table_take_owned(haft_table* table, haft_handle handle,
                                  const haft_type* type, void** object,
                                  void (**destroy)(void*), void** context) {
  return haft::internal::TakeWith(table, handle, type, object, destroy,
                                  context);
}
haft_status haft_take_owned(haft_handle handle, const haft_type* type,
                            void** object, void (**destroy)(void*),
                            void** context) {
  return haft::internal::TakeWith(nullptr, handle, type, object, destroy,
                                  context);
}

haft_status haft_table_intern_with(haft_table* table, void* object,
                                   const haft_type* type,
                                   void (*destroy)(void*), void* context,
                                   haft_handle* handle) {
  return haft::internal::InternWith(table, object, type, destroy, context,
                                    handle);
}
haft_status haft_intern_with(void* object, const haft_type* type,
                             void (*destroy)(void*), void* context,
                             haft_handle* handle) {
  return haft::internal::InternWith(nullptr, object, type, destroy, context,
                                    handle);
}
haft_status haft_table_intern(haft_table* table, void* object,
                              const haft_type* type, haft_handle* handle) {
  if (type == nullptr) return HAFT_INVALID;
  return haft::internal::InternWith(table, object, type, type->destroy, object,
                                    handle);
}
haft_status haft_intern(void* object, const haft_type* type,
                        haft_handle* handle) {
  if (type == nullptr) return HAFT_INVALID;
  return haft::internal::InternWith(nullptr, object, type, type->destroy,
                                    object, handle);
}

haft_status haft_table_release(haft_table* table, haft_handle handle) {
  return haft::internal::Release(table, handle);
}
haft_status haft_release(haft_handle handle) {
  return haft::internal::Release(nullptr, handle);
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
    status = haft::internal::New(table, objects[*made], type, &handles[*made]);
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
    const haft_status status = haft::internal::Delete(table, handles[i], type);
    deleted += status == HAFT_OK;
    if (statuses != nullptr) statuses[i] = status;
  }
  return deleted;
}

int haft_table_for_each(haft_table* table,
                        int (*visit)(void*, haft_handle, const haft_type*,
                                     void*),
                        void* context) {
  AnyTable* const any = haft::internal::TableOf(table);
  if (any == nullptr || visit == nullptr) return 0;
  int result = 0;
  any->ForEach([&](Handle handle, const haft::internal::AnyObject& object) {
    result = visit(context, static_cast<haft_handle>(handle), object.type(),
                   object.object());
    return result != 0;
  });
  return result;
}

haft_status haft_table_stats(haft_table* table, haft_stats* stats) {
  if (stats == nullptr) return HAFT_INVALID;
  const AnyTable* const any = haft::internal::TableOf(table);
  if (any == nullptr) return HAFT_OUT_OF_MEMORY;
  const haft::ObjectTableStats figures = any->Stats();
  *stats = {figures.live,    figures.retired_objects, figures.created,
            figures.deleted, figures.exhausted_slots, figures.high_water,
            figures.capacity};
  return HAFT_OK;
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
  haft::internal::GrowingArray<haft_handle>& handles = scope->handles;
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
    // What has been deleted before is no matter to those who watch, either.
    if (haft::internal::fast_path_gate.IsSlowPathForced() &&
        haft_table_check(scope->table, handle) != HAFT_OK)
      continue;
    deleted += haft::internal::Delete(scope->table, handle, nullptr) == HAFT_OK;
  }
  delete scope;
  return deleted;
}

void* haft_to_pointer(haft_handle handle) { return Handle(handle).ToPointer(); }
haft_handle haft_from_pointer(const void* pointer) {
  return static_cast<haft_handle>(Handle::FromPointer(pointer));
}

const char* haft_status_name(int status) {
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

const char* haft_strerror(int status) {
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
