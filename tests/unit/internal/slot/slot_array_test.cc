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
#include "haft/internal/base/sync.h"
#include "haft/internal/slot/compact_slot.h"
#include "haft/internal/slot/word_slot.h"
#include "haft/status.h"
#include "tests/support/testing.h"

namespace haft::internal {
namespace {

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
  bool EndLast(Word handle) {
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

TEST(SlotArrayTest, EndEndsTheHandleOnce) {
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

// A slot whose size is no power of two.
struct OddSlot {
  Word words[3];

  Word state() const { return words[0]; }
  void Initialize(Word state) { words[0] = state; }
};

TEST(SlotArrayTest, SlotsMayHaveAnySize) {
  SlotArray<OddSlot, DefaultLayout> slots(8, DefaultLayout::Make(1, 0));
  ASSERT_TRUE(slots.ok());
  const char* const begin = reinterpret_cast<const char*>(&slots[0]);
  for (Word word = 0; word < 64; ++word) {
    const char* const slot = reinterpret_cast<const char*>(&slots[word]);
    EXPECT_EQ(slot - begin,
              static_cast<std::ptrdiff_t>(word / 2 % 8 * sizeof(OddSlot)));
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
  slots.EndLast(h3);
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
    EXPECT_TRUE(generation < 15 ? slots.End(handle) : slots.EndLast(handle));
    for (Word g = 1; g <= 15; ++g) {
      EXPECT_EQ(slots.Status(L::Make(g, 3)),
                g < 6 || g > generation ? Status::kNeverIssued : Status::kStale)
          << g << " after " << generation;
    }
  }
}

// kWrap: generation 1 comes after the last one. The first generation of the
// array is the oldest, until it comes again.
TEST(SlotArrayTest, GenerationsThatStartOverAreLaterThanAllBefore) {
  using L = HandleLayout<2, 4>;
  using State = SlotState<L>;
  for (const Word first : {1u, 2u, 6u, 14u, 15u}) {
    Slots<L> slots(first);
    for (Word age = 0; age < 15; ++age) {
      const auto make = [&](Word its_age) {
        return L::Make((first - 1 + its_age) % 15 + 1, 3);
      };
      const auto expect = [&](Status own) {
        for (Word other = 0; other < 15; ++other) {
          EXPECT_EQ(slots.Status(make(other)), other < age ? Status::kStale
                                               : other > age
                                                   ? Status::kNeverIssued
                                                   : own)
              << first << ": " << other << " at " << age;
        }
      };
      const Word handle = make(age);
      slots.Publish(handle, 0);
      expect(Status::kOk);
      // Nothing tells the last generation of a cycle from the first of the
      // next one.
      if (age == 14) break;
      ASSERT_TRUE(slots[handle].End(handle, State::Free(make(age + 1))));
      expect(Status::kStale);
    }
  }
}

TEST(SlotArrayTest, SlotZeroIsFreeFromTheStart) {
  Slots<Tiny> slots;
  EXPECT_EQ(slots[0].state(), Slots<Tiny>::State::Free(Tiny::Make(1, 0)));
  EXPECT_EQ(slots.Status(Tiny::Make(1, 0)), Status::kNeverIssued);
  EXPECT_EQ(slots[Tiny::Make(1, 1)].state(), 0u);
}

// Slots that store whole handles compare all of a word; the array leaves it to
// them.
TEST(SlotArrayTest, SlotsThatStoreHandlesMayBeAskedForAnyWord) {
  Slots<Tiny> slots;
  for (const Word word : {Word{0}, Word{1}, Tiny::Make(1, 0), ~Word{0}})
    EXPECT_TRUE(slots.MayAsk(word)) << word;
}

// Those that store a generation are asked only for words that differ from a
// handle of theirs in nothing but the generation.
TEST(SlotArrayTest, CompactSlotsAreAskedForAnyGenerationOfTheirHandles) {
  using L = HandleLayout<4, 3, Word{1} << 9>;
  SlotArray<CompactSlot<void*, L, 16>, L> slots(4, L::Make(1, 0));
  for (Word word = 0; word < 2048; ++word) {
    const bool is_well_formed =
        L::IsWellFormed(word | L::Generation::Encode(1));
    EXPECT_EQ(slots.MayAsk(word), is_well_formed && L::Index::Decode(word) < 4)
        << word;
  }
  for (Word bit = 2048; bit != 0; bit <<= 1)
    EXPECT_FALSE(slots.MayAsk(L::Make(1, 0) | bit)) << bit;
}

TEST(SlotArrayTest, StateOfACompactSlotHasItsIndex) {
  using L = HandleLayout<4, 3>;
  using State = SlotState<L>;
  SlotArray<CompactSlot<void*, L, 16>, L> slots(4, L::Make(2, 0));
  EXPECT_EQ(slots.StateOf(L::Make(7, 0)), State::Free(L::Make(2, 0)));
  for (Word index = 1; index < 4; ++index) {
    const Word handle = L::Make(2, index);
    EXPECT_EQ(slots.StateOf(handle), 0u);
    slots[handle].Publish(handle, nullptr);
    EXPECT_EQ(slots.StateOf(handle), handle);
    EXPECT_EQ(slots.Status(handle), haft::Status::kOk);
    // A word beyond the array selects the same slot.
    const Word beyond = L::Make(2, index + 4);
    EXPECT_EQ(slots.StateOf(beyond), handle);
    EXPECT_EQ(slots.Status(beyond), haft::Status::kNeverIssued);
    EXPECT_EQ(slots.Status(L::Make(1, index)), haft::Status::kNeverIssued)
        << "before the first";
    EXPECT_EQ(slots.Status(L::Make(3, index)), haft::Status::kNeverIssued);
    const Word next = State::Next(handle);
    ASSERT_NE(slots[handle].End(handle, State::Free(next)), 0u);
    EXPECT_EQ(slots.StateOf(handle), State::Free(next));
    EXPECT_EQ(slots.Status(handle), haft::Status::kStale);
    EXPECT_EQ(slots.Status(next), haft::Status::kNeverIssued);
  }
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
  slots.Publish(L::Make(1, 0), 42);
  slots.End(L::Make(1, 0));
  EXPECT_EQ(slots.Status(L::Make(1, 0)), Status::kStale);
  EXPECT_EQ(slots.Status(L::Make(1, 4)), Status::kNeverIssued);
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
  slots.EndLast(Tiny::Make(3, 2));
  EXPECT_EQ(slots.Describe(h), "exhausted 3");
  slots.Publish(Tiny::Make(1, 3), 0);
  EXPECT_EQ(slots.Describe(Tiny::Make(1, 3)), "live 1");
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
  slots.EndLast(h3);
  EXPECT_EQ(seen(4), (Seen{{h0, 10}}));
}

TEST(SlotArrayTest, ForEachLiveEndsWhenTheVisitorReturnsTrue) {
  Slots<Tiny> slots;
  for (Word i = 0; i < 4; ++i) slots.Publish(Tiny::Make(1, i), i);
  for (const std::size_t wanted : {1u, 3u, 4u, 5u}) {
    std::size_t seen = 0;
    slots.ForEachLive(4, [&](const auto&, Word) { return ++seen == wanted; });
    EXPECT_EQ(seen, wanted < 4 ? wanted : 4);
  }
}

TEST(SlotArrayTest, ForEachInUseSeesObjectsThatOutliveTheirHandles) {
  using L = HandleLayout<3, 4>;
  using State = SlotState<L>;
  using Seen = std::vector<Word>;
  SlotArray<WordSlot<Word>, L> slots(8, L::Make(1, 0));
  const auto seen = [&](std::size_t count) {
    Seen all;
    slots.ForEachInUse(count, [&](auto& slot, Word handle) {
      EXPECT_EQ(&slot, &slots[handle]);
      all.push_back(handle);
    });
    return all;
  };
  EXPECT_EQ(seen(8), Seen());
  const auto make = [](Word index) { return L::Make(2 + index, index); };
  slots[make(0)].Initialize(State::Retired(make(0)));
  slots[make(1)].Initialize(make(1));
  slots[make(2)].Initialize(State::Deferred(make(2)));
  slots[make(3)].Initialize(State::Free(make(3)));
  slots[make(4)].Initialize(State::Destroying(make(4)));
  slots[make(5)].Initialize(State::Exhausted(make(5)));
  slots[make(6)].Initialize(State::Frozen(make(6), 1, 8));
  EXPECT_EQ(seen(8), (Seen{make(0), make(2), make(4)}));
  EXPECT_EQ(seen(4), (Seen{make(0), make(2)}));
  EXPECT_EQ(seen(1), Seen{make(0)});
  EXPECT_EQ(seen(0), Seen());
  for (const Word index : {0u, 2u, 4u, 5u})
    EXPECT_EQ(slots.Status(make(index)), Status::kStale) << index;
  for (const Word index : {1u, 6u})
    EXPECT_EQ(slots.Status(make(index)), Status::kOk) << index;
}

TEST(SlotArrayTest, GenerationsBeforeADroppedOneAreStaleInUntouchedSlots) {
  using L = HandleLayout<2, 4>;
  Slots<L> slots(6);
  EXPECT_EQ(slots.Status(L::Make(8, 3)), Status::kNeverIssued);
  slots.NoteDropped(L::Make(9, 1));
  EXPECT_EQ(slots.Status(L::Make(8, 3)), Status::kStale);
  EXPECT_EQ(slots.Status(L::Make(9, 3)), Status::kNeverIssued);
  EXPECT_EQ(slots.Status(L::Make(5, 3)), Status::kNeverIssued)
      << "before the first";
  slots.NoteDropped(L::Make(7, 2));
  EXPECT_EQ(slots.Status(L::Make(8, 3)), Status::kStale) << "the newest counts";
  slots.NoteDropped(L::Make(10, 2));
  EXPECT_EQ(slots.Status(L::Make(9, 3)), Status::kStale);
  slots.Publish(L::Make(7, 3), 0);
  EXPECT_EQ(slots.Status(L::Make(8, 3)), Status::kNeverIssued)
      << "a slot that has a state knows better";
}

// A slot of a whole page, unless pages are larger.
struct PageSlot {
  Word words[4096 / sizeof(Word)];

  Word state() const { return words[0]; }
  void Initialize(Word state) { words[0] = state; }
};

TEST(SlotArrayTest, DroppedPagesAreUntouchedAndTheOthersAsTheyWere) {
  using L = DefaultLayout;
  const std::size_t page = sync::PageSize();
  const std::size_t in_page = page / sizeof(PageSlot);
  SlotArray<PageSlot, L> slots(8 * in_page, L::Make(1, 0));
  for (std::size_t i = 0; i < slots.size(); ++i)
    slots[L::Make(1, i)].Initialize(L::Make(1, i));
  EXPECT_TRUE(slots.DropPages(1, 2, page));
  EXPECT_TRUE(slots.DropPages(4, 6, page));
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const std::size_t of_page = i / in_page;
    const bool is_dropped = of_page == 1 || of_page == 4 || of_page == 5;
    EXPECT_EQ(slots[L::Make(1, i)].state(), is_dropped ? 0 : L::Make(1, i));
  }
}

TEST(SlotArrayDeathTest, SlotZeroIsNeverDropped) {
  Slots<Tiny> slots;
  EXPECT_DEATH(slots.DropPages(0, 1, sync::PageSize()),
               "slot 0 would become untouched");
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
