// An event count: threads wait for a condition that others make true without a
// lock.

#ifndef HAFT_INTERNAL_BASE_EVENT_COUNT_H_
#define HAFT_INTERNAL_BASE_EVENT_COUNT_H_

#include <chrono>
#include <cstdint>

#include "haft/internal/base/abi.h"
#include "haft/internal/base/monotonic_clock.h"
#include "haft/internal/base/sync.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// Lets threads sleep until a condition holds. A thread that makes the condition
// true calls NotifyAll afterwards, which costs one read-modify-write if no
// thread waits.
class EventCount {
 public:
  // Waits until holds() is true or `timeout` has passed. Returns the last
  // holds().
  template <typename F>
  bool WaitUntil(F&& holds, std::chrono::nanoseconds timeout) noexcept {
    if (holds()) return true;
    using Clock = MonotonicClock;
    const auto now = Clock::now();
    // Both sums stay in range: a timeout may be as small or as large as can be.
    const auto deadline = timeout <= timeout.zero() ? now
                          : timeout < Clock::time_point::max() - now
                              ? now + timeout
                              : Clock::time_point::max();
    // [E1] acq_rel: a NotifyAll that comes after this sees a waiter. What
    // precedes a NotifyAll that came earlier is visible to holds(), because
    // NotifyAll has an [E1] of its own.
    waiters_.fetch_add(1, std::memory_order_acq_rel);
    bool held;
    for (;;) {
      // [E2] acquire: partner of [E3]: if it reads the new count, holds() sees
      // what precedes that NotifyAll.
      const std::uint32_t seen = count_.load(std::memory_order_acquire);
      held = holds();
      const auto left = deadline - Clock::now();
      if (held || left <= left.zero()) break;
      sync::WaitWhileEqual(count_, seen,
                           std::chrono::nanoseconds(left).count());
    }
    // relaxed: no thread concludes anything from a smaller count.
    waiters_.fetch_sub(1, std::memory_order_relaxed);
    return held;
  }

  void NotifyAll() noexcept {
    // As [E1], from the other side. It adds 0 instead of loading, because of
    // two additions one comes first in the order of the word.
    if (waiters_.fetch_add(0, std::memory_order_acq_rel) == 0) return;
    // [E3] release: partner of [E2].
    count_.fetch_add(1, std::memory_order_release);
    sync::WakeAll(count_);
  }

 private:
  sync::Atomic<std::uint32_t> waiters_{0};
  sync::Atomic<std::uint32_t> count_{0};
};

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_BASE_EVENT_COUNT_H_
