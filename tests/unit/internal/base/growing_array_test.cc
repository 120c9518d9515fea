#include "haft/internal/base/growing_array.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <vector>

#include "tests/support/in_child.h"
#include "tests/support/testing.h"

namespace haft::internal {
namespace {

TEST(GrowingArrayTest, KeepsAppendedElementsInOrder) {
  GrowingArray<int> array;
  EXPECT_TRUE(array.empty());
  std::vector<int> expected;
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(array.Append(i));
    expected.push_back(i);
  }
  EXPECT_EQ(std::vector<int>(array.begin(), array.end()), expected);
  EXPECT_FALSE(array.empty());
}

TEST(GrowingArrayTest, ReserveOneAddsNothing) {
  GrowingArray<int> array;
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(array.ReserveOne());
    EXPECT_TRUE(array.ReserveOne());
    EXPECT_EQ(array.end() - array.begin(), i);
    ASSERT_TRUE(array.Append(i));
  }
}

TEST(GrowingArrayTest, EraseMovesTheRestUp) {
  GrowingArray<int> array;
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(array.Append(i));
  array.Erase(array.begin() + 1);
  EXPECT_EQ(std::vector<int>(array.begin(), array.end()),
            (std::vector<int>{0, 2, 3, 4}));
  array.Erase(array.end() - 1);
  EXPECT_EQ(array.TakeLast(), 3);
  EXPECT_EQ(array.TakeLast(), 2);
  EXPECT_EQ(array.TakeLast(), 0);
  EXPECT_TRUE(array.empty());
}

TEST(GrowingArrayTest, WithoutMemoryItStaysAsItIs) {
  if (testing::kSanitized) GTEST_SKIP() << "the sanitizer ends the process";
  testing::InChild([] {
    GrowingArray<int> array;
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(array.Append(i));
    const rlimit none = {};
    ASSERT_EQ(setrlimit(RLIMIT_AS, &none), 0);
    // What the allocator has at hand is used up some time.
    int count = 100;
    while (count < 100'000'000 && array.Append(count)) ++count;
    EXPECT_LT(count, 100'000'000);
    EXPECT_FALSE(array.ReserveOne());
    ASSERT_EQ(array.end() - array.begin(), count);
    for (int i = 0; i < count; ++i) ASSERT_EQ(array.begin()[i], i);
    EXPECT_EQ(array.TakeLast(), count - 1);
    EXPECT_TRUE(array.Append(7)) << "there was room";
  });
}

}  // namespace
}  // namespace haft::internal
