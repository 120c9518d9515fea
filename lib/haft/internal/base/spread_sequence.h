// Fractions that lie far apart.

#ifndef HAFT_INTERNAL_BASE_SPREAD_SEQUENCE_H_
#define HAFT_INTERNAL_BASE_SPREAD_SEQUENCE_H_

#include <cstdint>

#include "haft/internal/base/abi.h"
#include "haft/internal/base/sync.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// The multiples of the golden ratio, modulo 1 and times 2^64, from a random
// start. Among n of them that follow one another, no two lie closer than
// 2^64 / (2.3 n).
class SpreadSequence {
 public:
  // Returns the next fraction. Wait-free.
  std::uint64_t Next() noexcept {
    constexpr std::uint64_t kGoldenRatio = 0x9e3779b97f4a7c15u;
    // relaxed, all: numbers, which publish nothing. The start differs from 0,
    // which says that there is none yet.
    std::uint64_t none = 0;
    if (next_.load(std::memory_order_relaxed) == none) {
      next_.compare_exchange_strong(none, sync::RandomWord() | 1,
                                    std::memory_order_relaxed,
                                    std::memory_order_relaxed);
    }
    return next_.fetch_add(kGoldenRatio, std::memory_order_relaxed);
  }
  // Takes another start. For the child of a fork, before it has threads.
  void Restart() noexcept {
    // relaxed: the only thread.
    next_.store(0, std::memory_order_relaxed);
  }

 private:
  sync::Atomic<std::uint64_t> next_{0};
};

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_BASE_SPREAD_SEQUENCE_H_
