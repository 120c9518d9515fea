#include "haft/internal/reclamation/hazard_cells.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <memory>
#include <set>
#include <thread>
#include <vector>

namespace haft::internal {
namespace {

// The cells are on the heap because they are large.
class HazardCellsTest : public ::testing::Test {
 protected:
  HazardCellsTest() { ThreadRegistry::Prepare(); }

  bool IsPinned(Word handle) { return cells_->Look(users_, handle).pinned; }
  bool IsScoped() { return cells_->Look(users_, 1).scoped; }

  HazardCells::ScopeHolder BeginScope() {
    const HazardCells::ScopeHolder holder = cells_->BeginScope();
    EXPECT_NE(holder.index, 0u);
    users_.Add(UserSet::Member(holder.index));
    return holder;
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
  EXPECT_TRUE(HazardCells::Clear(cell, 5));
  EXPECT_FALSE(IsPinned(5));
}

TEST_F(HazardCellsTest, ClearOfAnotherHandleIsRefused) {
  HazardCell* const cell = cells_->Publish(users_, 5);
  EXPECT_TRUE(HazardCells::Clear(cell, 5));
  EXPECT_FALSE(HazardCells::Clear(cell, 5));
  ASSERT_EQ(cells_->Publish(users_, 7), cell);
  EXPECT_FALSE(HazardCells::Clear(cell, 5));
  EXPECT_TRUE(IsPinned(7));
  EXPECT_TRUE(HazardCells::Clear(cell, 7));
}

TEST_F(HazardCellsTest, ManyPinsOfOneThreadChainBlocksAndUseThemAgain) {
  std::vector<HazardCell*> cells;
  for (Word handle = 1; handle < 2000; handle += 2)
    cells.push_back(cells_->Publish(users_, handle));
  const std::set<HazardCell*> distinct(cells.begin(), cells.end());
  EXPECT_EQ(distinct.size(), cells.size());
  for (Word handle = 1; handle < 2000; handle += 2)
    EXPECT_TRUE(IsPinned(handle));
  for (std::size_t i = 0; i < cells.size(); ++i)
    EXPECT_TRUE(HazardCells::Clear(cells[i], 2 * i + 1));
  EXPECT_FALSE(IsPinned(999));
  for (Word handle = 1; handle < 2000; handle += 2)
    EXPECT_EQ(distinct.count(cells_->Publish(users_, handle)), 1u);
}

TEST_F(HazardCellsTest, AnyThreadMayClear) {
  HazardCell* cell = nullptr;
  std::thread([&] { cell = cells_->Publish(users_, 9); }).join();
  EXPECT_TRUE(IsPinned(9)) << "outlives its thread";
  EXPECT_TRUE(HazardCells::Clear(cell, 9));
  EXPECT_FALSE(IsPinned(9));
}

TEST_F(HazardCellsTest, ThreadsPublishAfterTheirExitHook) {
  std::thread([&] {
    sync::ThisThread().exited.store(true, std::memory_order_relaxed);
    std::vector<HazardCell*> cells;
    for (Word handle = 1; handle < 100; handle += 2)
      cells.push_back(cells_->Publish(users_, handle));
    EXPECT_TRUE(IsPinned(99));
    for (std::size_t i = 0; i < cells.size(); ++i)
      EXPECT_TRUE(HazardCells::Clear(cells[i], 2 * i + 1));
    EXPECT_FALSE(IsPinned(99));
  }).join();
}

// A look examines the threads in the set and no others.
TEST_F(HazardCellsTest, OnlyUsersAreLookedAt) {
  HazardCell* const cell = cells_->Publish(users_, 3);
  const UserSet nobody{};
  EXPECT_FALSE(cells_->Look(nobody, 3));
  EXPECT_TRUE(IsPinned(3));
  EXPECT_TRUE(HazardCells::Clear(cell, 3));
}

TEST_F(HazardCellsTest, ScopesNest) {
  const auto outer = BeginScope();
  const auto inner = BeginScope();
  EXPECT_EQ(outer.index, inner.index);
  EXPECT_TRUE(IsScoped());
  EXPECT_FALSE(cells_->EndScope(inner));
  EXPECT_TRUE(IsScoped());
  EXPECT_TRUE(cells_->EndScope(outer));
  EXPECT_FALSE(IsScoped());
}

TEST_F(HazardCellsTest, ScopeHoldsWhatWasStampedAfterItBegan) {
  const std::uint64_t before = cells_->Stamp();
  const auto holder = BeginScope();
  const std::uint64_t after = cells_->Stamp();
  EXPECT_FALSE(cells_->ScopeMayHold(holder.index, before));
  EXPECT_TRUE(cells_->ScopeMayHold(holder.index, after));
  EXPECT_EQ(cells_->FindScope(users_, before), HazardCells::kNoScope);
  EXPECT_EQ(cells_->FindScope(users_, after), holder.index);
  cells_->EndScope(holder);
  EXPECT_EQ(cells_->FindScope(users_, after), HazardCells::kNoScope);
}

void Exit() {
  sync::ThisThread().exited.store(true, std::memory_order_relaxed);
}

// Two threads whose exit hooks have run are in scopes at the same time. The
// scopes have nothing to do with each other, and the indices go back.
TEST_F(HazardCellsTest, ScopesOfThreadsAfterTheirExitHookAreTheirOwn) {
  unsigned first_index = 0;
  std::thread([&] {
    Exit();
    const auto outer = BeginScope();
    const auto first = BeginScope();
    first_index = first.index;
    EXPECT_EQ(first.index, outer.index);
    std::thread([&] {
      Exit();
      const auto second = BeginScope();
      EXPECT_NE(second.index, first.index);
      EXPECT_TRUE(cells_->EndScope(second));
      EXPECT_EQ(sync::ThisThread().index.load(), 0u);
    }).join();
    EXPECT_TRUE(IsScoped());
    EXPECT_FALSE(cells_->EndScope(first));
    EXPECT_TRUE(IsScoped());
    EXPECT_TRUE(cells_->EndScope(outer));
    EXPECT_FALSE(IsScoped());
    EXPECT_EQ(sync::ThisThread().index.load(), 0u);
  }).join();
  std::thread([&] {
    ThreadRegistry::Claim();
    EXPECT_EQ(sync::ThisThread().index.load(), first_index);
  }).join();
}

// What a thread leaves open when it ends is nothing to the next owner of its
// index, and nothing to that thread's own last destructors.
TEST_F(HazardCellsTest, ScopeThatAThreadLeftOpenEndsWithTheNextOwnersFirst) {
  HazardCells::ScopeHolder left{};
  std::thread([&] { left = BeginScope(); }).join();
  const std::uint64_t between = cells_->Stamp();
  EXPECT_TRUE(IsScoped());
  std::thread([&] {
    const auto holder = BeginScope();
    EXPECT_EQ(holder.index, left.index);
    EXPECT_FALSE(cells_->ScopeMayHold(holder.index, between));
    std::thread([&] { EXPECT_FALSE(cells_->EndScope(left)); }).join();
    EXPECT_TRUE(cells_->ScopeMayHold(holder.index, cells_->Stamp()));
    EXPECT_TRUE(cells_->EndScope(holder)) << "the only one of its thread";
  }).join();
  EXPECT_FALSE(IsScoped());
}

}  // namespace
}  // namespace haft::internal
