// Thread indices that threads of one CPU hand on to each other.

#ifndef HAFT_BENCH_SIMULATOR_PROPOSALS_STASHED_INDEX_SET_H_
#define HAFT_BENCH_SIMULATOR_PROPOSALS_STASHED_INDEX_SET_H_

#include <atomic>
#include <cstdint>

#include "haft/internal/base/abi.h"
#include "haft/internal/base/check.h"
#include "haft/internal/base/sync.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// So many CPUs have lines of their own. With more CPUs, several share one, and
// where two threads come and go in turn, the one finds it full and the other
// one finds it empty. Lines that no CPU uses take no memory.
inline constexpr unsigned kStashes = 256;

// As ThreadIndexSet (haft/internal/thread/thread_registry.h), and beside the
// words of the set there is a *stash* for each CPU, with room for one number.
// Release leaves the number there, and the next Claim on that CPU takes it, so
// that threads which come and go share no line with those of other CPUs. A
// number in a stash counts as taken. Any stash is correct: threads may be moved
// while they use one.
//
// Stashed numbers must not be missed when numbers get scarce. So beyond half of
// the numbers Release leaves none in a stash, and Claim looks into all of them
// before it takes a number from the words.
template <unsigned kMax>
class StashedIndexSet {
 public:
  // Claims a free number and returns it, or 0 if all are taken. Lock-free;
  // async-signal-safe.
  unsigned Claim() noexcept {
    if (const unsigned number = TakeFrom(Stash())) return number;
    // relaxed: a hint.
    if (taken_.load(std::memory_order_relaxed) > kMax / 2) {
      for (Place& stash : stashes_)
        if (const unsigned number = TakeFrom(stash)) return number;
    }
    for (unsigned w = 0; w < kWords; ++w) {
      // relaxed: a hint; the CAS decides.
      std::uint64_t taken = words_[w].load(std::memory_order_relaxed);
      while (~taken != 0) {
        const unsigned bit = static_cast<unsigned>(__builtin_ctzll(~taken));
        // [T1] acquire: sees what the last owner wrote before [T2]. relaxed on
        // failure: a hint again.
        if (words_[w].compare_exchange_strong(
                taken, taken | std::uint64_t{1} << bit,
                std::memory_order_acquire, std::memory_order_relaxed)) {
          const unsigned number = w * 64 + bit + 1;
          RaiseReach(number);
          // relaxed: a count; see IsFull.
          taken_.fetch_add(1, std::memory_order_relaxed);
          return number;
        }
      }
    }
    return 0;
  }

  // Whether all numbers are taken, or were a moment ago: a Claim would look for
  // one in vain. One load. A number that a Release has stashed at the moment
  // when the set got half full is missed.
  bool IsFull() const noexcept {
    return taken_.load(std::memory_order_relaxed) == kMax;
  }

  // As ThreadIndexSet::Reach.
  unsigned Reach() const noexcept {
    // [T4] seq_cst: partner of [T3].
    return reach_.load(std::memory_order_seq_cst);
  }

  // Gives `number` back. Wait-free; async-signal-safe.
  void Release(unsigned number) noexcept {
    const std::uint64_t bit = std::uint64_t{1} << (number - 1) % 64;
    sync::Atomic<std::uint64_t>& word = words_[(number - 1) / 64];
    // relaxed: the owner set the bit, or an earlier owner did.
    HAFT_CHECK((word.load(std::memory_order_relaxed) & bit) != 0,
               "a thread's number was released twice");
    // relaxed: a hint.
    if (taken_.load(std::memory_order_relaxed) <= kMax / 2) {
      unsigned none = 0;
      // [T2] release: publishes what this owner wrote; synchronises with [T1].
      // relaxed on failure: the stash is full.
      if (Stash().compare_exchange_strong(none, number,
                                          std::memory_order_release,
                                          std::memory_order_relaxed))
        return;
    }
    // As [T2].
    word.fetch_and(~bit, std::memory_order_release);
    // relaxed: as in Claim.
    taken_.fetch_sub(1, std::memory_order_relaxed);
  }

  // Gives all numbers but `number` back, or all if that is 0. For the child of
  // a fork, in which no other thread is left.
  void ReleaseOthers(unsigned number) noexcept {
    // relaxed, all: the only thread.
    for (Place& stash : stashes_)
      stash.number.store(0, std::memory_order_relaxed);
    for (unsigned w = 0; w < kWords; ++w) {
      const bool is_here = number != 0 && (number - 1) / 64 == w;
      words_[w].store(is_here ? std::uint64_t{1} << (number - 1) % 64 : 0,
                      std::memory_order_relaxed);
    }
    taken_.store(number != 0, std::memory_order_relaxed);
  }

 private:
  static constexpr unsigned kWords = kMax / 64;
  static_assert(kMax % 64 == 0);

  struct alignas(128) Place {
    sync::Atomic<unsigned> number{0};  // 0: none
  };

  sync::Atomic<unsigned>& Stash() noexcept {
    return stashes_[sync::CpuIndex() % kStashes].number;
  }
  static unsigned TakeFrom(Place& stash) noexcept {
    return TakeFrom(stash.number);
  }
  // Its reach was raised by [T3] when the number was claimed from the words,
  // which happens before this.
  static unsigned TakeFrom(sync::Atomic<unsigned>& stash) noexcept {
    // relaxed: a hint.
    if (stash.load(std::memory_order_relaxed) == 0) return 0;
    // As [T1].
    return stash.exchange(0, std::memory_order_acquire);
  }

  void RaiseReach(unsigned number) noexcept {
    // [T3] seq_cst, also if it is high enough already: it comes before
    // everything that the thread does with its number. Partner of [T4].
    unsigned reach = reach_.load(std::memory_order_seq_cst);
    while (reach < number) {
      if (reach_.compare_exchange_strong(reach, number,
                                         std::memory_order_seq_cst,
                                         std::memory_order_relaxed))
        return;
    }
  }

  sync::Atomic<std::uint64_t> words_[kWords] = {};
  sync::Atomic<unsigned> reach_{0};
  sync::Atomic<unsigned> taken_{0};
  Place stashes_[kStashes] = {};
};

// Hands out numbers, each once. It takes the place of an Atomic<std::uint64_t>
// that is only added 1 to: threads of different CPUs draw from different
// progressions.
class SpreadTags {
 public:
  std::uint64_t fetch_add(std::uint64_t, std::memory_order order) noexcept {
    const unsigned stash = sync::CpuIndex() % kStashes;
    return places_[stash].drawn.fetch_add(1, order) * kStashes + stash;
  }

 private:
  struct alignas(128) Place {
    sync::Atomic<std::uint64_t> drawn{0};
  };

  Place places_[kStashes] = {};
};

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_BENCH_SIMULATOR_PROPOSALS_STASHED_INDEX_SET_H_
