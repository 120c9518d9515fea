#include "haft/internal/slot/word_slot.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstring>
#include <optional>

#include "haft/handle.h"
#include "haft/handle_layout.h"
#include "haft/internal/slot/slot_state.h"

namespace haft::internal {
namespace {

TEST(WordSlotTest, SizeIsAPowerOfTwoAndItsAlignment) {
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

TEST(WordSlotTest, PayloadIsRoundedUpToWords) {
  struct Bytes9 {
    char bytes[9];
  };
  static_assert(PayloadWords<char>() == 1);
  static_assert(PayloadWords<Word>() == 1);
  static_assert(PayloadWords<Bytes9>() == 1 + 8 / sizeof(Word));
}

using L = HandleLayout<4, 4>;
using State = SlotState<L>;

constexpr Word kHandle = L::Make(3, 5);
constexpr Word kEnd = State::Free(L::Make(4, 5));

TEST(WordSlotTest, AnyValueFits) {
  EXPECT_TRUE(WordSlot<Word>::Fits(~Word{0}));
}

TEST(WordSlotTest, AnswersToTheHandleOfTheLastPublishOnly) {
  WordSlot<Word> slot{};
  EXPECT_EQ(slot.Read(kHandle), std::nullopt);
  slot.Publish(kHandle, 42);
  EXPECT_EQ(slot.state(), kHandle);
  EXPECT_EQ(slot.Read(kHandle), 42u);
  EXPECT_EQ(slot.Read(L::Make(2, 5)), std::nullopt);
  EXPECT_EQ(slot.Read(L::Make(4, 5)), std::nullopt);
}

TEST(WordSlotTest, EndSucceedsOnceAndKeepsTheValueForTheOwner) {
  WordSlot<Word> slot{};
  slot.Publish(kHandle, 42);
  EXPECT_FALSE(slot.End(L::Make(2, 5), kEnd));
  EXPECT_EQ(slot.Read(kHandle), 42u) << "unharmed by another handle's End";
  EXPECT_TRUE(slot.End(kHandle, kEnd));
  EXPECT_EQ(slot.state(), kEnd);
  EXPECT_EQ(slot.Read(kHandle), std::nullopt);
  EXPECT_EQ(slot.ReadOwned().Value(), 42u);
  EXPECT_EQ(slot.ReadOwned(true).Value(), 42u);
  EXPECT_FALSE(slot.End(kHandle, kEnd));
}

TEST(WordSlotTest, ForgetClearsTheValueAndNotTheState) {
  WordSlot<Word> slot{};
  slot.Publish(kHandle, 42);
  ASSERT_TRUE(slot.End(kHandle, kEnd));
  slot.Forget();
  EXPECT_EQ(slot.ReadOwned().Value(), 0u);
  EXPECT_EQ(slot.state(), kEnd);
}

// The values of a slot whose size is not a multiple of a word end in padding.
TEST(WordSlotTest, ValueOfAnySizeComesOutAsItWentIn) {
  struct Bytes9 {
    unsigned char bytes[9];
  };
  Bytes9 value;
  for (unsigned char i = 0; i < 9; ++i)
    value.bytes[i] = static_cast<unsigned char>(200 + i);
  WordSlot<Bytes9> slot{};
  slot.Publish(kHandle, value);
  const std::optional<Bytes9> read = slot.Read(kHandle);
  ASSERT_TRUE(read);
  EXPECT_EQ(std::memcmp(read->bytes, value.bytes, 9), 0);
  ASSERT_TRUE(slot.End(kHandle, kEnd));
  EXPECT_EQ(std::memcmp(slot.ReadOwned().Value().bytes, value.bytes, 9), 0);
}

}  // namespace
}  // namespace haft::internal
