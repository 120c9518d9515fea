// Objects in slots, and their lives: construction, use, deletion, destruction.

#ifndef HAFT_INTERNAL_TABLE_OBJECT_STORE_H_
#define HAFT_INTERNAL_TABLE_OBJECT_STORE_H_

#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

#include "haft/handle.h"
#include "haft/internal/base/abi.h"
#include "haft/internal/base/check.h"
#include "haft/internal/base/event_count.h"
#include "haft/internal/base/sync.h"
#include "haft/internal/free_list/free_list_concept.h"
#include "haft/internal/reclamation/deferred_handles.h"
#include "haft/internal/slot/object_slot.h"
#include "haft/internal/table/bad_handle_report.h"
#include "haft/internal/table/conditional_delete.h"
#include "haft/internal/table/deferred_destruction.h"
#include "haft/internal/table/slot_allocator.h"
#include "haft/status.h"
#include "haft/table_stats.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// The parts of an ObjectTable. An object's life is as follows:
//
//   1. Reserve takes a slot; the caller constructs the object and publishes it.
//   2. The caller ends the handle, by the slot's End or by EndUnlessPinned, and
//      calls Dispose.
//   3. Dispose asks the reclamation for uses. If there are none, the object is
//      destroyed. If pins use it, it is retired, and the deleter and those who
//      unpin contend to destroy it. If a read scope may use it, it is deferred
//      until no scope does.
//   4. The destructor runs at once, or after destructors that run already.
//   5. The slot goes back to the free list, with its next handle.
//
// Pins and read scopes refer to the store, not to the ObjectTable around it.
template <typename T, typename Traits>
class ObjectStore {
 public:
  using Reclamation = typename Traits::Reclamation;
  using Hold = typename Reclamation::Hold;
  using Slot =
      ObjectSlot<T, typename Traits::Layout, typename Reclamation::Usage>;
  using Allocator = SlotAllocator<Slot, Traits>;

  static_assert(Traits::Layout::Index::kWidth >= 3,
                "a slot's states need three index bits");

  // If ok() is false afterwards, the store must not be used.
  explicit ObjectStore(std::size_t capacity) noexcept
      : allocator_(capacity, kLeastSlots),
        reclamation_(allocator_.slots().size()),
        destructions_(allocator_.slots().size()),
        deferred_(allocator_.slots().size()) {
    // Here, and not in the class, because T may be incomplete there.
    static_assert(std::is_nothrow_destructible_v<T>,
                  "a destructor of T must not throw");
    sync::PrepareHeavyBarrier();
  }
  // Destroys what is live. Objects that are still pinned stay, with the memory
  // under them. No thread may be inside a call.
  ~ObjectStore() {
    // Repeated because destructors may make new objects.
    while (Clear() != 0) {
    }
    // relaxed: no thread is inside a call.
    const std::size_t pinned = retired_objects_.load(std::memory_order_relaxed);
    if (pinned == 0) return;
    ReportPinned(this, pinned);
    allocator_.ForEachInUse([](Slot& slot, Word word) {
      slot.FinishDestroying(Allocator::EndOf(word));
    });
    allocator_.slots().Leak();
    reclamation_.Leak();
  }
  ObjectStore(const ObjectStore&) = delete;
  ObjectStore& operator=(const ObjectStore&) = delete;

  bool ok() const noexcept {
    return allocator_.ok() && reclamation_.ok() && destructions_.ok() &&
           deferred_.ok();
  }

  Allocator& allocator() noexcept { return allocator_; }
  const Allocator& allocator() const noexcept { return allocator_; }
  Reclamation& reclamation() noexcept { return reclamation_; }
  EventCount& destroyed_event() noexcept { return destroyed_event_; }

  // The slot that `word`, any word at all, selects.
  Slot& operator[](Word word) noexcept { return allocator_[word]; }
  const Slot& operator[](Word word) const noexcept { return allocator_[word]; }
  // How many slots there are: the index of every handle is below that.
  std::size_t slots() const noexcept { return allocator_.slots().size(); }

  Status Check(Handle handle) const noexcept {
    return allocator_.slots().Status(static_cast<Word>(handle));
  }
  // Returns why `handle` is refused, or `if_live` if it is live. The default is
  // for a handle that was not live a moment ago: if it is live now, it was
  // issued after that moment, and the caller had guessed it.
  [[gnu::cold, gnu::noinline]] Status Refusal(
      Handle handle, Status if_live = Status::kNeverIssued) const noexcept {
    const Status status = Check(handle);
    return status == Status::kOk ? if_live : status;
  }

