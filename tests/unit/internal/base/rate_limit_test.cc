#include "haft/internal/base/rate_limit.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>

#include "tests/support/testing.h"

namespace haft::internal {
namespace {

TEST(RateLimitTest, SoManyInEachSecondAndTellsHowManyWereHeldBack) {
  RateLimit limit(2);
  std::uint32_t held_back = 7;
  EXPECT_TRUE(limit.Admit(10, &held_back));
  EXPECT_EQ(held_back, 0u);
  EXPECT_TRUE(limit.Admit(10, &held_back));
  EXPECT_FALSE(limit.Admit(10, &held_back));
  EXPECT_FALSE(limit.Admit(10, &held_back));
  EXPECT_FALSE(limit.Admit(9, &held_back)) << "a clock read earlier";
  EXPECT_TRUE(limit.Admit(11, &held_back));
  EXPECT_EQ(held_back, 3u);
  EXPECT_TRUE(limit.Admit(11, &held_back));
  EXPECT_EQ(held_back, 0u);
  EXPECT_FALSE(limit.Admit(11, &held_back));
}

// No state of the limit is taken for that of a second without events.
TEST(RateLimitTest, AnySecondMayBeTheFirst) {
  for (const std::uint32_t first : {0u, 1u, 0x7fffffffu, 0x80000000u, ~0u}) {
    RateLimit limit(1);
    std::uint32_t held_back = 7;
    EXPECT_TRUE(limit.Admit(first, &held_back)) << first;
    EXPECT_EQ(held_back, 0u);
    EXPECT_FALSE(limit.Admit(first, &held_back)) << first;
    EXPECT_TRUE(limit.Admit(first + 1, &held_back)) << first;
    EXPECT_EQ(held_back, 1u);
  }
}

TEST(RateLimitTest, NoneIsNoLimit) {
  RateLimit limit(0);
  std::uint32_t held_back;
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(limit.Admit(1, &held_back));
}

TEST(RateLimitTest, ThreadsShareIt) {
  constexpr int kThreads = 4, kEvents = 20'000, kLimit = 50'000;
  RateLimit limit(kLimit);
  std::atomic<int> admitted{0};
  testing::Barrier start(kThreads);
  testing::RunThreads(kThreads, [&](unsigned) {
    start.Wait();
    std::uint32_t held_back;
    for (int i = 0; i < kEvents; ++i) admitted += limit.Admit(3, &held_back);
  });
  EXPECT_EQ(admitted, kLimit);
  std::uint32_t held_back;
  EXPECT_TRUE(limit.Admit(4, &held_back));
  EXPECT_EQ(held_back, std::uint32_t{kThreads * kEvents - kLimit});
}

}  // namespace
}  // namespace haft::internal
