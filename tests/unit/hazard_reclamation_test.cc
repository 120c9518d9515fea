#include "haft/hazard_reclamation.h"

#include <gtest/gtest.h>

#include "haft/handle_layout.h"
#include "haft/internal/base/sync.h"
#include "haft/internal/slot/object_slot.h"
#include "haft/internal/slot/slot_array.h"

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
    slot_.Publish(handle_);
  }

  const Word handle_ = DefaultLayout::FirstHandle(7);
  const Word next_ = State::Next(handle_);
  HazardReclamation reclamation_;
  Slot slot_{};
};

TEST_F(HazardReclamationTest, ProtectedHandleIsInUseUntilReleased) {
  EXPECT_FALSE(reclamation_.LookForUses(slot_, handle_));
  HazardReclamation::Hold* const hold = reclamation_.Protect(slot_, handle_);
  ASSERT_NE(hold, nullptr);
  EXPECT_TRUE(reclamation_.LookForUses(slot_, handle_).pinned);
  EXPECT_EQ(HazardReclamation::Release(hold, slot_, handle_), 0u);
  EXPECT_FALSE(reclamation_.LookForUses(slot_, handle_));
  EXPECT_EQ(HazardReclamation::Release(hold, slot_, handle_),
            HazardReclamation::kNotHeld);
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

TEST_F(HazardReclamationTest, ReleaseOfAnotherHandleFindsNothingRetired) {
  HazardReclamation::Hold* const hold = reclamation_.Protect(slot_, next_);
  ASSERT_TRUE(slot_.End(handle_, State::Free(next_), kSlots));
  slot_.Retire(handle_);
  EXPECT_EQ(HazardReclamation::Release(hold, slot_, next_), 0u);
}

}  // namespace
}  // namespace haft
