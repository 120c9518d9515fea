// A fuzz target for the C ABI: sequences of calls on the process's table and
// others, with any words as handles, other tables' handles and types of all
// kinds, against a reference. Callbacks, above all `destroy`, go on with the
// sequence.
//
// Before a call is made, the reference is told what it should do, but in steps,
// each of which the library may take when its turn comes. It is therefore also
// right for callbacks in the middle of a call.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "haft/haft.h"
#include "haft/handle_layout.h"
#include "haft/view.h"
#include "tests/fuzz/input.h"

namespace haft::fuzz {
namespace {

using Layout = DefaultLayout;

// Limits the process's table so that it can become full. It must run before the
// first call.
constexpr std::size_t kProcessCapacity = 60;
[[maybe_unused]] const int capacity_is_set =
    setenv("HAFT_CAPACITY", std::to_string(kProcessCapacity).c_str(), 1);

// Destructors that nest this deep leave the objects that they delete to the
// innermost one.
constexpr unsigned kPromptDepth = 32;

// An object that is given to Haft and must come back once.
struct Payload {
  static constexpr Word kAlive = 0x5ca1ab1e;
  Word canary = kAlive;
  Word id;
  haft_pin pin{};  // of some object, perhaps this one
};

void Destroyed(void* context, int by);
template <int kBy>
void DestroyBy(void* context) {
  Destroyed(context, kBy);
}
constexpr int kByContext = 100;

const char same_identity[] = "one", same_identity_elsewhere[] = "one";
const haft_type kTypes[] = {
    {"first", same_identity, &DestroyBy<0>, 0, 8},
    {"first's twin", same_identity_elsewhere, &DestroyBy<1>, 24, 8},
    {"second", "two", &DestroyBy<2>, 24, 8},
    {"nameless", nullptr, &DestroyBy<3>, 0, 0},
    {"nameless", nullptr, &DestroyBy<4>, 0, 0},
    {"empty", "", &DestroyBy<5>, 0, 0},
    {"borrowed, of another size", "two", nullptr, 32, 8},
    {"borrowed, nameless", nullptr, nullptr, 0, 0},
};
// Descriptors of equal numbers are of the same type.
constexpr int kKinds[] = {0, 0, 1, 2, 3, 4, 5, 6};
constexpr unsigned kTypeCount = sizeof(kTypes) / sizeof(kTypes[0]);

bool IsZero(const haft_pin& pin) {
  const haft_pin zero{};
  return std::memcmp(&pin, &zero, sizeof(pin)) == 0;
}

// A table, and the contents that it should have.
struct Table {
  haft_table* table = nullptr;
  std::size_t capacity = 0;  // as long as no slot is exhausted
  struct Generations {
    Word first, last;
  };
  std::unordered_map<Word, Generations> issued;  // by index
  std::map<Word, struct Object*> live;
  std::uint64_t created = 0, deleted = 0;
  std::size_t retired_objects = 0, exhausted = 0;
  std::size_t occupied = 0;  // objects that have not been destroyed
  bool ending = false;       // inside haft_table_destroy

  // Returns how many objects can exist.
  std::size_t Capacity() const {
    return capacity - std::min(exhausted, capacity);
  }
  bool WasIssued(Word word) const {
    const auto found = issued.find(Layout::Index::Decode(word));
    const Word generation = Layout::Generation::Decode(word);
    return found != issued.end() && found->second.first <= generation &&
           generation <= found->second.last;
  }
};

struct Object {
  Table* table;
  Word word;
  unsigned type;
  int by;  // which `destroy` is to be called; -1: none
  void* object;
  std::unique_ptr<Payload> payload;
  Word child;  // deleted by `destroy`, in the same table
  unsigned pins = 0;
  unsigned interned = 0;       // how often; 0: made by haft_new
  bool waits_in_loan = false;  // ended there, and the loan is not settled yet
};

// It is never destroyed, because the table is not.
Table& ProcessTable() {
  static Table& table = *[] {
    auto* const made = new Table;
    made->capacity = kProcessCapacity;
    return made;
  }();
  return table;
}

class Run {
 public:
  explicit Run(Input input) : input_(input) {
    current = this;
    tables_.push_back(&ProcessTable());
    Create(1 + input_.Below(64));
  }
  ~Run() { current = nullptr; }

  void Go() {
    while (!input_.empty()) {
      Step();
      AtRest();
    }
    LookAtAll();
    while (!scopes_.empty()) Close(scopes_.begin());
    while (!pins_.empty()) Unpin(pins_.begin(), false);
    while (!loans_.empty()) ReturnLoan(loans_.begin());
    while (tables_.size() > 1) DestroyTable(tables_.back());
    while (!tables_[0]->live.empty())
      Delete(*tables_[0], tables_[0]->live.begin()->first, nullptr);
    LookAtAll();
    Expect(objects_.empty(), "lost objects");
  }

  static Run* current;

 private:
  friend void Destroyed(void*, int);

  // Takes one step of a call in the reference.
  //   Returns   false when there are none left
  using Advance = std::function<bool()>;

  // A pin in plain memory.
  struct Held {
    Object* object;
    haft_pin* pin;
    std::unique_ptr<haft_pin> own;
  };
  struct Scope {
    haft_scope* scope;
    Table* table;
    std::vector<Word> words;
    bool closing = false;
  };

  struct Loan {
    haft_loan* loan;
    Table* table;
    haft_view view;
    unsigned type;
    std::vector<Object*> ended;  // as the loan has them
    unsigned calls = 0;          // that are inside it
  };

  // ---- Calls

  // Makes a call. `advance` takes its steps in the reference.
  template <typename F>
  auto Call(const Advance& advance, F&& call) {
    frames_.push_back(&advance);
    const auto result = call();
    while (advance()) ExpectPrompt();
    ExpectPrompt();
    frames_.pop_back();
    return result;
  }
  void ExpectPrompt() const {
    Expect(due_.empty(), "not destroyed when it should have been");
  }
  void AtRest() const {
    ExpectPrompt();
    Expect(deferred_.empty(), "still not destroyed at the end");
    Expect(depth_ == 0 && frames_.empty(), "the fuzz target is wrong");
  }

