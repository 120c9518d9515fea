#include "haft/internal/reclamation/scope_word.h"

#include <gtest/gtest.h>

#include <cstdint>

#include "tests/support/testing.h"

namespace haft::internal {
namespace {

// A word that one thread owns, and one that threads share.
class ScopeWordTest : public ::testing::TestWithParam<bool> {
 protected:
  void Begin() { word_.Begin(clock_, GetParam()); }
  bool End() { return word_.End(GetParam()); }

  ScopeClock clock_;
  ScopeWord word_{};
};
INSTANTIATE_TEST_SUITE_P(OwnedAndShared, ScopeWordTest, ::testing::Bool());

TEST(ScopeClockTest, EachStampIsLaterThanTheLast) {
  ScopeClock clock;
  for (std::uint64_t i = 0; i < 100; ++i) EXPECT_EQ(clock.Stamp(), i);
}

TEST_P(ScopeWordTest, IsOpenFromTheFirstBeginToTheLastEnd) {
  EXPECT_FALSE(word_.IsOpen());
  for (int round = 0; round < 3; ++round) {
    Begin();
    EXPECT_TRUE(word_.IsOpen());
    EXPECT_TRUE(End());
    EXPECT_FALSE(word_.IsOpen());
  }
}

TEST_P(ScopeWordTest, OnlyTheEndOfTheOutermostScopeSaysSo) {
  constexpr int kDepth = 1000;
  for (int i = 0; i < kDepth; ++i) Begin();
  for (int i = 1; i < kDepth; ++i) {
    EXPECT_FALSE(End());
    EXPECT_TRUE(word_.IsOpen());
  }
  EXPECT_TRUE(End());
  EXPECT_FALSE(word_.IsOpen());
}

TEST_P(ScopeWordTest, MayHoldWhatIsStampedAfterItBegan) {
  const std::uint64_t before = clock_.Stamp();
  EXPECT_FALSE(word_.MayHold(before)) << "no scope is open";
  Begin();
  const std::uint64_t after = clock_.Stamp();
  const std::uint64_t later = clock_.Stamp();
  EXPECT_FALSE(word_.MayHold(before));
  EXPECT_TRUE(word_.MayHold(after));
  EXPECT_TRUE(word_.MayHold(later));
  EXPECT_TRUE(End());
  EXPECT_FALSE(word_.MayHold(after));
  EXPECT_FALSE(word_.MayHold(later));
}

TEST_P(ScopeWordTest, InnerScopesKeepTheBeginningOfTheOutermost) {
  Begin();
  const std::uint64_t between = clock_.Stamp();
  Begin();
  EXPECT_TRUE(word_.MayHold(between));
  EXPECT_FALSE(End());
  EXPECT_TRUE(word_.MayHold(between));
  EXPECT_TRUE(End());
  // A scope that begins now cannot have found it.
  Begin();
  EXPECT_FALSE(word_.MayHold(between));
  EXPECT_TRUE(word_.MayHold(clock_.Stamp()));
  EXPECT_TRUE(End());
}

TEST(SharedScopeWordTest, CountsTheScopesOfAllThreads) {
  constexpr unsigned kThreads = 4;
  constexpr int kRounds = 2000;
  ScopeClock clock;
  ScopeWord word{};
  word.Begin(clock, true);
  const std::uint64_t stamp = clock.Stamp();
  testing::RunThreads(kThreads, [&](unsigned) {
    for (int i = 0; i < kRounds; ++i) {
      word.Begin(clock, true);
      ASSERT_TRUE(word.MayHold(stamp));
      ASSERT_FALSE(word.End(true)) << "the first scope is still open";
    }
  });
  EXPECT_TRUE(word.IsOpen());
  EXPECT_TRUE(word.MayHold(stamp));
  EXPECT_TRUE(word.End(true));
  EXPECT_FALSE(word.IsOpen());
}

}  // namespace
}  // namespace haft::internal
