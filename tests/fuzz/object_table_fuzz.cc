// A fuzz target for ObjectTable: sequences of its operations, with any word as
// a handle, against a reference. They include pins, read scopes, every way to
// delete, constructors and moves that throw, and destructors that delete. The
// first bytes choose the table.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "haft/global_free_list.h"
#include "haft/object_table.h"
#include "haft/striped_free_list.h"
#include "tests/fuzz/input.h"
#include "tests/support/inspector.h"

namespace haft::fuzz {
namespace {

// The receiver of the objects' events: the current run.
class Events {
 public:
  virtual void Destroyed(Word id, Handle child) = 0;

 protected:
  ~Events() = default;
};

struct Thrown {};

// An object that detects its use outside of its life, and deletes its child in
// its destructor.
class Node {
 public:
  Node(Events* events, Word id, Handle child, bool throws) : id_(id) {
    if (throws) throw Thrown();
    events_ = events;
    child_ = child;
  }
  // The object that it is moved to reports no events.
  Node(Node&& other) : id_(other.Id()) {
    if (other.throws_when_moved) throw Thrown();
  }
  ~Node() {
    Expect(canary_ == (id_ ^ kAlive), "destroyed what is no object");
    canary_ = 0;
    if (events_ != nullptr) events_->Destroyed(id_, child_);
  }

  Word Id() const {
    Expect(canary_ == (id_ ^ kAlive), "found what is no object");
    return id_;
  }

  bool throws_when_moved = false;

 private:
  static constexpr Word kAlive = 0x5ca1ab1e;

  const Word id_;
  volatile Word canary_ = id_ ^ kAlive;
  Events* events_ = nullptr;
  Handle child_;
};

template <typename Traits>
class Run final : private Events {
  using Layout = typename Traits::Layout;
  using Table = ObjectTable<Node, Traits>;
  using Pinned = typename Table::Pinned;
  using ReadScope = typename Table::ReadScope;
  static constexpr bool kDropsSlots =
      Traits::kExhaustion == Exhaustion::kDropSlot;
  static constexpr bool kIsExact =
      std::is_same_v<typename Traits::FreeList, StripedFreeList> ||
      std::is_same_v<typename Traits::FreeList, GlobalFreeList>;

 public:
  Run(Input input, std::size_t capacity)
      : input_(input),
        capacity_(capacity),
        table_(std::make_unique<Table>(capacity)) {}

  void Go() {
    while (!input_.empty()) {
      const unsigned op = input_.Byte();
      // A scope belongs to the thread that opened it.
      self_ = op >= 224 && scopes_.empty() ? kUncached : kThread;
      {
        const AsUncachedCaller uncached(self_ == kUncached);
        Step(op % 24);
      }
      self_ = kThread;
      Expect(actual_ == expected_, "not destroyed when it should have been");
    }
    LookAtAll();
    while (!scopes_.empty()) EndScope();
    for (Held& held : pins_) Unpin(held);
    pins_.clear();
    LookAtAll();
    Expect(retired_objects_.empty(), "an object nobody uses is retired still");
    for (const auto& [word, object] : live_) expected_.insert(object.id);
    live_.clear();
    table_.reset();
    Expect(actual_ == expected_, "the table has not destroyed what was live");
  }

 private:
  // The kind of caller that makes a call or opens a scope.
  enum Self { kThread, kUncached };
  struct Object {
    bool held() const { return held_by[kThread] || held_by[kUncached]; }

    Word id;
    Word child;
    unsigned pins = 0;
    bool throws_when_moved = false;
    bool used_by[2] = {};
    // The object was deleted while a scope of a caller that had used it was
    // open, and the scope still is.
    bool held_by[2] = {};
  };
  struct Held {
    Word word;
    Word id;
    Pinned pinned;
  };

  void Destroyed(Word id, Handle child) override {
    Expect(actual_.insert(id).second, "destroyed twice");
    if (child != kNullHandle && table_ != nullptr) (void)table_->Delete(child);
  }

