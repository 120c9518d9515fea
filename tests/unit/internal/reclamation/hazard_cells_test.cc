#include "haft/internal/reclamation/hazard_cells.h"

#include <gtest/gtest.h>

#include <limits>
#include <memory>
#include <set>
#include <thread>
#include <vector>

namespace haft::internal {
namespace {

// The cells are on the heap because they are large.
class HazardCellsTest : public ::testing::Test {
 protected:
  HazardCellsTest() {
    ThreadRegistry::OfThisCopy().Prepare();
    ThreadRegistry::OfThisCopy().Claim();
  }

  bool IsPinned(Word handle) {
    return cells_->Look(users_.Read(), handle).pinned;
  }
  bool IsScoped() { return cells_->Look(users_.Read(), 1).scoped; }

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
  HazardCells::Clear(cell);
  EXPECT_FALSE(IsPinned(5));
}

TEST_F(HazardCellsTest, AThreadHasSoManyCellsAndUsesThemAgain) {
  std::vector<HazardCell*> cells;
  const Word kEnd = 2 * HazardCells::kCells + 1;
  for (Word handle = 1; handle < kEnd; handle += 2)
    cells.push_back(cells_->Publish(users_, handle));
  const std::set<HazardCell*> distinct(cells.begin(), cells.end());
  EXPECT_EQ(distinct.size(), HazardCells::kCells);
  EXPECT_EQ(distinct.count(nullptr), 0u);
  EXPECT_EQ(cells_->Publish(users_, kEnd), nullptr);
  EXPECT_EQ(cells_->PublishElsewhere(users_, kEnd), nullptr);
  EXPECT_FALSE(IsPinned(kEnd));
  for (Word handle = 1; handle < kEnd; handle += 2)
    EXPECT_TRUE(IsPinned(handle));
  HazardCells::Clear(cells[5]);
  EXPECT_EQ(cells_->Publish(users_, kEnd), cells[5]);
}

// Threads of one group share a bit of the set.
TEST_F(HazardCellsTest, FirstAndLaterPublicationsOfAThreadAreFound) {
  constexpr unsigned kGroups = std::numeric_limits<Word>::digits / 2;
  const unsigned first = sync::ThisThread().index.load();
  for (const unsigned index : {first, first + 1, first + 1 + kGroups}) {
    sync::ThisThread().index.store(index);
    for (const Word handle : {5, 7}) {
      HazardCell* const cell = cells_->Publish(users_, handle);
      ASSERT_NE(cell, nullptr) << index;
      EXPECT_EQ(cell->load(), handle);
      EXPECT_TRUE(users_.Has(UserSet::Member(index)));
      if (index <= ThreadRegistry::OfThisCopy().Reach()) {
        EXPECT_TRUE(IsPinned(handle)) << index;
      }
      HazardCells::Clear(cell);
    }
  }
  sync::ThisThread().index.store(first);
}

// Its read scopes hold back what it has pinned, however it was pinned.
TEST_F(HazardCellsTest, AThreadWithoutAFreeCellBecomesAUserAllTheSame) {
  UserSet others{};
  for (Word n = 0; n < HazardCells::kCells; ++n)
    ASSERT_NE(cells_->Publish(others, 2 * n + 1), nullptr);
  EXPECT_EQ(cells_->Publish(users_, 99), nullptr);
  EXPECT_FALSE(IsPinned(99));
  EXPECT_TRUE(users_.Has(UserSet::Member(sync::ThisThread().index.load())));
}

// A copy of a pin that has ended: the cell is free, or another handle's.
TEST_F(HazardCellsTest, NoteIsTakenOnceAndByItsHandleOnly) {
  HazardCell* const cell = cells_->Publish(users_, 5);
  HazardCells::NoteHeld(cell, 5);
  EXPECT_FALSE(HazardCells::TakeNote(cell, 7));
  EXPECT_TRUE(HazardCells::TakeNote(cell, 5));
  EXPECT_FALSE(HazardCells::TakeNote(cell, 1)) << "no handle at all is noted";
  EXPECT_TRUE(IsPinned(5));
  HazardCells::Clear(cell);
  EXPECT_FALSE(HazardCells::TakeNote(cell, 5));
  EXPECT_EQ(cells_->Publish(users_, 7), cell);
  HazardCells::NoteHeld(cell, 7);
  EXPECT_FALSE(HazardCells::TakeNote(cell, 5));
  EXPECT_TRUE(HazardCells::TakeNote(cell, 7));
  HazardCells::Clear(cell);
}

// No note is another cell's, and none is part of a block's other words.
TEST_F(HazardCellsTest, EachCellHasANoteOfItsOwn) {
  std::vector<HazardCell*> cells;
  for (Word n = 0; n < HazardCells::kCells; ++n) {
    cells.push_back(cells_->Publish(users_, 2 * n + 1));
    HazardCells::NoteHeld(cells.back(), 2 * n + 1);
  }
  EXPECT_FALSE(IsScoped());
  for (Word n = 0; n < HazardCells::kCells; ++n) {
    EXPECT_TRUE(IsPinned(2 * n + 1));
    EXPECT_TRUE(HazardCells::TakeNote(cells[n], 2 * n + 1));
    EXPECT_TRUE(IsPinned(2 * n + 1));
  }
}

TEST_F(HazardCellsTest, AnyThreadMayClear) {
  HazardCell* cell = nullptr;
  std::thread([&] {
    EXPECT_EQ(cells_->Publish(users_, 9), nullptr) << "it has no index yet";
    cell = cells_->PublishElsewhere(users_, 9);
  }).join();
  EXPECT_TRUE(IsPinned(9)) << "outlives its thread";
  HazardCells::Clear(cell);
  EXPECT_FALSE(IsPinned(9));
}

TEST_F(HazardCellsTest, ThreadsHaveNoCellAfterTheirExitHook) {
  std::thread([&] {
    sync::ThisThread().exited.store(true, std::memory_order_relaxed);
    EXPECT_EQ(cells_->Publish(users_, 9), nullptr);
    EXPECT_EQ(cells_->PublishElsewhere(users_, 9), nullptr);
  }).join();
  EXPECT_TRUE(users_.Read().empty());
}

// A look examines the threads in the set and no others.
TEST_F(HazardCellsTest, OnlyUsersAreLookedAt) {
  HazardCell* const cell = cells_->Publish(users_, 3);
  const UserSet nobody{};
  EXPECT_FALSE(cells_->Look(nobody.Read(), 3));
  EXPECT_TRUE(IsPinned(3));
  HazardCells::Clear(cell);
}

TEST_F(HazardCellsTest, ClearFreesTheCellWithAndWithoutAHeavyBarrier) {
  for (const bool has : {false, true}) {
    sync::has_heavy_barrier.store(has, std::memory_order_relaxed);
    HazardCell* const cell = cells_->Publish(users_, 5);
    HazardCells::Clear(cell);
    EXPECT_FALSE(IsPinned(5));
    EXPECT_EQ(cells_->Publish(users_, 7), cell) << has;
    HazardCells::Clear(cell);
  }
  sync::has_heavy_barrier.store(false, std::memory_order_relaxed);
}

TEST_F(HazardCellsTest, TheLastIndexHasCells) {
  std::thread([&] {
    sync::ThisThread().index.store(sync::kMaxThreads);
    UserSet users{};
    HazardCell* const cell = cells_->PublishElsewhere(users, 5);
    ASSERT_NE(cell, nullptr);
    EXPECT_TRUE(cells_->Look(users.Read(), 5).pinned);
    HazardCells::Clear(cell);
    sync::ThisThread().index.store(0);
  }).join();
}

TEST_F(HazardCellsTest, PinsAndScopesOfDifferentThreadsAreBothSeen) {
  const auto holder = BeginScope();
  HazardCell* cell = nullptr;
  std::thread([&] { cell = cells_->PublishElsewhere(users_, 9); }).join();
  const auto uses = cells_->Look(users_.Read(), 9);
  EXPECT_TRUE(uses.pinned);
  EXPECT_TRUE(uses.scoped);
  HazardCells::Clear(cell);
  EXPECT_TRUE(cells_->EndScope(holder));
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
    ThreadRegistry::OfThisCopy().Claim();
    EXPECT_EQ(sync::ThisThread().index.load(), first_index);
  }).join();
}

