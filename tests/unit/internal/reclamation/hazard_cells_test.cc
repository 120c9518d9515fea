#include "haft/internal/reclamation/hazard_cells.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <thread>
#include <vector>

namespace haft::internal {
namespace {

// The cells are on the heap because they are large.
class HazardCellsTest : public ::testing::Test {
 protected:
  bool IsPinned(Word handle) { return cells_->Look(users_, handle).pinned; }
  bool IsScoped() { return cells_->Look(users_, 1).scoped; }

  unsigned BeginScope() {
    const unsigned index = cells_->BeginScope();
    users_.Add(UserSet::Member(index));
    return index;
  }

  UserSet users_{};
  std::unique_ptr<HazardCells> cells_ = std::make_unique<HazardCells>();
};

TEST_F(HazardCellsTest, PublishedHandleIsPinnedUntilCleared) {
  ASSERT_TRUE(cells_->ok());
  EXPECT_FALSE(IsPinned(5));
  HazardCell* const cell = cells_->Publish(users_, 5);
  ASSERT_NE(cell, nullptr);
  EXPECT_TRUE(IsPinned(5));
  EXPECT_FALSE(IsPinned(7));
  HazardCells::Clear(cell);
  EXPECT_FALSE(IsPinned(5));
}

TEST_F(HazardCellsTest, ManyPinsOfOneThreadChainBlocksAndUseThemAgain) {
  std::vector<HazardCell*> cells;
  for (Word handle = 1; handle < 2000; handle += 2)
    cells.push_back(cells_->Publish(users_, handle));
  const std::set<HazardCell*> distinct(cells.begin(), cells.end());
  EXPECT_EQ(distinct.size(), cells.size());
  for (Word handle = 1; handle < 2000; handle += 2)
    EXPECT_TRUE(IsPinned(handle));
  for (HazardCell* cell : cells) HazardCells::Clear(cell);
  EXPECT_FALSE(IsPinned(999));
  for (Word handle = 1; handle < 2000; handle += 2)
    EXPECT_EQ(distinct.count(cells_->Publish(users_, handle)), 1u);
}

TEST_F(HazardCellsTest, AnyThreadMayClear) {
  HazardCell* cell = nullptr;
  std::thread([&] { cell = cells_->Publish(users_, 9); }).join();
  EXPECT_TRUE(IsPinned(9)) << "outlives its thread";
  HazardCells::Clear(cell);
  EXPECT_FALSE(IsPinned(9));
}

TEST_F(HazardCellsTest, ThreadsWithoutAnIndexPublishToo) {
  std::thread([&] {
    sync::ThisThread().exited.store(true, std::memory_order_relaxed);
    std::vector<HazardCell*> cells;
    for (Word handle = 1; handle < 100; handle += 2)
      cells.push_back(cells_->Publish(users_, handle));
    EXPECT_TRUE(IsPinned(99));
    for (HazardCell* cell : cells) HazardCells::Clear(cell);
    EXPECT_FALSE(IsPinned(99));
  }).join();
}

// A look examines the threads in the set and no others.
TEST_F(HazardCellsTest, OnlyUsersAreLookedAt) {
  HazardCell* const cell = cells_->Publish(users_, 3);
  const UserSet nobody{};
  EXPECT_FALSE(cells_->Look(nobody, 3));
  EXPECT_TRUE(IsPinned(3));
  HazardCells::Clear(cell);
}

TEST_F(HazardCellsTest, ScopesNest) {
  const unsigned outer = BeginScope();
  const unsigned inner = BeginScope();
  EXPECT_EQ(outer, inner);
  EXPECT_TRUE(IsScoped());
  EXPECT_FALSE(cells_->EndScope(inner));
  EXPECT_TRUE(IsScoped());
  EXPECT_TRUE(cells_->EndScope(outer));
  EXPECT_FALSE(IsScoped());
}

TEST_F(HazardCellsTest, ScopeHoldsWhatWasStampedAfterItBegan) {
  const std::uint64_t before = cells_->Stamp();
  const unsigned index = BeginScope();
  const std::uint64_t after = cells_->Stamp();
  EXPECT_FALSE(cells_->ScopeMayHold(index, before));
  EXPECT_TRUE(cells_->ScopeMayHold(index, after));
  EXPECT_EQ(cells_->FindScope(users_, before), HazardCells::kNoScope);
  EXPECT_EQ(cells_->FindScope(users_, after), index);
  cells_->EndScope(index);
  EXPECT_EQ(cells_->FindScope(users_, after), HazardCells::kNoScope);
}

TEST_F(HazardCellsTest, ScopesOfThreadsWithoutAnIndexShareOneAndOverlap) {
  std::thread([&] {
    sync::ThisThread().exited.store(true, std::memory_order_relaxed);
    const unsigned first = BeginScope();
    std::thread([&] {
      sync::ThisThread().exited.store(true, std::memory_order_relaxed);
      const unsigned second = BeginScope();
      EXPECT_EQ(first, second);
      EXPECT_FALSE(cells_->EndScope(second));
    }).join();
    EXPECT_TRUE(IsScoped());
    EXPECT_TRUE(cells_->EndScope(first));
    EXPECT_FALSE(IsScoped());
  }).join();
}

}  // namespace
}  // namespace haft::internal
