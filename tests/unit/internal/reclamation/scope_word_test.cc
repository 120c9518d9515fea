#include "haft/internal/reclamation/scope_word.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace haft::internal {
namespace {

class ScopeWordTest : public ::testing::Test {
 protected:
  void Begin() { word_.Begin(clock_); }
  bool End() { return word_.End(); }

  ScopeClock clock_;
  ScopeWord word_{};
};

TEST(ScopeClockTest, EachStampIsLaterThanTheLast) {
  ScopeClock clock;
  for (std::uint64_t i = 0; i < 100; ++i) EXPECT_EQ(clock.Stamp(), i);
}

TEST_F(ScopeWordTest, IsOpenFromTheFirstBeginToTheLastEnd) {
  EXPECT_FALSE(word_.IsOpen());
  for (int round = 0; round < 3; ++round) {
    Begin();
    EXPECT_TRUE(word_.IsOpen());
    EXPECT_TRUE(End());
    EXPECT_FALSE(word_.IsOpen());
  }
}

TEST_F(ScopeWordTest, OnlyTheEndOfTheOutermostScopeSaysSo) {
  constexpr int kDepth = 65535;  // what 16 bits can count
  for (int i = 0; i < kDepth; ++i) Begin();
  for (int i = 1; i < kDepth; ++i) {
    EXPECT_FALSE(End());
    EXPECT_TRUE(word_.IsOpen());
  }
  EXPECT_TRUE(End());
  EXPECT_FALSE(word_.IsOpen());
}

TEST_F(ScopeWordTest, MayHoldWhatIsStampedAfterItBegan) {
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

TEST_F(ScopeWordTest, InnerScopesKeepTheBeginningOfTheOutermost) {
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

TEST_F(ScopeWordTest, ScopesOfAnEarlierOwnerEndWithTheFirstOfTheNext) {
  Begin();
  Begin();
  const std::uint64_t between = clock_.Stamp();
  word_.BeginOutermost(clock_);
  EXPECT_FALSE(word_.MayHold(between));
  EXPECT_TRUE(word_.IsOpen());
  EXPECT_TRUE(End()) << "the only one of its owner";
  EXPECT_FALSE(word_.IsOpen());
}

}  // namespace
}  // namespace haft::internal
