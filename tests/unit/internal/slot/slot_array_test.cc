#include "haft/internal/slot/slot_array.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "haft/handle.h"
#include "haft/handle_layout.h"
#include "haft/internal/slot/word_slot.h"
#include "haft/status.h"
#include "tests/support/testing.h"

namespace haft::internal {
namespace {

using haft::testing::kWordBits;

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

TYPED_TEST(SlotStateTest, NoWordOfASlotInRestSelectsTheSlot) {
  using L = TypeParam;
  using State = SlotState<L>;
  for (const Word index : BorderIndices<L>()) {
    for (const Word generation : BorderGenerations<L>()) {
      const Word handle = L::Make(generation, index);
      EXPECT_NE(L::Index::Decode(State::Free(handle)), index);
      EXPECT_NE(L::Index::Decode(State::Exhausted(handle)), index);
      // Not either where the table has but two slots and masks the rest.
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

TEST(CeilPowerOfTwoTest, IsTheNextOne) {
  static_assert(CeilPowerOfTwo(0) == 1 && CeilPowerOfTwo(1) == 1);
  static_assert(CeilPowerOfTwo(2) == 2 && CeilPowerOfTwo(3) == 4);
  static_assert(CeilPowerOfTwo(4) == 4 && CeilPowerOfTwo(1025) == 2048);
}

TEST(SlotTest, SizeIsAPowerOfTwoAndItsAlignment) {
  struct Words3 {
    Word words[3];
  };
  struct Words4 {
    Word words[4];
  };
  struct Words8 {
    Word words[8];
  };
  static_assert(sizeof(WordSlot<char>) == 2 * sizeof(Word));
  static_assert(sizeof(WordSlot<Word>) == 2 * sizeof(Word));
  static_assert(sizeof(WordSlot<Words3>) == 4 * sizeof(Word));
  static_assert(sizeof(WordSlot<Words4>) == 8 * sizeof(Word));
  static_assert(sizeof(WordSlot<Words8>) == 16 * sizeof(Word));
  static_assert(alignof(WordSlot<Words3>) == 4 * sizeof(Word));
}

TEST(SlotTest, PayloadIsRoundedUpToWords) {
  struct Bytes9 {
    char bytes[9];
  };
  static_assert(PayloadWords<char>() == 1);
  static_assert(PayloadWords<Word>() == 1);
  static_assert(PayloadWords<Bytes9>() == 1 + 8 / sizeof(Word));
}

// Slots of TinyLayout, or of any other: 4 of them, first generation 1.
template <typename L, typename T = Word>
class Slots : public SlotArray<WordSlot<T>, L> {
 public:
  using State = SlotState<L>;
  explicit Slots(Word first_generation = 1)
      : SlotArray<WordSlot<T>, L>(4, L::Make(first_generation, 0)) {}

  void Publish(Word handle, const T& value) {
    (*this)[handle].Publish(handle, value);
  }
  bool End(Word handle) {
    return (*this)[handle].End(handle, State::Free(State::Next(handle)));
  }
  bool Retire(Word handle) {
    return (*this)[handle].End(handle, State::Exhausted(handle));
  }
  std::optional<T> Read(Word handle) const {
    return (*this)[handle].Read(handle);
  }
  std::string Describe(Word handle) const {
    Word generation;
    std::string kind = SlotArray<WordSlot<T>, L>::Describe(handle, &generation);
    return kind + " " + std::to_string(generation);
  }
};

using Tiny = haft::testing::TinyLayout;

TEST(SlotArrayTest, SlotAnswersToTheHandleItWasPublishedUnder) {
  Slots<Tiny> slots;
  slots.Publish(Tiny::Make(1, 2), 42);
  EXPECT_EQ(slots.Read(Tiny::Make(1, 2)), 42u);
  EXPECT_EQ(slots.Read(Tiny::Make(2, 2)), std::nullopt);
  EXPECT_EQ(slots.Read(Tiny::Make(1, 3)), std::nullopt);
}

TEST(SlotArrayTest, CloseEndsItOnce) {
  Slots<Tiny> slots;
  const Word handle = Tiny::Make(1, 2);
  slots.Publish(handle, 42);
  EXPECT_FALSE(slots.End(Tiny::Make(2, 2)));
  EXPECT_EQ(slots.Read(handle), 42u);
  EXPECT_TRUE(slots.End(handle));
  EXPECT_EQ(slots[handle].ReadOwned().Value(), 42u);
  EXPECT_EQ(slots.Read(handle), std::nullopt);
  EXPECT_FALSE(slots.End(handle));
}

TEST(SlotArrayTest, UntouchedSlotsAnswerToNothing) {
  Slots<Tiny> slots;
  ASSERT_TRUE(slots.ok());
  for (Word word = 0; word < 256; ++word)
    EXPECT_EQ(slots.Read(word), std::nullopt) << word;
}

TEST(SlotArrayTest, AnyWordSelectsASlot) {
  Slots<DefaultLayout> slots;
  const char* const begin = reinterpret_cast<const char*>(&slots[0]);
  std::mt19937_64 random(1);
  for (int i = 0; i < 100000; ++i) {
    const Word word = static_cast<Word>(random());
    const char* const slot = reinterpret_cast<const char*>(&slots[word]);
    ASSERT_EQ(slot - begin,
              static_cast<std::ptrdiff_t>((word >> 1) % 4 * 2 * sizeof(Word)));
  }
}

TEST(SlotArrayTest, StatusThroughoutASlotsLife) {
  Slots<Tiny> slots;
  const Word h1 = Tiny::Make(1, 2), h2 = Tiny::Make(2, 2),
             h3 = Tiny::Make(3, 2);
  const auto expect = [&](Status s1, Status s2, Status s3) {
    EXPECT_EQ(slots.Status(h1), s1);
    EXPECT_EQ(slots.Status(h2), s2);
    EXPECT_EQ(slots.Status(h3), s3);
  };
  constexpr Status kOk = Status::kOk, kNever = Status::kNeverIssued,
                   kStale = Status::kStale;
  expect(kNever, kNever, kNever);
  slots.Publish(h1, 0);
  expect(kOk, kNever, kNever);
  slots.End(h1);
  expect(kStale, kNever, kNever);
  slots.Publish(h2, 0);
  expect(kStale, kOk, kNever);
  slots.End(h2);
  expect(kStale, kStale, kNever);
  slots.Publish(h3, 0);
  expect(kStale, kStale, kOk);
  slots.Retire(h3);
  expect(kStale, kStale, kStale);
}

TEST(SlotArrayTest, GenerationsBeforeTheFirstWereNeverIssued) {
  using L = HandleLayout<2, 4>;
  Slots<L> slots(6);
  for (Word generation = 6; generation <= 15; ++generation) {
    const Word handle = L::Make(generation, 3);
    slots.Publish(handle, 0);
    for (Word g = 1; g <= 15; ++g) {
      EXPECT_EQ(slots.Status(L::Make(g, 3)), g < 6 || g > generation
                                                 ? Status::kNeverIssued
                                             : g == generation ? Status::kOk
                                                               : Status::kStale)
          << g << " at " << generation;
    }
    EXPECT_TRUE(generation < 15 ? slots.End(handle) : slots.Retire(handle));
    for (Word g = 1; g <= 15; ++g) {
      EXPECT_EQ(slots.Status(L::Make(g, 3)),
                g < 6 || g > generation ? Status::kNeverIssued : Status::kStale)
          << g << " after " << generation;
    }
  }
}

TEST(SlotArrayTest, SlotZeroIsFreeFromTheStart) {
  Slots<Tiny> slots;
  EXPECT_EQ(slots[0].state(), Slots<Tiny>::State::Free(Tiny::Make(1, 0)));
  EXPECT_EQ(slots.Status(Tiny::Make(1, 0)), Status::kNeverIssued);
  EXPECT_EQ(slots[Tiny::Make(1, 1)].state(), 0u);
}

TEST(SlotArrayTest, NullAndMalformedHaveTheirOwnStatus) {
  Slots<Tiny> slots;
  EXPECT_EQ(slots.Status(0), Status::kNull);
  EXPECT_EQ(slots.Status(1), Status::kMalformed);  // generation 0
  EXPECT_EQ(slots.Status(Tiny::Make(1, 1) - 1), Status::kMalformed);
  EXPECT_EQ(slots.Status(Tiny::Make(1, 1) | 32), Status::kMalformed);
  EXPECT_EQ(slots.Status(~Word{0}), Status::kMalformed);
}

TEST(SlotArrayTest, IndexBeyondTheArrayWasNeverIssued) {
  using L = haft::testing::SmallLayout;
  Slots<L> slots;
  slots.Publish(L::Make(1, 2), 42);
  EXPECT_EQ(slots.Status(L::Make(1, 2)), Status::kOk);
  EXPECT_EQ(slots.Status(L::Make(1, 6)), Status::kNeverIssued);
  EXPECT_EQ(slots.Read(L::Make(1, 6)), std::nullopt);
  EXPECT_FALSE(slots.End(L::Make(1, 6)));
  slots.End(L::Make(1, 2));
  EXPECT_EQ(slots.Status(L::Make(1, 6)), Status::kNeverIssued);
}

TEST(SlotArrayTest, DescribeTellsWhatTheSlotIs) {
  Slots<Tiny> slots;
  const Word h = Tiny::Make(1, 2);
  EXPECT_EQ(slots.Describe(Tiny::Make(1, 0)), "free 1");
  EXPECT_EQ(slots.Describe(h), "untouched 0");
  slots.Publish(h, 0);
  EXPECT_EQ(slots.Describe(h), "live 1");
  EXPECT_EQ(slots.Describe(Tiny::Make(3, 2)), "live 1");
  slots.End(h);
  EXPECT_EQ(slots.Describe(h), "free 2");
  slots.Publish(Tiny::Make(3, 2), 0);
  slots.Retire(Tiny::Make(3, 2));
  EXPECT_EQ(slots.Describe(h), "exhausted 3");
}

TEST(SlotArrayTest, ForEachLiveSeesLiveSlotsAmongTheFirst) {
  using Seen = std::vector<std::pair<Word, Word>>;
  Slots<Tiny> slots;
  const auto seen = [&](std::size_t count) {
    Seen all;
    slots.ForEachLive(count, [&](const auto& slot, Word handle) {
      all.emplace_back(handle, slot.Read(handle).value());
    });
    return all;
  };
  EXPECT_EQ(seen(4), Seen());
  const Word h0 = Tiny::Make(1, 0), h1 = Tiny::Make(1, 1),
             h3 = Tiny::Make(3, 3);
  slots.Publish(h0, 10);
  slots.Publish(h1, 11);
  slots.Publish(h3, 13);
  EXPECT_EQ(seen(4), (Seen{{h0, 10}, {h1, 11}, {h3, 13}}));
  EXPECT_EQ(seen(3), (Seen{{h0, 10}, {h1, 11}}));
  EXPECT_EQ(seen(0), Seen());
  slots.End(h1);
  slots.Retire(h3);
  EXPECT_EQ(seen(4), (Seen{{h0, 10}}));
}

TEST(SlotArrayTest, ForEachLiveEndsWhenToldTo) {
  Slots<Tiny> slots;
  for (Word i = 0; i < 4; ++i) slots.Publish(Tiny::Make(1, i), i);
  for (const std::size_t wanted : {1u, 3u, 4u, 5u}) {
    std::size_t seen = 0;
    slots.ForEachLive(4, [&](const auto&, Word) { return ++seen == wanted; });
    EXPECT_EQ(seen, wanted < 4 ? wanted : 4);
  }
}

TEST(SlotStateTest, StatesOfDeletedObjectsSelectOtherSlotsAndAreApart) {
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

TEST(SlotArrayTest, OutOfAddressSpaceIsNotOk) {
  struct Words8 {
    Word words[8];
  };
  EXPECT_FALSE(
      (SlotArray<WordSlot<Words8>, DefaultLayout>(SIZE_MAX / 32 + 1, 1).ok()));
}

}  // namespace
}  // namespace haft::internal