  // Handles a call of `destroy`.
  void OnDestroy(Payload* payload, int by) {
    Expect(payload != nullptr && payload->canary == Payload::kAlive,
           "destroyed what is no object");
    const auto found = objects_.find(payload->id);
    Expect(found != objects_.end(), "destroyed twice");
    Object& object = *found->second;
    Expect(object.by == by, "destroyed by another's function");
    called_ = &object;
    while (due_.erase(&object) + deferred_.erase(&object) == 0) {
      ExpectPrompt();
      Expect(!frames_.empty() && (*frames_.back())(),
             "destroyed though it should not have been");
    }
    called_ = nullptr;
    if (unpinning_ != nullptr)
      Expect(IsZero(*unpinning_), "a pin is not zeroed before destruction");
    unpinning_ = nullptr;
    ++depth_;
    if (Live(*object.table, object.child) != nullptr) DropChild(object);
    for (unsigned steps = input_.Below(4); steps > 0; --steps) {
      if (!input_.empty() && depth_ < 60) Step();
    }
    --depth_;
    Finish(object);
  }

  // Leaves the handle to a scope that is being closed, or deletes it.
  void DropChild(const Object& object) {
    for (Scope& scope : scopes_) {
      if (scope.closing && scope.table == object.table && object.word / 2 % 2)
        return Add(scope, object.child);
    }
    Delete(*object.table, object.child, nullptr);
  }

  // ---- The reference

  // Ends the handle of a live object.
  void End(Object& object) {
    object.table->live.erase(object.word);
    ++object.table->deleted;
    Leave(object);
  }
  // Leaves the object of an ended handle to its pins.
  void Leave(Object& object) {
    if (object.pins == 0) return Gone(object);
    ++object.table->retired_objects;
  }
  void LetGo(Object& object) {
    Expect(object.pins != 0, "the fuzz target is wrong");
    if (--object.pins != 0 || IsLive(object) || object.waits_in_loan) return;
    --object.table->retired_objects;
    Gone(object);
  }
  void Gone(Object& object) {
    if (object.by < 0) return Finish(object);
    (depth_ < kPromptDepth ? due_ : deferred_).insert(&object);
  }
  void Finish(Object& object) {
    Table& table = *object.table;
    table.exhausted +=
        Layout::Generation::Decode(object.word) == Layout::Generation::kMax;
    --table.occupied;
    // Memory in which a pin is stored belongs to the pin.
    const auto holder = std::find_if(
        pins_.begin(), pins_.end(),
        [&](const Held& held) { return held.pin == &object.payload->pin; });
    if (holder != pins_.end()) {
      holder->own = std::make_unique<haft_pin>(object.payload->pin);
      holder->pin = holder->own.get();
    }
    object.payload->canary = 0;
    objects_.erase(object.payload->id);
  }
  bool IsLive(const Object& object) const {
    const auto found = object.table->live.find(object.word);
    return found != object.table->live.end() && found->second == &object;
  }

  static bool IsOf(const Object& object, const haft_type* type) {
    return type == nullptr || kKinds[object.type] == kKinds[type - kTypes];
  }
  static Object* Live(const Table& table, Word word) {
    const auto found = table.live.find(word);
    return found == table.live.end() ? nullptr : found->second;
  }
  static haft_status StatusOf(const Table& table, Word word,
                              const haft_type* type) {
    if (word == 0) return HAFT_NULL;
    if (!Layout::IsWellFormed(word)) return HAFT_MALFORMED;
    if (const Object* const object = Live(table, word))
      return IsOf(*object, type) ? HAFT_OK : HAFT_WRONG_TYPE;
    return table.WasIssued(word) ? HAFT_STALE : HAFT_NEVER_ISSUED;
  }

  // ---- Choices

  Word Any() { return input_.AnyHandle<Layout>(known_); }
  // Returns mostly the table that has issued the word.
  Table& TableFor(Word word) {
    const unsigned how = input_.Byte();
    if (how % 4 != 0) {
      for (Table* const table : tables_) {
        if (table->WasIssued(word)) return *table;
      }
    }
    return *tables_[how / 4 % tables_.size()];
  }
  // Returns mostly the type of the object.
  const haft_type* TypeFor(const Table& table, Word word) {
    const unsigned how = input_.Byte();
    const Object* const object = Live(table, word);
    if (how % 4 == 0) return nullptr;
    if (how % 4 != 1 && object != nullptr) return &kTypes[object->type];
    return &kTypes[how / 4 % kTypeCount];
  }

  void Step() {
    const unsigned op = input_.Byte();
    // Not in the middle of a call. Deferred objects may be destroyed by another
    // thread or an uncached caller that destroys something, and the reference
    // could not tell when, because not every destruction calls back.
    const AsUncachedCaller uncached(op >= 240 && frames_.empty());
    const Word word = Any();
    Table& table = TableFor(word);
    const haft_type* const type = TypeFor(table, word);
    switch (op % 32) {
      case 0:
        return Look(table, word, type);
      case 1:
        return Describe(table, word);
      case 2:
      case 3:
        return Delete(table, word, type);
      case 4:
        return DeleteUnlessPinned(table, word, type);
      case 5:
        return DeleteAndWait(table, word, type);
      case 6:
        return Take(table, word, type);
      case 7:
      case 8:
        return Pin(table, word, type);
      case 9:
      case 10:
      case 11:
        if (pins_.empty()) return;
        return Unpin(std::next(pins_.begin(), input_.Below(pins_.size())),
                     op / 32 == 1);
      case 12:
        return DeleteBatch(table, type);
      case 13:
        return NewBatch(table);
      case 14:
        return Chain(table, 2 + input_.Below(60));
      case 15:
        return ForEach(table);
      case 16:
        return Report(table);
      case 17:
        return OpenScope(table);
      case 18:
      case 19:
        return AddToScope(word);
      case 20:
        return Escape(word);
      case 21:
        if (scopes_.empty()) return;
        return Close(std::next(scopes_.begin(), input_.Below(scopes_.size())));
      case 22:
        return ChangeTables();
      case 23:
        return Nulls(table, word);
      case 24:
        return LookAtAll();
      case 25:
      case 26:
        return Intern(table, word);
      case 27:
        return Release(table, word);
      case 28:
        return NewByLoan(table);
      case 29:
        return DeleteByLoan(table, word, type);
      case 30:
        return ChangeLoan(table);
      default:
        return New(table, input_.Byte(), word);
    }
  }

