#include "haft/internal/slot/slot_state.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "haft/handle.h"
#include "haft/handle_layout.h"

namespace haft::internal {
namespace {

constexpr int kWordBits = std::numeric_limits<Word>::digits;

template <typename Layout>
class SlotStateTest : public ::testing::Test {};

using Layouts = ::testing::Types<
#if UINTPTR_MAX > 0xffffffffu
    Layout64<>, Layout64<1>, Layout53<>,
#endif
    Layout32<>, Layout32<30>, HandleLayout<2, 2>, HandleLayout<1, 1>,
    HandleLayout<2, kWordBits - 3>,
    HandleLayout<3, 4, Word{0xa5} << (kWordBits - 8)>>;
TYPED_TEST_SUITE(SlotStateTest, Layouts);

template <typename L>
std::vector<Word> BorderIndices() {
  return {0, 1, L::Index::kMax / 2, L::Index::kMax - 1, L::Index::kMax};
}
template <typename L>
std::vector<Word> BorderGenerations() {
  return {1, L::Generation::kMax / 2 + 1, L::Generation::kMax};
}

TYPED_TEST(SlotStateTest, NoFreeOrExhaustedStateSelectsItsSlot) {
  using L = TypeParam;
  using State = SlotState<L>;
  for (const Word index : BorderIndices<L>()) {
    for (const Word generation : BorderGenerations<L>()) {
      const Word handle = L::Make(generation, index);
      EXPECT_NE(L::Index::Decode(State::Free(handle)), index);
      EXPECT_NE(L::Index::Decode(State::Exhausted(handle)), index);
      // Neither does it in a table of two slots, which masks the other bits.
      EXPECT_NE(L::Index::Decode(State::Free(handle)) % 2, index % 2);
      EXPECT_NE(L::Index::Decode(State::Exhausted(handle)) % 2, index % 2);
    }
  }
}

TYPED_TEST(SlotStateTest, EachWordIsOfOneKind) {
  using L = TypeParam;
  using State = SlotState<L>;
  for (const Word index : BorderIndices<L>()) {
    for (const Word generation : BorderGenerations<L>()) {
      const Word handle = L::Make(generation, index);
      EXPECT_EQ(State::LiveHandle(handle, index), handle);
      EXPECT_FALSE(State::HasEnded(handle));
      EXPECT_EQ(State::LiveHandle(State::Free(handle), index), 0u);
      EXPECT_FALSE(State::HasEnded(State::Free(handle)));
      EXPECT_EQ(State::LiveHandle(State::Exhausted(handle), index), 0u);
      EXPECT_TRUE(State::HasEnded(State::Exhausted(handle)));
      EXPECT_FALSE(L::IsWellFormed(State::Exhausted(handle)));
      EXPECT_NE(State::Exhausted(handle), 0u);
    }
    EXPECT_EQ(State::LiveHandle(0, index), 0u);
  }
}

TYPED_TEST(SlotStateTest, SlotIsFreeInItsFreeStateOnly) {
  using L = TypeParam;
  using State = SlotState<L>;
  for (const Word index : BorderIndices<L>()) {
    for (const Word generation : BorderGenerations<L>()) {
      const Word handle = L::Make(generation, index);
      EXPECT_TRUE(State::IsFree(State::Free(handle), index));
      EXPECT_FALSE(State::IsFree(State::Free(handle), index ^ 1));
      EXPECT_FALSE(State::IsFree(handle, index));
      EXPECT_FALSE(State::IsFree(State::Exhausted(handle), index));
    }
    EXPECT_FALSE(State::IsFree(0, index)) << "untouched";
  }
}

TYPED_TEST(SlotStateTest, NextIsOneGenerationOnUntilTheLast) {
  using L = TypeParam;
  using State = SlotState<L>;
  for (const Word index : BorderIndices<L>()) {
    for (const Word generation : BorderGenerations<L>()) {
      const Word next = State::Next(L::Make(generation, index));
      EXPECT_EQ(State::IsExhausted(next), generation == L::Generation::kMax);
      if (generation == L::Generation::kMax) {
        EXPECT_FALSE(L::IsWellFormed(next));
      } else {
        EXPECT_EQ(next, L::Make(generation + 1, index));
      }
    }
  }
}

TYPED_TEST(SlotStateTest, WrappedIsGenerationOneOfTheSameSlot) {
  using L = TypeParam;
  for (const Word index : BorderIndices<L>()) {
    EXPECT_EQ(SlotState<L>::Wrapped(L::Make(L::Generation::kMax, index)),
              L::Make(1, index));
  }
}

TEST(ObjectStateTest, StatesOfDeletedObjectsSelectOtherSlotsAndAreApart) {
  using L = HandleLayout<4, 3>;
  using State = SlotState<L>;
  for (Word index = 0; index < 8; ++index) {
    std::set<Word> all;
    for (Word generation = 1; generation <= L::Generation::kMax; ++generation) {
      const Word handle = L::Make(generation, index);
      std::vector<Word> states = {
          State::Retired(handle), State::Deferred(handle),
          State::Destroying(handle), State::Exhausted(handle)};
      // Twice as many as 8 slots have, since the layout is for 16.
      for (Word ticket = 0; ticket < 2 * (8 - 5); ++ticket) {
        const Word frozen = State::Frozen(handle, ticket, 8);
        EXPECT_TRUE(State::IsFrozen(frozen, handle, 8));
        EXPECT_EQ(State::LiveHandle(frozen, index), handle);
        states.push_back(frozen);
      }
      for (Word state : {State::Retired(handle), State::Deferred(handle),
                         State::Destroying(handle), handle}) {
        EXPECT_FALSE(State::IsFrozen(state, handle, 8));
      }
      for (Word state : states) {
        EXPECT_TRUE(all.insert(state).second) << "one word, two meanings";
        EXPECT_FALSE(L::IsWellFormed(state));
        // Also in an array of 8 slots, the smallest there is.
        EXPECT_NE(L::Index::Decode(state) % 8, index % 8);
      }
    }
  }
}

TEST(ObjectStateTest, HandleInUseIsThatOfAnObjectThatOutlivesItsHandle) {
  using L = HandleLayout<4, 3>;
  using State = SlotState<L>;
  for (Word index = 0; index < 8; ++index) {
    for (Word generation = 1; generation <= L::Generation::kMax; ++generation) {
      const Word handle = L::Make(generation, index);
      for (const Word state : {State::Retired(handle), State::Deferred(handle),
                               State::Destroying(handle)}) {
        EXPECT_EQ(State::HandleInUse(state, index), handle);
        EXPECT_EQ(State::LiveHandle(state, index), 0u);
        EXPECT_FALSE(State::IsLive(state, handle, 8));
      }
      for (const Word state :
           {handle, State::Free(handle), State::Exhausted(handle),
            State::Frozen(handle, 0, 8)}) {
        EXPECT_EQ(State::HandleInUse(state, index), 0u);
      }
    }
    EXPECT_EQ(State::HandleInUse(0, index), 0u);
  }
}

TEST(ObjectStateTest, FrozenHandleIsLiveAndNoOtherIs) {
  using L = HandleLayout<4, 3>;
  using State = SlotState<L>;
  const Word handle = L::Make(3, 5);
  const Word frozen = State::Frozen(handle, 2, 8);
  EXPECT_TRUE(State::IsLive(frozen, handle, 8));
  EXPECT_TRUE(State::IsLive(handle, handle, 8));
  EXPECT_FALSE(State::IsLive(frozen, L::Make(2, 5), 8));
  EXPECT_FALSE(State::IsLive(frozen, L::Make(3, 13), 8)) << "beyond the slots";
  EXPECT_FALSE(State::IsLive(frozen, handle ^ L::Low::kOne, 8)) << "malformed";
  EXPECT_FALSE(State::IsLive(State::Free(handle), handle, 8));
  EXPECT_FALSE(
      State::IsLive(State::Frozen(L::Make(3, 0), 2, 8), L::Make(3, 8), 8))
      << "the first beyond the slots";
}

TEST(ObjectStateTest, NoWordIsFrozenInASlotThatIsNot) {
  using L = HandleLayout<4, 3>;
  using State = SlotState<L>;
  const Word handle = L::Make(3, 5);
  for (const Word state : {Word{0}, handle, State::Free(handle),
                           State::Exhausted(handle), State::Retired(handle)}) {
    for (Word word = 1; word < 256; ++word) {
      if (L::Index::Decode(word) % 8 != 5) continue;  // of another slot
      EXPECT_FALSE(State::IsFrozen(state, word, 8)) << state << ' ' << word;
    }
  }
}

TEST(ObjectStateTest, EachStateHasItsName) {
  using L = HandleLayout<4, 3>;
  using State = SlotState<L>;
  const Word handle = L::Make(3, 5);
  const auto name = [&](Word state) {
    return std::string(State::NameOf(state, handle, 8));
  };
  EXPECT_EQ(name(0), "untouched");
  EXPECT_EQ(name(handle), "live");
  EXPECT_EQ(name(State::Frozen(handle, 0, 8)), "live");
  EXPECT_EQ(name(State::Free(handle)), "free");
  EXPECT_EQ(name(State::Exhausted(handle)), "exhausted");
  EXPECT_EQ(name(State::Retired(handle)), "retired");
  EXPECT_EQ(name(State::Deferred(handle)), "retired");
  EXPECT_EQ(name(State::Destroying(handle)), "retired");
}

}  // namespace
}  // namespace haft::internal
