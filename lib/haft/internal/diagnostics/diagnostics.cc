#include "haft/internal/diagnostics/diagnostics.h"

#include <algorithm>
#include <cinttypes>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

#include "haft/internal/base/check.h"
#include "haft/internal/base/growing_array.h"
#include "haft/internal/base/lazy_instance.h"
#include "haft/internal/base/rate_limit.h"
#include "haft/internal/base/sync.h"
#include "haft/internal/diagnostics/handle_history.h"
#include "haft/internal/process/intern_table.h"

namespace haft::internal {
inline namespace HAFT_ABI {

namespace {

const char* NameOf(const haft_type& type) noexcept {
  return type.name != nullptr ? type.name : "(nameless)";
}

}  // namespace

class Diagnostics {
  using History = HandleHistory<AnyTraits::Layout>;

 public:
  using Event = History::Event;
  using Life = History::Life;

  // nullptr: there is no memory.
  static std::unique_ptr<Diagnostics> Create(std::size_t slots) noexcept {
    std::unique_ptr<Diagnostics> made(new (std::nothrow) Diagnostics(slots));
    if (made != nullptr && !(made->sites_.ok() && made->lives_.ok()))
      made.reset();
    return made;
  }

  void NoteCreated(haft_handle handle, Place place, const haft_type* type) {
    lives_.NoteCreated(handle, EventAt(place, NameOf(*type)));
  }
  // Of an end that was seen afterwards: the first who sees it is the one.
  void NoteEnded(haft_handle handle, Place place) {
    if (lives_.Recall(handle).deleted.thread == 0) NoteDeleted(handle, place);
  }
  void NoteDeleted(haft_handle handle, Place place) {
    lives_.NoteDeleted(handle, EventAt(place, nullptr));
  }
  Life Recall(Handle handle) const noexcept {
    return lives_.Recall(static_cast<Word>(handle));
  }
  // nullptr: it is not known.
  const Site* SiteOf(const Event& event) const noexcept {
    return sites_.Find(event.site);
  }

 private:
  static constexpr std::size_t kSites = std::size_t{1} << 16;

  explicit Diagnostics(std::size_t slots) noexcept
      : sites_(kSites), lives_(slots) {}

  Event EventAt(Place place, const char* type_name) noexcept {
    return {sites_.NumberOf(place, type_name), sync::ThreadNumber()};
  }

  CallSiteSet sites_;
  History lives_;
};

namespace {

// Somebody who wants to hear of refusals.
struct Listener {
  Listener(haft_refusal to, void* with, std::uint32_t per_second) noexcept
      : callback(to), context(with), limit(per_second) {}
  const haft_refusal callback;
  void* const context;
  RateLimit limit;
};

// Constant-initialised and never destroyed: threads and handlers use it until
// the process is gone.
LazyInstance<Table> process_table;
struct Process {
  LazyInstance<Listener> listener;        // of haft_set_refusal_callback
  LazyInstance<Listener> standard_error;  // of the environment
  sync::Atomic<unsigned> flags{0};        // 0: not decided yet
} process;

constexpr unsigned kDecided = 1u << 31;
constexpr unsigned kRemember = HAFT_DIAGNOSE_SITES | HAFT_DIAGNOSE_LEAKS;

// The one there is, if any.
template <typename T>
T* Present(LazyInstance<T>& once) noexcept {
  return once.Get([] { return std::unique_ptr<T>(); });
}

// What the environment asks for.
struct Wishes {
  unsigned flags = 0;
  std::uint32_t refusals = 0;  // a second
  bool is_understood = true;
};

Wishes ReadEnvironment() noexcept {
  Wishes wishes;
  const char* word = std::getenv("HAFT_DIAGNOSE");
  while (word != nullptr && *word != '\0') {
    const std::size_t length = std::strcspn(word, ",");
    const auto is = [&](const char* name) {
      return length == std::strlen(name) &&
             std::strncmp(word, name, length) == 0;
    };
    constexpr char kRefusals[] = "refusals=";
    constexpr std::size_t kPrefix = sizeof(kRefusals) - 1;
    if (is("sites")) {
      wishes.flags |= HAFT_DIAGNOSE_SITES;
    } else if (is("leaks")) {
      wishes.flags |= HAFT_DIAGNOSE_LEAKS;
    } else if (std::strncmp(word, kRefusals, kPrefix) == 0) {
      char* end;
      const unsigned long long number = std::strtoull(word + kPrefix, &end, 10);
      wishes.refusals = static_cast<std::uint32_t>(
          std::min<unsigned long long>(number, UINT32_MAX));
      wishes.is_understood &= end == word + length && number != 0;
    } else {
      wishes.is_understood = false;
    }
    word += length + (word[length] == ',');
  }
  return wishes;
}

void SayRefusal(void*, haft_table*, haft_handle, haft_status,
                const char* description) {
  LogLine(description);
}

// Decides, once for the process, what is remembered: `flags`, and what the
// environment asks for.
//   Returns   whether it was this call that has
bool Decide(unsigned flags) noexcept {
  const Wishes wishes = ReadEnvironment();
  unsigned undecided = 0;
  // relaxed: a number.
  if (!process.flags.compare_exchange_strong(
          undecided, kDecided | flags | wishes.flags, std::memory_order_relaxed,
          std::memory_order_relaxed))
    return false;
  if (!wishes.is_understood)
    LogLine(
        "HAFT_DIAGNOSE has a word that is none of sites, leaks, "
        "refusals=NUMBER");
  if (wishes.refusals != 0) {
    process.standard_error.Get([&] {
      return std::unique_ptr<Listener>(
          new (std::nothrow) Listener(&SayRefusal, nullptr, wishes.refusals));
    });
    fast_path_gate.ForceSlowPath();
  }
  if ((flags | wishes.flags) != 0) fast_path_gate.ForceSlowPath();
  return true;
}

unsigned Flags() noexcept {
  // relaxed, both: a number.
  if (process.flags.load(std::memory_order_relaxed) == 0) Decide(0);
  return process.flags.load(std::memory_order_relaxed);
}

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

}  // namespace

Table::Table(std::size_t capacity) noexcept : AnyTable(capacity, Unchecked{}) {}

Table::~Table() {
  // What destructors delete is noted as long as it can be.
  while (diagnostics_ != nullptr && Clear() != 0) {
  }
}

std::unique_ptr<Table> Table::Create(std::size_t capacity) noexcept {
  std::unique_ptr<Table> made(new (std::nothrow) Table(capacity));
  if (made == nullptr || !made->ok()) return nullptr;
  if ((Flags() & kRemember) != 0) {
    fast_path_gate.ForceSlowPath();
    made->diagnostics_ = Diagnostics::Create(made->slots());
    if (made->diagnostics_ == nullptr) return nullptr;
  }
  return made;
}

Table* TableOf(haft_table* table) noexcept {
  if (table != nullptr) return reinterpret_cast<Table*>(table);
  if (Table* const open = fast_path_gate.TableOrNull()) return open;
  Table* const made =
      process_table.Get([] { return Table::Create(ProcessCapacity()); });
  if (made != nullptr) fast_path_gate.Open(made);
  return made;
}

namespace {

// Text in a buffer that may be too small, as snprintf writes it.
class Text {
 public:
  Text(char* buffer, std::size_t size) noexcept : buffer_(buffer), size_(size) {
    if (size != 0) *buffer = '\0';
  }

  [[gnu::format(printf, 2, 3)]] void Add(const char* format, ...) noexcept {
    va_list arguments;
    va_start(arguments, format);
    Advance(std::vsnprintf(end(), room(), format, arguments));
    va_end(arguments);
  }
  void Add(Place place) noexcept { Advance(FormatPlace(end(), room(), place)); }

  // The length it has, which may be more than fits.
  std::size_t length() const noexcept { return length_; }

 private:
  void Advance(int length) noexcept {
    if (length > 0) length_ += static_cast<std::size_t>(length);
  }
  char* end() const noexcept {
    return length_ < size_ ? buffer_ + length_ : nullptr;
  }
  std::size_t room() const noexcept {
    return length_ < size_ ? size_ - length_ : 0;
  }

  char* const buffer_;
  const std::size_t size_;
  std::size_t length_ = 0;
};

// ", created at file.c:12 by thread 77", if it is known.
void AddEvent(Text& text, const char* what, const Diagnostics& diagnostics,
              const Diagnostics::Event& event) noexcept {
  if (event.thread == 0) return;
  text.Add(", %s ", what);
  if (const Site* const site = diagnostics.SiteOf(event)) {
    text.Add("at ");
    text.Add(site->place());
    text.Add(" ");
  }
  text.Add("by thread %" PRIu32, event.thread);
}

// "a widget at 0x1234, created …"; to be called while the object is pinned.
void AddLive(Text& text, const Table& table, Handle handle,
             const AnyObject& object) noexcept {
  text.Add("a %s at %p", NameOf(*object.type()), object.object());
  if (const Diagnostics* const diagnostics = table.diagnostics())
    AddEvent(text, "created", *diagnostics,
             diagnostics->Recall(handle).created);
}

void AddPast(Text& text, const Table& table, Handle handle) noexcept {
  const Diagnostics* const diagnostics = table.diagnostics();
  if (diagnostics == nullptr) return;
  const Diagnostics::Life life = diagnostics->Recall(handle);
  if (life.created.thread == 0) {
    text.Add(", not remembered any more");
  } else if (const Site* const site = diagnostics->SiteOf(life.created)) {
    text.Add(", was a %s", site->type_name());
  }
  AddEvent(text, "created", *diagnostics, life.created);
  AddEvent(text, "deleted", *diagnostics, life.deleted);
}

void AddSlot(Text& text, Table& table, Handle handle) noexcept {
  Handle live;
  const char* const state = table.DescribeSlot(handle, &live);
  if (live == kNullHandle) {
    text.Add("; its slot is now %s", state);
  } else if (const AnyTable::Pinned pinned = table.Pin(live)) {
    text.Add("; its slot now holds 0x%" PRIxPTR ", ", static_cast<Word>(live));
    AddLive(text, table, live, *pinned);
  } else {
    text.Add("; its slot is changing");
  }
}

}  // namespace

std::size_t Describe(Table& table, Handle handle, char* buffer,
                     std::size_t size) noexcept {
  Text text(buffer, size);
  text.Add("0x%" PRIxPTR ": ", static_cast<Word>(handle));
  if (const AnyTable::Pinned pinned = table.Pin(handle)) {
    text.Add("live in table %p, ", static_cast<void*>(&table));
    AddLive(text, table, handle, *pinned);
  } else {
    text.Add("%s in table %p", StatusName(pinned.status()),
             static_cast<void*>(&table));
    if (pinned.status() == Status::kStale) {
      AddPast(text, table, handle);
      AddSlot(text, table, handle);
    }
  }
  return text.length();
}

namespace {

// All that is known of a call that was refused; without a `table` (there is no
// memory for it), of the call alone.
void AddRefusal(Text& text, const char* operation, Place place, Table* table,
                Handle handle, const haft_type* type,
                haft_status status) noexcept {
  text.Add("%s, wanted: a %s: %s; called at ", operation,
           type == nullptr ? "object of any type" : NameOf(*type),
           haft_strerror(status));
  text.Add(place);
  text.Add(" by thread %" PRIu32, sync::ThreadNumber());
  if (table == nullptr) return;
  char known[700];
  Describe(*table, handle, known, sizeof(known));
  text.Add("; %s", known);
}

// A watched call of a handle.
struct Call {
  const char* const operation;
  haft_table* const name;
  Table* const table;  // nullptr: there is no memory for it
  const haft_handle handle;
  const haft_type* const type;
  const Place place;

  Call(const char* of, haft_table* in, haft_handle word,
       const haft_type* wanted, Place at) noexcept
      : operation(of),
        name(in),
        table(TableOf(in)),
        handle(word),
        type(wanted),
        place(at) {}

  // What to do when it has ended its handle.
  auto NoteDeleted() const noexcept {
    return [this] {
      if (table->diagnostics() != nullptr)
        table->diagnostics()->NoteDeleted(handle, place);
      HAFT_PROBE2(delete, handle, ReturnOf(place));
    };
  }

  // Returns what f() does, and if the handle was refused tells who listens.
  template <typename F>
  haft_status Run(F f) const noexcept {
    if (table == nullptr) return HAFT_OUT_OF_MEMORY;
    const haft_status status = Refused(f());
    if (status >= HAFT_MALFORMED && status <= HAFT_WRONG_TYPE) {
      for (auto* const once : {&process.listener, &process.standard_error})
        if (Listener* const listener = Present(*once)) Tell(*listener, status);
    }
    return status;
  }

  [[noreturn]] void Fatal(haft_status status) const noexcept {
    char sentence[1000];
    Text text(sentence, sizeof(sentence));
    AddRefusal(text, operation, place, table, Handle(handle), type, status);
    internal::Fatal(sentence);
  }

 private:
  haft_status Refused(Status status) const noexcept {
    return status == Status::kOk
               ? HAFT_OK
               : internal::Refused(handle, status, ReturnOf(place));
  }

  void Tell(Listener& listener, haft_status status) const noexcept {
    std::uint32_t held_back;
    if (!listener.limit.Admit(sync::MonotonicSeconds(), &held_back)) return;
    char buffer[1000];
    Text text(buffer, sizeof(buffer));
    if (held_back != 0) text.Add("(%" PRIu32 " not told) ", held_back);
    AddRefusal(text, operation, place, table, Handle(handle), type, status);
    listener.callback(listener.context, name, handle, status, buffer);
  }
};

}  // namespace

namespace observed {

haft_status New(haft_table* name, void* object, const haft_type* type,
                haft_handle* handle, Place place) noexcept {
  return NewWith(name, object, type, type->destroy, object, handle, place);
}

haft_status NewWith(haft_table* name, void* object, const haft_type* type,
                    void (*destroy)(void*), void* context, haft_handle* handle,
                    Place place) noexcept {
  Table* const table = TableOf(name);
  if (table == nullptr) return HAFT_OUT_OF_MEMORY;
  haft_handle made = 0;
  const Status status = AnyNew(*table, object, type, destroy, context, &made);
  if (status != Status::kOk) return ToC(status);
  if (table->diagnostics() != nullptr)
    table->diagnostics()->NoteCreated(made, place, type);
  HAFT_PROBE2(new, made, ReturnOf(place));
  *handle = made;
  return HAFT_OK;
}

haft_status Value(haft_table* name, haft_handle handle, const haft_type* type,
                  void** object, Place place) noexcept {
  const Call call("haft_value", name, handle, type, place);
  return call.Run(
      [&] { return AnyValue(*call.table, Handle(handle), type, object); });
}

haft_status Pin(haft_table* name, haft_handle handle, const haft_type* type,
                haft_pin* pin, void** object, Place place) noexcept {
  const Call call("haft_pin_object", name, handle, type, place);
  return call.Run(
      [&] { return AnyPin(*call.table, Handle(handle), type, pin, object); });
}

haft_status Delete(haft_table* name, haft_handle handle, const haft_type* type,
                   Place place) noexcept {
  const Call call("haft_delete", name, handle, type, place);
  return call.Run([&] {
    return AnyDelete(*call.table, Handle(handle), type, call.NoteDeleted());
  });
}

haft_status DeleteUnlessPinned(haft_table* name, haft_handle handle,
                               const haft_type* type, Place place) noexcept {
  const Call call("haft_delete_unless_pinned", name, handle, type, place);
  return call.Run([&] {
    return AnyDeleteUnlessPinned(*call.table, Handle(handle), type,
                                 call.NoteDeleted());
  });
}

haft_status DeleteAndWait(haft_table* name, haft_handle handle,
                          const haft_type* type, std::uint64_t nanoseconds,
                          Place place) noexcept {
  const Call call("haft_delete_and_wait", name, handle, type, place);
  return call.Run([&] {
    return AnyDeleteAndWait(*call.table, Handle(handle), type, nanoseconds,
                            call.NoteDeleted());
  });
}

haft_status Take(haft_table* name, haft_handle handle, const haft_type* type,
                 TakenObject* taken, Place place) noexcept {
  const Call call("haft_take", name, handle, type, place);
  return call.Run([&] {
    return AnyTake(*call.table, Handle(handle), type, taken,
                   call.NoteDeleted());
  });
}

void Interned(Table& table, haft_handle handle, const haft_type* type,
              Place place) noexcept {
  if (table.diagnostics() != nullptr)
    table.diagnostics()->NoteCreated(handle, place, type);
}

haft_status Released(haft_table* name, haft_handle handle, Status status,
                     Place place) noexcept {
  const Call call("haft_release", name, handle, nullptr, place);
  if (status == Status::kOk && call.table->diagnostics() != nullptr &&
      call.table->Check(Handle(handle)) != Status::kOk)
    call.table->diagnostics()->NoteEnded(handle, place);
  return call.Run([&] { return status; });
}

void* MustValue(haft_handle handle, const haft_type* type,
                Place place) noexcept {
  const Call call("haft_must_value", nullptr, handle, type, place);
  void* object = nullptr;
  const haft_status status = call.Run(
      [&] { return AnyValue(*call.table, Handle(handle), type, &object); });
  if (status != HAFT_OK) call.Fatal(status);
  return object;
}

void MustDelete(haft_handle handle, const haft_type* type,
                Place place) noexcept {
  const Call call("haft_must_delete", nullptr, handle, type, place);
  const haft_status status = call.Run([&] {
    return AnyDelete(*call.table, Handle(handle), type, call.NoteDeleted());
  });
  if (status != HAFT_OK) call.Fatal(status);
}

}  // namespace observed

std::size_t Report(Table& table, std::size_t most,
                   void (*line)(void*, const char*), void* context) noexcept {
  struct Count {
    const char* type_name;
    const haft_type* type;  // where the site is not known
    const Site* site;
    std::size_t live;

    const char* name() const noexcept {
      return site != nullptr ? site->type_name() : type_name;
    }
    // Whether the two are of one type and place.
    bool Is(const Count& other) const noexcept {
      if (site != nullptr && other.site != nullptr)
        return site->Is(*other.site);
      return site == other.site && IsType(type, other.type);
    }
  };
  GrowingArray<Count> counts;
  bool complete = true;
  std::size_t live = 0;
  char buffer[512];
  const Diagnostics* const diagnostics = table.diagnostics();
  table.ForEach([&](Handle handle, const AnyObject& object) {
    if (live++ < most) {
      Text text(buffer, sizeof(buffer));
      text.Add("0x%" PRIxPTR ": ", static_cast<Word>(handle));
      AddLive(text, table, handle, object);
      line(context, buffer);
    }
    const Site* const site =
        diagnostics == nullptr
            ? nullptr
            : diagnostics->SiteOf(diagnostics->Recall(handle).created);
    for (Count& count : counts) {
      if (site != count.site ||
          (site == nullptr && !IsType(object.type(), count.type)))
        continue;
      ++count.live;
      return;
    }
    complete &= counts.Append({NameOf(*object.type()), object.type(), site, 1});
  });
  // A site may have several numbers.
  for (Count* count = counts.begin(); count != counts.end(); ++count) {
    for (Count* other = counts.end(); --other != count;) {
      if (!count->Is(*other)) continue;
      count->live += other->live;
      counts.Erase(other);
    }
  }
  std::sort(counts.begin(), counts.end(), [](const Count& a, const Count& b) {
    return a.live != b.live ? a.live > b.live
                            : std::strcmp(a.name(), b.name()) < 0;
  });
  for (const Count& count : counts) {
    Text text(buffer, sizeof(buffer));
    text.Add("%zu live of type %s", count.live, count.name());
    if (count.site != nullptr) {
      text.Add(", created at ");
      text.Add(count.site->place());
    }
    line(context, buffer);
  }
  if (!complete) line(context, "and others: there is no memory to count them");
  return live;
}

namespace {

// When the program's own destructors have run.
[[gnu::destructor]] void ReportLeaks() noexcept {
  if ((process.flags.load(std::memory_order_relaxed) & HAFT_DIAGNOSE_LEAKS) ==
      0)
    return;
  Table* const table = Present(process_table);
  if (table == nullptr) return;
  const std::size_t live = Report(
      *table, 0, [](void*, const char* text) { LogLine(text); }, nullptr);
  char text[64];
  std::snprintf(text, sizeof(text), "at exit: %zu handles are live", live);
  LogLine(text);
}

}  // namespace
}  // namespace HAFT_ABI
}  // namespace haft::internal

