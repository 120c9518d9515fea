#include "haft/internal/free_list/fresh_slots.h"

#include <gtest/gtest.h>

#include <cstddef>

#include "haft/handle.h"

namespace haft::internal {
namespace {

constexpr Word kFirst = 0x4001;  // slot 0; the next slots' handles are 2 apart

TEST(FreshSlotsTest, HandsOutSlotsInOrder) {
  FreshSlots fresh_slots(kFirst, 10);
  const HandleRun run = fresh_slots.Take(3);
  ASSERT_EQ(run.count, 3u);
  EXPECT_EQ(run[0], kFirst);
  EXPECT_EQ(run[1], kFirst + 2);
  EXPECT_EQ(run[2], kFirst + 4);
  EXPECT_EQ(fresh_slots.Take(1)[0], kFirst + 6);
}

TEST(FreshSlotsTest, HighWaterCountsSlots) {
  FreshSlots fresh_slots(kFirst, 10);
  EXPECT_EQ(fresh_slots.high_water(), 0u);
  (void)fresh_slots.Take(3);
  EXPECT_EQ(fresh_slots.high_water(), 3u);
  (void)fresh_slots.Take(1);
  EXPECT_EQ(fresh_slots.high_water(), 4u);
}

TEST(FreshSlotsTest, LastRunIsShort) {
  FreshSlots fresh_slots(kFirst, 10);
  (void)fresh_slots.Take(8);
  const HandleRun run = fresh_slots.Take(5);
  EXPECT_EQ(run.count, 2u);
  EXPECT_EQ(run.first, kFirst + 16);
}

TEST(FreshSlotsTest, NothingIsLeftAtTheLimit) {
  FreshSlots fresh_slots(kFirst, 10);
  (void)fresh_slots.Take(9);
  (void)fresh_slots.Take(9);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(fresh_slots.Take(128).count, 0u);
  EXPECT_EQ(fresh_slots.high_water(), 10u);
}

TEST(FreshSlotsTest, MarkDoesNotRunOnPastTheLimit) {
  FreshSlots fresh_slots(kFirst, 10);
  constexpr std::size_t kHalf = ~std::size_t{0} / 2 + 1;
  EXPECT_EQ(fresh_slots.Take(kHalf).count, 10u);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(fresh_slots.Take(kHalf).count, 0u);
}

TEST(FreshSlotsTest, ExactFitIsNotShort) {
  FreshSlots fresh_slots(kFirst, 10);
  EXPECT_EQ(fresh_slots.Take(10).count, 10u);
  EXPECT_EQ(fresh_slots.Take(1).count, 0u);
}

TEST(FreshSlotsTest, LimitZeroHasNothing) {
  FreshSlots fresh_slots(kFirst, 0);
  EXPECT_EQ(fresh_slots.Take(1).count, 0u);
  EXPECT_EQ(fresh_slots.high_water(), 0u);
  EXPECT_EQ(fresh_slots.limit(), 0u);
}

TEST(FreshSlotsTest, TakingNoneTakesNone) {
  FreshSlots fresh_slots(kFirst, 10);
  EXPECT_EQ(fresh_slots.Take(0).count, 0u);
  EXPECT_EQ(fresh_slots.Take(1)[0], kFirst);
}

TEST(FreshSlotsTest, ReplaceChangesTheHandlesThatWereNotTaken) {
  FreshSlots fresh_slots(kFirst, 10);
  EXPECT_EQ(fresh_slots.Take(3).first, kFirst);
  fresh_slots.Replace([](Word first) { return first + 0x100; });
  EXPECT_EQ(fresh_slots.Take(1).first, kFirst + 0x100 + 2 * 3);
  EXPECT_EQ(fresh_slots.high_water(), 4u);
}

}  // namespace
}  // namespace haft::internal
