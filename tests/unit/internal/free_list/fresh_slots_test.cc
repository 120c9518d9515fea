#include "haft/internal/free_list/fresh_slots.h"

#include <gtest/gtest.h>

#include <cstddef>

#include "haft/handle.h"

namespace haft::internal {
namespace {

constexpr Word kFirst = 0x4001;  // slot 0; the next slots' handles are 2 apart

TEST(CarverTest, HandsOutSlotsInOrder) {
  Carver carver(kFirst, 10);
  const HandleRun run = carver.Carve(3);
  ASSERT_EQ(run.count, 3u);
  EXPECT_EQ(run[0], kFirst);
  EXPECT_EQ(run[1], kFirst + 2);
  EXPECT_EQ(run[2], kFirst + 4);
  EXPECT_EQ(carver.Carve(1)[0], kFirst + 6);
}

TEST(CarverTest, CarvedCountsSlots) {
  Carver carver(kFirst, 10);
  EXPECT_EQ(carver.carved(), 0u);
  (void)carver.Carve(3);
  EXPECT_EQ(carver.carved(), 3u);
  (void)carver.Carve(1);
  EXPECT_EQ(carver.carved(), 4u);
}

TEST(CarverTest, LastRunIsShort) {
  Carver carver(kFirst, 10);
  (void)carver.Carve(8);
  const HandleRun run = carver.Carve(5);
  EXPECT_EQ(run.count, 2u);
  EXPECT_EQ(run.first, kFirst + 16);
}

TEST(CarverTest, NothingIsLeftForEverAtTheLimit) {
  Carver carver(kFirst, 10);
  (void)carver.Carve(9);
  (void)carver.Carve(9);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(carver.Carve(128).count, 0u);
  EXPECT_EQ(carver.carved(), 10u);
}

TEST(CarverTest, MarkDoesNotRunOnPastTheLimit) {
  Carver carver(kFirst, 10);
  constexpr std::size_t kHalf = ~std::size_t{0} / 2 + 1;
  EXPECT_EQ(carver.Carve(kHalf).count, 10u);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(carver.Carve(kHalf).count, 0u);
}

TEST(CarverTest, ExactFitIsNotShort) {
  Carver carver(kFirst, 10);
  EXPECT_EQ(carver.Carve(10).count, 10u);
  EXPECT_EQ(carver.Carve(1).count, 0u);
}

TEST(CarverTest, LimitZeroHasNothing) {
  Carver carver(kFirst, 0);
  EXPECT_EQ(carver.Carve(1).count, 0u);
  EXPECT_EQ(carver.carved(), 0u);
  EXPECT_EQ(carver.limit(), 0u);
}

TEST(CarverTest, CarvingNoneTakesNone) {
  Carver carver(kFirst, 10);
  EXPECT_EQ(carver.Carve(0).count, 0u);
  EXPECT_EQ(carver.Carve(1)[0], kFirst);
}

}  // namespace
}  // namespace haft::internal
