// Tests with forged words: words that no table has issued, that another table
// has issued, or that are stale. The models use only honest handles.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <random>
#include <unordered_map>
#include <utility>
#include <vector>

#include "haft/handle_table.h"
#include "haft/internal/slot/slot_array.h"
#include "tests/support/testing.h"

namespace haft {
namespace {

using testing::AllTraits;
using testing::CompactTestTraits;
using testing::ExpectConservation;
using testing::kSanitized;
using testing::kWordBits;
using testing::MarkedTinyLayout;
using testing::SmallLayout;
using testing::TestTraits;
using testing::TinyLayout;
using testing::WideLayout;

constexpr int kHalf = kWordBits / 2;

// A table with slots in every state, and the words that it must accept.
template <typename Traits>
class Victim {
 public:
  using Layout = typename Traits::Layout;
  using State = internal::SlotState<Layout>;
  using Table = testing::TableOf<std::size_t, Traits>;
  static constexpr int kChurn = 3;

  // Half of the `slots` slots are live, and half have been deleted. One or two
  // of these were deleted several times, which exhausts them in tiny layouts.
  explicit Victim(std::size_t slots) : table_(slots) {
    std::vector<Handle> handles;
    for (std::size_t i = 0; i < slots; ++i) handles.push_back(table_.New(i));
    for (std::size_t i = 0; i < slots; ++i) {
      issued_.push_back(static_cast<Word>(handles[i]));
      if (i % 2 == 0) {
        live_[static_cast<Word>(handles[i])] = i;
        continue;
      }
      table_.MustDelete(handles[i]);
    }
    for (int i = 0; i < kChurn; ++i) {
      const Handle handle = table_.New(slots);
      if (handle == kNullHandle) break;
      issued_.push_back(static_cast<Word>(handle));
      table_.MustDelete(handle);
    }
    before_ = table_.Stats();
  }

  Table& table() { return table_; }
  const std::unordered_map<Word, std::size_t>& live() const { return live_; }
  const std::vector<Word>& issued() const { return issued_; }

  // Returns handles of live, free and exhausted slots, and the words that their
  // states have had, could have had or will have.
  std::vector<Word> Words() const {
    std::vector<Word> words = {0};
    for (const Word handle : issued_) {
      const Word next = State::Next(handle);
      for (const Word word :
           {handle, State::Free(handle), State::Exhausted(handle), next,
            State::Free(next), State::Exhausted(next), State::Wrapped(handle),
            State::Free(State::Wrapped(handle))})
        words.push_back(word);
    }
    return words;
  }

  // Expects that every call refuses the word, unless it is a live handle.
  void Try(Word word) {
    const auto live = live_.find(word);
    if (live != live_.end()) {
      ASSERT_EQ(table_.Value(Handle(word)), live->second);
      ASSERT_EQ(table_.Check(Handle(word)), Status::kOk);
      return;
    }
    const Handle handle(word);
    ASSERT_EQ(table_.Value(handle), std::nullopt) << std::hex << word;
    ASSERT_EQ(table_.Delete(handle), std::nullopt) << std::hex << word;
    ASSERT_EQ(table_.DeleteBatch(&handle, 1), 0u) << std::hex << word;
    ASSERT_NE(table_.Check(handle), Status::kOk) << std::hex << word;
    ASSERT_EQ(table_.Check(handle) == Status::kNull, word == 0);
    ASSERT_EQ(table_.Check(handle) == Status::kMalformed,
              word != 0 && !Layout::IsWellFormed(word))
        << std::hex << word;
  }

  // Expects that no attempt has left a trace.
  void ExpectUnharmed() const {
    const TableStats after = table_.Stats();
    EXPECT_EQ(after.live, before_.live);
    EXPECT_EQ(after.created, before_.created);
    EXPECT_EQ(after.deleted, before_.deleted);
    EXPECT_EQ(after.exhausted_slots, before_.exhausted_slots);
    EXPECT_EQ(after.high_water, before_.high_water);
    EXPECT_EQ(after.live, live_.size());
    for (const auto& [word, value] : live_)
      ASSERT_EQ(table_.Value(Handle(word)), value);
    ExpectConservation(table_);
  }

