#include "haft/internal/base/power_of_two.h"

#include <gtest/gtest.h>

#include <cstddef>

namespace haft::internal {
namespace {

TEST(PowerOfTwoTest, IsTheSmallestThatIsNotLess) {
  EXPECT_EQ(CeilPowerOfTwo(0), 1u);
  EXPECT_EQ(CeilPowerOfTwo(1), 1u);
  for (std::size_t power = 2; power <= std::size_t{1} << 30; power *= 2) {
    EXPECT_EQ(CeilPowerOfTwo(power / 2 + 1), power);
    EXPECT_EQ(CeilPowerOfTwo(power), power);
  }
}

TEST(PowerOfTwoTest, IsKnownAtCompileTime) {
  static_assert(CeilPowerOfTwo(0) == 1 && CeilPowerOfTwo(1) == 1);
  static_assert(CeilPowerOfTwo(2) == 2 && CeilPowerOfTwo(3) == 4);
  static_assert(CeilPowerOfTwo(4) == 4 && CeilPowerOfTwo(1025) == 2048);
}

TEST(PowerOfTwoTest, LargestPowerIsItsOwn) {
  constexpr std::size_t kLargest = ~(~std::size_t{0} >> 1);
  EXPECT_EQ(CeilPowerOfTwo(kLargest), kLargest);
  EXPECT_EQ(CeilPowerOfTwo(kLargest / 2 + 1), kLargest);
}

}  // namespace
}  // namespace haft::internal