  Status Prepare(std::size_t expected) noexcept {
    const Status status = allocator_.Prepare(expected);
    if (status == Status::kFull) return status;
    bool has_memory = reclamation_.Prepare();
    has_memory &= destructions_.Prepare();
    return has_memory ? status : Status::kOutOfMemory;
  }

  std::size_t Trim() noexcept {
    if constexpr (Reclamation::kUsageMayBeDropped) {
      return allocator_.Trim();
    } else {
      return 0;
    }
  }

  ObjectTableStats Stats() const noexcept {
    // relaxed: a count.
    return {allocator_.Stats(),
            retired_objects_.load(std::memory_order_relaxed)};
  }

  // Gives a slot to a caller outside of Haft: constructs an object there, which
  // the caller may still change, and counts its handle as created. The caller
  // makes it live as ObjectSlot::Publish does.
  //   Returns   the handle, or 0 if the table is full
  template <typename... Arguments>
  [[nodiscard]] Word Lend(Arguments... arguments) noexcept {
    static_assert(std::is_nothrow_constructible_v<T, Arguments...>);
    const Word word = Reserve();
    if (word == 0) return 0;
    Slot& slot = allocator_[word];
    new (slot.BeginObject()) T(arguments...);
    slot.usage().BeginLife(*slot.object());
    return word;
  }
  // Takes the slot of a lent handle back, if the handle was not made live. The
  // object is not destroyed.
  void TakeBack(Word word) noexcept {
    if (allocator_.IsNextOfItsSlot(word)) Return(word);
  }
  // Disposes of a handle that a caller outside of Haft has ended by a
  // compare-and-swap as in ObjectSlot::End.
  //   Returns   false if it has not
  bool DisposeOfEnded(Word word) {
    if (allocator_[word].state() != Allocator::EndOf(word)) return false;
    (void)Dispose(word);
    return true;
  }

  // A slot for an object under construction; it goes back if that throws.
  struct Reservation {
    explicit Reservation(ObjectStore* owner)
        : table(owner), word(table->Reserve()) {}
    ~Reservation() {
      if (word != 0) table->Return(word);
    }
    ObjectStore* const table;
    Word word;
  };

  // Fast path of Emplace, for callers that tail-call Emplace if this fails, and
  // so need no stack frame. For a T whose constructor does not throw, and a
  // free list that has PopLoaded.
  //   Returns   as Emplace; also kNullHandle if the calling thread's cache has
  //             no handle at hand (nothing has been constructed then)
  //   Progress  wait-free but for the constructor
  template <typename... Arguments>
  [[nodiscard, gnu::always_inline]] Handle TryEmplace(
      Arguments&&... arguments) noexcept {
    static_assert(std::is_nothrow_constructible_v<T, Arguments...>);
    static_assert(kHasPopLoaded<typename Traits::FreeList>,
                  "TryEmplace needs a free list with PopLoaded");
    const Word word = allocator_.caches().WithOr(
        [this](auto& thread) __attribute__((always_inline)) {
          const Word popped = allocator_.AllocateAtHand(thread);
          thread.CountCreated(popped != 0);
          return popped;
        },
        [] { return Word{0}; });
    if (__builtin_expect(word == 0, 0)) return kNullHandle;
    Slot& slot = allocator_[word];
    new (slot.BeginObject()) T(std::forward<Arguments>(arguments)...);
    slot.Publish(word);
    return Handle(word);
  }

  // Calls f(usage) to read, without a pin, what Traits::Reclamation keeps of
  // each object outside of it.
  //   Returns   kOk if `handle` was live all the time; else what f has read
  //             means nothing, and this is a Status of Check
  //   Progress  wait-free
  //   Cost      two loads and those of f
  template <typename F>
  Status ReadUsage(Handle handle, F&& f) const noexcept {
    const Word word = static_cast<Word>(handle);
    return allocator_[word].ReadValidated(word, slots(), f) ? Status::kOk
                                                            : Refusal(handle);
  }

  // Fast paths, for callers that tail-call the whole function if one of these
  // fails, and so need no stack frame. They refuse more than they must: a
  // handle that a conditional delete has frozen, for example.

