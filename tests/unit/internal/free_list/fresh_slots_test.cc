// Over the real system, with a note of the pages that are populated.
#define HAFT_SYNC_BACKEND "tests/support/fault_sync.h"

#include "haft/internal/free_list/fresh_slots.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <utility>
#include <vector>

#include "haft/handle.h"
#include "haft/internal/base/reserved_array.h"
#include "haft/internal/base/sync.h"

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

// The bytes of each call, from the beginning of the array.
using Ranges = std::vector<std::pair<std::size_t, std::size_t>>;
Ranges populated;
char* array_begin = nullptr;

TEST(FreshSlotsTest, SlotsArePopulatedAheadOfTheirUse) {
  const std::size_t page = sync::PageSize();
  constexpr std::size_t kSize = 32;
  ReservedArray<char> array(40 * page);
  array_begin = array.data();
  testing::note_populated = [](void* begin, std::size_t bytes) {
    const auto first =
        static_cast<std::size_t>(static_cast<char*>(begin) - array_begin);
    populated.emplace_back(first, first + bytes);
  };
  FreshSlots fresh_slots(kFirst, 40 * page / kSize, array.data(), kSize);
  (void)fresh_slots.Take(16 * page / kSize);
  EXPECT_EQ(populated, Ranges());
  (void)fresh_slots.Take(1);
  EXPECT_EQ(populated, (Ranges{{16 * page, 18 * page}}));
  (void)fresh_slots.Take(2 * page / kSize);
  EXPECT_EQ(populated,
            (Ranges{{16 * page, 18 * page}, {18 * page, 20 * page}}));
  testing::note_populated = nullptr;
}

}  // namespace
}  // namespace haft::internal
