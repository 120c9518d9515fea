// Before the header: the backend that counts its calls.
#define HAFT_SYNC_BACKEND "tests/support/counting_sync.h"

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

TEST(EventCountTest, NotifyWithoutWaitersAsksNothingOfTheSystem) {
  EventCount events;
  testing::wakes = 0;
  events.NotifyAll();
  events.NotifyAll();
  EXPECT_EQ(testing::wakes, 0);
  // Neither does it when all that have waited have ended.
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(events.WaitUntil([] { return false; }, nanoseconds(1)));
    events.NotifyAll();
    EXPECT_EQ(testing::wakes, 0);
  }
}

TEST(EventCountTest, AWaiterSleepsForTheTimeThatIsLeft) {
  EventCount events;
  testing::sleeps = 0;
  EXPECT_FALSE(events.WaitUntil([] { return false; }, milliseconds(2)));
  EXPECT_GE(testing::sleeps, 1);
  EXPECT_GT(testing::last_timeout, 0);
  EXPECT_LE(testing::last_timeout, nanoseconds(milliseconds(2)).count());
}

TEST(EventCountTest, NobodySleepsIfTheTimeIsOver) {
  EventCount events;
  testing::sleeps = 0;
  for (const nanoseconds timeout :
       {nanoseconds(0), nanoseconds(-1), nanoseconds::min()}) {
    int asked = 0;
    EXPECT_FALSE(events.WaitUntil(
        [&] {
          ++asked;
          return false;
        },
        timeout));
    EXPECT_GE(asked, 1);
  }
  EXPECT_EQ(testing::sleeps, 0);
}

// A condition that comes true while a thread looks at the clock counts.
TEST(EventCountTest, ReturnsTheLastAnswer) {
  EventCount events;
  int asked = 0;
  EXPECT_TRUE(events.WaitUntil([&] { return ++asked == 2; }, nanoseconds(0)));
  EXPECT_EQ(asked, 2);
}

// This would sleep for an hour if the notification did not change the count
// that the waiter has read.
TEST(EventCountTest, NotificationBetweenTheCheckAndTheSleepEndsTheSleep) {
  EventCount events;
  int asked = 0;
  EXPECT_TRUE(events.WaitUntil(
      [&] {
        if (++asked == 2) events.NotifyAll();
        return asked == 3;
      },
      hours(1)));
}

TEST(EventCountTest, TheLongestTimeoutIsLong) {
  EventCount events;
  for (const nanoseconds timeout :
       {nanoseconds::max(), nanoseconds::max() - nanoseconds(1)}) {
    std::atomic<bool> made{false};
    testing::sleeps = 0;
    testing::last_timeout = 0;
    std::thread waiter([&] {
      EXPECT_TRUE(events.WaitUntil([&] { return made.load(); }, timeout));
    });
    while (testing::sleeps == 0 || testing::last_timeout == 0) {
      std::this_thread::yield();
    }
    EXPECT_GT(testing::last_timeout, nanoseconds(hours(24 * 365 * 80)).count());
    made = true;
    events.NotifyAll();
    waiter.join();
  }
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
