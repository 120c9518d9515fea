#include "haft/handle_layout.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace haft {
namespace {

constexpr int kWordBits = std::numeric_limits<Word>::digits;

template <typename Layout>
class HandleLayoutTest : public ::testing::Test {};

using Layouts = ::testing::Types<
#if UINTPTR_MAX > 0xffffffffu
    Layout64<>, Layout64<1>, Layout64<30>, Layout53<>, Layout53<1>,
    Layout53<30>, CompactLayout<1>, CompactLayout<8, 30>,
#endif
    CompactLayout<8>, CompactLayout<4096>, Layout32<>, Layout32<1>,
    Layout32<12>, Layout32<30>, HandleLayout<2, 2>, HandleLayout<1, 1>,
    HandleLayout<2, kWordBits - 3>,
    HandleLayout<3, 4, Word{0xa5} << (kWordBits - 8)>>;
TYPED_TEST_SUITE(HandleLayoutTest, Layouts);

TYPED_TEST(HandleLayoutTest, FieldsDoNotOverlapAndHaveNoGap) {
  using L = TypeParam;
  EXPECT_EQ(L::Low::kMask & L::Index::kMask, 0u);
  EXPECT_EQ(L::Index::kMask & L::Generation::kMask, 0u);
  EXPECT_EQ(L::kFixed & L::kVariable, 0u);
  EXPECT_EQ(L::Low::kMask | L::kVariable,
            L::Generation::kMask | (L::Generation::kOne - 1));
  EXPECT_EQ(L::kSlots, L::Index::kMax + 1);
}

TYPED_TEST(HandleLayoutTest, PackAndUnpackAgreeAtTheBorders) {
  using L = TypeParam;
  constexpr Word kMaxGeneration = L::Generation::kMax;
  constexpr Word kMaxIndex = L::Index::kMax;
  for (const Word generation :
       {Word{1}, kMaxGeneration / 2 + 1, kMaxGeneration}) {
    for (const Word index : {Word{0}, Word{1}, kMaxIndex / 2, kMaxIndex}) {
      const Word word = L::Make(generation, index);
      EXPECT_EQ(L::Generation::Decode(word), generation);
      EXPECT_EQ(L::Index::Decode(word), index);
      EXPECT_EQ(word & L::Low::kMask, 1u);
      EXPECT_TRUE(L::IsWellFormed(word));
    }
  }
}

TYPED_TEST(HandleLayoutTest, EachFixedBitIsNeededToBeWellFormed) {
  using L = TypeParam;
  const Word word = L::Make(L::Generation::kMax, L::Index::kMax);
  for (int bit = 0; bit < kWordBits; ++bit) {
    const Word flip = Word{1} << bit;
    const bool variable = (flip & L::kVariable) != 0;
    // A generation of one bit must stay 1.
    const bool null_generation =
        L::Generation::kMax == 1 && (flip & L::Generation::kMask) != 0;
    EXPECT_EQ(L::IsWellFormed(word ^ flip), variable && !null_generation)
        << "bit " << bit;
  }
}

TYPED_TEST(HandleLayoutTest, FirstHandlesCoverTheLowerHalfOfTheGenerations) {
  using L = TypeParam;
  constexpr Word kHalf = L::Generation::kMax / 2;
  EXPECT_EQ(L::FirstHandle(0), L::Make(1, 0));
  EXPECT_EQ(L::FirstHandle(std::uint64_t{1} << 63), L::Make(1 + kHalf / 2, 0));
  EXPECT_EQ(L::FirstHandle(~std::uint64_t{0}),
            L::Make(kHalf == 0 ? 1 : kHalf, 0));
}

TYPED_TEST(HandleLayoutTest, GenerationZeroIsMalformed) {
  using L = TypeParam;
  EXPECT_FALSE(L::IsWellFormed(L::Make(0, 0)));
  EXPECT_FALSE(L::IsWellFormed(L::Make(0, L::Index::kMax)));
  EXPECT_FALSE(L::IsWellFormed(0));
}

template <typename Layout>
constexpr Word kLargest = Layout::Make(Layout::Generation::kMax,
                                       Layout::Index::kMax);
template <typename Layout>
constexpr Word kSmallest = Layout::Make(1, 0);

#if UINTPTR_MAX > 0xffffffffu

template <typename Layout>
void ExpectPositiveAndNeverAnAddress() {
  for (const Word word : {kSmallest<Layout>, kLargest<Layout>}) {
    EXPECT_EQ(word >> 62, 1u);
    EXPECT_GT(static_cast<std::int64_t>(word), 0);
    // A canonical x86-64 address has bits 63..47 all alike.
    EXPECT_NE(word >> 47, 0u);
    EXPECT_NE(word >> 47, (Word{1} << 17) - 1);
  }
}

TEST(Layout64Test, IsPositiveAndNeverACanonicalAddress) {
  ExpectPositiveAndNeverAnAddress<Layout64<>>();
  ExpectPositiveAndNeverAnAddress<Layout64<1>>();
  ExpectPositiveAndNeverAnAddress<Layout64<30>>();
  static_assert(Layout64<>::Index::kWidth == 26);
  static_assert(Layout64<>::Generation::kWidth == 61 - 26);
  static_assert(Layout64<>::Generation::kEnd == 62);
}

TEST(Layout53Test, IsExactInADouble) {
  static_assert(kLargest<Layout53<>> == (Word{1} << 53) - 1);
  static_assert(kLargest<Layout53<1>> == (Word{1} << 53) - 1);
  static_assert(kLargest<Layout53<30>> == (Word{1} << 53) - 1);
  static_assert(Layout53<>::Index::kWidth == 26);
  for (const Word word : {kSmallest<Layout53<>>, kLargest<Layout53<>>})
    EXPECT_EQ(static_cast<Word>(static_cast<double>(word)), word);
}

#endif

template <std::size_t kAlignment,
          unsigned kIndexBits = CompactLayout<8>::Index::kWidth>
constexpr unsigned kCompactBits =
    CompactLayout<kAlignment, kIndexBits>::Generation::kWidth;

TEST(CompactLayoutTest, HasTheGenerationsThatAnAddressLeaves) {
#if UINTPTR_MAX > 0xffffffffu
  constexpr unsigned kLeft = 64 - internal::kAddressBits;
#ifdef __x86_64__
  static_assert(kLeft == 17);
#endif
  static_assert(kCompactBits<1> == kLeft);
  static_assert(kCompactBits<2> == kLeft + 1);
  static_assert(kCompactBits<8> == kLeft + 3);
  static_assert(kCompactBits<16> == kLeft + 4);
  static_assert(kCompactBits<4096> == kLeft + 12);
  // The next generation of a free slot takes as many bits again, and one more.
  static_assert(kCompactBits<std::size_t{1} << (31 - kLeft)> == 31);
  static_assert(kCompactBits<std::size_t{1} << (32 - kLeft)> == 31);
  static_assert(CompactLayout<8>::Index::kWidth == 26);
  ExpectPositiveAndNeverAnAddress<CompactLayout<1>>();
  ExpectPositiveAndNeverAnAddress<CompactLayout<8, 30>>();
  // Index and generation fill the handle.
  ExpectPositiveAndNeverAnAddress<CompactLayout<16384, 30>>();
  static_assert(kCompactBits<std::size_t{1} << (31 - kLeft), 30> == 31);
  static_assert(CompactLayout<std::size_t{1} << (31 - kLeft), 30>::kFixed ==
                (Word{1} << 62 | 1));
  static_assert(internal::CompactGenerationBits(std::size_t{1} << (31 - kLeft),
                                                31) == 30);
#else
  // All bits of an address count, so only its alignment leaves any.
  static_assert(kCompactBits<1> == 1);  // which CompactSlot refuses
  static_assert(kCompactBits<2> == 1);
  static_assert(kCompactBits<8> == 3);
  static_assert(kCompactBits<4096> == 12);
  static_assert(CompactLayout<8>::Index::kWidth == 16);
  // Index and generation fill the handle.
  static_assert(kCompactBits<4096, 19> == 12);
  static_assert(kCompactBits<4096, 20> == 11);
  static_assert(kCompactBits<std::size_t{1} << 15> == 15);
  static_assert(kCompactBits<std::size_t{1} << 16> == 15);
#endif
}

TEST(DefaultLayoutTest, IsTheWidestThatTheWordHolds) {
#if UINTPTR_MAX > 0xffffffffu
  static_assert(std::is_same_v<DefaultLayout, Layout64<>>);
#else
  static_assert(std::is_same_v<DefaultLayout, Layout32<>>);
#endif
}

TEST(Layout32Test, Fits32Bits) {
  static_assert(kLargest<Layout32<>> == 0xffffffff);
  static_assert(kLargest<Layout32<1>> == 0xffffffff);
  static_assert(kLargest<Layout32<30>> == 0xffffffff);
  static_assert(Layout32<>::Index::kWidth == 16);
}

}  // namespace
}  // namespace haft