// The outer scope may end first.
TEST_F(HazardCellsTest, LentIndexLastsUntilTheLastScopeHasEnded) {
  std::thread([&] {
    Exit();
    const auto outer = BeginScope(), inner = BeginScope();
    EXPECT_FALSE(cells_->EndScope(outer));
    EXPECT_EQ(sync::ThisThread().index.load(), inner.index);
    EXPECT_TRUE(IsScoped());
    EXPECT_TRUE(cells_->EndScope(inner));
    EXPECT_EQ(sync::ThisThread().index.load(), 0u);
  }).join();
}

TEST_F(HazardCellsTest, LentIndexMayBeTheFirst) {
  std::thread([&] {
    sync::ThreadState& thread = sync::ThisThread();
    Exit();
    thread.index.store(1);
    thread.loans = 1;
    const auto holder = BeginScope();
    EXPECT_EQ(holder.index, 1u);
    EXPECT_TRUE(IsScoped());
    EXPECT_TRUE(cells_->EndScope(holder));
    EXPECT_EQ(thread.loans, 1u);
    thread.loans = 0;
    thread.index.store(0);
  }).join();
}

TEST_F(HazardCellsTest, ScopeIsEndedByItsThreadAndIndexOnly) {
  const auto holder = BeginScope();
  sync::ThreadState& thread = sync::ThisThread();
  ++thread.tag;  // another owner of the index
  EXPECT_FALSE(cells_->EndScope(holder));
  --thread.tag;
  const unsigned index = thread.index.exchange(0);
  EXPECT_FALSE(cells_->EndScope(holder));
  thread.index.store(index);
  EXPECT_TRUE(IsScoped());
  EXPECT_TRUE(cells_->EndScope(holder));
  EXPECT_FALSE(IsScoped());
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
