#include "haft/internal/process/fast_path_gate.h"

#include <gtest/gtest.h>

#include "tests/support/testing.h"

namespace haft::internal {
namespace {

TEST(GateTest, IsClosedAtFirst) {
  Gate<int> gate;
  EXPECT_EQ(gate.Through(), nullptr);
  EXPECT_FALSE(gate.IsWatched());
}

TEST(GateTest, OpensToTheFirst) {
  Gate<int> gate;
  int object, other;
  gate.Open(&object);
  EXPECT_EQ(gate.Through(), &object);
  gate.Open(&other);
  EXPECT_EQ(gate.Through(), &object);
  EXPECT_FALSE(gate.IsWatched());
}

TEST(GateTest, NobodyGoesThroughWhenItIsWatched) {
  int object;
  Gate<int> opened;
  opened.Open(&object);
  opened.Watch();
  EXPECT_EQ(opened.Through(), nullptr);
  EXPECT_TRUE(opened.IsWatched());

  Gate<int> watched;
  watched.Watch();
  watched.Open(&object);
  EXPECT_EQ(watched.Through(), nullptr);
  EXPECT_TRUE(watched.IsWatched());
}

TEST(GateTest, WatchWinsOverThreadsThatOpen) {
  for (int round = 0; round < 300; ++round) {
    Gate<int> gate;
    int object;
    testing::Barrier start(3);
    testing::RunThreads(3, [&](unsigned t) {
      start.Wait();
      if (t != 0) return gate.Open(&object);
      gate.Watch();
      EXPECT_EQ(gate.Through(), nullptr);
    });
    EXPECT_EQ(gate.Through(), nullptr);
  }
}

}  // namespace
}  // namespace haft::internal
