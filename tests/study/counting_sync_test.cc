// The build that counts compare-and-swaps.

#include "bench/arms/counting_sync.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bench/worker/counters.h"
#include "haft/counted_reclamation.h"
#include "haft/global_free_list.h"
#include "haft/handle_table.h"
#include "haft/hazard_reclamation.h"
#include "haft/object_table.h"

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

// Returns {attempted, failed} of what this thread does in `f`.
template <typename F>
std::pair<std::uint64_t, std::uint64_t> CountsOf(F f) {
  const CasCounts before = cas_counts;
  f();
  return {cas_counts.attempted - before.attempted,
          cas_counts.failed - before.failed};
}
using Counts = std::pair<std::uint64_t, std::uint64_t>;

template <typename ReclamationT>
struct ObjectTraits : DefaultTraits {
  using FreeList = GlobalFreeList;
  using Reclamation = ReclamationT;
};

template <typename Reclamation>
class CountingObjectsTest : public testing::Test {
 protected:
  ObjectTable<Word, ObjectTraits<Reclamation>> table_{10};
};
using Reclamations = testing::Types<HazardReclamation, CountedReclamation>;
TYPED_TEST_SUITE(CountingObjectsTest, Reclamations);

TYPED_TEST(CountingObjectsTest, NewAndDeleteCountThoseOfTheListAndOfTheSlot) {
  ASSERT_EQ(this->table_.Delete(this->table_.Emplace(1U)), Status::kOk);
  Handle handle;
  EXPECT_EQ(CountsOf([&] { handle = this->table_.Emplace(1U); }), Counts(1, 0));
  // The end of the handle, and back to the list.
  EXPECT_EQ(CountsOf([&] { this->table_.Delete(handle); }), Counts(2, 0));
  // It finds the handle ended by failing, and does not try again.
  EXPECT_EQ(CountsOf([&] { this->table_.Delete(handle); }), Counts(1, 1));
}

TYPED_TEST(CountingObjectsTest, FreezingAndUnfreezingAreCounted) {
  const Handle handle = this->table_.Emplace(1U);
  const auto pin = this->table_.Pin(handle);
  EXPECT_EQ(CountsOf([&] { this->table_.DeleteUnlessPinned(handle); }),
            Counts(2, 0));
}

// In a first use the cell is claimed by a step that needs no lock.
TEST(CountingHazardTest, APinIsOneInACellAndAFirstUseOneInTheSlot) {
  ObjectTable<Word, ObjectTraits<HazardReclamation>> table(10);
  const Handle handle = table.Emplace(1U);
  const auto pin_and_unpin = [&] { EXPECT_TRUE(table.Pin(handle)); };
  EXPECT_EQ(CountsOf(pin_and_unpin), Counts(1, 0));
  EXPECT_EQ(CountsOf(pin_and_unpin), Counts(1, 0));
}

TEST(CountingHazardTest, ThePinsBeyondTheCellsAreCountedInAndOut) {
  ObjectTable<Word, ObjectTraits<HazardReclamation>> table(10);
  const Handle handle = table.Emplace(1U);
  std::vector<PinnedObject<Word, ObjectTraits<HazardReclamation>>> pins;
  for (int i = 0; i < 14; ++i) pins.push_back(table.Pin(handle));
  EXPECT_EQ(CountsOf([&] { EXPECT_TRUE(table.Pin(handle)); }), Counts(2, 0));
}

TEST(CountingCountedTest, APinIsAnAdditionAndNoCompareAndSwap) {
  ObjectTable<Word, ObjectTraits<CountedReclamation>> table(10);
  const Handle handle = table.Emplace(1U);
  EXPECT_EQ(CountsOf([&] { EXPECT_TRUE(table.Pin(handle)); }), Counts(0, 0));
}

TYPED_TEST(CountingObjectsTest, ADeleteThatFindsAPinLeavesItsOwnToTheUnpin) {
  const Handle handle = this->table_.Emplace(1U);
  auto pin = this->table_.Pin(handle);
  // The end of the handle, and the turn of the deleter.
  EXPECT_EQ(CountsOf([&] { this->table_.Delete(handle); }), Counts(2, 0));
  // The turn of the unpinner, its taking over, and back to the list.
  EXPECT_EQ(CountsOf([&] { const auto last = std::move(pin); }), Counts(3, 0));
}

}  // namespace
}  // namespace haft::study
