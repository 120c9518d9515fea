#include "haft/internal/process/fast_path_gate.h"

#include <gtest/gtest.h>

#include "tests/support/testing.h"

namespace haft::internal {
namespace {

TEST(FastPathGateTest, HasNoTableAtFirst) {
  FastPathGate<int> gate;
  EXPECT_EQ(gate.TableOrNull(), nullptr);
  EXPECT_FALSE(gate.IsSlowPathForced());
}

TEST(FastPathGateTest, KeepsTheFirstTable) {
  FastPathGate<int> gate;
  int object, other;
  gate.Open(&object);
  EXPECT_EQ(gate.TableOrNull(), &object);
  gate.Open(&other);
  EXPECT_EQ(gate.TableOrNull(), &object);
  EXPECT_FALSE(gate.IsSlowPathForced());
}

TEST(FastPathGateTest, GivesNoTableWhenTheSlowPathIsForced) {
  int object;
  FastPathGate<int> opened;
  opened.Open(&object);
  opened.ForceSlowPath();
  EXPECT_EQ(opened.TableOrNull(), nullptr);
  EXPECT_TRUE(opened.IsSlowPathForced());

  FastPathGate<int> forced;
  forced.ForceSlowPath();
  forced.Open(&object);
  EXPECT_EQ(forced.TableOrNull(), nullptr);
  EXPECT_TRUE(forced.IsSlowPathForced());
}

TEST(FastPathGateTest, ForceSlowPathWinsOverThreadsThatOpen) {
  for (int round = 0; round < 300; ++round) {
    FastPathGate<int> gate;
    int object;
    testing::Barrier start(3);
    testing::RunThreads(3, [&](unsigned t) {
      start.Wait();
      if (t != 0) return gate.Open(&object);
      gate.ForceSlowPath();
      EXPECT_EQ(gate.TableOrNull(), nullptr);
    });
    EXPECT_EQ(gate.TableOrNull(), nullptr);
  }
}

}  // namespace
}  // namespace haft::internal
