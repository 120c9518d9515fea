// Slots, and the ready-made handles of those that are free.

#ifndef HAFT_INTERNAL_TABLE_SLOT_ALLOCATOR_H_
#define HAFT_INTERNAL_TABLE_SLOT_ALLOCATOR_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <stdexcept>
#include <type_traits>

#include "haft/handle.h"
#include "haft/internal/base/abi.h"
#include "haft/internal/base/check.h"
#include "haft/internal/base/fraction.h"
#include "haft/internal/base/power_of_two.h"
#include "haft/internal/base/sync.h"
#include "haft/internal/free_list/collected_handles.h"
#include "haft/internal/free_list/free_list_concept.h"
#include "haft/internal/free_list/fresh_slots.h"
#include "haft/internal/free_list/resting_slots.h"
#include "haft/internal/free_list/striped_stack.h"
#include "haft/internal/slot/slot_array.h"
#include "haft/internal/table/bad_handle_report.h"
#include "haft/internal/table/page_trimmer.h"
#include "haft/internal/table/table_registry.h"
#include "haft/internal/thread/thread_caches.h"
#include "haft/status.h"
#include "haft/table_stats.h"
#include "haft/traits.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// A class of the tests that reads private members of tables.
class Inspector;

// How many slots tables of these traits have besides those of their free list,
// for handles that callers outside of Haft hold back. A table has fewer if the
// layout has no room for them. A member kSlotsSetAside of the traits says it.
template <typename Traits, typename = void>
inline constexpr std::size_t kSlotsSetAside = 0;
template <typename Traits>
inline constexpr std::size_t
    kSlotsSetAside<Traits, std::void_t<decltype(Traits::kSlotsSetAside)>> =
        Traits::kSlotsSetAside;

// The base of every table: an array of slots, a free list, a cache for
// each thread, and the rule for slots that have used up their generations. It
// knows neither values nor objects.
template <typename SlotT, typename Traits>
class SlotAllocator {
  using FreeList = typename Traits::FreeList;
  static constexpr bool kStartsOver = Traits::kExhaustion == Exhaustion::kWrap;

  static_assert(kIsFreeList<FreeList>,
                "Traits::FreeList lacks a member of "
                "internal/free_list/free_list_concept.h");

 public:
  using Layout = typename Traits::Layout;
  using Slot = SlotT;
  using State = SlotState<Layout>;
  using Cache = typename FreeList::Cache;

  // How many handles the layout allows to be live at once.
  static constexpr std::size_t kMaxCapacity = Layout::kSlots;

  // The array has `least` slots at least (a power of two), so that a state can
  // differ from its handle in that many ways. If ok() is false afterwards, the
  // allocator must not be used.
  SlotAllocator(std::size_t capacity, std::size_t least) noexcept
      : SlotAllocator(capacity, least,
                      capacity <= kMaxCapacity
                          ? FreeList::SlotsFor(capacity + SetAside(capacity),
                                               kMaxCapacity)
                          : 0,
                      Layout::FirstHandle(TableRegistry::FirstGeneration())) {}

  // Returns how many slots a table for `capacity` handles sets aside: at most
  // an eighth of those that the layout has besides.
  static constexpr std::size_t SetAside(std::size_t capacity) noexcept {
    const std::size_t room = (kMaxCapacity - capacity) / 8;
    return kSlotsSetAside<Traits> < room ? kSlotsSetAside<Traits> : room;
  }

  std::size_t set_aside() const noexcept { return SetAside(capacity_); }

  bool ok() const noexcept {
    return capacity_ <= kMaxCapacity && slots_.ok() && caches_.ok() &&
           free_list_.ok() && resting_.ok() && collected_.ok() && member_.ok();
  }
  // Reports why ok() is false, for a constructor: throws std::length_error or
  // std::bad_alloc, and aborts where there are no exceptions.
  [[noreturn, gnu::cold]] void FailConstruction() const {
    const bool is_too_large = capacity_ > kMaxCapacity;
#ifdef __cpp_exceptions
    if (is_too_large)
      throw std::length_error("haft: capacity exceeds the handle layout");
    throw std::bad_alloc();
#else
    Fatal(is_too_large ? "capacity exceeds the handle layout"
                       : "no address space for the slots");
#endif
  }

