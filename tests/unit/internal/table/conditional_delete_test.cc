#include "haft/internal/table/conditional_delete.h"

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <new>
#include <set>
#include <utility>

#include "haft/handle.h"
#include "haft/handle_layout.h"
#include "haft/internal/reclamation/hazard_cells.h"
#include "haft/internal/slot/object_slot.h"
#include "haft/internal/slot/slot_state.h"
#include "haft/object_table.h"
#include "tests/support/object_table_fixture.h"

namespace haft::internal {
namespace {

using testing::constructed;
using testing::destroyed;
using testing::kUses;
using testing::RefusalDuring;
using testing::Use;
using testing::User;

using L = HandleLayout<4, 4>;
using State = SlotState<L>;
constexpr Word kSlots = 16;

using Uses = HazardCells::Uses;
constexpr Uses kNoUse = {false, false}, kPin = {true, false},
               kScope = {false, true}, kPinAndScope = {true, true};

struct Usage {
  void BeginLife(int) {}
};
using Slot = ObjectSlot<int, L, Usage>;

// Calls a function at each look for uses, which stands for what other threads
// do before it and after it.
struct FakeReclamation {
  Uses LookForUses(const Slot&, Word) const { return look(); }
  std::function<Uses()> look;
};

class ConditionalDeleteTest : public ::testing::Test {
 protected:
  using Delete = ConditionalDelete<L>;
  using Result = Delete::Result;

  ConditionalDeleteTest() {
    new (slot_.BeginObject()) int(42);
    slot_.Publish(kHandle);
  }
  Result End(std::function<Uses()> look) {
    return delete_.End(slot_, kHandle, kEnd, kSlots,
                       FakeReclamation{std::move(look)});
  }