  // Fast path of ReadUsage.
  template <typename F>
  [[gnu::always_inline]] bool TryReadUsage(Word word, F&& f) const noexcept {
    return allocator_[word].ReadIfLive(word, f);
  }
  // Fast path of End. Ends no handle for which accepts(usage) is false.
  template <typename F>
  [[gnu::always_inline]] bool TryEnd(Word word, F&& accepts) noexcept {
    Slot& slot = allocator_[word];
    // Acquire as [O10]. EndState is the second look.
    return slot.AcquireState() == word && accepts(slot.usage()) &&
           slot.EndState(word, Allocator::EndOf(word));
  }

  // Returns what the state of the slot that `handle` selects is called: "live",
  // "free", "retired", "exhausted" or "untouched". `*live` is then the handle
  // that it answers to, or the null handle.
  [[nodiscard]] const char* DescribeSlot(Handle handle,
                                         Handle* live) const noexcept {
    const Word word = static_cast<Word>(handle);
    *live = Handle(State::LiveHandle(
        allocator_[word].state(),
        Allocator::Layout::Index::Decode(word) & (slots() - 1)));
    Word generation;
    return *live == kNullHandle ? allocator_.slots().Describe(word, &generation)
                                : "live";
  }

  // Ends `handle` if it is live, frozen or not. The caller then calls Dispose.
  bool End(Word word) noexcept {
    return allocator_[word].End(word, Allocator::EndOf(word), slots());
  }
  // Ends `handle` unless it is in use. The caller then calls Destroy.
  Status EndUnlessPinned(Handle handle) noexcept {
    const Word word = static_cast<Word>(handle);
    switch (conditional_delete_.End(allocator_[word], word,
                                    Allocator::EndOf(word), slots(),
                                    reclamation_)) {
      case Conditional::Result::kEnded:
        return Status::kOk;
      case Conditional::Result::kPinned:
        return Status::kPinned;
      case Conditional::Result::kScoped:
        return Status::kScoped;
      case Conditional::Result::kNotLive:
        break;
    }
    return Refusal(handle);
  }

  // Destroys the object of a handle that this thread has ended, or leaves it to
  // its users. Inlined by force, down to DestroyNow; see DeferredDestruction.
  //   Returns   as Destroy; true if the object has users
  [[gnu::always_inline]] bool Dispose(Word word) {
    const auto uses = reclamation_.LookForUses(allocator_[word], word);
    if (__builtin_expect(!uses, 1)) return Destroy(word);
    return LeaveToUsers(word, uses.scoped);
  }
  // Destroys the object of an ended handle that no thread uses, and gives its
  // slot back; or leaves that to a destructor further up on this stack.
  //   Returns   whether the object is destroyed
  [[gnu::always_inline]] bool Destroy(Word word) {
    if constexpr (std::is_trivially_destructible_v<T>) {
      DestroyNow(word);
      return true;
    }
    return destructions_.Run(
        word, [this](Word now)
                  __attribute__((always_inline)) { DestroyNow(now); });
  }

  // The object of a handle that has ended; the destructor destroys the object.
  class Detached {
   public:
    Detached(ObjectStore* store, Word word) noexcept
        : store_(store), word_(word) {}
    Detached(Detached&& other) noexcept
        : store_(other.store_), word_(std::exchange(other.word_, 0)) {}
    ~Detached() {
      if (word_ != 0) store_->Destroy(word_);
    }

   private:
    ObjectStore* const store_;
    Word word_;
  };

  // DeleteUnlessPinned in two steps, for callers that hold a lock which T's
  // destructor may want: ends `handle` now and runs none of T's code. The
  // result destroys the object.
  //   Returns   *why as DeleteUnlessPinned; if that is not kOk, nothing ended
  [[nodiscard]] Detached DetachUnlessPinned(Handle handle,
                                            Status* why) noexcept {
    *why = EndUnlessPinned(handle);
    return Detached(this, *why == Status::kOk ? static_cast<Word>(handle) : 0);
  }

  // Static because the table may be gone; then the slot says so.
  static void Unpin(ObjectStore* store, Hold* hold, Slot* slot,
                    Word word) noexcept {
    const Word retired = Reclamation::Release(hold, *slot, word);
    if (__builtin_expect(retired != 0, 0)) store->DestroyIfLast(slot, retired);
  }

  // For the thread that has ended its outermost read scope: sees to the handles
  // that deleters have deferred to it.
  void RetryDeferred(unsigned holder) {
    deferred_.Retry(reclamation_, allocator_, holder,
                    [this](Word left) { LeaveScopes(left); });
  }

  // Deletes what is live.
  //   Returns   how many
  std::size_t Clear() {
    std::size_t deleted = 0;
    allocator_.ForEachLive([&](const Slot&, Word word) {
      if (!End(word)) return;
      ++deleted;
      Dispose(word);
    });
    return deleted;
  }