  // ---- New

  // Enters a new object.
  Object& Enter(Table& table, Word word, unsigned type, int by, void* object,
                std::unique_ptr<Payload> payload, Word child) {
    Expect(Layout::IsWellFormed(word), "a new handle is malformed");
    const Word generation = Layout::Generation::Decode(word);
    const auto [entry, is_first] =
        table.issued.emplace(Layout::Index::Decode(word),
                             Table::Generations{generation, generation});
    if (!is_first) {
      Expect(generation > entry->second.last, "a handle is issued again");
      Expect(generation == entry->second.last + 1, "a generation is left out");
      entry->second.last = generation;
    }
    const Word id = payload->id;
    Object& entered = *objects_
                           .emplace(id, std::make_unique<Object>(Object{
                                            &table, word, type, by, object,
                                            std::move(payload), child}))
                           .first->second;
    table.live.emplace(word, &entered);
    ++table.created;
    ++table.occupied;
    known_.push_back(word);
    return entered;
  }
  std::unique_ptr<Payload> MakePayload() {
    auto payload = std::make_unique<Payload>();
    payload->id = ++ids_;
    return payload;
  }
  static void ExpectFull(const Table& table) {
    Expect(table.occupied >= table.Capacity(), "full below the capacity");
  }

  // A table that is being destroyed must not contain these, because they are
  // destroyed without a callback.
  unsigned TypeOfNew(const Table& table, unsigned how) {
    const unsigned type = how % kTypeCount;
    return table.ending && kTypes[type].destroy == nullptr ? 0 : type;
  }

  void New(Table& table, unsigned how, Word child) {
    const unsigned type = TypeOfNew(table, how);
    auto payload = MakePayload();
    void* object = payload.get();
    void* const context = payload.get();
    int by = kTypes[type].destroy == nullptr ? -1 : static_cast<int>(type);
    haft_handle handle = 77;
    haft_status status;
    if (how < 128) {
      status =
          &table == tables_[0] && how % 2 == 0
              ? haft_new(object, &kTypes[type], &handle)
              : haft_table_new(table.table, object, &kTypes[type], &handle);
    } else {
      object = how % 3 == 0 ? nullptr : &payload->canary;
      by = how % 5 == 0 && !table.ending ? -1 : kByContext;
      const auto destroy = by < 0 ? nullptr : &DestroyBy<kByContext>;
      status =
          &table == tables_[0] && how % 2 == 0
              ? haft_new_with(object, &kTypes[type], destroy, context, &handle)
              : haft_table_new_with(table.table, object, &kTypes[type], destroy,
                                    context, &handle);
    }
    if (status != HAFT_OK) {
      Expect(status == HAFT_FULL && handle == 77, "New is wrong");
      return ExpectFull(table);
    }
    Enter(table, handle, type, by, object, std::move(payload),
          how % 4 == 1 ? child : 0);
  }

  void NewBatch(Table& table) {
    const unsigned how = input_.Byte();
    const std::size_t count = how % 20;
    const unsigned type = TypeOfNew(table, how / 20);
    std::vector<std::unique_ptr<Payload>> payloads;
    std::vector<void*> objects;
    for (std::size_t i = 0; i < count; ++i) {
      payloads.push_back(MakePayload());
      objects.push_back(payloads.back().get());
    }
    std::vector<haft_handle> handles(count, 77);
    std::size_t made = ~std::size_t{0};
    const haft_status status =
        haft_table_new_batch(table.table, objects.data(), count, &kTypes[type],
                             handles.data(), &made);
    Expect(made <= count, "a batch made too many");
    Expect(status == (made == count ? HAFT_OK : HAFT_FULL), "a batch's status");
    for (std::size_t i = 0; i < made; ++i) {
      Enter(table, handles[i], type,
            kTypes[type].destroy == nullptr ? -1 : static_cast<int>(type),
            objects[i], std::move(payloads[i]), 0);
    }
    for (std::size_t i = made; i < count; ++i)
      Expect(handles[i] == 77, "a batch wrote what it has not made");
    if (made < count) ExpectFull(table);
  }

  // Each object deletes the one before it, so that destruction nests.
  void Chain(Table& table, unsigned length) {
    Word child = 0;
    for (unsigned i = 0; i < length; ++i) {
      auto payload = MakePayload();
      void* const object = payload.get();
      haft_handle handle = 0;
      if (haft_table_new(table.table, object, &kTypes[2], &handle) != HAFT_OK)
        return ExpectFull(table);
      Enter(table, handle, 2, 2, object, std::move(payload), child);
      child = handle;
    }
  }

  // ---- Intern

  static Object* Interned(const Table& table, const void* object,
                          unsigned type) {
    for (const auto& [word, live] : table.live) {
      if (live->interned != 0 && live->object == object &&
          kKinds[live->type] == kKinds[type])
        return live;
    }
    return nullptr;
  }
  void Intern(Table& table, Word word) {
    const unsigned how = input_.Byte();
    unsigned type = TypeOfNew(table, how / 8);
    auto payload = MakePayload();
    void* object = payload.get();
    int by = kTypes[type].destroy == nullptr ? -1 : static_cast<int>(type);
    const bool with = how % 2 != 0;
    if (with) {
      // Mostly an object that has been interned before, perhaps as another
      // type.
      const Object* const other = Live(table, word);
      if (other != nullptr && other->object != nullptr) object = other->object;
      if (other != nullptr && how % 8 != 1) type = other->type;
      by = kByContext;
    }
    Object* const known = Interned(table, object, type);
    haft_handle handle = 77;
    const bool is_process = &table == tables_[0];
    const haft_type* const t = &kTypes[type];
    const haft_status status =
        !with        ? is_process ? haft_intern(object, t, &handle)
                                  : haft_table_intern(table.table, object, t, &handle)
               : is_process ? haft_intern_with(object, t, &DestroyBy<kByContext>,
                                               payload.get(), &handle)
                     : haft_table_intern_with(table.table, object, t,
                                              &DestroyBy<kByContext>,
                                              payload.get(), &handle);
    if (known != nullptr) {
      Expect(status == HAFT_OK && handle == known->word,
             "haft_intern makes another handle");
      ++known->interned;
    } else if (status != HAFT_OK) {
      Expect(status == HAFT_FULL && handle == 77, "haft_intern is wrong");
      ExpectFull(table);
    } else {
      Enter(table, handle, type, by, object, std::move(payload), 0).interned =
          1;
    }
  }
  void Release(Table& table, Word word) {
    haft_status expected = StatusOf(table, word, nullptr);
    Object* ended = Ended(table, word, expected);
    if (ended != nullptr) {
      if (ended->interned == 0) expected = HAFT_INVALID;
      if (ended->interned == 0 || --ended->interned != 0) ended = nullptr;
    }
    const haft_status status = Call(Ends(ended), [&] {
      return &table == tables_[0] ? haft_release(word)
                                  : haft_table_release(table.table, word);
    });
    Expect(status == expected, "haft_release is wrong");
  }

