// Limits events to a number per second.

#ifndef HAFT_INTERNAL_BASE_RATE_LIMIT_H_
#define HAFT_INTERNAL_BASE_RATE_LIMIT_H_

#include <cstdint>

#include "haft/internal/base/abi.h"
#include "haft/internal/base/sync.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// The caller supplies the current time.
class RateLimit {
 public:
  // `per_second` is the limit; 0 means no limit.
  explicit RateLimit(std::uint32_t per_second) noexcept
      : per_second_(per_second) {}

  // Returns whether one more event may pass in `second`. If it is the first
  // event of a new second, `*held_back` is the number of events that did not
  // pass in the last second that had any; else it is 0.
  //   Progress  lock-free; async-signal-safe
  bool Admit(std::uint32_t second, std::uint32_t* held_back) noexcept {
    *held_back = 0;
    if (per_second_ == 0) return true;
    // relaxed, both: nothing but this word depends on it.
    std::uint64_t present = state_.load(std::memory_order_relaxed);
    for (;;) {
      // A thread may have read the clock earlier than another and come later:
      // an earlier second is not a new one.
      const std::uint32_t last = static_cast<std::uint32_t>(present >> 32);
      const bool is_new =
          present == 0 || static_cast<std::int32_t>(second - last) > 0;
      const std::uint32_t count =
          is_new ? 0 : static_cast<std::uint32_t>(present);
      if (count == UINT32_MAX) return false;
      const std::uint64_t next =
          std::uint64_t{is_new ? second : last} << 32 | (count + 1);
      if (!state_.compare_exchange_weak(present, next,
                                        std::memory_order_relaxed,
                                        std::memory_order_relaxed))
        continue;
      if (is_new) {
        const std::uint32_t before = static_cast<std::uint32_t>(present);
        *held_back = before > per_second_ ? before - per_second_ : 0;
      }
      return count < per_second_;
    }
  }

 private:
  const std::uint32_t per_second_;
  sync::Atomic<std::uint64_t> state_{0};  // { second : 32 | count : 32 }
};

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_BASE_RATE_LIMIT_H_
