// Waiting for something that other threads do without waiting.

#ifndef HAFT_INTERNAL_BASE_EVENT_COUNT_H_
#define HAFT_INTERNAL_BASE_EVENT_COUNT_H_

#include <chrono>
#include <cstdint>

#include "haft/internal/base/abi.h"
#include "haft/internal/base/sync.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// Lets threads sleep until a condition holds that others make true without a
// lock; those call NotifyAll afterwards, which costs one read-modify-write when
// nobody waits.
class EventCount {
 public:
  // Waits until holds() or until `timeout` has passed; whether holds().
  template <typename F>
  bool WaitUntil(F&& holds, std::chrono::nanoseconds timeout) noexcept {
    if (holds()) return true;
    using Clock = std::chrono::steady_clock;
    const auto now = Clock::now();
    const auto deadline = timeout < Clock::time_point::max() - now
                              ? now + timeout
                              : Clock::time_point::max();
    // [E1] acq_rel: whoever notifies after this sees a waiter; what came before
    // an earlier NotifyAll, by its [E1], is visible to holds().
    waiters_.fetch_add(1, std::memory_order_acq_rel);
    bool held;
    for (;;) {
      // [E2] acquire: partner of [E3]: a new count shows what holds() is about.
      const std::uint32_t seen = count_.load(std::memory_order_acquire);
      held = holds();
      const auto left = deadline - std::chrono::steady_clock::now();
      if (held || left <= left.zero()) break;
      sync::WaitWhileEqual(count_, seen,
                           std::chrono::nanoseconds(left).count());
    }
    // relaxed: nothing follows from it.
    waiters_.fetch_sub(1, std::memory_order_relaxed);
    return held;
  }

  void NotifyAll() noexcept {
    // As [E1], from the other side. An addition of nothing and
    // not a load: of two additions one comes first.
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