  // ---- Look

  void Look(Table& table, Word word, const haft_type* type) {
    const bool is_process = &table == tables_[0];
    Expect(
        haft_table_check(table.table, word) == StatusOf(table, word, nullptr),
        "haft_table_check is wrong");
    if (is_process)
      Expect(haft_check(word) == StatusOf(table, word, nullptr),
             "haft_check is wrong");
    const Object* const live = Live(table, word);
    const haft_status expected = StatusOf(table, word, type);
    void* object = &object;
    const haft_status status =
        is_process ? haft_value(word, type, &object)
                   : haft_table_value(table.table, word, type, &object);
    Expect(status == expected, "haft_value is wrong");
    Expect(object == (status == HAFT_OK ? live->object : &object),
           "haft_value gives another object");
    haft_view view;
    Expect(haft_table_view(table.table, HAFT_VIEW_ABI, &view) == HAFT_OK,
           "haft_table_view is wrong");
    void* inlined = &object;
    Expect(haft_value_inline(&view, word, type, &inlined) == expected,
           "haft_value_inline is wrong");
    Expect(inlined == object, "haft_value_inline gives another object");
    if (is_process && status == HAFT_OK)
      Expect(haft_must_value(word, type) == live->object,
             "haft_must_value gives another object");
    Expect(haft_from_pointer(haft_to_pointer(word)) == word,
           "a handle is changed by being a pointer");
  }

  void Describe(Table& table, Word word) {
    char whole[200], part[20];
    const std::size_t length =
        haft_table_describe(table.table, word, whole, sizeof(whole));
    Expect(length == std::strlen(whole), "haft_table_describe's length");
    const Object* const object = Live(table, word);
    Expect((std::strstr(whole, ": live in table ") != nullptr) ==
               (object != nullptr),
           "haft_table_describe is wrong");
    if (object != nullptr)
      Expect(std::strstr(whole, kTypes[object->type].name) != nullptr,
             "haft_table_describe names another type");
    const std::size_t size = input_.Below(sizeof(part));
    std::memset(part, 'x', sizeof(part));
    Expect(haft_table_describe(table.table, word, part, size) == length,
           "haft_table_describe's length depends on the buffer");
    Expect(size == 0 || std::strncmp(part, whole, size - 1) == 0,
           "haft_table_describe writes another text");
    Expect(part[size] == 'x', "haft_table_describe writes too far");
  }

  // ---- Delete

  // A call that ends `object`, if that is given.
  Advance Ends(Object* object) {
    return [this, object, done = false]() mutable {
      if (std::exchange(done, true) || object == nullptr) return false;
      End(*object);
      return true;
    };
  }
  // Returns the object that such a call ends.
  static Object* Ended(const Table& table, Word word, haft_status expected) {
    return expected == HAFT_OK ? Live(table, word) : nullptr;
  }

  void Delete(Table& table, Word word, const haft_type* type) {
    const haft_status expected = StatusOf(table, word, type);
    const bool is_process = &table == tables_[0];
    const haft_status status = Call(Ends(Ended(table, word, expected)), [&] {
      if (is_process && expected == HAFT_OK && word / 2 % 4 == 0) {
        haft_must_delete(word, type);
        return HAFT_OK;
      }
      return is_process ? haft_delete(word, type)
                        : haft_table_delete(table.table, word, type);
    });
    Expect(status == expected, "haft_delete is wrong");
  }

  haft_status UnlessPinned(const Table& table, Word word,
                           const haft_type* type) const {
    const haft_status status = StatusOf(table, word, type);
    return status == HAFT_OK && Live(table, word)->pins != 0 ? HAFT_PINNED
                                                             : status;
  }
  void DeleteUnlessPinned(Table& table, Word word, const haft_type* type) {
    const haft_status expected = UnlessPinned(table, word, type);
    const haft_status status = Call(Ends(Ended(table, word, expected)), [&] {
      return &table == tables_[0]
                 ? haft_delete_unless_pinned(word, type)
                 : haft_table_delete_unless_pinned(table.table, word, type);
    });
    Expect(status == expected, "haft_delete_unless_pinned is wrong");
  }

  void DeleteAndWait(Table& table, Word word, const haft_type* type) {
    const haft_status expected = StatusOf(table, word, type);
    Object* const ended = Ended(table, word, expected);
    const bool in_vain = ended != nullptr && ended->pins != 0;
    const std::uint64_t nanoseconds = input_.Byte() % 2 * 1000;
    const haft_status status = Call(Ends(ended), [&] {
      return &table == tables_[0]
                 ? haft_delete_and_wait(word, type, nanoseconds)
                 : haft_table_delete_and_wait(table.table, word, type,
                                              nanoseconds);
    });
    // Below so many callbacks the object may be left to one of them.
    if (status == HAFT_DEFERRED && ended != nullptr && !in_vain)
      return Expect(frames_.size() >= kPromptDepth, "left to no callback");
    Expect(status == (in_vain ? HAFT_TIMED_OUT : expected),
           "haft_delete_and_wait is wrong");
  }