 private:
  Table table_;
  std::unordered_map<Word, std::size_t> live_;  // and their values
  std::vector<Word> issued_;
  TableStats before_;
};

template <typename Traits>
class ForgeryTest : public ::testing::Test {};

template <typename Types>
struct WithTiny;
template <typename... Ts>
struct WithTiny<::testing::Types<Ts...>> {
  using Types = ::testing::Types<
      Ts..., TestTraits<MagazineFreeList, TinyLayout>,
      TestTraits<StripedFreeList, TinyLayout>,
      TestTraits<GlobalFreeList, TinyLayout, Exhaustion::kWrap>,
      TestTraits<CdsFreeList, HandleLayout<3, 1>>,
      TestTraits<GlobalFreeList, MarkedTinyLayout>,
      CompactTestTraits<GlobalFreeList, MarkedTinyLayout>,
      CompactTestTraits<MagazineFreeList, TinyLayout, Exhaustion::kWrap>>;
};
TYPED_TEST_SUITE(ForgeryTest, WithTiny<AllTraits>::Types);

template <typename Traits>
std::size_t SlotsOf() {
  return std::min<std::size_t>(Traits::Layout::kSlots, 200);
}

TYPED_TEST(ForgeryTest, EveryWordOneBitFromAHandleOrAStateIsRefused) {
  Victim<TypeParam> victim(SlotsOf<TypeParam>());
  for (const Word word : victim.Words()) {
    victim.Try(word);
    for (int bit = 0; bit < kWordBits; ++bit) victim.Try(word ^ Word{1} << bit);
    if (this->HasFatalFailure()) return;
  }
  victim.ExpectUnharmed();
}

TYPED_TEST(ForgeryTest, EveryWordTwoBitsFromAHandleIsRefused) {
  Victim<TypeParam> victim(16 < SlotsOf<TypeParam>() ? 16
                                                     : SlotsOf<TypeParam>());
  for (const Word word : victim.issued()) {
    for (int a = 0; a < kWordBits; ++a) {
      for (int b = 0; b < a; ++b)
        victim.Try(word ^ Word{1} << a ^ Word{1} << b);
    }
    if (this->HasFatalFailure()) return;
  }
  victim.ExpectUnharmed();
}

TYPED_TEST(ForgeryTest, WordsThatLieNearAreRefused) {
  Victim<TypeParam> victim(SlotsOf<TypeParam>());
  std::vector<Word> words = victim.Words();
  words.push_back(~Word{0});
  words.push_back(~Word{0} >> 1);
  words.push_back(Word{1} << (kWordBits - 1));
  words.push_back(reinterpret_cast<Word>(&victim));
  for (const Word word : words) {
    for (const Word near : {word + 1, word - 1, word + 2, word - 2, ~word,
                            Word{0} - word, word << 1, word >> 1, word << kHalf,
                            word >> kHalf, word << kHalf | word >> kHalf})
      victim.Try(near);
    if (this->HasFatalFailure()) return;
  }
  for (Word word = 0; word < 1 << 16; ++word) {
    victim.Try(word);
    victim.Try(~word);
    if (this->HasFatalFailure()) return;
  }
  victim.ExpectUnharmed();
}

TYPED_TEST(ForgeryTest, EveryIndexAtALiveGenerationIsRefused) {
  using Layout = typename TypeParam::Layout;
  Victim<TypeParam> victim(SlotsOf<TypeParam>());
  const Word generation =
      Layout::Generation::Decode(victim.live().begin()->first);
  for (Word index = 0; index <= Layout::Index::kMax && index < 1 << 20; ++index)
    victim.Try(Layout::Make(generation, index));
  for (Word bit = Layout::Index::kOne; bit <= Layout::Index::kMask; bit <<= 1)
    victim.Try(Layout::Make(generation, 0) | bit);
  victim.Try(Layout::Make(generation, Layout::Index::kMax));
  victim.ExpectUnharmed();
}

TYPED_TEST(ForgeryTest, GenerationsAroundEachLiveOneAreRefused) {
  using Layout = typename TypeParam::Layout;
  Victim<TypeParam> victim(SlotsOf<TypeParam>());
  for (const Word word : victim.issued()) {
    for (Word step = 0; step < 100; ++step) {
      const Word distance = Layout::Generation::Encode(step);
      victim.Try(word + distance);
      victim.Try(word - distance);
      victim.Try(Layout::Make(step, Layout::Index::Decode(word)));
    }
    if (this->HasFatalFailure()) return;
  }
  victim.ExpectUnharmed();
}

// A table of the same type whose first generation is another one.
TYPED_TEST(ForgeryTest, AnotherTablesHandlesAreRefused) {
  using Layout = typename TypeParam::Layout;
  if (Layout::Generation::kMax / 2 <= 1000)
    GTEST_SKIP() << "all tables of this layout start at much the same";
  Victim<TypeParam> victim(SlotsOf<TypeParam>());
  // They are so far apart that no generation is the same, which is nearly
  // always so.
  constexpr Word kApart = Victim<TypeParam>::kChurn + 2;
  std::unique_ptr<Victim<TypeParam>> other;
  const auto apart = [&] {
    const Word a = Layout::Generation::Decode(victim.issued()[0]);
    const Word b = Layout::Generation::Decode(other->issued()[0]);
    return a >= b + kApart || b >= a + kApart;
  };
  for (int i = 0; i < 100 && (other == nullptr || !apart()); ++i)
    other = std::make_unique<Victim<TypeParam>>(SlotsOf<TypeParam>());
  ASSERT_TRUE(apart());
  for (const Word word : other->issued()) {
    victim.Try(word);
    EXPECT_EQ(victim.table().Check(Handle(word)), Status::kNeverIssued);
    EXPECT_EQ(victim.live().count(word), 0u);
  }
  for (const Word word : victim.issued()) other->Try(word);
  victim.ExpectUnharmed();
  other->ExpectUnharmed();
}

// The words that are in the slots, at every step of their lives. The table
// accepts none of them, unless it is the live handle of another slot.
template <typename Layout>
class StateWordTest : public ::testing::Test {};
using StateLayouts = ::testing::Types<DefaultLayout, WideLayout, Layout32<>,
                                      TinyLayout, HandleLayout<1, 1>>;
TYPED_TEST_SUITE(StateWordTest, StateLayouts);

TYPED_TEST(StateWordTest, StateOfASlotNeverOpensThatSlot) {
  using Layout = TypeParam;
  using State = internal::SlotState<Layout>;
  constexpr Word kSlots = Layout::kSlots < 4 ? Layout::kSlots : 4;
  constexpr Word kLast = Layout::Generation::kMax;
  internal::SlotArray<internal::WordSlot<std::size_t>, Layout> slots(
      kSlots, Layout::Make(1, 0));
  const auto expect_closed = [&](Word slot) {
    const Word state = slots[Layout::Index::Encode(slot)].state();
    EXPECT_NE(slots.Status(state), Status::kOk);
    EXPECT_EQ(slots[state].Read(state), std::nullopt);
    EXPECT_FALSE(slots[state].End(state, 0));
  };
  for (Word slot = 0; slot < kSlots; ++slot) expect_closed(slot);
  for (Word slot = 0; slot < kSlots; ++slot) {
    for (const Word generation : {Word{1}, kLast / 2 + 1, kLast}) {
      const Word handle = Layout::Make(generation, slot);
      const Word next = State::Next(handle);
      const bool last = State::IsExhausted(next);
      slots[handle].Publish(handle, 42);
      EXPECT_TRUE(slots[handle].End(
          handle, last ? State::Exhausted(handle) : State::Free(next)));
      for (Word other = 0; other < kSlots; ++other) expect_closed(other);
    }
  }
}

// 100 million random words. Value gets all of them, and Check and Delete get
// some. In 32-bit tables of many handles a word is sometimes a live handle,
// which must then be in the reference with its value.
template <typename Traits>
void TryRandomWords(std::size_t slots, int count, std::uint64_t seed) {
  using Layout = typename Traits::Layout;
  Victim<Traits> victim(std::min<std::size_t>(slots, Layout::kSlots));
  std::size_t hits = 0;
  const auto try_word = [&](Word word, bool all_calls) {
    const std::optional<std::size_t> value = victim.table().Value(Handle(word));
    if (value.has_value()) {
      ++hits;
      ASSERT_EQ(victim.live().count(word), 1u) << std::hex << word;
      ASSERT_EQ(victim.live().at(word), *value);
    }
    if (all_calls) victim.Try(word);
  };
  std::uint64_t state = seed;  // SplitMix64
  for (int i = 0; i < count; i += 2) {
    state += 0x9e3779b97f4a7c15u;
    std::uint64_t z = (state ^ state >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    const Word word = static_cast<Word>(z ^ z >> 31);
    const bool all_calls = i % 64 == 0;
    try_word(word, all_calls);
    try_word((word & Layout::kVariable) | Layout::kFixed, all_calls);
    if (::testing::Test::HasFatalFailure()) return;
  }
  victim.ExpectUnharmed();
  ::testing::Test::RecordProperty("words", count);
  ::testing::Test::RecordProperty("live_handles_met", static_cast<int>(hits));
}

constexpr int kMillions = kSanitized ? 50'000 : 1'000'000;

TEST(RandomForgeryTest, DefaultLayout) {
  TryRandomWords<TestTraits<MagazineFreeList>>(100'000, 30 * kMillions, 1);
}
TEST(RandomForgeryTest, WideLayout) {
  TryRandomWords<TestTraits<StripedFreeList, WideLayout>>(100'000,
                                                          25 * kMillions, 2);
}
TEST(RandomForgeryTest, Layout32) {
  TryRandomWords<TestTraits<MagazineFreeList, Layout32<>>>(60'000,
                                                           25 * kMillions, 3);
}
TEST(RandomForgeryTest, SmallLayout) {
  TryRandomWords<TestTraits<GlobalFreeList, SmallLayout>>(4'096, 10 * kMillions,
                                                          4);
}
TEST(RandomForgeryTest, CompactTable) {
  TryRandomWords<CompactTestTraits<MagazineFreeList>>(60'000, 25 * kMillions,
                                                      6);
}
TEST(RandomForgeryTest, TinyLayout) {
  TryRandomWords<TestTraits<CdsFreeList, TinyLayout>>(4, 10 * kMillions, 5);
}

}  // namespace
}  // namespace haft
