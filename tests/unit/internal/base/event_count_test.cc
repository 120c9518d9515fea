#include "haft/internal/base/event_count.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <thread>

#include "haft/internal/base/sync.h"

namespace haft::internal {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

TEST(EventCountTest, AConditionThatHoldsIsNotWaitedFor) {
  EventCount events;
  EXPECT_TRUE(events.WaitUntil([] { return true; }, nanoseconds(0)));
}

TEST(EventCountTest, WaitEndsWithItsTimeout) {
  EventCount events;
  EXPECT_FALSE(events.WaitUntil([] { return false; }, nanoseconds(0)));
  EXPECT_FALSE(events.WaitUntil([] { return false; }, nanoseconds(-1)));
  EXPECT_FALSE(events.WaitUntil([] { return false; }, milliseconds(2)));
}

TEST(EventCountTest, NotifyWithoutWaitersIsNoEvent) {
  EventCount events;
  events.NotifyAll();
  EXPECT_FALSE(events.WaitUntil([] { return false; }, nanoseconds(0)));
}

// The system checks the timeout before it checks the word.
TEST(EventCountTest, EveryTimeoutIsOneTheSystemTakes) {
  sync::Atomic<std::uint32_t> word{0};
  for (const nanoseconds timeout :
       {nanoseconds(1), nanoseconds(hours(1)),
        nanoseconds(hours(24 * 365 * 80)), nanoseconds::max()}) {
    errno = 0;
    sync::WaitWhileEqual(word, 1, timeout.count());
    EXPECT_EQ(errno, EAGAIN) << timeout.count();
  }
}

// This would hang if a notification were lost between the check and the sleep.
TEST(EventCountTest, NoNotificationIsLost) {
  EventCount events;
  constexpr int kRounds = 2000;
  std::atomic<int> made{0}, seen{0};
  std::thread waiter([&] {
    for (int round = 1; round <= kRounds; ++round) {
      EXPECT_TRUE(events.WaitUntil([&] { return made >= round; }, hours(1)));
      seen = round;
    }
  });
  for (int round = 1; round <= kRounds; ++round) {
    made = round;
    events.NotifyAll();
    while (round % 2 == 0 && seen < round) std::this_thread::yield();
  }
  waiter.join();
}

}  // namespace
}  // namespace haft::internal