  void Take(Table& table, Word word, const haft_type* type) {
    const haft_status expected = UnlessPinned(table, word, type);
    void* object = &object;
    void* context = &object;
    void (*destroy)(void*) = nullptr;
    const bool with = word / 2 % 2 != 0;
    const bool is_process = &table == tables_[0];
    const haft_status status = Call(
        [] { return false; },
        [&] {
          if (with)
            return is_process
                       ? haft_take_owned(word, type, &object, &destroy,
                                         &context)
                       : haft_table_take_owned(table.table, word, type, &object,
                                               &destroy, &context);
          return is_process ? haft_take(word, type, &object)
                            : haft_table_take(table.table, word, type, &object);
        });
    Expect(status == expected, "haft_take is wrong");
    if (status != HAFT_OK)
      return Expect(
          object == &object && context == &object && destroy == nullptr,
          "haft_take writes nevertheless");
    Object& taken = *Live(table, word);
    Expect(object == taken.object, "haft_take gives another object");
    if (with) {
      const auto expected_destroy = taken.by < 0 ? nullptr
                                    : taken.by == kByContext
                                        ? &DestroyBy<kByContext>
                                        : kTypes[taken.by].destroy;
      Expect(destroy == expected_destroy && context == taken.payload.get(),
             "haft_take_owned gives another way to destroy the object");
    }
    taken.by = -1;
    End(taken);
  }

  void DeleteBatch(Table& table, const haft_type* type) {
    const unsigned how = input_.Byte();
    std::vector<haft_handle> handles;
    for (unsigned i = 0; i < how % 12; ++i) handles.push_back(Any());
    std::vector<haft_status> expected;
    std::size_t live = 0;
    const Advance advance = [&] {
      if (expected.size() == handles.size()) return false;
      const Word word = handles[expected.size()];
      expected.push_back(StatusOf(table, word, type));
      if (expected.back() == HAFT_OK) {
        ++live;
        End(*Live(table, word));
      }
      return true;
    };
    std::vector<haft_status> statuses(handles.size(), HAFT_INVALID);
    const bool asked = how % 5 != 0;
    const std::size_t deleted = Call(advance, [&] {
      return haft_table_delete_batch(table.table, handles.data(),
                                     handles.size(), type,
                                     asked ? statuses.data() : nullptr);
    });
    Expect(deleted == live, "a batch counted wrong");
    Expect(!asked || statuses == expected, "a batch's statuses");
  }

  // ---- Loans

  // The steps of a call that settles the loan.
  static Advance None() {
    return [] { return false; };
  }
  Advance Settles(Loan& loan) {
    return [this, &loan] {
      if (loan.ended.empty()) return false;
      Object& object = *loan.ended.back();
      loan.ended.pop_back();
      object.waits_in_loan = false;
      Leave(object);
      return true;
    };
  }
  template <typename F>
  auto CallLoan(Loan& loan, const Advance& advance, F&& call) {
    ++loan.calls;
    const auto result = Call(advance, call);
    --loan.calls;
    ExpectCounts(loan);
    return result;
  }
  static void ExpectCounts(const Loan& loan) {
    if (loan.table->ending) return;
    Expect(loan.loan->ended_count == loan.ended.size() &&
               loan.loan->ready_count <= HAFT_LOAN_HANDLES,
           "a loan's counts");
  }
  Loan* LoanOf(const Table& table) {
    std::vector<Loan*> of_table;
    for (Loan& loan : loans_) {
      if (loan.table == &table) of_table.push_back(&loan);
    }
    const unsigned how = input_.Byte();
    return of_table.empty() ? nullptr : of_table[how % of_table.size()];
  }

  void NewByLoan(Table& table) {
    Loan* const loan = LoanOf(table);
    if (loan == nullptr) return Lend(table);
    // As TypeOfNew.
    if (table.ending && kTypes[loan->type].destroy == nullptr) return;
    auto payload = MakePayload();
    void* const object = payload.get();
    haft_handle handle = 77;
    const haft_status status = CallLoan(
        *loan, loan->loan->ready_count == 0 ? Settles(*loan) : None(), [&] {
          return haft_new_inline(&loan->view, loan->loan, object, &handle);
        });
    if (status != HAFT_OK) {
      Expect(status == HAFT_FULL && handle == 77, "haft_new_inline is wrong");
      return ExpectFull(table);
    }
    Enter(table, handle, loan->type,
          kTypes[loan->type].destroy == nullptr ? -1
                                                : static_cast<int>(loan->type),
          object, std::move(payload), 0);
  }

  void DeleteByLoan(Table& table, Word word, const haft_type* type) {
    Loan* const loan = LoanOf(table);
    if (loan == nullptr) return;
    const haft_status expected = StatusOf(table, word, type);
    Object* const ended = Ended(table, word, expected);
    const bool is_fast =
        ended != nullptr && (type == nullptr || type == &kTypes[ended->type]) &&
        Layout::Generation::Decode(word) != Layout::Generation::kMax &&
        !table.ending && loan->ended.size() < HAFT_LOAN_HANDLES;
    if (is_fast) {
      table.live.erase(word);
      ++table.deleted;
      ended->waits_in_loan = true;
      loan->ended.push_back(ended);
    }
    const haft_status status = CallLoan(
        *loan,
        !is_fast                                  ? Ends(ended)
        : loan->ended.size() == HAFT_LOAN_HANDLES ? Settles(*loan)
                                                  : None(),
        [&] {
          return haft_delete_inline(&loan->view, loan->loan, word, type);
        });
    Expect(status == expected, "haft_delete_inline is wrong");
  }