 private:
  using State = typename Allocator::State;
  using Conditional = ConditionalDelete<typename Traits::Layout>;

  // The states of a slot differ from its handle in index bits. With so many
  // slots each of many freezings has a word of its own.
  static constexpr std::size_t kLeastSlots =
      Allocator::kMaxCapacity < 4096 ? Allocator::kMaxCapacity : 4096;

  Word Reserve() noexcept {
    const Word word = allocator_.caches().With([this](
        auto& thread) __attribute__((always_inline)) {
      const Word popped = allocator_.Allocate(thread);
      thread.CountCreated(popped != 0);
      return popped;
    });
    return __builtin_expect(word != 0, 1) ? word
                                          : allocator_.AllocateElsewhere();
  }
  void Return(Word word) noexcept {
    allocator_[word].EndObject();
    allocator_.caches().With([this, word](auto& thread) {
      thread.UncountCreated();
      allocator_.Free(thread, word);
    });
  }

  // These return false if this thread has come last and has left the object to
  // a destructor further up on its stack.

  [[gnu::cold, gnu::noinline]] bool LeaveToUsers(Word word, bool is_scoped) {
    // The handle has ended, though its object lives on.
    allocator_.caches().With([](auto& thread) { thread.CountDeleted(1); });
    // relaxed: a count.
    retired_objects_.fetch_add(1, std::memory_order_relaxed);
    if (!is_scoped) return Retire(word);
    allocator_[word].DeferToScopes(word);
    bool is_destroyed = true;
    deferred_.Defer(reclamation_, allocator_, word, [&, this](Word left) {
      const bool is_left = !LeaveScopes(left);
      if (left == word && is_left) is_destroyed = false;
    });
    return is_destroyed;
  }

  // For the thread that owns the slot of an ended handle which no read scope
  // uses any more.
  bool Retire(Word word) {
    Slot& slot = allocator_[word];
    slot.Retire(word);
    // Threads unpin by a plain store and then re-check the slot. After this
    // each of them has either been seen here, or sees that the object is
    // retired. The last of those and this thread to contend sees all cells
    // cleared.
    reclamation_.AwaitReleases();
    return DestroyIfLast(&slot, word);
  }
  // For a deferred handle that no read scope may hold any more.
  bool LeaveScopes(Word word) {
    Slot& slot = allocator_[word];
    if (reclamation_.LookForUses(slot, word).pinned) return Retire(word);
    slot.SetDestroying(word);
    return Destroy(word);
  }
  [[gnu::cold, gnu::noinline]] bool DestroyIfLast(Slot* slot,
                                                  Word word) noexcept {
    if (!slot->ContendToDestroy(word) ||
        reclamation_.LookForUses(*slot, word).pinned)
      return true;
    return !slot->BeginDestroying(word) || Destroy(word);
  }

  [[gnu::always_inline]] void DestroyNow(Word word) {
    Slot& slot = allocator_[word];
    HAFT_DCHECK(slot.state() == State::Destroying(word) ||
                    slot.state() == Allocator::EndOf(word),
                "I8: an object is destroyed by a thread that does not own it");
    slot.object()->~T();
    slot.EndObject();
    const Word next = Allocator::NextOf(word);
    if (__builtin_expect(slot.state() == State::Destroying(word), 0))
      return FinishDestroying(word, next);
    allocator_.caches().With([ this, next ](auto& thread)
                                 __attribute__((always_inline)) {
                                   thread.CountDeleted(1);
                                   allocator_.Free(thread, next);
                                 });
  }
  // The same for an object that was retired or deferred, whose handle was
  // counted when it ended.
  [[gnu::cold, gnu::noinline]] void FinishDestroying(Word word,
                                                     Word next) noexcept {
    allocator_[word].FinishDestroying(Allocator::EndOf(word, next));
    // relaxed: a count.
    retired_objects_.fetch_sub(1, std::memory_order_relaxed);
    destroyed_event_.NotifyAll();
    allocator_.caches().With(
        [this, next](auto& thread) { allocator_.Free(thread, next); });
  }

  Allocator allocator_;
  Reclamation reclamation_;
  DeferredDestruction destructions_;
  DeferredHandles deferred_;
  Conditional conditional_delete_;
  alignas(128) sync::Atomic<std::size_t> retired_objects_{0};
  EventCount destroyed_event_;
};

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_TABLE_OBJECT_STORE_H_
