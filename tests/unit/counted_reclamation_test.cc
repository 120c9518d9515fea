// Before the header: the backend whose reservations can fail.
#define HAFT_SYNC_BACKEND "tests/support/fault_sync.h"

#include "haft/counted_reclamation.h"

#include <gtest/gtest.h>

#include "haft/handle_layout.h"
#include "haft/internal/slot/object_slot.h"
#include "haft/internal/slot/slot_array.h"

namespace haft {
namespace {

class CountedReclamationTest : public ::testing::Test {
 protected:
  using Slot =
      internal::ObjectSlot<int, DefaultLayout, CountedReclamation::Usage>;
  using State = internal::SlotState<DefaultLayout>;
  using Hold = CountedReclamation::Hold;
  static constexpr Word kSlots = 8;

  CountedReclamationTest() { slot_.Publish(handle_); }

  void EndAndRetire(Word handle) {
    ASSERT_TRUE(slot_.End(handle, State::Free(State::Next(handle)), kSlots));
    slot_.Retire(handle);
  }

  const Word handle_ = DefaultLayout::FirstHandle(7);
  const Word next_ = State::Next(handle_);
  CountedReclamation reclamation_{kSlots};
  Slot slot_{};
};

TEST_F(CountedReclamationTest, InUseUntilTheLastIsReleased) {
  EXPECT_FALSE(reclamation_.LookForUses(slot_, handle_));
  Hold* const first = reclamation_.Protect(slot_, handle_);
  Hold* const second = reclamation_.Protect(slot_, handle_);
  EXPECT_EQ(CountedReclamation::Release(first, slot_, handle_), 0u);
  EXPECT_TRUE(reclamation_.LookForUses(slot_, handle_).pinned);
  EXPECT_EQ(CountedReclamation::Release(second, slot_, handle_), 0u);
  EXPECT_FALSE(reclamation_.LookForUses(slot_, handle_));
}

TEST_F(CountedReclamationTest, OnlyTheLastReleaseFindsTheObjectRetired) {
  Hold* const first = reclamation_.Protect(slot_, handle_);
  Hold* const second = reclamation_.Protect(slot_, handle_);
  EndAndRetire(handle_);
  EXPECT_EQ(CountedReclamation::Release(second, slot_, handle_), 0u);
  EXPECT_EQ(CountedReclamation::Release(first, slot_, handle_), handle_);
}

// The pin of a stale handle is counted, too, and may be the last one to end.
TEST_F(CountedReclamationTest, ReleaseOfAStaleHandleFindsTheNextObjectRetired) {
  ASSERT_TRUE(slot_.End(handle_, State::Free(next_), kSlots));
  slot_.Publish(next_);
  Hold* const hold = reclamation_.Protect(slot_, handle_);
  ASSERT_FALSE(slot_.Validate(handle_, kSlots));
  EXPECT_TRUE(reclamation_.LookForUses(slot_, next_).pinned);
  EndAndRetire(next_);
  EXPECT_EQ(CountedReclamation::Release(hold, slot_, handle_), next_);
}

TEST_F(CountedReclamationTest, CopyOfAPinIsRefusedOnceNoneIsLeft) {
  Hold* const first = reclamation_.Protect(slot_, handle_);
  Hold* const second = reclamation_.Protect(slot_, handle_);
  for (Hold* const hold : {first, second}) {
    EXPECT_TRUE(CountedReclamation::TakeNote(hold, slot_, handle_));
    EXPECT_EQ(CountedReclamation::Release(hold, slot_, handle_), 0u);
  }
  EXPECT_FALSE(CountedReclamation::TakeNote(first, slot_, handle_));
}

// Their counts are in the slots.
TEST_F(CountedReclamationTest, ReservesTheCellsOnly) {
  EXPECT_EQ(testing::FailEachReservation(
                [] { return CountedReclamation(kSlots).ok(); }),
            1u);
}

TEST_F(CountedReclamationTest, ReleaseTellsRetiredFromOtherStates) {
  for (const bool deferred : {false, true}) {
    Hold* const hold = reclamation_.Protect(slot_, handle_);
    if (deferred) {
      slot_.DeferToScopes(handle_);
    } else {
      slot_.SetDestroying(handle_);
    }
    EXPECT_EQ(CountedReclamation::Release(hold, slot_, handle_), 0u);
  }
}

}  // namespace
}  // namespace haft