extern "C" {

haft_status haft_diagnose(unsigned flags) {
  if ((flags & ~haft::internal::kRemember) != 0) return HAFT_INVALID;
  return haft::internal::Decide(flags) ? HAFT_OK : HAFT_INVALID;
}

haft_status haft_set_refusal_callback(haft_refusal callback, void* context,
                                      uint32_t per_second) {
  using haft::internal::Listener;
  if (callback == nullptr) return HAFT_INVALID;
  Listener* mine = nullptr;
  Listener* const present = haft::internal::process.listener.Get([&] {
    mine = new (std::nothrow) Listener(callback, context, per_second);
    return std::unique_ptr<Listener>(mine);
  });
  if (present == nullptr) return HAFT_OUT_OF_MEMORY;
  if (present != mine) return HAFT_INVALID;
  haft::internal::fast_path_gate.ForceSlowPath();
  return HAFT_OK;
}

size_t haft_table_describe(haft_table* name, haft_handle handle, char* buffer,
                           size_t size) {
  haft::internal::Table* const table = haft::internal::TableOf(name);
  return table == nullptr ? 0
                          : haft::internal::Describe(
                                *table, haft::Handle(handle), buffer, size);
}
size_t haft_describe(haft_handle handle, char* buffer, size_t size) {
  return haft_table_describe(nullptr, handle, buffer, size);
}

size_t haft_table_report(haft_table* name, size_t most,
                         void (*line)(void*, const char*), void* context) {
  haft::internal::Table* const table = haft::internal::TableOf(name);
  if (table == nullptr || line == nullptr) return 0;
  return haft::internal::Report(*table, most, line, context);
}

}  // extern "C"
