// The default free list: two magazines of ready-made handles for each thread,
// and a depot where threads exchange magazines.

#ifndef HAFT_MAGAZINE_FREE_LIST_H_
#define HAFT_MAGAZINE_FREE_LIST_H_

#include <cstddef>
#include <cstdint>
#include <utility>

#include "haft/handle.h"
#include "haft/internal/base/abi.h"
#include "haft/internal/base/check.h"
#include "haft/internal/base/sync.h"
#include "haft/internal/free_list/free_list_concept.h"
#include "haft/internal/free_list/fresh_slots.h"
#include "haft/internal/free_list/handle_stack.h"
#include "haft/internal/free_list/magazine_depot.h"

namespace haft {
inline namespace HAFT_ABI {

// It has three levels:
//   1. The thread's cache has two magazines. A Pop or Push is a few plain loads
//      and stores that stay in the L1 cache.
//   2. The depot has whole magazines. Beside it is a stack of single handles
//   for
//      uncached callers: threads beyond the limit, threads whose exit hook has
//      run, and signal handlers that interrupted their own thread's call.
//   3. FreshSlots has the slots that were never used.
//
// A cache strands up to two magazines of handles, which other threads cannot
// reach. The table has slots for that, and for one more magazine for each
// cache number, because an uncached caller may be emptying one. Therefore
// `capacity` handles can always be live. If the handle layout has too few index
// bits for so many slots, magazines are smaller, or there are none.
template <unsigned kMagazineSize>
class BasicMagazineFreeList {
  static_assert(kMagazineSize >= 1 && kMagazineSize <= 255,
                "the level of a thread's cache is kept in 8 bits");

 public:
  // All zero at first. `loaded` holds as many handles as the cache's level;
  // `previous` is full or empty.
  struct Cache {
    internal::MagazineEntry* loaded;
    internal::MagazineEntry* previous;
    std::uint32_t previous_count;
    std::uint32_t size;  // of a magazine; 0: the cache has no magazines yet
    std::uint32_t stripe;
  };

  static std::size_t SlotsFor(std::size_t capacity,
                              std::size_t limit) noexcept {
    return capacity + kStranded * MagazineSize(capacity, limit);
  }

  BasicMagazineFreeList(std::size_t capacity, std::size_t range,
                        internal::FreshSlots* fresh_slots) noexcept
      : size_(static_cast<std::uint32_t>((fresh_slots->limit() - capacity) /
                                         kStranded)),
        depot_(size_ == 0 ? 0 : range / size_ + kStranded, size_),
        singles_(range, 1),
        fresh_slots_(fresh_slots) {}

  bool ok() const noexcept { return depot_.ok() && singles_.ok(); }

  template <typename Thread>
  bool Prepare(Thread& thread, std::size_t expected) noexcept {
    if (size_ == 0) return singles_.Populate(expected);
    if constexpr (Thread::kHasCache) {
      if (thread.cache().size == 0) Equip(thread.cache());
    }
    // Those that the handles fill, two of this thread, and one in exchange.
    return depot_.Populate((expected + size_ - 1) / size_ + 3);
  }

  template <typename Thread>
  [[gnu::always_inline]] Word Pop(Thread& thread) noexcept {
    if constexpr (Thread::kHasCache) {
      const Word loaded = PopLoaded(thread);
      if (__builtin_expect(loaded != 0, 1)) return loaded;
      const Refill refill = PopAndRefill(thread.cache());
      thread.set_level(refill.level);
      return refill.handle;
    } else {
      return PopWithoutCache();
    }
  }

  // Pops a handle from the loaded magazine. Returns 0 if that is empty.
  template <typename Owner>
  [[gnu::always_inline]] Word PopLoaded(Owner& thread) noexcept {
    const unsigned level = thread.level();
    if (__builtin_expect(level == 0, 0)) return 0;
    thread.LowerLevel();
    return thread.cache().loaded[level - 1].Read();
  }

  template <typename Thread>
  [[gnu::always_inline]] void Push(Thread& thread, Word handle) noexcept {
    if constexpr (Thread::kHasCache) {
      if (__builtin_expect(thread.level() == thread.cache().size, 0)) {
        if (size_ == 0) return singles_.Push(0, handle);
        thread.set_level(MakeRoom(thread.cache()));
      }
      HAFT_DCHECK(thread.level() < size_,
                  "I5: a magazine gets more handles than it has room for");
      thread.cache().loaded[thread.level()].Write(handle);
      thread.RaiseLevel();
    } else {
      singles_.Push(0, handle);
    }
  }

  // Calls f(handle) for each of a few handles, which then belong to the caller.
  // Returns how many; 0 if it has found none.
  template <typename Thread, typename F>
  std::size_t TakeRecycled(Thread& thread, F&& f) noexcept {
    if constexpr (Thread::kHasCache) {
      Cache& cache = thread.cache();
      unsigned level = thread.level();
      if (level == 0) {
        level = std::exchange(cache.previous_count, 0);
        if (level != 0) std::swap(cache.loaded, cache.previous);
      }
      thread.set_level(0);
      ForEachIn(cache.loaded, level, f);
      if (level != 0) return level;
    }
    std::uint64_t tags = 0;
    if (internal::MagazineEntry* const full =
            size_ == 0 ? nullptr : depot_.TakeFull(0, &tags)) {
      Word handles[kMagazineSize];
      BreakUp(full, handles);
      for (std::size_t i = 0; i < size_; ++i) f(handles[i]);
      return size_;
    }
    return singles_.PopSome(f);
  }
  // A Trim counts as eight of the uncached callers that the table has slots
  // for.
  std::size_t MostInHand() const noexcept { return std::size_t{8} * size_; }

  // Call f(handle) for every handle that waits in the shared part, or in
  // `cache`. They are exact only if no thread pushes or pops.
  template <typename F>
  void ForEach(F&& f) const {
    singles_.ForEach(f);
    depot_.ForEachFull([&](const internal::MagazineEntry* magazine) {
      ForEachIn(magazine, size_, f);
    });
  }
  template <typename F>
  static void ForEachCached(const Cache& cache, unsigned level, F&& f) {
    ForEachIn(cache.loaded, level, f);
    ForEachIn(cache.previous, cache.previous_count, f);
  }
  template <typename F>
  void Replace(F&& f) noexcept {
    singles_.Replace(f);
    depot_.ForEachFull([&](internal::MagazineEntry* magazine) {
      ReplaceIn(magazine, size_, f);
    });
  }
  template <typename F>
  static void ReplaceCached(const Cache& cache, unsigned level,
                            F&& f) noexcept {
    ReplaceIn(cache.loaded, level, f);
    ReplaceIn(cache.previous, cache.previous_count, f);
  }

 private:
  // The greatest number of magazines whose handles are out of reach: two in
  // each cache, and one for each of as many uncached callers that are emptying
  // one at the same time.
  static constexpr std::size_t kStranded =
      std::size_t{3} * internal::sync::kMaxCaches;

  static std::size_t MagazineSize(std::size_t capacity,
                                  std::size_t limit) noexcept {
    const std::size_t room = (limit - capacity) / kStranded;
    return room < kMagazineSize ? room : kMagazineSize;
  }

  // The slow path returns this in registers. If it were passed the thread's
  // access instead, the fast path would have to keep that in memory.
  struct Refill {
    Word handle;
    unsigned level;
  };

  // Pops a handle for a cache whose loaded magazine is empty, and loads another
  // magazine if there is one.
  [[gnu::cold, gnu::noinline]] Refill PopAndRefill(Cache& cache) noexcept {
    if (size_ == 0) return {PopWithoutCache(), 0};
    if (cache.size == 0) Equip(cache);
    unsigned level = std::exchange(cache.previous_count, 0);
    if (level != 0) {
      std::swap(cache.loaded, cache.previous);
      return {cache.loaded[level - 1].Read(), level - 1};
    }
    const Word handle =
        internal::PopOrProveEmpty([&](std::uint64_t* tags) -> Word {
          if (internal::MagazineEntry* full =
                  depot_.TakeFull(cache.stripe, tags)) {
            depot_.GiveEmpty(cache.stripe, cache.loaded);
            cache.loaded = full;
            level = size_;
          } else if (const Word single = singles_.Pop(0, tags)) {
            return single;
          } else {
            const internal::HandleRun run = fresh_slots_->Take(size_);
            if (run.count == 0) return 0;
            // In reverse, so that slots are used in the order of their
            // addresses.
            for (std::size_t i = 0; i < run.count; ++i)
              cache.loaded[i].Write(run[run.count - 1 - i]);
            level = static_cast<unsigned>(run.count);
          }
          return cache.loaded[--level].Read();
        });
    return {handle, level};
  }

  // For a cache whose loaded magazine is full, or that has no magazine: loads
  // an empty magazine and returns its level.
  [[gnu::cold, gnu::noinline]] unsigned MakeRoom(Cache& cache) noexcept {
    if (cache.size == 0) {
      Equip(cache);
      return 0;
    }
    if (cache.previous_count != 0) {
      internal::MagazineEntry* const empty = depot_.TakeEmpty(cache.stripe);
      depot_.GiveFull(cache.stripe, std::exchange(cache.previous, empty));
    }
    std::swap(cache.loaded, cache.previous);
    cache.previous_count = size_;
    return 0;
  }

  // Gives a new cache its two magazines.
  void Equip(Cache& cache) noexcept {
    // relaxed: the thread's own word. Any number will do.
    cache.stripe =
        internal::sync::ThisThread().cache.load(std::memory_order_relaxed);
    cache.loaded = depot_.TakeEmpty(cache.stripe);
    cache.previous = depot_.TakeEmpty(cache.stripe);
    cache.size = size_;
  }

  // Pops one handle for an uncached caller. It takes single handles, so that it
  // strands none, and empties a full magazine only if nothing else is left.
  [[gnu::cold, gnu::noinline]] Word PopWithoutCache() noexcept {
    return internal::PopOrProveEmpty([&](std::uint64_t* tags) -> Word {
      if (const Word single = singles_.Pop(0, tags)) return single;
      if (const internal::HandleRun run = fresh_slots_->Take(1); run.count != 0)
        return run[0];
      internal::MagazineEntry* const magazine = depot_.TakeFull(0, tags);
      if (magazine == nullptr) return 0;
      Word handles[kMagazineSize];
      const std::size_t size = BreakUp(magazine, handles);
      if (size > 1) singles_.PushChain(0, handles, size - 1);
      return handles[size - 1];
    });
  }

  // Moves the handles out of a full magazine and gives it back. It goes back
  // before its handles do. Therefore a caller that has a magazine also has its
  // handles, and the number of handles limits that of magazines (see
  // MagazineDepot::TakeEmpty).
  [[gnu::always_inline]] std::size_t BreakUp(internal::MagazineEntry* magazine,
                                             Word* handles) noexcept {
    // Tells compilers the size, because otherwise they warn of an overflow that
    // cannot happen.
    const std::size_t size = size_;
    if (size < 1 || size > kMagazineSize) __builtin_unreachable();
    for (std::size_t i = 0; i < size; ++i) handles[i] = magazine[i].Read();
    depot_.GiveEmpty(0, magazine);
    return size;
  }

  template <typename F>
  static void ReplaceIn(internal::MagazineEntry* magazine, std::size_t count,
                        F&& f) noexcept {
    for (std::size_t i = 0; i < count; ++i)
      magazine[i].Write(f(magazine[i].Read()));
  }
  template <typename F>
  static void ForEachIn(const internal::MagazineEntry* magazine,
                        std::size_t count, F&& f) {
    for (std::size_t i = 0; i < count; ++i) f(magazine[i].Read());
  }

  const std::uint32_t size_;  // of a magazine; 0: there are no magazines
  internal::MagazineDepot depot_;
  internal::HandleStack singles_;
  internal::FreshSlots* const fresh_slots_;
};

// Magazines of 128 handles take 1 KiB each.
using MagazineFreeList = BasicMagazineFreeList<128>;

static_assert(internal::kIsFreeList<MagazineFreeList>);

}  // namespace HAFT_ABI
}  // namespace haft

#endif  // HAFT_MAGAZINE_FREE_LIST_H_
