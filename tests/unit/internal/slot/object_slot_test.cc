#include "haft/internal/slot/object_slot.h"

#include <gtest/gtest.h>

#include <new>

#include "haft/handle_layout.h"

namespace haft::internal {
namespace {

using L = HandleLayout<4, 4>;
using State = SlotState<L>;

struct Usage {
  void BeginLife(int) { users = 0; }
  int users;
};

class ObjectSlotTest : public ::testing::Test {
 protected:
  ObjectSlotTest() {
    slot_.Initialize(State::Free(kHandle));
    new (slot_.BeginObject()) int(42);
    slot_.Publish(kHandle);
  }

  static constexpr Word kHandle = L::Make(3, 5);
  static constexpr Word kEnd = State::Free(L::Make(4, 5));
  static constexpr Word kFrozen = State::Frozen(kHandle, 0, 16);
  ObjectSlot<int, L, Usage> slot_{};
};

TEST_F(ObjectSlotTest, PublishedHandleIsLive) {
  EXPECT_TRUE(slot_.Validate(kHandle, 16));
  EXPECT_FALSE(slot_.Validate(L::Make(2, 5), 16));
  EXPECT_FALSE(slot_.Validate(L::Make(4, 5), 16));
  EXPECT_EQ(*slot_.object(), 42);
}

TEST_F(ObjectSlotTest, LiveAndFrozenHandlesMayBeLive) {
  EXPECT_TRUE(slot_.MayBeLive(kHandle, 16));
  EXPECT_FALSE(slot_.MayBeLive(L::Make(4, 5), 16));
  EXPECT_EQ(slot_.BeginConditionalDelete(kHandle, kFrozen, 16), kFrozen);
  EXPECT_TRUE(slot_.MayBeLive(kHandle, 16));
  EXPECT_FALSE(slot_.MayBeLive(L::Make(4, 5), 16));
  EXPECT_TRUE(slot_.End(kHandle, kEnd, 16));
  EXPECT_FALSE(slot_.MayBeLive(kHandle, 16));
}

TEST_F(ObjectSlotTest, ReadCountsIfItsHandleIsLiveThroughout) {
  slot_.usage().users = 3;
  int read = 0;
  const auto f = [&](const Usage& usage) { read += usage.users; };
  EXPECT_FALSE(slot_.ReadValidated(L::Make(2, 5), 16, f));
  EXPECT_EQ(read, 0);
  EXPECT_TRUE(slot_.ReadValidated(kHandle, 16, f));
  EXPECT_EQ(read, 3);
  EXPECT_EQ(slot_.BeginConditionalDelete(kHandle, kFrozen, 16), kFrozen);
  EXPECT_TRUE(slot_.ReadValidated(kHandle, 16, f)) << "it is live, and frozen";
  EXPECT_FALSE(slot_.ReadValidated(kHandle, 16, [&](const Usage&) {
    EXPECT_TRUE(slot_.End(kHandle, kEnd, 16));
  }));
}

TEST_F(ObjectSlotTest, EachLifeBeginsUnused) {
  slot_.usage().users = 3;
  EXPECT_TRUE(slot_.End(kHandle, kEnd, 16));
  EXPECT_EQ(slot_.usage().users, 3);
  slot_.Publish(L::Make(4, 5));
  EXPECT_EQ(slot_.usage().users, 0);
}

TEST_F(ObjectSlotTest, EndSucceedsOnce) {
  EXPECT_FALSE(slot_.End(L::Make(2, 5), kEnd, 16));
  EXPECT_TRUE(slot_.End(kHandle, kEnd, 16));
  EXPECT_FALSE(slot_.End(kHandle, kEnd, 16));
  EXPECT_FALSE(slot_.Validate(kHandle, 16));
}

TEST_F(ObjectSlotTest, ValidateFindsAFrozenHandleLiveAndUnfreezesIt) {
  EXPECT_EQ(slot_.BeginConditionalDelete(kHandle, kFrozen, 16), kFrozen);
  EXPECT_TRUE(slot_.Validate(kHandle, 16));
  EXPECT_FALSE(slot_.EndState(kFrozen, kEnd)) << "unfrozen meanwhile";
  EXPECT_EQ(slot_.state(), kHandle);
}

TEST_F(ObjectSlotTest, FrozenHandleEndsByCommitOrByEnd) {
  EXPECT_EQ(slot_.BeginConditionalDelete(kHandle, kFrozen, 16), kFrozen);
  EXPECT_TRUE(slot_.EndState(kFrozen, kEnd));
  EXPECT_EQ(slot_.BeginConditionalDelete(kHandle, kFrozen, 16), 0u);

  slot_.Publish(kHandle);
  EXPECT_EQ(slot_.BeginConditionalDelete(kHandle, kFrozen, 16), kFrozen);
  EXPECT_TRUE(slot_.End(kHandle, kEnd, 16));
  EXPECT_FALSE(slot_.EndState(kFrozen, kEnd));
}

// The fast paths leave a frozen handle to the others.
TEST_F(ObjectSlotTest, FastPathsWorkForAHandleThatIsNotFrozen) {
  int calls = 0;
  const auto f = [&](const Usage&) { ++calls; };
  EXPECT_TRUE(slot_.ReadIfLive(kHandle, f));
  EXPECT_EQ(calls, 1);
  EXPECT_FALSE(slot_.ReadIfLive(L::Make(2, 5), f));
  EXPECT_FALSE(slot_.ReadIfLive(L::Make(4, 5), f));
  EXPECT_FALSE(slot_.EndState(L::Make(4, 5), kEnd));
  EXPECT_EQ(slot_.BeginConditionalDelete(kHandle, kFrozen, 16), kFrozen);
  EXPECT_FALSE(slot_.ReadIfLive(kHandle, f));
  EXPECT_FALSE(slot_.EndState(kHandle, kEnd));
  EXPECT_EQ(calls, 1) << "only the usage of a live handle is read";
  EXPECT_EQ(slot_.state(), kFrozen);
  EXPECT_TRUE(slot_.Validate(kHandle, 16));
  EXPECT_FALSE(slot_.ReadIfLive(kHandle, [&](const Usage&) {
    EXPECT_TRUE(slot_.EndState(kHandle, kEnd));
  })) << "it has ended meanwhile";
  EXPECT_FALSE(slot_.EndState(kHandle, kEnd));
}

TEST_F(ObjectSlotTest, SecondConditionalDeleteHelpsTheFirst) {
  const Word other = State::Frozen(kHandle, 1, 16);
  EXPECT_EQ(slot_.BeginConditionalDelete(kHandle, kFrozen, 16), kFrozen);
  EXPECT_EQ(slot_.BeginConditionalDelete(kHandle, other, 16), kFrozen);
  slot_.CancelConditionalDelete(kFrozen, kHandle);
  EXPECT_EQ(slot_.BeginConditionalDelete(kHandle, other, 16), other);
  EXPECT_FALSE(slot_.EndState(kFrozen, kEnd)) << "each freezing is its own";
}

// The layout is for 16 slots and the array has 8, so index 13 selects slot 5
// too.
TEST_F(ObjectSlotTest, ForgedWordsAreNotTakenForAFrozenHandle) {
  const Word frozen = State::Frozen(kHandle, 0, 8);
  ASSERT_EQ(slot_.BeginConditionalDelete(kHandle, frozen, 8), frozen);
  for (Word word = 0; word < Word{1} << L::Generation::kEnd; ++word) {
    if (word == kHandle || (word >> 1) % 8 != 5) continue;
    ASSERT_FALSE(slot_.Validate(word, 8)) << word;
    ASSERT_FALSE(slot_.End(word, kEnd, 8)) << word;
    ASSERT_EQ(slot_.BeginConditionalDelete(word, State::Frozen(word, 1, 8), 8),
              0u)
        << word;
    ASSERT_EQ(slot_.state(), frozen) << word;
  }
  EXPECT_TRUE(slot_.Validate(kHandle, 8));
}

TEST_F(ObjectSlotTest, RetiredObjectIsDestroyedOnce) {
  EXPECT_FALSE(slot_.ContendToDestroy(kHandle));
  EXPECT_TRUE(slot_.End(kHandle, kEnd, 16));
  EXPECT_EQ(slot_.RetiredHandle(kHandle), 0u);
  slot_.Retire(kHandle);
  EXPECT_TRUE(slot_.IsRetired(kHandle));
  EXPECT_EQ(slot_.RetiredHandle(kHandle), kHandle);
  EXPECT_EQ(slot_.RetiredHandle(L::Make(2, 5)), kHandle)
      << "by an older handle";
  EXPECT_TRUE(slot_.IsInUse(kHandle));
  EXPECT_TRUE(slot_.ContendToDestroy(kHandle));
  EXPECT_TRUE(slot_.BeginDestroying(kHandle));
  EXPECT_FALSE(slot_.BeginDestroying(kHandle));
  EXPECT_FALSE(slot_.ContendToDestroy(kHandle));
  EXPECT_TRUE(slot_.IsInUse(kHandle)) << "until it is destroyed";
  slot_.FinishDestroying(kEnd);
  EXPECT_FALSE(slot_.IsInUse(kHandle));
}

TEST_F(ObjectSlotTest, UnpinnersLeaveADeferredObjectAlone) {
  EXPECT_TRUE(slot_.End(kHandle, kEnd, 16));
  slot_.DeferToScopes(kHandle);
  EXPECT_FALSE(slot_.IsRetired(kHandle));
  EXPECT_FALSE(slot_.ContendToDestroy(kHandle));
  EXPECT_FALSE(slot_.BeginDestroying(kHandle));
  EXPECT_TRUE(slot_.IsInUse(kHandle));
  slot_.SetDestroying(kHandle);
  EXPECT_TRUE(slot_.IsInUse(kHandle));
}

}  // namespace
}  // namespace haft::internal
