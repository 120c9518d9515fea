// The high-water mark of the slot array, below which slots have been handed
// out.

#ifndef HAFT_INTERNAL_FREE_LIST_FRESH_SLOTS_H_
#define HAFT_INTERNAL_FREE_LIST_FRESH_SLOTS_H_

#include <cstddef>

#include "haft/handle.h"
#include "haft/internal/base/abi.h"
#include "haft/internal/base/page_populator.h"
#include "haft/internal/base/sync.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// First-generation handles of adjacent slots: `first` is that of the first
// slot.
struct HandleRun {
  Word first;
  std::size_t count;

  Word operator[](std::size_t i) const noexcept { return first + 2 * i; }
};

// Hands out the first handle of each slot, in the order of their addresses. A
// slot that is never handed out costs no memory, except for the few that
// PagePopulator is ahead.
class FreshSlots {
 public:
  // `first` is the first handle of slot 0. Slots 0..limit-1 may be taken. They
  // are elements of `size` bytes of the array `slots`, if that is given.
  FreshSlots(Word first, std::size_t limit, void* slots = nullptr,
             std::size_t size = 1) noexcept
      : first_(first), limit_(limit), pages_(slots, limit, size) {}

  // Takes up to `n` handles, which no other caller gets. Once it has returned
  // none, because the limit is reached, it always returns none. Wait-free,
  // apart from the system call of PagePopulator.
  HandleRun Take(std::size_t n) noexcept {
    // [K1] acquire: if it finds that [K2] has reached the limit, the caller
    // sees every handle that a thread pushed to the free list before its [K2].
    // Otherwise it could report a full table that was never full. The load also
    // keeps the mark from growing while the table is full: the mark passes the
    // limit by no more than what racing threads ask for.
    if (next_.load(std::memory_order_acquire) >= limit_) return {0, 0};
    // [K2] acq_rel: partner of [K1] and of itself. The slots need no order,
    // because no two callers get the same numbers.
    const std::size_t start = next_.fetch_add(n, std::memory_order_acq_rel);
    if (start >= limit_) return {0, 0};
    const std::size_t count = n < limit_ - start ? n : limit_ - start;
    pages_.NoteUseOf(start, start + count);
    return {first_ + 2 * start, count};
  }

  // Populates the first `count` slots; see PagePopulator.
  bool Populate(std::size_t count) noexcept { return pages_.Populate(count); }

  // Returns how many slots have been taken.
  std::size_t high_water() const noexcept {
    const std::size_t next = next_.load(std::memory_order_relaxed);
    return next < limit_ ? next : limit_;
  }
  std::size_t limit() const noexcept { return limit_; }

  // Replaces the first handle of every slot that was not taken: f(handle) is
  // that of slot 0. No other thread may be inside a call.
  template <typename F>
  void Replace(F&& f) noexcept {
    first_ = f(first_);
  }

 private:
  Word first_;
  const std::size_t limit_;
  PagePopulator pages_;
  alignas(128) sync::Atomic<std::size_t> next_{0};
};

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_FREE_LIST_FRESH_SLOTS_H_
