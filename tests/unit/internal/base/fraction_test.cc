#include "haft/internal/base/fraction.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

namespace haft::internal {
namespace {

constexpr std::uint64_t kHalf = std::uint64_t{1} << 63;
constexpr std::uint64_t kAlmostAll = ~std::uint64_t{0};
constexpr Word kLargest = std::numeric_limits<Word>::max();

TEST(FractionTest, PartIsInProportion) {
  EXPECT_EQ(PartOf(1000, 0), 0u);
  EXPECT_EQ(PartOf(1000, kHalf), 500u);
  EXPECT_EQ(PartOf(1000, kHalf / 2), 250u);
  EXPECT_EQ(PartOf(1000, kHalf + kHalf / 2), 750u);
  EXPECT_EQ(PartOf(kLargest, kHalf), kLargest / 2);
}

TEST(FractionTest, PartIsLessThanTheWhole) {
  EXPECT_EQ(PartOf(0, kAlmostAll), 0u);
  EXPECT_EQ(PartOf(1, kAlmostAll), 0u);
  EXPECT_EQ(PartOf(1000, kAlmostAll), 999u);
  EXPECT_EQ(PartOf(kLargest, kAlmostAll), kLargest - 1);
}

}  // namespace
}  // namespace haft::internal
