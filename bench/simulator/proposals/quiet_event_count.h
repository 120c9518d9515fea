// An event count whose NotifyAll writes nothing while no thread waits.

#ifndef HAFT_BENCH_SIMULATOR_PROPOSALS_QUIET_EVENT_COUNT_H_
#define HAFT_BENCH_SIMULATOR_PROPOSALS_QUIET_EVENT_COUNT_H_

#include <chrono>
#include <cstdint>

#include "haft/internal/base/abi.h"
#include "haft/internal/base/sync.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// As EventCount (haft/internal/base/event_count.h), whose NotifyAll is a
// read-modify-write of a word that all threads share. Here the thread that
// waits pays instead: it calls a heavy barrier, which is little beside going to
// sleep.
class QuietEventCount {
 public:
  // As EventCount::WaitUntil.
  template <typename F>
  bool WaitUntil(F&& holds, std::chrono::nanoseconds timeout) noexcept {
    if (holds()) return true;
    using Clock = std::chrono::steady_clock;
    const auto now = Clock::now();
    // Both sums stay in range: a timeout may be as small or as large as can be.
    const auto deadline = timeout <= timeout.zero() ? now
                          : timeout < Clock::time_point::max() - now
                              ? now + timeout
                              : Clock::time_point::max();
    // [E1] acq_rel: partner of the addition in NotifyAll.
    waiters_.fetch_add(1, std::memory_order_acq_rel);
    // Each NotifyAll either loads `waiters_` after this and sees a waiter, or
    // the barrier comes after what precedes it, which holds() then sees.
    sync::HeavyBarrier();
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
    if (sync::HasHeavyBarrier()) {
      // relaxed: see the barrier in WaitUntil.
      sync::SignalFence();
      if (waiters_.load(std::memory_order_relaxed) == 0) return;
    } else if (waiters_.fetch_add(0, std::memory_order_acq_rel) == 0) {
      // As [E1], from the other side.
      return;
    }
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

#endif  // HAFT_BENCH_SIMULATOR_PROPOSALS_QUIET_EVENT_COUNT_H_
