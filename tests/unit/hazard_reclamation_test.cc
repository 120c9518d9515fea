// Before the header: the backend whose reservations can fail.
#define HAFT_SYNC_BACKEND "tests/support/fault_sync.h"

#include "haft/hazard_reclamation.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "haft/handle_layout.h"
#include "haft/internal/base/sync.h"
#include "haft/internal/slot/object_slot.h"
#include "haft/internal/slot/slot_array.h"
#include "haft/internal/thread/thread_registry.h"
#include "tests/support/inspector.h"

namespace haft {
namespace {

class HazardReclamationTest : public ::testing::Test {
 protected:
  using Slot =
      internal::ObjectSlot<int, DefaultLayout, HazardReclamation::Usage>;
  using State = internal::SlotState<DefaultLayout>;
  static constexpr Word kSlots = 8;

  HazardReclamationTest() {
    internal::sync::PrepareHeavyBarrier();
    internal::ThreadRegistry::OfThisCopy().Prepare();
    slot_.Publish(handle_);
  }

  const Word handle_ = DefaultLayout::FirstHandle(7);
  const Word next_ = State::Next(handle_);
  HazardReclamation reclamation_{kSlots};
  Slot slot_{};
};

TEST_F(HazardReclamationTest, ProtectedHandleIsInUseUntilReleased) {
  EXPECT_FALSE(reclamation_.LookForUses(slot_, handle_));
  HazardReclamation::Hold* const hold = reclamation_.Protect(slot_, handle_);
  ASSERT_NE(hold, nullptr);
  EXPECT_TRUE(reclamation_.LookForUses(slot_, handle_).pinned);
  EXPECT_EQ(HazardReclamation::Release(hold, slot_, handle_), 0u);
  EXPECT_FALSE(reclamation_.LookForUses(slot_, handle_));
}

TEST_F(HazardReclamationTest, UseIsOfTheHandleNotOfTheSlot) {
  HazardReclamation::Hold* const hold = reclamation_.Protect(slot_, handle_);
  EXPECT_FALSE(reclamation_.LookForUses(slot_, next_));
  HazardReclamation::Release(hold, slot_, handle_);
}

TEST_F(HazardReclamationTest, ReleaseSaysThatTheObjectIsRetired) {
  HazardReclamation::Hold* const hold = reclamation_.Protect(slot_, handle_);
  ASSERT_TRUE(slot_.End(handle_, State::Free(next_), kSlots));
  slot_.Retire(handle_);
  EXPECT_EQ(HazardReclamation::Release(hold, slot_, handle_), handle_);
}

// More pins than a thread has cells: the others are counted.
TEST_F(HazardReclamationTest, PinsBeyondTheCellsAreInUseUntilReleased) {
  constexpr unsigned kPins = internal::HazardCells::kCells + 1000;
  std::vector<HazardReclamation::Hold*> holds;
  for (unsigned n = 0; n < kPins; ++n) {
    holds.push_back(reclamation_.Protect(slot_, handle_));
    ASSERT_NE(holds.back(), nullptr);
  }
  for (HazardReclamation::Hold* const hold : holds) {
    EXPECT_TRUE(reclamation_.LookForUses(slot_, handle_).pinned);
    EXPECT_FALSE(reclamation_.LookForUses(slot_, next_).pinned);
    EXPECT_EQ(HazardReclamation::Release(hold, slot_, handle_), 0u);
  }
  EXPECT_FALSE(reclamation_.LookForUses(slot_, handle_));
}

TEST_F(HazardReclamationTest, CountedPinSaysThatTheObjectIsRetired) {
  for (unsigned n = 0; n < internal::HazardCells::kCells; ++n)
    (void)reclamation_.Protect(slot_, next_);
  HazardReclamation::Hold* const hold = reclamation_.Protect(slot_, handle_);
  ASSERT_TRUE(slot_.End(handle_, State::Free(next_), kSlots));
  EXPECT_TRUE(reclamation_.LookForUses(slot_, handle_).pinned);
  slot_.Retire(handle_);
  EXPECT_EQ(HazardReclamation::Release(hold, slot_, handle_), handle_);
}

TEST_F(HazardReclamationTest, CopyOfAPinIsRefusedOnceTheNoteIsTaken) {
  for (unsigned n = 0; n <= internal::HazardCells::kCells; ++n) {
    HazardReclamation::Hold* const hold = reclamation_.Protect(slot_, handle_);
    HazardReclamation::NoteHeld(hold, handle_);
    EXPECT_FALSE(HazardReclamation::TakeNote(hold, slot_, next_));
    EXPECT_TRUE(HazardReclamation::TakeNote(hold, slot_, handle_));
    EXPECT_EQ(HazardReclamation::Release(hold, slot_, handle_), 0u);
    EXPECT_FALSE(HazardReclamation::TakeNote(hold, slot_, handle_));
    // From the last round on this thread's pins are counted.
    (void)reclamation_.Protect(slot_, next_);
  }
}

TEST_F(HazardReclamationTest, NoRoomForMorePinsOfOneObject) {
  for (unsigned n = 0; n < internal::HazardCells::kCells; ++n)
    (void)reclamation_.Protect(slot_, next_);
  HazardReclamation::Hold* const hold = reclamation_.Protect(slot_, handle_);
  EXPECT_EQ(reclamation_.Protect(slot_, next_), nullptr) << "it is not live";
  internal::Inspector::SetCount(reclamation_, handle_, ~std::uint32_t{0} - 1);
  ASSERT_NE(reclamation_.Protect(slot_, handle_), nullptr);
  EXPECT_EQ(reclamation_.Protect(slot_, handle_), nullptr);
  EXPECT_EQ(HazardReclamation::Release(hold, slot_, handle_), 0u);
  EXPECT_NE(reclamation_.Protect(slot_, handle_), nullptr);
}

TEST_F(HazardReclamationTest, UsersOfAnObjectAreNoUsersOfTheNext) {
  HazardReclamation::Scope scope = reclamation_.NewScope();
  HazardReclamation::Use(scope, slot_);
  EXPECT_TRUE(reclamation_.LookForUses(slot_, handle_).scoped);
  ASSERT_TRUE(slot_.End(handle_, State::Free(next_), kSlots));
  slot_.Publish(next_);
  EXPECT_FALSE(reclamation_.LookForUses(slot_, next_));
  EXPECT_TRUE(reclamation_.End(scope));
}

TEST_F(HazardReclamationTest, AwaitingReleasesMakesEveryThreadPassABarrier) {
  testing::heavy_barriers = 0;
  HazardReclamation::AwaitReleases();
  EXPECT_EQ(testing::heavy_barriers, 1u);
}

TEST_F(HazardReclamationTest, IsOkIfItHasAllItsMemory) {
  EXPECT_EQ(testing::FailEachReservation(
                [] { return HazardReclamation(kSlots).ok(); }),
            2u)
      << "those of the cells and of the counts";
}

TEST_F(HazardReclamationTest, ReleaseOfAnotherHandleFindsNothingRetired) {
  HazardReclamation::Hold* const hold = reclamation_.Protect(slot_, next_);
  ASSERT_TRUE(slot_.End(handle_, State::Free(next_), kSlots));
  slot_.Retire(handle_);
  EXPECT_EQ(HazardReclamation::Release(hold, slot_, next_), 0u);
}

}  // namespace
}  // namespace haft