  // The slot that `word`, any word at all, selects.
  Slot& operator[](Word word) noexcept { return slots_[word]; }
  const Slot& operator[](Word word) const noexcept { return slots_[word]; }
  SlotArray<Slot, Layout>& slots() noexcept { return slots_; }
  const SlotArray<Slot, Layout>& slots() const noexcept { return slots_; }
  ThreadCaches<Cache>& caches() noexcept { return caches_; }
  const ThreadCaches<Cache>& caches() const noexcept { return caches_; }

  // Returns the next handle of a slot that then belongs to the caller, or 0 if
  // the table is full. `thread` is what ThreadCaches::With passes. Inlined by
  // force, like all between With and the free list: otherwise compilers keep
  // the thread's entry in memory.
  template <typename Thread>
  [[gnu::always_inline]] Word Allocate(Thread& thread) noexcept {
    const Word handle = free_list_.Pop(thread);
    HAFT_DCHECK(handle == 0 || IsNextOfItsSlot(handle),
                "I2: a free list has returned a handle that is not the next "
                "one of its slot");
    return handle;
  }
  // The same from what the thread has at hand. Returns 0 if that is nothing.
  template <typename Thread>
  [[gnu::always_inline]] Word AllocateAtHand(Thread& thread) noexcept {
    return free_list_.PopLoaded(thread);
  }
  // The same for a thread to which Allocate has just returned 0, and counts the
  // handle. The slots that rest are free, too, and while a Trim is under way
  // the handles that it has collected. Not for a caller inside
  // ThreadCaches::With.
  [[gnu::cold, gnu::noinline]] Word AllocateElsewhere() noexcept {
    for (;;) {
      const std::uint64_t epoch = collected_.Epoch();
      if (epoch == 0 && !kStartsOver) return 0;
      Word handle = collected_.Steal(epoch);
      if (handle != 0) return CountCreated(handle);
      handle = PopOrProveEmpty([this](std::uint64_t* tags) {
        if constexpr (kStartsOver) {
          *tags += resting_.Pushes();
          if (const Word rested = resting_.Pop()) return CountCreated(rested);
        }
        return caches_.With([this](auto& thread) {
          const Word popped = this->Allocate(thread);
          thread.CountCreated(popped != 0);
          return popped;
        });
      });
      if (handle != 0 || collected_.Epoch() == epoch) return handle;
    }
  }
  // Gives a slot back: `next` is the handle that it answers to next. 0 stands
  // for a slot that is exhausted. A slot that starts over rests before.
  template <typename Thread>
  [[gnu::always_inline]] void Free(Thread& thread, Word next) noexcept {
    HAFT_DCHECK(next == 0 || IsNextOfItsSlot(next),
                "I4: a slot is given back with a handle that is not its next");
    if (__builtin_expect(next == 0, 0)) {
      // relaxed: counts, publishes nothing.
      exhausted_slots_.fetch_add(1, std::memory_order_relaxed);
    } else if (kStartsOver && __builtin_expect(IsFirst(next), 0)) {
      resting_.Push(next);
    } else {
      free_list_.Push(thread, next);
    }
  }

  // Does at once what the calling thread's first calls would do, and populates
  // the pages of as many slots as `expected` live handles and what the thread
  // holds back can need.
  //   Returns   kOk; kFull, and does nothing, if that is more than the
  //   capacity;
  //             kOutOfMemory if the system lacks memory
  haft::Status Prepare(std::size_t expected) noexcept {
    // relaxed: a count.
    const std::size_t exhausted =
        exhausted_slots_.load(std::memory_order_relaxed);
    if (expected > capacity_ || exhausted > capacity_ - expected)
      return haft::Status::kFull;
    // Two magazines, as far as the level of a cache can count.
    constexpr std::size_t kHeldBack = 2 * ThreadCaches<Cache>::kMaxLevel;
    bool has_memory = caches_.Prepare();
    if constexpr (kHasPrepare<FreeList>) {
      has_memory &= caches_.With([this, expected](auto& thread) {
        return free_list_.Prepare(thread, expected);
      });
    }
    has_memory &= fresh_slots_.Populate(exhausted + expected + kHeldBack);
    return has_memory ? haft::Status::kOk : haft::Status::kOutOfMemory;
  }