  void Step(unsigned op) {
    const Word any = Any();
    switch (op) {
      case 0:
        return Look(any);
      case 1:
      case 2:
      case 3:
        return Pin(any);
      case 4:
      case 5: {
        if (pins_.empty()) return;
        const std::size_t i = input_.Below(pins_.size());
        std::swap(pins_[i], pins_.back());
        Unpin(pins_.back());
        return pins_.pop_back();
      }
      case 6: {
        if (pins_.empty()) return;
        Held& held = pins_[input_.Below(pins_.size())];
        const PinWords words = held.pinned.Detach();
        Expect(!held.pinned, "a detached pin holds still");
        held.pinned = Pinned::Attach(words);
        return;
      }
      case 7:
      case 8:
        return Expect(table_->Delete(Handle(any)) == Ended(any),
                      "Delete is wrong");
      case 9: {
        const bool in_use = UseOf(any) != Status::kOk;
        const Status status =
            table_->DeleteAndWait(Handle(any), std::chrono::nanoseconds(0));
        const Status ended = Ended(any);
        return Expect(
            status ==
                (ended == Status::kOk && in_use ? Status::kTimedOut : ended),
            "DeleteAndWait is wrong");
      }
      case 10:
      case 11: {
        const Status use = UseOf(any);
        const Status status = table_->DeleteUnlessPinned(Handle(any));
        return Expect(status == (use != Status::kOk ? use : Ended(any)),
                      "DeleteUnlessPinned is wrong");
      }
      case 12:
      case 13:
        return Take(any);
      case 14: {
        if (scopes_.size() >= 4) return;
        scopes_.push_back({self_, std::make_unique<ReadScope>(*table_)});
        return;
      }
      case 15:
        return EndScope();
      case 16:
        return Find(any);
      case 17:
        return LookAtAll();
      case 18:
        return DeleteBatch(input_.Below(12));
      case 19: {
        if (input_.Byte() != 7) return;
        Expect(table_->Clear() <= live_.size(), "Clear counted wrong");
        while (!live_.empty()) (void)Ended(live_.begin()->first);
        return;
      }
      default:
        return Emplace();
    }
  }

  Word Any() { return input_.AnyHandle<Layout>(issued_); }
  // Why a conditional delete is refused, or kOk.
  Status UseOf(Word word) const {
    const auto live = live_.find(word);
    if (live == live_.end()) return Status::kOk;
    if (live->second.pins != 0) return Status::kPinned;
    return IsScoped(live->second) ? Status::kScoped : Status::kOk;
  }
  bool IsScoped(const Object& object) const {
    return std::any_of(scopes_.begin(), scopes_.end(), [&](const Scope& scope) {
      return object.used_by[scope.self];
    });
  }

  // Ends `word` in the reference. Returns the status that the table should
  // return.
  Status Ended(Word word) {
    const auto found = live_.find(word);
    if (found == live_.end()) {
      const Status status = table_->Check(Handle(word));
      Expect(IsRefusal(word, status), "refused for a wrong reason");
      return status;
    }
    Object object = found->second;
    live_.erase(found);
    ++deleted_;
    for (const Scope& scope : scopes_)
      object.held_by[scope.self] |= object.used_by[scope.self];
    if (object.pins == 0 && !object.held()) {
      Gone(word, object);
    } else {
      retired_objects_.emplace(word, object);
    }
    return Status::kOk;
  }
  void Gone(Word word, const Object& object) {
    expected_.insert(object.id);
    exhausted_ += kDropsSlots &&
                  Layout::Generation::Decode(word) == Layout::Generation::kMax;
    if (live_.count(object.child) != 0) (void)Ended(object.child);
  }
  void GoneIfUnused(Word word) {
    const auto found = retired_objects_.find(word);
    if (found == retired_objects_.end()) return;
    const Object object = found->second;
    if (object.pins != 0 || object.held()) return;
    retired_objects_.erase(found);
    Gone(word, object);
  }

