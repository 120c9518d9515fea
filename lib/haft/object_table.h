// The object table: owns an object in each slot, and keeps it alive while it is
// used.

#ifndef HAFT_OBJECT_TABLE_H_
#define HAFT_OBJECT_TABLE_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "haft/handle.h"
#include "haft/internal/base/abi.h"
#include "haft/internal/base/check.h"
#include "haft/internal/base/event_count.h"
#include "haft/internal/base/power_of_two.h"
#include "haft/internal/base/reserved_array.h"
#include "haft/internal/base/sync.h"
#include "haft/internal/free_list/fresh_slots.h"
#include "haft/internal/free_list/handle_stack.h"
#include "haft/internal/reclamation/user_set.h"
#include "haft/internal/slot/object_slot.h"
#include "haft/internal/slot/slot_array.h"
#include "haft/internal/table/bad_handle_report.h"
#include "haft/internal/thread/thread_caches.h"
#include "haft/internal/thread/thread_registry.h"
#include "haft/status.h"
#include "haft/traits.h"

namespace haft {
inline namespace HAFT_ABI {

// Figures of an object table; exact when no other thread is inside a call.
struct ObjectTableStats {
  std::size_t live;             // handles issued and not deleted
  std::size_t retired_objects;  // objects deleted and still in use
  std::uint64_t created;        // handles ever issued
  std::uint64_t deleted;        // handles ever deleted
  std::size_t exhausted_slots;  // slots that have used up their generations
  std::size_t high_water;       // slots ever taken into use, free ones included
  std::size_t capacity;  // objects that can always exist, less the exhausted
};

}  // inline namespace HAFT_ABI
}  // namespace haft

namespace haft::internal {
inline namespace HAFT_ABI {

struct DoNothing {
  void operator()() const noexcept {}
};

}  // inline namespace HAFT_ABI
}  // namespace haft::internal