  // Gives pages that contain only free slots back to the system. For a slot
  // whose bytes may all become 0 while it is free; see PageTrimmer.
  //   Returns   how many bytes
  std::size_t Trim() noexcept {
    return PageTrimmer(&slots_, &free_list_, &caches_, &collected_).Trim();
  }

  // Returns the handle after `handle` in the same slot; 0 if the slot is then
  // exhausted.
  static Word NextOf(Word handle) noexcept {
    const Word next = State::Next(handle);
    if (__builtin_expect(!State::IsExhausted(next), 1)) return next;
    return kStartsOver ? State::Wrapped(handle) : 0;
  }
  // Returns the state of a slot whose handle `handle` has ended.
  static Word EndOf(Word handle) noexcept {
    return EndOf(handle, NextOf(handle));
  }
  // The same if NextOf(handle) is at hand.
  static Word EndOf(Word handle, Word next) noexcept {
    return __builtin_expect(next != 0, 1) ? State::Free(next)
                                          : State::Exhausted(handle);
  }

  // Whether `handle` is the next one of its slot, which is free.
  bool IsNextOfItsSlot(Word handle) const noexcept {
    const Word state = slots_.StateOf(handle);
    return state == 0 || state == State::Free(handle) ||
           (is_renewed_ && State::IsFree(state, Layout::Index::Decode(handle)));
  }

  // Returns the next handle of a free slot, in place of `handle`, in the child
  // of a fork: a later one, at the part `fraction` / 2^64 of the first quarter
  // of what is left for the slot.
  static Word Later(Word handle, std::uint64_t fraction) noexcept {
    using Generation = typename Layout::Generation;
    const Word generation = Generation::Decode(handle);
    const Word left = Generation::kMax - generation;
    if (left == 0) return handle;
    return Layout::Make(generation + 1 + PartOf(left / 4, fraction),
                        Layout::Index::Decode(handle));
  }

  // Calls make(i) for each i below `count` until it returns a null handle, and
  // writes what it returns to handles[i].
  //   Returns   how many handles were made
  template <typename F>
  [[gnu::always_inline]] static std::size_t NewBatch(std::size_t count,
                                                     Handle* handles,
                                                     F&& make) {
    std::size_t made = 0;
    for (; made < count; ++made) {
      const Handle handle = make(made);
      if (handle == kNullHandle) break;
      handles[made] = handle;
    }
    return made;
  }
  // Calls end(i) for each i below `count`, with the cache lines of the slots of
  // `handles` fetched ahead.
  //   Returns   how many of these calls returned true
  template <typename F>
  [[gnu::always_inline]] std::size_t DeleteBatch(const Handle* handles,
                                                 std::size_t count, F&& end) {
    // About as many cache lines as a core can wait for at once.
    constexpr std::size_t kAhead = 16;
    const auto prefetch = [this, handles, count](std::size_t i) {
      if (i < count)
        sync::PrefetchForWrite(&slots_[static_cast<Word>(handles[i])]);
    };
    for (std::size_t i = 0; i < kAhead; ++i) prefetch(i);
    std::size_t deleted = 0;
    for (std::size_t i = 0; i < count; ++i) {
      prefetch(i + kAhead);
      deleted += end(i);
    }
    return deleted;
  }

  // Calls f(slot, handle) for live handles until it returns true; see
  // SlotArray::ForEachLive.
  template <typename F>
  void ForEachLive(F&& f) const {
    slots_.ForEachLive(fresh_slots_.high_water(), f);
  }
  template <typename F>
  void ForEachInUse(F&& f) {
    slots_.ForEachInUse(fresh_slots_.high_water(), f);
  }
  // Calls f(handle) for the next handle of each free slot that was ever in use:
  // those in free lists and caches, those that rest, and those that a Trim left
  // in a fork. With live and exhausted slots they make up the high-water mark
  // (I4). No thread may be inside a call.
  template <typename F>
  void ForEachFree(F&& f) const {
    free_list_.ForEach([&](Word handle) { f(Handle(handle)); });
    resting_.ForEach([&](Word handle) { f(Handle(handle)); });
    collected_.ForEach([&](Word handle) { f(Handle(handle)); });
    caches_.ForEach([&](const Cache& cache, unsigned level) {
      FreeList::ForEachCached(cache, level,
                              [&](Word handle) { f(Handle(handle)); });
    });
  }