  void ChangeLoan(Table& table) {
    const unsigned how = input_.Byte();
    Loan* const loan = LoanOf(table);
    if (loan == nullptr || how % 4 == 0) return Lend(table);
    if (how % 4 == 1) {  // ends so many that the loan settles by itself
      for (const Word word : LiveWords(table))
        DeleteByLoan(table, word, nullptr);
      return;
    }
    if (how % 4 == 2) return Settle(*loan);
    for (auto place = loans_.begin(); place != loans_.end(); ++place) {
      if (&*place == loan) return ReturnLoan(place);
    }
  }
  void Lend(Table& table) {
    if (table.ending || loans_.size() >= 6) return;
    const unsigned type = TypeOfNew(table, input_.Byte());
    haft_loan* loan = nullptr;
    const haft_status status =
        haft_lend(table.table, &kTypes[type], input_.Byte() % 2, &loan);
    if (status != HAFT_OK) {
      Expect(status == HAFT_FULL && loan == nullptr, "haft_lend is wrong");
      return ExpectFull(table);
    }
    Expect(loan->ready_count != 0 && loan->type == &kTypes[type],
           "a loan without handles");
    haft_view view;
    Expect(haft_table_view(table.table, HAFT_VIEW_ABI, &view) == HAFT_OK,
           "haft_table_view is wrong");
    loans_.push_back({loan, &table, view, type, {}});
    ExpectCounts(loans_.back());
  }
  void Settle(Loan& loan) {
    const haft_status status =
        CallLoan(loan, Settles(loan), [&] { return haft_settle(loan.loan); });
    if (loan.table->ending)
      return Expect(status == HAFT_INVALID, "a loan of a table that ends");
    if (status == HAFT_FULL) return ExpectFull(*loan.table);
    Expect(status == HAFT_OK, "haft_settle is wrong");
  }
  void ReturnLoan(std::list<Loan>::iterator place) {
    if (place->calls != 0) return;
    ++place->calls;
    Call(Settles(*place), [&] {
      haft_return(place->loan);
      return 0;
    });
    Expect(place->ended.empty(), "not all of a loan was taken back");
    loans_.erase(place);
  }
  // For a table that is about to be destroyed.
  bool SettleLoansOf(const Table* table) {
    bool was_settled = true;
    for (auto place = loans_.begin(); place != loans_.end(); ++place) {
      if (place->table != table || place->ended.empty()) continue;
      Settle(*place);
      was_settled = false;
    }
    return was_settled;
  }
  // For one that has been.
  void DropLoansOf(const Table* table) {
    for (auto place = loans_.begin(); place != loans_.end();) {
      const auto loan = place++;
      if (loan->table != table) continue;
      Expect(haft_settle(loan->loan) == HAFT_INVALID,
             "a loan of a table that is gone");
      haft_return(loan->loan);
      loans_.erase(loan);
    }
  }

  // ---- Pins

  void Pin(Table& table, Word word, const haft_type* type) {
    const haft_status expected = StatusOf(table, word, type);
    if (table.ending || pins_.size() >= 100) return;
    // The pin is in memory of its own, or in some object of any table.
    Held held{};
    const unsigned where = input_.Byte();
    if (where % 2 == 0 && !objects_.empty()) {
      const auto holder = objects_.lower_bound(ids_ - where / 2 % ids_);
      if (holder != objects_.end() && IsLive(*holder->second) &&
          IsZero(holder->second->payload->pin)) {
        held.pin = &holder->second->payload->pin;
      }
    }
    if (held.pin == nullptr) {
      held.own = std::make_unique<haft_pin>();
      held.pin = held.own.get();
    }
    void* object = &object;
    const haft_status status =
        &table == tables_[0]
            ? haft_pin_object(word, type, held.pin, &object)
            : haft_table_pin_object(table.table, word, type, held.pin, &object);
    Expect(status == expected, "haft_pin_object is wrong");
    if (status != HAFT_OK) {
      return Expect(IsZero(*held.pin) && object == &object,
                    "haft_pin_object writes nevertheless");
    }
    held.object = Live(table, word);
    Expect(object == held.object->object, "haft_pin_object: another object");
    ++held.object->pins;
    pins_.push_back(std::move(held));
  }

  void Unpin(std::list<Held>::iterator place, bool elsewhere) {
    const Held held = std::move(*place);
    pins_.erase(place);
    Object* object = held.object;
    const Advance advance = [&] {
      if (object == nullptr) return false;
      LetGo(*std::exchange(object, nullptr));
      return true;
    };
    unpinning_ = held.pin;
    Call(advance, [&] {
      if (elsewhere && held.object->by >= 0) {  // see Step
        std::thread(haft_unpin, held.pin).join();
      } else {
        haft_unpin(held.pin);
      }
      return 0;
    });
    unpinning_ = nullptr;
    if (held.own == nullptr) return;
    Expect(IsZero(*held.own), "haft_unpin does not zero the pin");
    haft_unpin(held.own.get());
  }

  // ---- Walks

  // An object that a walk shows is pinned meanwhile and released afterwards.
  struct Walk {
    Walk(Run* of, const Table* in) : run(of), table(in) {}
    Run* const run;
    const Table* const table;
    Object* let_go = nullptr;
    std::set<Word> seen;
    std::size_t lines = 0, counted = 0;
    int result = 0;
  };
  Advance LetsGo(Walk& walk) {
    return [this, &walk] {
      if (walk.let_go == nullptr) return false;
      LetGo(*std::exchange(walk.let_go, nullptr));
      return true;
    };
  }
  Object& Show(Walk& walk, Word word) {
    while ((*frames_.back())()) ExpectPrompt();
    Expect(walk.result == 0, "shows more after it has been ended");
    Object* const object = Live(*walk.table, word);
    Expect(object != nullptr, "shows what is not live");
    Expect(walk.seen.insert(word).second, "shows an object twice");
    ++object->pins;
    for (unsigned steps = input_.Below(3); steps > 0; --steps) {
      if (!input_.empty() && frames_.size() < 40) Step();
    }
    walk.let_go = object;
    return *object;
  }
  void ExpectAllSeen(const Walk& walk, const std::vector<Word>& before) {
    for (const Word word : before) {
      Expect(Live(*walk.table, word) == nullptr || walk.seen.count(word) != 0,
             "does not show all");
    }
  }

  static int Visit(void* context, haft_handle handle, const haft_type* type,
                   void* object) {
    Walk& walk = *static_cast<Walk*>(context);
    const Object& shown = walk.run->Show(walk, handle);
    Expect(type == &kTypes[shown.type] && object == shown.object,
           "shows another object");
    const unsigned how = walk.run->input_.Byte();
    return walk.result = how % 8 == 7 ? 1 + static_cast<int>(how) : 0;
  }
  static std::vector<Word> LiveWords(const Table& table) {
    std::vector<Word> words;
    for (const auto& [word, object] : table.live) words.push_back(word);
    return words;
  }
  void ForEach(Table& table) {
    Walk walk(this, &table);
    const std::vector<Word> before = LiveWords(table);
    const int result = Call(LetsGo(walk), [&] {
      return haft_table_for_each(table.table, &Visit, &walk);
    });
    Expect(result == walk.result, "haft_table_for_each's result");
    if (result == 0) ExpectAllSeen(walk, before);
  }

