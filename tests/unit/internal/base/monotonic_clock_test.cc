#include "haft/internal/base/monotonic_clock.h"

#include <gtest/gtest.h>

#include <chrono>

namespace haft::internal {
namespace {

// On Linux both are CLOCK_MONOTONIC.
TEST(MonotonicClockTest, IsTheSteadyClockOfTheStandardLibrary) {
  using Steady = std::chrono::steady_clock;
  for (int i = 0; i < 1000; ++i) {
    const auto before = Steady::now().time_since_epoch();
    const auto now = MonotonicClock::now().time_since_epoch();
    const auto after = Steady::now().time_since_epoch();
    ASSERT_LE(before, now);
    ASSERT_LE(now, after);
  }
}

}  // namespace
}  // namespace haft::internal