  void Emplace() {
    const unsigned how = input_.Byte();
    const bool throws = how % 8 == 0;
    const Word id = ++ids_;
    const Word child = how % 4 == 1 ? Any() : 0;
    const std::size_t used =
        live_.size() + retired_objects_.size() + exhausted_;
    Handle handle;
    try {
      handle = table_->Emplace(static_cast<Events*>(this), id, Handle(child),
                               throws);
    } catch (const Thrown&) {
      return Expect(throws, "thrown by nobody");
    }
    if (handle == kNullHandle) {
      Expect(used >= capacity_, "full below the capacity");
      return Expect(used + OutOfReach<typename Traits::FreeList>(*table_) ==
                        table_->Stats().high_water,
                    "full though a slot is free");
    }
    Expect(!throws, "constructed without a constructor");
    Expect(!kIsExact || used < capacity_, "Emplace beyond the capacity");
    const Word word = static_cast<Word>(handle);
    Expect(Layout::IsWellFormed(word), "Emplace made a malformed handle");
    Expect(retired_objects_.count(word) == 0, "Emplace made a retired handle");
    Object object{id, child};
    if (how % 16 == 2) {
      object.throws_when_moved = true;
      NoteUse(object);
      table_->Pin(handle)->throws_when_moved = true;
    }
    Expect(live_.emplace(word, object).second, "Emplace made a live handle");
    const bool is_new = ever_.insert(word).second;
    Expect(is_new || !kDropsSlots, "Emplace made a handle of old again");
    if (is_new) issued_.push_back(word);
    ++created_;
  }

  // Notes a pin that has occupied a hazard cell. The other caller has no cells:
  // its pins are counted, and so none of its scopes knows of them.
  void NoteUse(Object& object) { object.used_by[kThread] |= self_ == kThread; }

  void Pin(Word word) {
    Pinned pinned = table_->Pin(Handle(word));
    const auto live = live_.find(word);
    if (live == live_.end()) {
      Expect(!pinned && IsRefusal(word, pinned.status()), "Pin is wrong");
      return;
    }
    Expect(pinned.status() == Status::kOk, "Pin refuses a live handle");
    Expect(pinned->Id() == live->second.id, "Pin finds another object");
    ++live->second.pins;
    NoteUse(live->second);
    pins_.push_back({word, live->second.id, std::move(pinned)});
  }
  void Unpin(Held& held) {
    Expect(held.pinned->Id() == held.id, "a pin holds another object");
    held.pinned.Unpin();
    const auto live = live_.find(held.word);
    if (live != live_.end()) {
      --live->second.pins;
      return;
    }
    const auto retired = retired_objects_.find(held.word);
    Expect(retired != retired_objects_.end(), "destroyed under a pin");
    --retired->second.pins;
    GoneIfUnused(held.word);
  }

  void Take(Word word) {
    const Status use = UseOf(word);
    const auto live = live_.find(word);
    const Word id = live == live_.end() ? 0 : live->second.id;
    const bool throws = id != 0 && live->second.throws_when_moved;
    Status why = Status::kTimedOut;
    bool thrown = false;
    try {
      const std::optional<Node> taken = table_->Take(Handle(word), &why);
      Expect(taken.has_value() == (why == Status::kOk), "Take and its status");
      if (taken.has_value())
        Expect(taken->Id() == id, "Take of another object");
    } catch (const Thrown&) {
      thrown = true;
    }
    const bool in_use = use != Status::kOk;
    Expect(why == (in_use ? use : Ended(word)), "Take is wrong");
    Expect(thrown == (throws && !in_use), "Take throws");
  }

  void DeleteBatch(std::size_t count) {
    std::vector<Handle> handles;
    for (std::size_t i = 0; i < count; ++i) handles.emplace_back(Any());
    std::vector<Status> statuses(count);
    const std::size_t deleted =
        table_->DeleteBatch(handles.data(), count, statuses.data());
    std::size_t expected = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const Word word = static_cast<Word>(handles[i]);
      const bool live = live_.count(word) != 0;
      if (live) (void)Ended(word);
      expected += live;
      Expect(live ? statuses[i] == Status::kOk : IsRefusal(word, statuses[i]),
             "DeleteBatch is wrong");
    }
    Expect(deleted == expected, "DeleteBatch counted wrong");
  }

  void EndScope() {
    if (scopes_.empty()) return;
    const Self self = scopes_.back().self;
    {
      // As the thread that began it.
      const AsUncachedCaller other(self != self_);
      scopes_.pop_back();
    }
    if (std::any_of(scopes_.begin(), scopes_.end(),
                    [=](const Scope& scope) { return scope.self == self; }))
      return;
    std::vector<Word> words;
    for (auto& [word, object] : retired_objects_) {
      object.held_by[self] = false;
      words.push_back(word);
    }
    for (const Word word : words) GoneIfUnused(word);
  }
  void Find(Word word) {
    if (scopes_.empty()) return;
    const Node* const found = scopes_.back().scope->Find(Handle(word));
    const auto live = live_.find(word);
    if (live == live_.end()) return Expect(found == nullptr, "Find is wrong");
    Expect(found != nullptr && found->Id() == live->second.id,
           "Find finds another object");
    live->second.used_by[scopes_.back().self] = true;
  }

