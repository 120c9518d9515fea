#include "haft/table_stats.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <thread>
#include <type_traits>
#include <vector>

#include "haft/handle_table.h"
#include "haft/object_table.h"
#include "tests/support/inspector.h"
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

constexpr std::size_t kBatch = 32;
constexpr int kReads = testing::kSanitized ? 5000 : 50000;

template <typename Traits>
bool IsDeleted(HandleTable<std::size_t, Traits>& table, Handle handle) {
  return table.Delete(handle).has_value();
}
template <typename Traits>
bool IsDeleted(ObjectTable<std::size_t, Traits>& table, Handle handle) {
  return table.Delete(handle) == Status::kOk;
}

// Returns how many handles have been made.
template <typename Traits>
std::size_t MakeBatch(HandleTable<std::size_t, Traits>& table,
                      Handle* handles) {
  std::size_t values[kBatch];
  std::iota(values, values + kBatch, 0);
  return table.NewBatch(values, kBatch, handles);
}
template <typename Traits>
std::size_t MakeBatch(ObjectTable<std::size_t, Traits>& table,
                      Handle* handles) {
  std::size_t made = 0;
  while (made < kBatch && (handles[made] = table.Emplace(made)) != kNullHandle)
    ++made;
  return made;
}

template <typename Table>
class BusyTableStatsTest : public ::testing::Test {};
using Tables = ::testing::Types<
    HandleTable<std::size_t>, ObjectTable<std::size_t>,
    HandleTable<std::size_t, testing::TestTraits<GlobalFreeList>>,
    ObjectTable<std::size_t, testing::TestTraits<GlobalFreeList>>>;
TYPED_TEST_SUITE(BusyTableStatsTest, Tables);

// Two threads make and delete batches. A third one deletes whatever it finds,
// which may be handles that their maker has not counted yet.
TYPED_TEST(BusyTableStatsTest, BoundsHoldWhileOthersMakeAndDelete) {
  TypeParam table(2 * kBatch);
  const std::size_t slots =
      internal::Inspector::AllocatorOf(table).slots().size();
  std::atomic<bool> done{false};
  std::atomic<std::uint64_t> created{0}, deleted{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&] {
      Handle handles[kBatch];
      std::uint64_t made = 0, ended = 0;
      while (!done) {
        const std::size_t count = MakeBatch(table, handles);
        made += count;
        ended += table.DeleteBatch(handles, count);
      }
      created += made;
      deleted += ended;
    });
  }
  threads.emplace_back([&] {
    std::uint64_t ended = 0;
    while (!done)
      table.ForEach(
          [&](Handle handle, auto&) { ended += IsDeleted(table, handle); });
    deleted += ended;
  });
  // With a 32-bit layout some slots use up their generations meanwhile.
  std::size_t exhausted_slots = 0;
  int broken = 0;
  for (int i = 0; i < kReads && broken == 0; ++i) {
    const TableStats stats = table.Stats();
    EXPECT_LE(stats.live, stats.high_water) << ++broken;
    EXPECT_LE(stats.high_water, slots) << ++broken;
    EXPECT_LE(stats.deleted, stats.created) << ++broken;
    EXPECT_GE(stats.created - stats.deleted, stats.live) << ++broken;
    EXPECT_GE(stats.exhausted_slots, exhausted_slots) << ++broken;
    exhausted_slots = stats.exhausted_slots;
    EXPECT_EQ(stats.capacity,
              2 * kBatch - std::min(exhausted_slots, 2 * kBatch))
        << ++broken;
  }
  done = true;
  for (std::thread& thread : threads) thread.join();
  const TableStats stats = table.Stats();
  EXPECT_EQ(stats.created, created);
  EXPECT_EQ(stats.deleted, deleted);
  EXPECT_EQ(stats.live, 0u);
  EXPECT_EQ(created, deleted);
  EXPECT_LE(stats.high_water, slots);
  std::size_t free = 0;
  testing::ForEachFree(table, [&](Handle) { ++free; });
  EXPECT_EQ(stats.high_water, free + stats.exhausted_slots);
}

}  // namespace
}  // namespace haft
