#include "haft/internal/base/lazy_instance.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <vector>

#include "tests/support/testing.h"

namespace haft::internal {
namespace {

TEST(LazyInstanceTest, IsMadeByTheFirstCall) {
  static LazyInstance<int> once;
  int* const made = once.Get([] { return std::make_unique<int>(7); });
  ASSERT_NE(made, nullptr);
  EXPECT_EQ(*made, 7);
  EXPECT_EQ(once.Get([]() -> std::unique_ptr<int> {
    ADD_FAILURE() << "made twice";
    return nullptr;
  }),
            made);
}

TEST(LazyInstanceTest, FailureIsTriedAgain) {
  static LazyInstance<int> once;
  EXPECT_EQ(once.Get([] { return std::unique_ptr<int>(); }), nullptr);
  EXPECT_NE(once.Get([] { return std::make_unique<int>(1); }), nullptr);
}

TEST(LazyInstanceTest, RacingThreadsGetTheSame) {
  for (int round = 0; round < 200; ++round) {
    // The instance is never destroyed, and neither are its members.
    auto* const once = new LazyInstance<int>;
    testing::Barrier start(4);
    std::vector<int*> got(4);
    testing::RunThreads(4, [&](unsigned t) {
      start.Wait();
      got[t] = once->Get([] { return std::make_unique<int>(3); });
    });
    EXPECT_EQ(std::set<int*>(got.begin(), got.end()).size(), 1u);
    EXPECT_EQ(*got[0], 3);
    delete got[0];
    delete once;
  }
}

}  // namespace
}  // namespace haft::internal