  static void Line(void* context, const char* text) {
    Walk& walk = *static_cast<Walk*>(context);
    if (std::strncmp(text, "0x", 2) == 0) {
      const Word word = std::strtoull(text, nullptr, 16);
      const Object& shown = walk.run->Show(walk, word);
      Expect(std::strstr(text, kTypes[shown.type].name) != nullptr,
             "a report names another type");
    } else {
      ++walk.lines;
      walk.counted += std::strtoull(text, nullptr, 10);
    }
  }
  void Report(Table& table) {
    Walk walk(this, &table);
    const std::size_t most = input_.Below(8);
    const std::vector<Word> before = LiveWords(table);
    const auto created = table.created, deleted = table.deleted;
    std::set<int> kinds;
    for (const auto& [word, object] : table.live)
      kinds.insert(kKinds[object->type]);
    const std::size_t live = Call(LetsGo(walk), [&] {
      return haft_table_report(table.table, most, &Line, &walk);
    });
    Expect(walk.counted == live, "a report's lines add up to something else");
    Expect(walk.seen.size() == std::min(most, live), "a report's length");
    if (table.created != created || table.deleted != deleted) return;
    Expect(live == before.size(), "a report counted wrong");
    Expect(walk.lines == kinds.size(), "a report has another number of types");
  }

  // ---- Scopes

  void OpenScope(Table& table) {
    if (scopes_.size() >= 6 || table.ending) return;
    haft_scope* scope = nullptr;
    Expect(haft_scope_open(table.table, &scope) == HAFT_OK && scope != nullptr,
           "haft_scope_open is wrong");
    scopes_.push_back({scope, &table, {}});
  }
  // If a scope is being closed, this often returns it.
  Scope* AnyScope() {
    if (scopes_.empty()) return nullptr;
    const unsigned how = input_.Byte();
    const auto closing =
        std::find_if(scopes_.begin(), scopes_.end(),
                     [](const Scope& scope) { return scope.closing; });
    return &*(how % 2 != 0 && closing != scopes_.end()
                  ? closing
                  : std::next(scopes_.begin(), how / 2 % scopes_.size()));
  }
  void AddToScope(Word word) {
    Scope* const scope = AnyScope();
    if (scope == nullptr) return;
    // It escapes so often that the scope grows.
    const unsigned how = input_.Byte();
    for (unsigned i = 0; i < (how < 200 ? 1 : how - 199); ++i)
      Add(*scope, word);
  }
  static void Add(Scope& scope, Word word) {
    Expect(haft_scope_add(scope.scope, word) == HAFT_OK,
           "haft_scope_add is wrong");
    scope.words.push_back(word);
  }
  void Escape(Word word) {
    Scope* const scope = AnyScope();
    if (scope == nullptr) return;
    Scope* const outer = input_.Byte() % 4 == 0 ? nullptr : AnyScope();
    const auto found =
        std::find(scope->words.begin(), scope->words.end(), word);
    const bool has = found != scope->words.end();
    const bool fits = outer == nullptr || outer->table == scope->table;
    const haft_status expected = !has    ? HAFT_NEVER_ISSUED
                                 : !fits ? HAFT_INVALID
                                         : HAFT_OK;
    Expect(haft_scope_escape(scope->scope, word,
                             outer == nullptr ? nullptr : outer->scope) ==
               expected,
           "haft_scope_escape is wrong");
    if (expected != HAFT_OK || outer == scope) return;
    scope->words.erase(found);
    if (outer != nullptr) outer->words.push_back(word);
  }
  void Close(std::list<Scope>::iterator place) {
    if (std::exchange(place->closing, true)) return;
    std::size_t live = 0;
    const Advance advance = [&] {
      if (place->words.empty()) return false;
      const Word word = place->words.back();
      place->words.pop_back();
      if (Object* const object = Live(*place->table, word)) {
        ++live;
        End(*object);
      }
      return true;
    };
    const std::size_t deleted =
        Call(advance, [&] { return haft_scope_close(place->scope); });
    scopes_.erase(place);
    Expect(deleted == live, "haft_scope_close counted wrong");
  }

  // ---- Tables

  void Create(std::size_t capacity) {
    auto table = std::make_unique<Table>();
    table->capacity = capacity;
    Expect(haft_table_create(capacity, &table->table) == HAFT_OK &&
               table->table != nullptr,
           "haft_table_create is wrong");
    tables_.push_back(table.release());
  }
  void ChangeTables() {
    const unsigned how = input_.Byte();
    if (how % 2 == 0 && tables_.size() < 4) return Create(1 + how / 2);
    // No call may be inside the table.
    if (!frames_.empty() || tables_.size() < 2) return;
    DestroyTable(tables_[1 + how / 2 % (tables_.size() - 1)]);
  }
  void DestroyTable(Table* table) {
    for (auto scope = scopes_.begin(); scope != scopes_.end();) {
      const auto place = scope++;
      if (place->table != table) continue;
      Close(place);
      scope = scopes_.begin();
    }
    for (auto pin = pins_.begin(); pin != pins_.end();) {
      const auto place = pin++;
      if (place->object->table != table) continue;
      Unpin(place, false);
      pin = pins_.begin();
    }
    // `destroy` may have taken new ones.
    for (const Scope& scope : scopes_) {
      if (scope.table == table) return DestroyTable(table);
    }
    if (!SettleLoansOf(table)) return DestroyTable(table);
    ExpectStats(*table);
    // These are objects without callbacks, whose destruction cannot be
    // observed.
    for (const Word word : LiveWords(*table)) {
      const Object* const object = Live(*table, word);
      if (object != nullptr && object->by < 0) Delete(*table, word, nullptr);
    }
    table->ending = true;
    const Advance advance = [&] {
      if (called_ == nullptr || called_->table != table || !IsLive(*called_))
        return false;
      End(*called_);
      return true;
    };
    Call(advance, [&] {
      haft_table_destroy(table->table);
      return 0;
    });
    Expect(table->occupied == 0, "haft_table_destroy has left some");
    DropLoansOf(table);
    tables_.erase(std::find(tables_.begin(), tables_.end(), table));
    delete table;
  }

