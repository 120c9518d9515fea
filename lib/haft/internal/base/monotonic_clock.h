// The clock by which timeouts are measured.

#ifndef HAFT_INTERNAL_BASE_MONOTONIC_CLOCK_H_
#define HAFT_INTERNAL_BASE_MONOTONIC_CLOCK_H_

#include <time.h>

#include <chrono>

#include "haft/internal/base/abi.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// As std::chrono::steady_clock, whose now() is a function of the C++ library.
// Because this one is the C library's, the C functions need no C++ library.
struct MonotonicClock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<MonotonicClock>;
  static constexpr bool is_steady = true;

  //   Progress  wait-free; async-signal-safe
  static time_point now() noexcept {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return time_point(std::chrono::seconds(now.tv_sec) +
                      std::chrono::nanoseconds(now.tv_nsec));
  }
};

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_BASE_MONOTONIC_CLOCK_H_