  // Returns the figures. They are read one after the other while other threads
  // go on, so differences and bounds are enforced here.
  //   Progress  wait-free
  //   Cost      O(threads)
  TableStats Stats() const noexcept {
    TableStats stats{};
    stats.deleted = caches_.deleted();
    stats.created = caches_.created();
    if (stats.created < stats.deleted) stats.created = stats.deleted;
    // After the counters: each handle that they count has a slot below it.
    stats.high_water = fresh_slots_.high_water();
    const std::uint64_t live = stats.created - stats.deleted;
    stats.live = live < stats.high_water ? static_cast<std::size_t>(live)
                                         : stats.high_water;
    // relaxed: a count.
    stats.exhausted_slots = exhausted_slots_.load(std::memory_order_relaxed);
    stats.capacity =
        capacity_ -
        (stats.exhausted_slots < capacity_ ? stats.exhausted_slots : capacity_);
    stats.lost_caches = caches_.busy();
    return stats;
  }

  // Reports all that is known about a handle that `operation` of `table`
  // refuses, and aborts.
  [[noreturn, gnu::cold, gnu::noinline]] void FatalHandle(
      const char* operation, const void* table, Handle handle) const noexcept {
    const Word word = static_cast<Word>(handle);
    const char* state = nullptr;
    Word generation = 0;
    if (Layout::Index::Decode(word) < slots_.size())
      state = slots_.Describe(word, &generation);
    FatalBadHandle({operation, table, word, slots_.Status(word),
                    Layout::Generation::Decode(word),
                    Layout::Index::Decode(word), state, generation});
  }

 private:
  SlotAllocator(std::size_t capacity, std::size_t least, std::size_t slots,
                Word first) noexcept
      : slots_(CeilPowerOfTwo(slots < least ? least : slots), first),
        capacity_(capacity),
        fresh_slots_(first, slots, slots_.data(), sizeof(Slot)),
        free_list_(capacity <= kMaxCapacity ? capacity + SetAside(capacity) : 0,
                   slots_.size(), &fresh_slots_),
        resting_(kStartsOver ? slots_.size() : 0),
        collected_(slots_.size()),
        member_(this, &Renew) {}

  // Replaces the next handle of each free slot by a later one. For the child of
  // a fork, before it has threads. In caches that are busy the next handles are
  // lost.
  static void Renew(void* self, std::uint64_t fraction) noexcept {
    SlotAllocator& allocator = *static_cast<SlotAllocator*>(self);
    if (!allocator.ok()) return;
    allocator.is_renewed_ = true;
    const auto later = [fraction](Word handle) noexcept {
      return Later(handle, fraction);
    };
    allocator.fresh_slots_.Replace(later);
    allocator.free_list_.Replace(later);
    allocator.resting_.Replace(later);
    allocator.collected_.Replace(later);
    allocator.caches_.ForEachIdle([&](Cache& cache, unsigned level) {
      FreeList::ReplaceCached(cache, level, later);
    });
  }

  Word CountCreated(Word handle) noexcept {
    caches_.With([](auto& thread) { thread.CountCreated(1); });
    return handle;
  }

  // Whether a handle is of its slot's first generation.
  static bool IsFirst(Word handle) noexcept {
    using Generation = typename Layout::Generation;
    return (handle & Generation::kMask) == Generation::kOne;
  }

  // Every call reads these and none writes them, so all caches share them.
  SlotArray<Slot, Layout> slots_;
  ThreadCaches<Cache> caches_;
  const std::size_t capacity_;
  FreshSlots fresh_slots_;
  FreeList free_list_;
  RestingSlots resting_;
  CollectedHandles collected_;
  bool is_renewed_ = false;  // a fork has left a gap in the generations
  const TableRegistry::Member member_;
  alignas(128) sync::Atomic<std::size_t> exhausted_slots_{0};
};

// Returns `table`, or nullptr if it could not be constructed.
template <typename Table>
std::unique_ptr<Table> TableIfOk(Table* table) noexcept {
  std::unique_ptr<Table> owner(table);
  if (owner != nullptr && !owner->ok()) owner.reset();
  return owner;
}

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_TABLE_SLOT_ALLOCATOR_H_