  // ---- Invalid arguments

  void Nulls(Table& table, Word word) {
    haft_table* const t = table.table;
    const haft_type* const type = &kTypes[0];
    haft_handle handle = 77;
    haft_table* made = nullptr;
    haft_pin pin{};
    void* object = nullptr;
    void (*destroy)(void*) = nullptr;
    std::size_t count = 77;
    void* const objects[] = {nullptr};
    const bool are_invalid[] = {
        haft_table_new(t, nullptr, nullptr, &handle) == HAFT_INVALID,
        haft_table_new(t, nullptr, type, nullptr) == HAFT_INVALID,
        haft_table_new_with(t, nullptr, nullptr, nullptr, nullptr, &handle) ==
            HAFT_INVALID,
        haft_table_new_with(t, nullptr, type, nullptr, nullptr, nullptr) ==
            HAFT_INVALID,
        haft_table_value(t, word, nullptr, nullptr) == HAFT_INVALID,
        haft_table_pin_object(t, word, nullptr, nullptr, &object) ==
            HAFT_INVALID,
        haft_table_pin_object(t, word, nullptr, &pin, nullptr) == HAFT_INVALID,
        haft_table_take(t, word, nullptr, nullptr) == HAFT_INVALID,
        haft_table_take_owned(t, word, nullptr, nullptr, &destroy, &object) ==
            HAFT_INVALID,
        haft_table_take_owned(t, word, nullptr, &object, nullptr, &object) ==
            HAFT_INVALID,
        haft_table_take_owned(t, word, nullptr, &object, &destroy, nullptr) ==
            HAFT_INVALID,
        haft_table_intern(t, &count, nullptr, &handle) == HAFT_INVALID,
        haft_table_intern(t, &count, type, nullptr) == HAFT_INVALID,
        haft_table_intern(t, nullptr, type, &handle) == HAFT_INVALID,
        haft_table_new_batch(t, objects, 1, nullptr, &handle, &count) ==
            HAFT_INVALID,
        haft_table_new_batch(t, objects, 1, type, &handle, nullptr) ==
            HAFT_INVALID,
        haft_table_new_batch(t, nullptr, 1, type, &handle, &count) ==
            HAFT_INVALID,
        haft_table_new_batch(t, objects, 1, type, nullptr, &count) ==
            HAFT_INVALID,
        haft_table_stats(t, nullptr) == HAFT_INVALID,
        haft_table_create(0, &made) == HAFT_INVALID,
        haft_table_create(10, nullptr) == HAFT_INVALID,
        haft_scope_open(t, nullptr) == HAFT_INVALID,
        haft_scope_add(nullptr, word) == HAFT_INVALID,
        haft_scope_escape(nullptr, word, nullptr) == HAFT_INVALID,
    };
    for (const bool is_invalid : are_invalid)
      Expect(is_invalid, "a null argument is not HAFT_INVALID");
    Expect(haft_table_create(Layout::kSlots + 1, &made) == HAFT_FULL,
           "a capacity that is too large is not HAFT_FULL");
    Expect(haft_table_delete_batch(t, nullptr, 3, nullptr, nullptr) == 0 &&
               haft_table_for_each(t, nullptr, nullptr) == 0 &&
               haft_table_report(t, 1, nullptr, nullptr) == 0 &&
               haft_scope_close(nullptr) == 0,
           "a null argument has an effect");
    haft_unpin(nullptr);
    haft_unpin(&pin);
    haft_table_destroy(nullptr);
    Expect(handle == 77 && made == nullptr && object == nullptr &&
               destroy == nullptr && count == 0 && IsZero(pin),
           "an invalid call writes");
  }

  // ---- Figures

  void ExpectStats(const Table& table) const {
    // Inside a call the figures are not exact.
    if (!frames_.empty()) return;
    haft_stats stats;
    Expect(haft_table_stats(table.table, &stats) == HAFT_OK,
           "haft_table_stats");
    Expect(stats.live == table.live.size(), "statistics: live");
    Expect(stats.retired_objects == table.retired_objects,
           "statistics: retired");
    Expect(stats.created == table.created, "statistics: created");
    Expect(stats.deleted == table.deleted, "statistics: deleted");
    Expect(stats.exhausted_slots == table.exhausted, "statistics: exhausted");
    Expect(stats.high_water >=
               stats.live + stats.retired_objects + stats.exhausted_slots,
           "statistics: high water");
    Expect(stats.capacity == table.Capacity(), "statistics: capacity");
  }
  void LookAtAll() {
    for (const Table* const table : tables_) ExpectStats(*table);
    for (const Held& held : pins_)
      Expect(held.object->payload->canary == Payload::kAlive,
             "destroyed under a pin");
    for (Table* const table : tables_) {
      for (const auto& [word, object] : table->live)
        Look(*table, word, &kTypes[object->type]);
    }
  }

  Input input_;
  std::vector<Table*> tables_;  // the process's first
  std::map<Word, std::unique_ptr<Object>> objects_;
  std::list<Held> pins_;
  std::list<Loan> loans_;
  std::list<Scope> scopes_;
  std::vector<Word> known_;
  Word ids_ = 0;

  std::vector<const Advance*> frames_;          // the calls under way
  std::unordered_set<const Object*> due_;       // to be destroyed next
  std::unordered_set<const Object*> deferred_;  // when nothing nests any more
  Object* called_ = nullptr;                    // whose `destroy` has been
  const haft_pin* unpinning_ = nullptr;
  unsigned depth_ = 0;  // of `destroy` in `destroy`
};
Run* Run::current = nullptr;

void Destroyed(void* context, int by) {
  Expect(Run::current != nullptr, "destroyed when all is over");
  Run::current->OnDestroy(static_cast<Payload*>(context), by);
}

}  // namespace
}  // namespace haft::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  using namespace haft::fuzz;
  Run run(Input(data, std::min<std::size_t>(size, 2000)));
  run.Go();
  return 0;
}