  static constexpr Word kHandle = L::Make(3, 5);
  static constexpr Word kEnd = State::Free(L::Make(4, 5));
  Slot slot_{};
  Delete delete_;
};

TEST_F(ConditionalDeleteTest, EndsAHandleThatIsNotInUse) {
  EXPECT_EQ(End([&] {
              EXPECT_TRUE(State::IsFrozen(slot_.state(), kHandle, kSlots));
              return kNoUse;
            }),
            Result::kEnded);
  EXPECT_EQ(slot_.state(), kEnd);
}

TEST_F(ConditionalDeleteTest, LeavesAHandleInUseLive) {
  EXPECT_EQ(End([] { return kPin; }), Result::kPinned);
  EXPECT_EQ(slot_.state(), kHandle);
  EXPECT_EQ(End([] { return kNoUse; }), Result::kEnded);
}

TEST_F(ConditionalDeleteTest, TellsPinsAndScopesApart) {
  EXPECT_EQ(End([] { return kScope; }), Result::kScoped);
  EXPECT_EQ(slot_.state(), kHandle);
  EXPECT_EQ(End([] { return kPinAndScope; }), Result::kPinned);
  EXPECT_EQ(slot_.state(), kHandle);
}

TEST_F(ConditionalDeleteTest, DoesNotLookIfTheHandleIsNotLive) {
  ASSERT_TRUE(slot_.End(kHandle, kEnd, kSlots));
  EXPECT_EQ(End([] {
              ADD_FAILURE() << "looked";
              return kNoUse;
            }),
            Result::kNotLive);
  EXPECT_EQ(slot_.state(), kEnd);
}

TEST_F(ConditionalDeleteTest, StartsAgainIfAThreadValidatesAfterTheLook) {
  int looks = 0;
  EXPECT_EQ(End([&] {
              if (++looks == 1) {
                EXPECT_TRUE(slot_.Validate(kHandle, kSlots));
              }
              return kNoUse;
            }),
            Result::kEnded);
  EXPECT_EQ(looks, 2);
  // A thread that still uses the object is found by the second look.
  slot_.Publish(kHandle);
  looks = 0;
  EXPECT_EQ(End([&] {
              if (++looks == 2) return kPin;
              EXPECT_TRUE(slot_.Validate(kHandle, kSlots));
              return kNoUse;
            }),
            Result::kPinned);
  EXPECT_EQ(looks, 2);
  EXPECT_EQ(slot_.state(), kHandle);
}

TEST_F(ConditionalDeleteTest, FailsIfTheHandleEndsAfterTheLook) {
  EXPECT_EQ(End([&] {
              EXPECT_TRUE(slot_.End(kHandle, kEnd, kSlots));
              return kNoUse;
            }),
            Result::kNotLive);
  EXPECT_EQ(slot_.state(), kEnd);
}

TEST_F(ConditionalDeleteTest, OneOfTwoThatOverlapSucceeds) {
  EXPECT_EQ(End([&] {
              EXPECT_EQ(End([] { return kNoUse; }), Result::kEnded);
              return kNoUse;
            }),
            Result::kNotLive);
  EXPECT_EQ(slot_.state(), kEnd);
}

// Otherwise a commit could end a handle that was unfrozen and frozen again.
TEST_F(ConditionalDeleteTest, EachFreezingHasAWordOfItsOwn) {
  std::set<Word> words;
  // As many as differ in 16 slots: those without the marks of other states.
  constexpr int kFreezings = 16 - 5;
  int looks = 0;
  EXPECT_EQ(End([&] {
              EXPECT_TRUE(words.insert(slot_.state()).second);
              if (++looks == kFreezings) return kPin;
              EXPECT_TRUE(slot_.Validate(kHandle, kSlots));
              return kNoUse;
            }),
            Result::kPinned);
  EXPECT_EQ(looks, kFreezings);
}

template <typename Traits>
class DeleteUnlessPinnedTest : public testing::ObjectTableFixture<Traits> {};
TYPED_TEST_SUITE(DeleteUnlessPinnedTest, testing::ObjectTableTraits);

// DeleteUnlessPinned and Take are refused.
TYPED_TEST(DeleteUnlessPinnedTest, HandleInUseStaysLive) {
  auto& table = *this->table_;
  for (const Use use : kUses) {
    SCOPED_TRACE(int(use));
    const Handle a = table.Emplace(5), b = table.Emplace(6);
    User user(table, a, use), another(table, b, use);
    destroyed = 0;
    Status why = Status::kOk;
    EXPECT_EQ(table.DeleteUnlessPinned(a), RefusalDuring(use));
    EXPECT_FALSE(table.Take(b, &why));
    EXPECT_EQ(why, RefusalDuring(use));
    EXPECT_EQ(table.Check(a), Status::kOk);
    EXPECT_EQ(table.Pin(a)->value(), 5);
    EXPECT_EQ(table.Pin(b)->value(), 6);
    EXPECT_EQ(destroyed, 0);
    // Scopes end in the reverse order of their beginning.
    another.End();
    user.End();
    EXPECT_EQ(table.DeleteUnlessPinned(a), Status::kOk);
    EXPECT_EQ(table.Take(b)->value(), 6);
    EXPECT_EQ(table.DeleteUnlessPinned(a), Status::kStale);
    EXPECT_FALSE(table.Take(b, &why));
    EXPECT_EQ(why, Status::kStale);
  }
  constructed = destroyed = 0;
}

// A scope keeps every object from a conditional delete that its thread has ever
// found, also before the scope. The answer says that no pin is in the way.
TYPED_TEST(DeleteUnlessPinnedTest, ScopeThatHasNotFoundTheObjectIsNoPin) {
  using ReadScope = typename TestFixture::Table::ReadScope;
  auto& table = *this->table_;
  const Handle used = table.Emplace(5), unused = table.Emplace(6);
  EXPECT_NE(ReadScope(table).Find(used), nullptr);
  {
    const ReadScope scope(table);
    destroyed = 0;
    Status why = Status::kOk;
    EXPECT_EQ(table.DeleteUnlessPinned(used), Status::kScoped);
    EXPECT_FALSE(table.Take(used, &why));
    EXPECT_EQ(why, Status::kScoped);
    EXPECT_EQ(table.Check(used), Status::kOk);
    {
      const auto pin = table.Pin(used);
      EXPECT_EQ(table.DeleteUnlessPinned(used), Status::kPinned);
    }
    EXPECT_EQ(table.DeleteAndWait(used, std::chrono::nanoseconds(0)),
              Status::kTimedOut);
    EXPECT_EQ(destroyed, 0);
    EXPECT_EQ(table.DeleteUnlessPinned(unused), Status::kOk);
    EXPECT_EQ(destroyed, 1);
  }
  EXPECT_EQ(destroyed, 2);
  constructed = destroyed = 0;
}

}  // namespace
}  // namespace haft::internal
