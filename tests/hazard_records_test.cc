#include "haft/hazard_records.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <set>
#include <thread>
#include <vector>

namespace haft::internal {
namespace {

// On the heap: the records are large.
class HazardRecordsTest : public ::testing::Test {
 protected:
  bool IsPinned(Word handle) { return records_->Look(handle).pinned; }
  bool IsScoped() { return records_->Look(1).scoped; }

  std::unique_ptr<HazardRecords> records_ = std::make_unique<HazardRecords>();
};

TEST_F(HazardRecordsTest, PublishedHandleIsPinnedUntilCleared) {
  ASSERT_TRUE(records_->ok());
  EXPECT_FALSE(IsPinned(5));
  HazardCell* const cell = records_->Publish(5);
  ASSERT_NE(cell, nullptr);
  EXPECT_TRUE(IsPinned(5));
  EXPECT_FALSE(IsPinned(7));
  HazardRecords::Clear(cell);
  EXPECT_FALSE(IsPinned(5));
}

TEST_F(HazardRecordsTest, ManyPinsOfOneThreadChainBlocksAndUseThemAgain) {
  std::vector<HazardCell*> cells;
  for (Word handle = 1; handle < 2000; handle += 2)
    cells.push_back(records_->Publish(handle));
  const std::set<HazardCell*> distinct(cells.begin(), cells.end());
  EXPECT_EQ(distinct.size(), cells.size());
  for (Word handle = 1; handle < 2000; handle += 2)
    EXPECT_TRUE(IsPinned(handle));
  for (HazardCell* cell : cells) HazardRecords::Clear(cell);
  EXPECT_FALSE(IsPinned(999));
  for (Word handle = 1; handle < 2000; handle += 2)
    EXPECT_EQ(distinct.count(records_->Publish(handle)), 1u);
}

TEST_F(HazardRecordsTest, AnyThreadMayClear) {
  HazardCell* cell = nullptr;
  std::thread([&] { cell = records_->Publish(9); }).join();
  EXPECT_TRUE(IsPinned(9)) << "outlives its thread";
  HazardRecords::Clear(cell);
  EXPECT_FALSE(IsPinned(9));
}

TEST_F(HazardRecordsTest, ThreadsWithoutAnIndexPublishToo) {
  std::thread([&] {
    sync::ThisThread().exited.store(true, std::memory_order_relaxed);
    std::vector<HazardCell*> cells;
    for (Word handle = 1; handle < 100; handle += 2)
      cells.push_back(records_->Publish(handle));
    EXPECT_TRUE(IsPinned(99));
    for (HazardCell* cell : cells) HazardRecords::Clear(cell);
    EXPECT_FALSE(IsPinned(99));
  }).join();
}

// Looks close the marks of idle threads; pins and scopes keep them open, and
// open them again.
TEST_F(HazardRecordsTest, ClosingOverlooksNobody) {
  HazardCell* cell = records_->Publish(3);
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(IsPinned(3));
  HazardRecords::Clear(cell);
  for (int i = 0; i < 1000; ++i) ASSERT_FALSE(IsPinned(3));
  cell = records_->Publish(3);
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(IsPinned(3));
  HazardRecords::Clear(cell);
  const unsigned index = records_->BeginScope();
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(IsScoped());
  EXPECT_TRUE(records_->EndScope(index));
  for (int i = 0; i < 1000; ++i) ASSERT_FALSE(IsScoped());
}

// A publisher and a closer, round by round: a handle published before the look
// began is always seen.
TEST_F(HazardRecordsTest, ClosingRacesPublishing) {
  constexpr int kRounds = 2000;
  std::atomic<int> published{0}, looked{0};
  std::thread publisher([&] {
    for (int round = 1; round <= kRounds; ++round) {
      HazardCell* const cell = records_->Publish(11);
      published = round;
      while (looked < round) std::this_thread::yield();
      HazardRecords::Clear(cell);
    }
  });
  std::atomic<bool> done{false};
  std::thread closer([&] {
    while (!done) (void)records_->Look(13);
  });
  for (int round = 1; round <= kRounds; ++round) {
    while (published < round) std::this_thread::yield();
    ASSERT_TRUE(IsPinned(11));
    looked = round;
  }
  publisher.join();
  done = true;
  closer.join();
}

TEST_F(HazardRecordsTest, ScopesNest) {
  const unsigned outer = records_->BeginScope();
  const unsigned inner = records_->BeginScope();
  EXPECT_EQ(outer, inner);
  EXPECT_TRUE(IsScoped());
  EXPECT_FALSE(records_->EndScope(inner));
  EXPECT_TRUE(IsScoped());
  EXPECT_TRUE(records_->EndScope(outer));
  EXPECT_FALSE(IsScoped());
}

TEST_F(HazardRecordsTest, ScopeHoldsWhatWasStampedAfterItBegan) {
  const std::uint64_t before = records_->Stamp();
  const unsigned index = records_->BeginScope();
  const std::uint64_t after = records_->Stamp();
  EXPECT_FALSE(records_->ScopeMayHold(index, before));
  EXPECT_TRUE(records_->ScopeMayHold(index, after));
  EXPECT_EQ(records_->FindScope(before), HazardRecords::kNobody);
  EXPECT_EQ(records_->FindScope(after), index);
  records_->EndScope(index);
  EXPECT_EQ(records_->FindScope(after), HazardRecords::kNobody);
}

TEST_F(HazardRecordsTest, ScopesOfThreadsWithoutAnIndexShareOneAndOverlap) {
  std::thread([&] {
    sync::ThisThread().exited.store(true, std::memory_order_relaxed);
    const unsigned first = records_->BeginScope();
    std::thread([&] {
      sync::ThisThread().exited.store(true, std::memory_order_relaxed);
      const unsigned second = records_->BeginScope();
      EXPECT_EQ(first, second);
      EXPECT_FALSE(records_->EndScope(second));
    }).join();
    EXPECT_TRUE(IsScoped());
    EXPECT_TRUE(records_->EndScope(first));
    EXPECT_FALSE(IsScoped());
  }).join();
}

}  // namespace
}  // namespace haft::internal