  bool IsRefusal(Word word, Status status) const {
    if (word == 0) return status == Status::kNull;
    if (!Layout::IsWellFormed(word)) return status == Status::kMalformed;
    if (ever_.count(word) == 0) return status == Status::kNeverIssued;
    return status == Status::kStale ||
           (!kDropsSlots && status == Status::kNeverIssued);
  }
  void Look(Word word) {
    const Status status = table_->Check(Handle(word));
    Expect(live_.count(word) != 0 ? status == Status::kOk
                                  : IsRefusal(word, status),
           "Check is wrong");
  }

  void LookAtAll() {
    std::size_t seen = 0;
    table_->ForEach([&](Handle handle, Node& node) {
      ++seen;
      const auto live = live_.find(static_cast<Word>(handle));
      Expect(live != live_.end() && live->second.id == node.Id(),
             "ForEach shows what is not live");
      if (live != live_.end()) NoteUse(live->second);
    });
    Expect(seen == live_.size(), "ForEach shows not all");
    for (const Held& held : pins_)
      Expect(held.pinned->Id() == held.id, "a pin holds another object");
    const ObjectTableStats stats = table_->Stats();
    Expect(stats.live == live_.size(), "Stats: live");
    Expect(stats.retired_objects == retired_objects_.size(), "Stats: retired");
    Expect(stats.created == created_, "Stats: created");
    Expect(stats.deleted == deleted_, "Stats: deleted");
    Expect(stats.exhausted_slots == exhausted_, "Stats: exhausted");
    std::unordered_set<Word> free;
    internal::Inspector::ForEachFree(*table_, [&](Handle handle) {
      Expect(free.insert(static_cast<Word>(handle)).second,
             "a slot is free twice");
    });
    Expect(free.size() + live_.size() + retired_objects_.size() + exhausted_ ==
               stats.high_water,
           "slots lost or doubled");
  }

  Input input_;
  const std::size_t capacity_;
  std::unique_ptr<Table> table_;
  std::map<Word, Object> live_;
  std::map<Word, Object> retired_objects_;  // deleted, and in use
  std::unordered_set<Word> ever_;
  std::vector<Word> issued_;
  std::unordered_set<Word> actual_, expected_;  // ids of the destroyed
  std::vector<Held> pins_;
  struct Scope {
    Self self;
    std::unique_ptr<ReadScope> scope;
  };
  std::vector<Scope> scopes_;
  Self self_ = kThread;
  Word ids_ = 0;
  std::size_t created_ = 0, deleted_ = 0, exhausted_ = 0;
};

template <typename FreeList, typename Layout,
          Exhaustion kExhaustion = Exhaustion::kDropSlot>
void RunOne(Input input) {
  const std::size_t capacity =
      std::min<std::size_t>(1 + input.Byte(), Layout::kSlots);
  Run<FuzzTraits<FreeList, Layout, kExhaustion>>(input, capacity).Go();
}

using Tiny = HandleLayout<3, 2>;
// Room for magazines of two handles beside 255.
using Short = HandleLayout<12, 3>;

}  // namespace
}  // namespace haft::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  using namespace haft;
  using namespace haft::fuzz;
  Input input(data, std::min<std::size_t>(size, 2000));
  switch (input.Below(8)) {
    case 0:
      RunOne<MagazineFreeList, DefaultLayout>(input);
      break;
    case 1:
      RunOne<BasicMagazineFreeList<3>, Short>(input);
      break;
    case 2:
      RunOne<BasicMagazineFreeList<3>, Short, Exhaustion::kWrap>(input);
      break;
    case 3:
      RunOne<GlobalFreeList, Tiny>(input);
      break;
    case 4:
      RunOne<GlobalFreeList, Tiny, Exhaustion::kWrap>(input);
      break;
    case 5:
      RunOne<StripedFreeList, HandleLayout<6, 3>>(input);
      break;
    case 6:
      RunOne<StripedFreeList, Layout32<8>>(input);
      break;
    default:
      RunOne<MagazineFreeList, HandleLayout<7, 24>>(input);
      break;
  }
  return 0;
}
