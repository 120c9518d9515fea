// The build that counts compare-and-swaps.

#include "bench/arms/counting_sync.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "bench/worker/counters.h"
#include "haft/global_free_list.h"
#include "haft/handle_table.h"

namespace haft::study {
namespace {

const std::vector<std::string> kNames = {"compare-and-swaps",
                                         "failed-compare-and-swaps"};

TEST(CountingSyncTest, SuccessesAndFailuresAreCounted) {
  internal::sync::Atomic<int> word{1};
  const CasCounts before = cas_counts;
  int expected = 2;
  EXPECT_FALSE(word.compare_exchange_strong(
      expected, 3, std::memory_order_relaxed, std::memory_order_relaxed));
  EXPECT_EQ(expected, 1);
  EXPECT_TRUE(word.compare_exchange_strong(
      expected, 3, std::memory_order_relaxed, std::memory_order_relaxed));
  expected = 4;
  EXPECT_FALSE(word.compare_exchange_weak(
      expected, 5, std::memory_order_relaxed, std::memory_order_relaxed));
  EXPECT_EQ(word.load(), 3);
  EXPECT_EQ(cas_counts.attempted - before.attempted, 3U);
  EXPECT_EQ(cas_counts.failed - before.failed, 2U);
}

struct Traits : DefaultTraits {
  using FreeList = GlobalFreeList;
};

TEST(CountingSyncTest, CountersHaveTheCountsOfTheirThreadBetweenStartAndStop) {
  HandleTable<Word, Traits> table(10);
  EXPECT_TRUE(table.Delete(table.New(1)).has_value());
  Counters counters(kNames);
  EXPECT_EQ(counters.error(), "");
  counters.Start();
  EXPECT_TRUE(table.Delete(table.New(1)).has_value());
  // Those of other threads are theirs.
  std::thread([&] {
    EXPECT_TRUE(table.Delete(table.New(1)).has_value());
  }).join();
  counters.Stop();
  EXPECT_TRUE(table.Delete(table.New(1)).has_value());
  const auto counts = counters.Read();
  ASSERT_EQ(counts.size(), 2U);
  // From the list, the end of the handle, and back to the list.
  EXPECT_EQ(counts[0], 3U);
  EXPECT_EQ(counts[1], 0U);
}

}  // namespace
}  // namespace haft::study