namespace haft {
inline namespace HAFT_ABI {

// A pin in plain memory; see ObjectTable::Pinned::Detach.
struct PinWords {
  Word words[4];
};

// Owns objects of type T, each in place in its slot, and gives them opaque
// handles. A *pin* keeps an object alive while it is used: Delete ends the
// handle at once, and destroys the object when the last pin is gone, no later
// than that unpin returns. Pinning writes no line that another reader writes.
//
// T is any type: move-only, over-aligned, with a throwing constructor. T's
// constructor, destructor and move may call the table.
//
// Unless a comment says otherwise every member may be called by any thread at
// any time. What constructs, destroys or moves a T is as safe in a signal
// handler as T is; the rest is async-signal-safe.
template <typename T, typename Traits = DefaultTraits>
class ObjectTable {
  using Layout = typename Traits::Layout;
  using FreeList = typename Traits::FreeList;
  using Reclamation = typename Traits::Reclamation;
  using Hold = typename Reclamation::Hold;
  using Slot = internal::ObjectSlot<T, Layout, typename Reclamation::Usage>;
  using Slots = internal::SlotArray<Slot, Layout>;
  using State = typename Slots::State;

  static_assert(Layout::Index::kWidth >= 3,
                "a slot's states need three index bits");

 public:
  // How many objects the layout allows to exist at once.
  static constexpr std::size_t kMaxCapacity = Layout::kSlots;

  // A pin: holds an object for as long as it exists, or says why it does not.
  // May be moved, to another thread too, and may be let go by any thread (where
  // Traits::Reclamation is exact).
  class Pinned {
   public:
    Pinned(Pinned&& other) noexcept
        : table_(other.table_),
          hold_(std::exchange(other.hold_, nullptr)),
          slot_(other.slot_),
          word_(other.word_),
          status_(std::exchange(other.status_, Status::kNull)) {}
    Pinned& operator=(Pinned&& other) noexcept {
      if (this != &other) {
        Unpin();
        new (this) Pinned(std::move(other));
      }
      return *this;
    }
    ~Pinned() { Unpin(); }

    // kOk while it holds an object, else why it does not; kNull once let go.
    Status status() const noexcept { return status_; }
    explicit operator bool() const noexcept { return hold_ != nullptr; }
    Handle handle() const noexcept { return Handle(word_); }

    T& operator*() const noexcept { return *slot_->object(); }
    T* operator->() const noexcept { return slot_->object(); }
    T* get() const noexcept { return *this ? slot_->object() : nullptr; }

    // Lets go, if it holds.
    //   Progress  wait-free, if it is not the last pin of a deleted object
    //   Cost      a store and a load; of the last one, T's destructor
    void Unpin() noexcept {
      if (hold_ == nullptr) return;
      status_ = Status::kNull;
      ObjectTable::Unpin(table_, std::exchange(hold_, nullptr), slot_, word_);
    }

    // The pin as plain words, which C may store and any thread give back: from
    // here on nothing but Attach lets go of it.
    PinWords Detach() noexcept {
      static_assert(Reclamation::kIsExact, "its pins belong to their threads");
      status_ = Status::kNull;
      return {{reinterpret_cast<Word>(table_),
               reinterpret_cast<Word>(std::exchange(hold_, nullptr)),
               reinterpret_cast<Word>(slot_), word_}};
    }
    // The pin that Detach has made these words of; each may be attached once.
    static Pinned Attach(const PinWords& words) noexcept {
      if (words.words[1] == 0) return Pinned(Status::kNull);
      return Pinned(reinterpret_cast<ObjectTable*>(words.words[0]),
                    reinterpret_cast<Hold*>(words.words[1]),
                    reinterpret_cast<Slot*>(words.words[2]), words.words[3]);
    }

   private:
    friend class ObjectTable;
    explicit Pinned(Status why_not) noexcept : status_(why_not) {}
    Pinned(ObjectTable* table, Hold* hold, Slot* slot, Word word) noexcept
        : table_(table),
          hold_(hold),
          slot_(slot),
          word_(word),
          status_(Status::kOk) {}

    ObjectTable* table_ = nullptr;
    Hold* hold_ = nullptr;
    Slot* slot_ = nullptr;
    Word word_ = 0;
    Status status_;
  };

  // The object of a handle that has ended, which its destructor destroys.
  class Ended {
   public:
    Ended(Ended&& other) noexcept
        : table_(other.table_), word_(std::exchange(other.word_, 0)) {}
    ~Ended() {
      if (word_ != 0) table_->Destroy(word_);
    }

   private:
    friend class ObjectTable;
    Ended(ObjectTable* table, Word word) noexcept
        : table_(table), word_(word) {}

    ObjectTable* const table_;
    Word word_;
  };

  // A read scope: what it finds stays alive until it ends, also if deleted
  // meanwhile, for one publication in all. For loops that touch many handles:
  // a look-up in it costs little more than an unprotected one. The price: of
  // what its thread has ever used, nothing that is deleted after it began is
  // destroyed before it ends; keep it short. For the one thread that makes it;
  // scopes may nest.
  class ReadScope {
   public:
    explicit ReadScope(ObjectTable& table) noexcept
        : table_(table),
          index_(table.reclamation_.BeginScope()),
          thread_(index_) {
      static_assert(Reclamation::kIsExact, "it has no read scopes");
    }
    ~ReadScope() {
      if (table_.reclamation_.EndScope(index_))
        table_.RetryDeferredToScope(index_);
    }
    ReadScope(const ReadScope&) = delete;
    ReadScope& operator=(const ReadScope&) = delete;

    // The object of `handle`, good until the scope ends; nullptr when the
    // handle is not live.
    //   Progress  lock-free; wait-free unless a DeleteUnlessPinned or a Take of
    //             this handle is under way
    //   Cost      three loads; a thread's first use of an object is a
    //             read-modify-write of the object's line
    T* Find(Handle handle) const noexcept {
      const Word word = static_cast<Word>(handle);
      Slot& slot = table_.slots_[word];
      if (!slot.MayBeLive(word, table_.slots_.size())) return nullptr;
      slot.usage().users.AddAsOther(thread_);
      return slot.ConfirmLive(word, table_.slots_.size()) ? slot.object()
                                                          : nullptr;
    }

   private:
    ObjectTable& table_;
    const unsigned index_;
    const internal::UserSet::Member thread_;
  };

  // A table for `capacity` objects. It reserves address space for all and
  // touches a few pages only.
  //   Errors    throws std::length_error when capacity > kMaxCapacity and
  //             std::bad_alloc when address space cannot be had; without
  //             exceptions it aborts: use Create there
  explicit ObjectTable(std::size_t capacity)
      : ObjectTable(capacity, Unchecked{}) {
    if (ok()) return;
#ifdef __cpp_exceptions
    if (capacity > kMaxCapacity)
      throw std::length_error(
          "haft::ObjectTable: capacity exceeds the handle layout");
    throw std::bad_alloc();
#else
    internal::Fatal(capacity > kMaxCapacity
                        ? "ObjectTable: capacity exceeds the handle layout"
                        : "ObjectTable: no address space for the slots");
#endif
  }

  // The same without exceptions.
  //   Returns   nullptr where the constructor would throw
  static std::unique_ptr<ObjectTable> Create(std::size_t capacity) noexcept {
    std::unique_ptr<ObjectTable> table(new (std::nothrow)
                                           ObjectTable(capacity, Unchecked{}));
    if (table != nullptr && !table->ok()) table.reset();
    return table;
  }

  // Destroys what is live. No thread may be inside a call. Objects still pinned
  // are reported on stderr; they and the memory under them then stay for ever,
  // so that the pins remain good.
  ~ObjectTable() {
    // Again while destructors make new objects.
    while (Clear() != 0) {
    }
    if constexpr (!Reclamation::kIsExact) {
      if (ReclaimAll()) slots_.Leak();
    } else if (const std::size_t pinned =
                   retired_objects_.load(std::memory_order_relaxed)) {
      internal::ReportPinned(this, pinned);
      slots_.ForEachInUse(fresh_slots_.high_water(), [](Slot& slot, Word word) {
        slot.SetEnd(EndOf(word));
      });
      slots_.Leak();
      reclamation_.Leak();
    }
  }

  ObjectTable(const ObjectTable&) = delete;
  ObjectTable& operator=(const ObjectTable&) = delete;

  // Constructs a T from `arguments` in a free slot.
  //   Returns   a handle never returned before; kNullHandle when the table is
  //             full (nothing has then been constructed)
  //   Errors    what T's constructor throws; nothing has then changed
  //   Progress  lock-free but for the constructor
  //   Cost      as HandleTable::New
  //   Ordering  what precedes happens before what follows a Pin that finds the
  //             object
  template <typename... Arguments>
  [[nodiscard]] Handle Emplace(Arguments&&... arguments) {
    Reservation reservation(this);
    if (reservation.word == 0) return kNullHandle;
    Slot& slot = slots_[reservation.word];
    new (slot.BeginObject()) T(std::forward<Arguments>(arguments)...);
    slot.Publish(reservation.word);
    return Handle(std::exchange(reservation.word, 0));
  }
  [[nodiscard]] Handle Insert(T object) { return Emplace(std::move(object)); }

  // Emplace for the hot path of a function that calls Emplace by a tail call
  // where this does not do it: then it has no registers to save. For a T whose
  // constructor does not throw, and a free list that has PopLoaded.
  //   Returns   kNullHandle, too, where the calling thread's cache has no
  //             handle at hand (nothing has then been constructed)
  //   Progress  wait-free but for the constructor
  template <typename... Arguments>
  [[nodiscard, gnu::always_inline]] Handle TryEmplace(
      Arguments&&... arguments) noexcept {
    static_assert(std::is_nothrow_constructible_v<T, Arguments...>);
    const Word word = caches_.WithOr(
        [this](auto& thread) __attribute__((always_inline)) {
          const Word popped = free_list_.PopLoaded(thread);
          thread.CountCreated(popped != 0);
          return popped;
        },
        [] { return Word{0}; });
    if (__builtin_expect(word == 0, 0)) return kNullHandle;
    Slot& slot = slots_[word];
    new (slot.BeginObject()) T(std::forward<Arguments>(arguments)...);
    slot.Publish(word);
    return Handle(word);
  }

  // Keeps the object of `handle` alive until the guard lets go.
  //   Returns   a guard that gives T&, or an empty one that says why not: a
  //             Status of Check, or kOutOfMemory when more pins are held at
  //             once than there are hazard cells (917,504 and 14 a thread)
  //   Progress  lock-free; wait-free for a thread with an index unless a
  //             DeleteUnlessPinned or a Take of this handle is under way
  //   Cost      one compare-and-swap on a line of the thread's own; a thread's
  //             first use of an object is one more on the object's line
  // (Inlined by force: so the guard stays in registers.)
  [[nodiscard, gnu::always_inline]] Pinned Pin(Handle handle) noexcept {
    const Word word = static_cast<Word>(handle);
    Slot& slot = slots_[word];
    // A handle that is plainly not live costs no publishing. One look at the
    // state: a frozen one may be thawed before a second.
    if (slot.MayBeLive(word, slots_.size())) {
      Hold* const hold = reclamation_.Protect(slot, word);
      if (__builtin_expect(hold == nullptr, 0))
        return Pinned(Status::kOutOfMemory);
      if (__builtin_expect(slot.ConfirmLive(word, slots_.size()), 1))
        return Pinned(this, hold, &slot, word);
      Unpin(this, hold, &slot, word);
    }
    return Pinned(Refusal(handle));
  }

  // Ends `handle`: no Pin succeeds from now on. The object is destroyed before
  // this returns, or if it is pinned, by the last unpin before that returns.
  // (Inside destructors nested deeper than 32 it may be destroyed later, by the
  // outermost one.)
  //   Returns   kOk, once for each handle; else why the handle is refused
  //   Progress  lock-free but for T's destructor
  //   Cost      one compare-and-swap, and a look at the hazard records of each
  //             thread that has used the object; if it is pinned, a system call
  //             that interrupts the process's running threads
  //   Ordering  what precedes, and what precedes each unpin, happens before
  //             T's destructor
  //
  // Of this and the others that end a handle: ended() is called when it has
  // ended, and before the object may be destroyed.
  template <typename F = internal::DoNothing>
  Status Delete(Handle handle, F ended = {}) {
    const Word word = static_cast<Word>(handle);
    if (!slots_[word].End(word, EndOf(word), slots_.size()))
      return Refusal(handle);
    ended();
    Dispose(word);
    return Status::kOk;
  }

  // As Delete, if the object is not pinned.
  //   Returns   kPinned when it is: the handle is then still live
  template <typename F = internal::DoNothing>
  Status DeleteUnlessPinned(Handle handle, F ended = {}) {
    const Status status = EndUnlessPinned(handle);
    if (status != Status::kOk) return status;
    ended();
    Destroy(static_cast<Word>(handle));
    return Status::kOk;
  }

  // DeleteUnlessPinned in two steps, for callers that hold a lock which T's
  // destructor may want: ends `handle` now, and runs none of T's code. The
  // object is destroyed by the destructor of what this returns.
  //   Returns   *why as DeleteUnlessPinned; if that is not kOk, nothing ended
  [[nodiscard]] Ended EndUnlessPinned(Handle handle, Status* why) noexcept {
    *why = EndUnlessPinned(handle);
    return Ended(this, *why == Status::kOk ? static_cast<Word>(handle) : 0);
  }

  // As Delete, then waits until the object is destroyed, for `timeout` at most.
  // A thread that waits for a pin of its own waits in vain.
  //   Returns   kTimedOut when the object is still pinned: it is deleted all
  //             the same, and destroyed by the last unpin. Its slot can be used
  //             again when that returns, which may be a moment later
  //   Progress  blocking: the one call that waits
  template <typename F = internal::DoNothing>
  Status DeleteAndWait(Handle handle, std::chrono::nanoseconds timeout,
                       F ended = {}) {
    static_assert(Reclamation::kIsExact, "nobody is told when it destroys");
    const Status status = Delete(handle, ended);
    if (status != Status::kOk) return status;
    const Word word = static_cast<Word>(handle);
    return destroyed_event_.WaitUntil(
               [&] { return !slots_[word].IsInUse(word); }, timeout)
               ? Status::kOk
               : Status::kTimedOut;
  }

  // As DeleteUnlessPinned, and moves the object out before it is destroyed.
  //   Returns   the object; nothing where DeleteUnlessPinned would not return
  //             kOk, and `*why` is then what it would return
  template <typename F = internal::DoNothing>
  std::optional<T> Take(Handle handle, Status* why = nullptr, F ended = {}) {
    const Status status = EndUnlessPinned(handle);
    if (why != nullptr) *why = status;
    if (status != Status::kOk) return std::nullopt;
    ended();
    const Word word = static_cast<Word>(handle);
    // Destroyed also if moving it out throws.
    struct Destroyer {
      ObjectTable* table;
      Word word;
      ~Destroyer() { table->Destroy(word); }
    } destroyer{this, word};
    return std::optional<T>(std::move(*slots_[word].object()));
  }

  // As HandleTable::Check.
  [[nodiscard]] Status Check(Handle handle) const noexcept {
    return slots_.Status(static_cast<Word>(handle));
  }

  // What the slot that `handle` selects is: "live", "free", "retired",
  // "exhausted" or "untouched"; `*live` is then the handle it answers to, or
  // the null handle.
  [[nodiscard]] const char* DescribeSlot(Handle handle,
                                         Handle* live) const noexcept {
    const Word word = static_cast<Word>(handle);
    *live = Handle(State::LiveHandle(
        slots_[word].state(), Layout::Index::Decode(word) & (slots() - 1)));
    Word generation;
    return *live == kNullHandle ? slots_.Describe(word, &generation) : "live";
  }

  // How many slots there are: the index of every handle is below that.
  [[nodiscard]] std::size_t slots() const noexcept { return slots_.size(); }

  // Reads what Traits::Reclamation keeps of each object outside of it, without
  // a pin: calls f(usage).
  //   Returns   kOk when `handle` was live all the time; else what f has read
  //             means nothing, and this is a Status of Check
  //   Progress  wait-free
  //   Cost      two loads and those of f
  template <typename F>
  Status Peek(Handle handle, F&& f) const noexcept {
    const Word word = static_cast<Word>(handle);
    return slots_[word].Peek(word, slots_.size(), f) ? Status::kOk
                                                     : Refusal(handle);
  }

  // Insert for each of objects[0..count-1], which are moved from.
  //   Returns   how many it has made: fewer than `count` when the table became
  //             full; the others have not been moved from
  [[nodiscard]] std::size_t InsertBatch(T* objects, std::size_t count,
                                        Handle* handles) {
    std::size_t made = 0;
    for (; made < count; ++made) {
      const Handle handle = Emplace(std::move(objects[made]));
      if (handle == kNullHandle) break;
      handles[made] = handle;
    }
    return made;
  }

  // Delete for each of handles[0..count-1].
  //   Returns   how many were live. If `statuses` is given, statuses[i] is what
  //             Delete(handles[i]) would have returned
  std::size_t DeleteBatch(const Handle* handles, std::size_t count,
                          Status* statuses = nullptr) {
    std::size_t deleted = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const Status status = Delete(handles[i]);
      deleted += status == Status::kOk;
      if (statuses != nullptr) statuses[i] = status;
    }
    return deleted;
  }

  // Calls f(handle, object) for live objects, each pinned for the call, in no
  // particular order. Weakly consistent: an object that is live throughout is
  // seen exactly once. f may call the table, also Delete(handle), and it may
  // return a bool: true ends the walk.
  template <typename F>
  void ForEach(F&& f) {
    slots_.ForEachLive(fresh_slots_.high_water(), [&](const Slot&, Word word) {
      const Pinned pinned = Pin(Handle(word));
      return pinned && internal::InvokeVisitor(f, Handle(word), *pinned);
    });
  }

  // Deletes what is live.
  //   Returns   how many
  std::size_t Clear() {
    std::size_t deleted = 0;
    slots_.ForEachLive(fresh_slots_.high_water(), [&](const Slot&, Word word) {
      deleted += Delete(Handle(word)) == Status::kOk;
    });
    return deleted;
  }

  // Figures of the table; exact when no other thread is inside a call.
  //   Progress  wait-free
  //   Cost      O(threads)
  [[nodiscard]] ObjectTableStats Stats() const noexcept {
    ObjectTableStats stats{};
    stats.deleted = caches_.deleted();
    stats.created = caches_.created();
    stats.live = static_cast<std::size_t>(stats.created - stats.deleted);
    // relaxed, both: counts.
    stats.retired_objects = retired_objects_.load(std::memory_order_relaxed);
    stats.exhausted_slots = exhausted_.load(std::memory_order_relaxed);
    stats.high_water = fresh_slots_.high_water();
    stats.capacity =
        capacity_ -
        (stats.exhausted_slots < capacity_ ? stats.exhausted_slots : capacity_);
    return stats;
  }

  // As HandleTable::ForEachFree.
  template <typename F>
  void ForEachFree(F&& f) const {
    free_list_.ForEach([&](Word handle) { f(Handle(handle)); });
    caches_.ForEach([&](const Cache& cache, unsigned level) {
      FreeList::ForEachCached(cache, level,
                              [&](Word handle) { f(Handle(handle)); });
    });
  }

 protected:
  struct Unchecked {};

  // For what derives from it: if ok() is then false, it must not be used.
  ObjectTable(std::size_t capacity, Unchecked) noexcept
      : ObjectTable(capacity,
                    capacity <= kMaxCapacity
                        ? FreeList::SlotsFor(capacity, kMaxCapacity)
                        : 0,
                    Layout::FirstHandle(internal::sync::RandomWord())) {}

  bool ok() const noexcept {
    return capacity_ <= kMaxCapacity && slots_.ok() && caches_.ok() &&
           reclamation_.ok() && free_list_.ok() &&
           deferred_destructions_.ok() && deferred_lists_.ok() && stamps_.ok();
  }

 private:
  // Destructors that delete nest so deep; what they delete below that waits for
  // the ones above.
  static constexpr unsigned kMaxDepth = 32;
  struct Cache : FreeList::Cache {
    unsigned depth;
  };

  // A slot for an object under construction; goes back if that throws.
  struct Reservation {
    explicit Reservation(ObjectTable* owner)
        : table(owner), word(table->Reserve()) {}
    ~Reservation() {
      if (word != 0) table->Return(word);
    }
    ObjectTable* const table;
    Word word;
  };

  ObjectTable(std::size_t capacity, std::size_t slots, Word first) noexcept
      : slots_(Range(slots), first),
        capacity_(capacity),
        fresh_slots_(first, slots),
        free_list_(capacity <= kMaxCapacity ? capacity : 0, Range(slots),
                   &fresh_slots_),
        deferred_destructions_(Range(slots), 1),
        deferred_lists_(Range(slots), internal::CeilPowerOfTwo(
                                          internal::sync::kMaxThreads + 1)),
        stamps_(Range(slots)) {
    internal::sync::PrepareHeavyBarrier();
  }

  // The states of a slot flip index bits of its handle: enough of them for each
  // of many freezings to have its own.
  static std::size_t Range(std::size_t slots) noexcept {
    constexpr std::size_t kLeast =
        Layout::kSlots < 4096 ? static_cast<std::size_t>(Layout::kSlots) : 4096;
    return internal::CeilPowerOfTwo(slots < kLeast ? kLeast : slots);
  }

  // A ready-made handle; 0 when the table is full.
  Word Reserve() {
    const Word word = TryReserve();
    if constexpr (!Reclamation::kIsExact) {
      // Slots of objects that nothing uses any more may be waiting.
      if (__builtin_expect(word == 0, 0)) {
        reclamation_.Scan();
        DestroyUnused();
        return TryReserve();
      }
    }
    return word;
  }
  Word TryReserve() noexcept {
    return caches_.With([this](auto& thread) __attribute__((always_inline)) {
      const Word word = free_list_.Pop(thread);
      thread.CountCreated(word != 0);
      return word;
    });
  }
  void Return(Word word) noexcept {
    slots_[word].EndObject();
    caches_.With([this, word](auto& thread) {
      thread.UncountCreated();
      free_list_.Push(thread, word);
    });
  }

  std::size_t StampOf(Word word) const noexcept {
    return word >> 1 & (slots_.size() - 1);
  }

  // The handle after `word`; 0 when its slot is to be exhausted.
  static Word NextOf(Word word) noexcept {
    const Word next = State::Next(word);
    if (__builtin_expect(!State::IsExhausted(next), 1)) return next;
    return Traits::kExhaustion == Exhaustion::kDropSlot ? 0
                                                        : State::Wrapped(word);
  }
  static Word EndOf(Word word) noexcept {
    const Word next = NextOf(word);
    return next != 0 ? State::Free(next) : State::Exhausted(word);
  }

  // Why a handle that was not live a moment ago is refused. If it is live now,
  // it has been issued meanwhile: whoever asked had a guess.
  Status Refusal(Handle handle) const noexcept {
    const Status status = Check(handle);
    return status == Status::kOk ? Status::kNeverIssued : status;
  }

  Status EndUnlessPinned(Handle handle) noexcept {
    static_assert(Reclamation::kIsExact, "it cannot tell what is pinned");
    const Word word = static_cast<Word>(handle);
    Slot& slot = slots_[word];
    for (;;) {
      // A ticket for each freezing, not for each call: another call may still
      // hold the word of this one's last. relaxed: hands out numbers, publishes
      // nothing.
      const Word ticket = tickets_.fetch_add(1, std::memory_order_relaxed);
      const Word frozen = slot.Freeze(
          word, State::Frozen(word, ticket, slots_.size()), slots_.size());
      if (frozen == 0) return Refusal(handle);
      if (reclamation_.LookForUses(slot, word)) {
        slot.Thaw(frozen, word);
        return Status::kPinned;
      }
      if (slot.Commit(frozen, EndOf(word))) return Status::kOk;
    }
  }

  // Destroys the object of a handle this thread has ended, or leaves it to
  // whoever uses it. Inlined by force, down to DestroyNow: the registers that a
  // call saves are stores, which the next compare-and-swap waits for.
  [[gnu::always_inline]] void Dispose(Word word) {
    Slot& slot = slots_[word];
    if constexpr (Reclamation::kIsExact) {
      const auto uses = reclamation_.LookForUses(slot, word);
      if (__builtin_expect(!uses, 1)) return Destroy(word);
      LeaveToUsers(word, uses.scoped);
    } else {
      CountRetired();
      slot.SetDestroying(word);
      reclamation_.Retire(slot, word, this);
      DestroyUnused();
    }
  }
  [[gnu::cold, gnu::noinline]] void LeaveToUsers(Word word, bool scoped) {
    CountRetired();
    if (!scoped) return LeaveToPins(word);
    slots_[word].DeferToScopes(word);
    const std::uint64_t stamp = reclamation_.Stamp();
    stamps_[StampOf(word)].Write(stamp);
    LeaveToScopes(word, stamp);
  }
  void CountRetired() noexcept {
    caches_.With([](auto& thread) { thread.CountDeleted(1); });
    // relaxed: a count.
    retired_objects_.fetch_add(1, std::memory_order_relaxed);
  }

  // For the owner of an ended handle that no read scope uses any more.
  void LeaveToPins(Word word) {
    Slot& slot = slots_[word];
    slot.Retire(word);
    // Those who unpin do so by a plain store and then glance at the slot. After
    // this each has either been seen here, or sees the slot retired. Of those
    // and this thread the last to take a turn sees all cells cleared.
    reclamation_.AwaitReleases();
    DestroyIfLast(&slot, word);
  }

  // Leaves an ended handle to a thread whose read scope may have found it. If
  // that scope ends meanwhile, one of the two threads sees to it.
  void LeaveToScopes(Word word, std::uint64_t stamp) {
    const unsigned holder =
        reclamation_.FindScope(slots_[word].usage().users, stamp);
    if (holder != internal::HazardCells::kNobody) {
      deferred_lists_.Push(holder, word);
      if (!reclamation_.ScopeMayHold(holder, stamp))
        RetryDeferredToScope(holder);
    } else if (reclamation_.LookForUses(slots_[word], word).pinned) {
      LeaveToPins(word);
    } else {
      slots_[word].SetDestroying(word);
      Destroy(word);
    }
  }
  void RetryDeferredToScope(unsigned index) {
    // All at once: what goes back to the same inbox, for a later scope of that
    // thread, is that scope's to empty.
    deferred_lists_.TakeAll(index, [this](Word word) {
      LeaveToScopes(word, stamps_[StampOf(word)].Read());
    });
  }

  // What a Reclamation that is not exact says when nothing uses the object of
  // `word` any more. Inside it, so that the destructor must wait.
  friend Reclamation;
  void OnUnused(Word word) noexcept { deferred_destructions_.Push(0, word); }
  // The caller's turn for such objects. Destroy sees to more than the one.
  void DestroyUnused() {
    if (const Word word = deferred_destructions_.PopFrom(0)) Destroy(word);
  }
  // Destroys all that such a Reclamation still has, when no thread is inside a
  // call.
  //   Returns   whether it still points to the slots
  bool ReclaimAll() {
    bool points = false;
    while (retired_objects_.load(std::memory_order_relaxed) != 0) {
      reclamation_.Scan();
      DestroyUnused();
      slots_.ForEachInUse(fresh_slots_.high_water(),
                          [&](Slot& slot, Word word) {
                            if (!reclamation_.Reclaim(slot)) return;
                            points = true;
                            Destroy(word);
                          });
      Clear();
    }
    return points;
  }

  // Static, because the table may be gone: then the slot says so.
  static void Unpin(ObjectTable* table, Hold* hold, Slot* slot,
                    Word word) noexcept {
    if constexpr (Reclamation::kIsExact) {
      const Word retired = Reclamation::Release(hold, *slot, word);
      if (__builtin_expect(retired != 0, 0))
        table->DestroyIfLast(slot, retired);
    } else {
      Reclamation::Release(hold);
    }
  }

  [[gnu::cold, gnu::noinline]] void DestroyIfLast(Slot* slot,
                                                  Word word) noexcept {
    if (!slot->ContendToDestroy(word) ||
        reclamation_.LookForUses(*slot, word).pinned)
      return;
    if (slot->Finish(word)) Destroy(word);
  }

  // Destroys the object of an ended handle that nobody uses and puts its slot
  // to use again; or has it done by a destructor further up on this stack.
  [[gnu::always_inline]] void Destroy(Word word) {
    Cache* const cache = caches_.Mine();
    if (__builtin_expect(cache == nullptr || cache->depth == kMaxDepth, 0))
      return DestroyElsewhere(word);
    DestroyIn(*cache, word);
    if (__builtin_expect(cache->depth != 0, 0)) return;
    // A signal handler that comes before this has left its part waiting if it
    // nested too deep; one that comes later is the outermost itself.
    internal::sync::SignalFence();
    if (const Word waiting = deferred_destructions_.PopFrom(0))
      DestroyDeferred(waiting);
  }
  [[gnu::always_inline]] void DestroyIn(Cache& cache, Word word) {
    ++cache.depth;
    DestroyNow(word);
    --cache.depth;
  }
  // The same in a thread's first call, without a cache, or nested too deep.
  [[gnu::cold, gnu::noinline]] void DestroyElsewhere(Word word) {
    if (caches_.Mine() == nullptr) internal::ThreadRegistry::Claim();
    Cache* const cache = caches_.Mine();
    if (cache == nullptr) return DestroyUncached(word);
    if (cache->depth == kMaxDepth) return deferred_destructions_.Push(0, word);
    Destroy(word);
  }
  // For the outermost on its stack.
  [[gnu::cold, gnu::noinline]] void DestroyDeferred(Word word) {
    Cache* const cache = caches_.Mine();
    do {
      DestroyIn(*cache, word);
      internal::sync::SignalFence();  // as in Destroy
      word = deferred_destructions_.PopFrom(0);
    } while (word != 0);
  }

  // Threads without a cache count their depth together, and the last one out
  // sees to what waits.
  [[gnu::cold]] void DestroyUncached(Word word) {
    // [G1] acq_rel: one comes last, and by its own [G1] sees what those before
    // it have left waiting.
    if (uncached_depth_.fetch_add(1, std::memory_order_acq_rel) >= kMaxDepth) {
      deferred_destructions_.Push(0, word);
      word = 0;
    }
    for (;;) {
      while (word != 0) {
        DestroyNow(word);
        // relaxed: a hint; only whoever is alone inside must look.
        word = uncached_depth_.load(std::memory_order_relaxed) == 1
                   ? deferred_destructions_.PopFrom(0)
                   : 0;
      }
      // As [G1].
      if (uncached_depth_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
      word = deferred_destructions_.PopFrom(0);
      if (word == 0) return;
      uncached_depth_.fetch_add(1, std::memory_order_acq_rel);
    }
  }

  [[gnu::always_inline]] void DestroyNow(Word word) {
    Slot& slot = slots_[word];
    slot.object()->~T();
    slot.EndObject();
    const Word next = NextOf(word);
    // relaxed: counts, publishes nothing.
    if (next == 0) exhausted_.fetch_add(1, std::memory_order_relaxed);
    if (__builtin_expect(slot.state() == State::Destroying(word), 0))
      return EndRetired(word, next);
    caches_.With([ this, next ](auto& thread) __attribute__((always_inline)) {
      thread.CountDeleted(1);
      if (next != 0) free_list_.Push(thread, next);
    });
  }
  // The same for a slot whose handle was counted when it ended.
  [[gnu::cold, gnu::noinline]] void EndRetired(Word word, Word next) noexcept {
    slots_[word].SetEnd(EndOf(word));
    retired_objects_.fetch_sub(1, std::memory_order_relaxed);
    destroyed_event_.NotifyAll();
    if (next == 0) return;
    caches_.With([this, next](auto& thread) { free_list_.Push(thread, next); });
  }

  // Read by every call and never written, so shared by all caches.
  Slots slots_;
  internal::ThreadCaches<Cache> caches_;
  Reclamation reclamation_;
  const std::size_t capacity_;
  internal::FreshSlots fresh_slots_;
  FreeList free_list_;
  internal::HandleStack deferred_destructions_;
  internal::HandleStack deferred_lists_;
  internal::ReservedArray<internal::sync::Plain<std::uint64_t>> stamps_;
  alignas(128) internal::sync::Atomic<std::size_t> exhausted_{0};
  internal::sync::Atomic<std::size_t> retired_objects_{0};
  internal::sync::Atomic<Word> tickets_{0};
  internal::sync::Atomic<unsigned> uncached_depth_{0};
  internal::EventCount destroyed_event_;
};

}  // inline namespace HAFT_ABI
}  // namespace haft

#endif  // HAFT_OBJECT_TABLE_H_
