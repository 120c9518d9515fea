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

TEST(RateLimitTest, NoneIsNoLimit) {
  RateLimit limit(0);
  std::uint32_t held_back;
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(limit.Admit(1, &held_back));
}

TEST(RateLimitTest, ThreadsShareIt) {
  RateLimit limit(100);
  std::atomic<int> admitted{0};
  testing::RunThreads(4, [&](unsigned) {
    std::uint32_t held_back;
    for (int i = 0; i < 100; ++i) admitted += limit.Admit(3, &held_back);
  });
  EXPECT_EQ(admitted, 100);
  std::uint32_t held_back;
  EXPECT_TRUE(limit.Admit(4, &held_back));
  EXPECT_EQ(held_back, 300u);
}

}  // namespace
}  // namespace haft::internal
