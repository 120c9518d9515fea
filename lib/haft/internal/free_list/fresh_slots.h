// The high-water mark of the slot array: hands out handles of slots that were
// never used.

#ifndef HAFT_INTERNAL_FREE_LIST_FRESH_SLOTS_H_
#define HAFT_INTERNAL_FREE_LIST_FRESH_SLOTS_H_

#include <cstddef>

#include "haft/handle.h"
#include "haft/internal/base/abi.h"
#include "haft/internal/base/sync.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// First-generation handles in a row: `first`, and so on by one slot.
struct HandleRun {
  Word first;
  std::size_t count;

  Word operator[](std::size_t i) const noexcept { return first + 2 * i; }
};

// TakingFreshSlots does not touch the slots, so a slot that nobody has used yet
// costs nothing.
class FreshSlots {
 public:
  // `first` is the first handle of slot 0; slots 0..limit-1 may be taken.
  FreshSlots(Word first, std::size_t limit) noexcept
      : first_(first), limit_(limit) {}

  // Up to `n` handles that nobody else gets; none when the limit is reached,
  // and then for ever. Wait-free.
  HandleRun Take(std::size_t n) noexcept {
    // [K1] acquire: whoever finds the limit reached by [K2] sees what those who
    // taken have pushed to the free list before; else it could call the table
    // full though it never was. The look keeps the mark from running on when
    // the table is full: it overshoots by no more than what racing threads ask
    // for.
    if (next_.load(std::memory_order_acquire) >= limit_) return {0, 0};
    // [K2] acq_rel: partner of [K1], and of itself. The slots need no order:
    // the mark hands out disjoint numbers.
    const std::size_t start = next_.fetch_add(n, std::memory_order_acq_rel);
    if (start >= limit_) return {0, 0};
    return {first_ + 2 * start, n < limit_ - start ? n : limit_ - start};
  }

  // How many slots have been taken.
  std::size_t high_water() const noexcept {
    const std::size_t next = next_.load(std::memory_order_relaxed);
    return next < limit_ ? next : limit_;
  }
  std::size_t limit() const noexcept { return limit_; }

 private:
  const Word first_;
  const std::size_t limit_;
  alignas(128) sync::Atomic<std::size_t> next_{0};
};

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_FREE_LIST_FRESH_SLOTS_H_
