#include "haft/table_stats.h"

#include <gtest/gtest.h>

#include <type_traits>

#include "haft/handle_table.h"
#include "haft/object_table.h"
#include "tests/support/testing.h"

namespace haft {
namespace {

// 8 slots of 3 generations each. With this free list the figures are exact to
// the slot.
using Traits = testing::TestTraits<GlobalFreeList, HandleLayout<3, 2>>;

// The figures in the order of their declaration, capacity last.
void ExpectStats(const TableStats& stats, std::size_t live,
                 std::uint64_t created, std::uint64_t deleted,
                 std::size_t exhausted_slots, std::size_t high_water,
                 std::size_t capacity) {
  EXPECT_EQ(stats.live, live);
  EXPECT_EQ(stats.created, created);
  EXPECT_EQ(stats.deleted, deleted);
  EXPECT_EQ(stats.exhausted_slots, exhausted_slots);
  EXPECT_EQ(stats.high_water, high_water);
  EXPECT_EQ(stats.capacity, capacity);
}

// The same calls give both tables the same figures.
template <typename Table, typename New>
void TestFigures(New make) {
  Table table(4);
  ExpectStats(table.Stats(), 0, 0, 0, 0, 0, 4);
  const Handle a = make(table), b = make(table);
  ExpectStats(table.Stats(), 2, 2, 0, 0, 2, 4);
  table.Delete(a);
  ExpectStats(table.Stats(), 1, 2, 1, 0, 2, 4);
  // A refused call changes nothing.
  table.Delete(a);
  table.Delete(kNullHandle);
  ExpectStats(table.Stats(), 1, 2, 1, 0, 2, 4);
  // The second and the third generation of that slot, which is then exhausted.
  table.Delete(make(table));
  ExpectStats(table.Stats(), 1, 3, 2, 0, 2, 4);
  table.Delete(make(table));
  ExpectStats(table.Stats(), 1, 4, 3, 1, 2, 3);
  Handle more[2] = {make(table), make(table)};
  ExpectStats(table.Stats(), 3, 6, 3, 1, 4, 3);
  // The table is full.
  EXPECT_EQ(make(table), kNullHandle);
  ExpectStats(table.Stats(), 3, 6, 3, 1, 4, 3);
  table.DeleteBatch(more, 2);
  table.Delete(b);
  ExpectStats(table.Stats(), 0, 6, 6, 1, 4, 3);
}

TEST(TableStatsTest, FiguresOfAHandleTable) {
  TestFigures<HandleTable<int, Traits>>(
      [](auto& table) { return table.New(1); });
}

TEST(TableStatsTest, FiguresOfAnObjectTable) {
  TestFigures<ObjectTable<int, Traits>>(
      [](auto& table) { return table.Emplace(1); });
}

TEST(ObjectTableStatsTest, CountsObjectsThatAreDeletedAndNotDestroyed) {
  static_assert(std::is_base_of_v<TableStats, ObjectTableStats>);
  ObjectTable<int, Traits> table(4);
  const Handle handle = table.Emplace(1);
  {
    const auto pin = table.Pin(handle);
    EXPECT_EQ(table.Stats().retired_objects, 0u);
    ASSERT_EQ(table.Delete(handle), Status::kOk);
    EXPECT_EQ(table.Stats().retired_objects, 1u);
    ExpectStats(table.Stats(), 0, 1, 1, 0, 1, 4);
  }
  EXPECT_EQ(table.Stats().retired_objects, 0u);
  ExpectStats(table.Stats(), 0, 1, 1, 0, 1, 4);
}

}  // namespace
}  // namespace haft
