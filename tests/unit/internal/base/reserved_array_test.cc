#include "haft/internal/base/reserved_array.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "haft/internal/base/sync.h"
#include "tests/support/testing.h"

namespace haft::internal {
namespace {

constexpr bool kHas64Bits = sizeof(std::size_t) == 8;

TEST(ReservedArrayTest, StartsAllZero) {
  ReservedArray<std::uint64_t> array(100000);
  ASSERT_TRUE(array.ok());
  EXPECT_EQ(array.size(), 100000u);
  for (std::size_t i = 0; i < array.size(); ++i) ASSERT_EQ(array[i], 0u);
}

TEST(ReservedArrayTest, KeepsWrittenValues) {
  ReservedArray<std::uint64_t> array(100000);
  for (std::size_t i = 0; i < array.size(); ++i) array[i] = i * i;
  const auto& same = std::as_const(array);
  for (std::size_t i = 0; i < array.size(); ++i) ASSERT_EQ(same[i], i * i);
  EXPECT_EQ(same.data(), &array[0]);
  EXPECT_EQ(array.data() + 99999, &same[99999]);
}

TEST(ReservedArrayTest, LeakedMemoryStays) {
  std::uint64_t* element = nullptr;
  {
    ReservedArray<std::uint64_t> array(1);
    ASSERT_TRUE(array.ok());
    EXPECT_FALSE(array.leaked());
    array.Leak();
    EXPECT_TRUE(array.leaked());
    element = &array[0];
    *element = 7;
  }
  EXPECT_EQ(*element, 7u);
}

TEST(ReservedArrayTest, WhatWasNotReservedIsNotGivenBack) {
  // Almost all of what a program may use, so nowhere is that much free.
  constexpr std::size_t kBytes =
      static_cast<std::size_t>(kHas64Bits ? (std::int64_t{1} << 47) - (1 << 20)
                                          : std::int64_t{0xb0000000});
  { const ReservedArray<char> array(kBytes); }
  EXPECT_TRUE(ReservedArray<char>(1).ok());
}

TEST(ReservedArrayTest, SizeZeroIsOk) {
  const ReservedArray<std::uint64_t> array(0);
  EXPECT_TRUE(array.ok());
  EXPECT_EQ(array.size(), 0u);
}

// The array is far larger than memory may be, because only touched pages count.
TEST(ReservedArrayTest, UntouchedElementsTakeNoMemory) {
  // The size is no multiple of 2^32, because clang 14 -O2 would then take the
  // last element for the first one's neighbour and write both at once.
  constexpr std::size_t kCount = static_cast<std::size_t>(
      kHas64Bits ? 5'000'000'007 : std::int64_t{100'000'007});
  ReservedArray<std::uint64_t> array(kCount);
  ASSERT_TRUE(array.ok());
  array[0] = 1;
  array[kCount - 1] = 2;
  EXPECT_EQ(array[0], 1u);
  EXPECT_EQ(array[kCount - 1], 2u);
  EXPECT_EQ(array[kCount / 2], 0u);
}

TEST(ReservedArrayTest, MoreThanTheAddressSpaceIsNotOk) {
  EXPECT_FALSE(ReservedArray<std::uint64_t>(SIZE_MAX / 8).ok());
}

TEST(ReservedArrayTest, MoreThanSizeTCountsIsNotOk) {
  // The bytes of slightly more than 2^61 elements wrap around to a few.
  EXPECT_FALSE(ReservedArray<std::uint64_t>(SIZE_MAX / 8 + 2).ok());
  EXPECT_FALSE(ReservedArray<std::uint64_t>(SIZE_MAX).ok());
}

TEST(ReservedArrayTest, AlignedForAPageOfAnything) {
  struct alignas(4096) Page {
    char bytes[4096];
  };
  ReservedArray<Page> array(3);
  ASSERT_TRUE(array.ok());
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(&array[2]) % 4096, 0u);
}

TEST(ReservedArrayTest, StaysWhereItIs) {
  static_assert(!std::is_copy_constructible_v<ReservedArray<int>>);
  static_assert(!std::is_move_constructible_v<ReservedArray<int>>);
  static_assert(!std::is_copy_assignable_v<ReservedArray<int>>);
}

TEST(ReservedArrayTest, GivesTheAddressRangeBack) {
  // 2^12 times 2^36 bytes (2^30) are more than the 2^47 (2^32) of the address
  // space.
  for (int i = 0; i < 1 << 12; ++i) {
    ReservedArray<char> array(std::size_t{1} << (kHas64Bits ? 36 : 30));
    ASSERT_TRUE(array.ok()) << i;
  }
}

// Returns which of the first pages of `array` have memory.
template <typename T>
std::string PagesOf(ReservedArray<T>& array, std::size_t pages) {
  std::vector<unsigned char> in_core(pages);
  EXPECT_EQ(mincore(array.data(), pages * sync::PageSize(), in_core.data()), 0);
  std::string text;
  for (const unsigned char is_in_core : in_core)
    text += (is_in_core & 1) != 0 ? 'x' : '-';
  return text;
}

TEST(ReservedArrayTest, PopulatesThePagesOfTheElements) {
  if (haft::testing::kSanitized) GTEST_SKIP() << "an emulator may not do it";
  const std::size_t page = sync::PageSize();
  ReservedArray<char> array(8 * page - 5);
  ASSERT_TRUE(array.ok());
  EXPECT_EQ(PagesOf(array, 8), "--------");
  EXPECT_TRUE(array.Populate(page, page));
  EXPECT_EQ(PagesOf(array, 8), "-x------");
  EXPECT_TRUE(array.Populate(4 * page - 1, 2));
  EXPECT_EQ(PagesOf(array, 8), "-x-xx---");
  EXPECT_TRUE(array.Populate(6 * page, 0));
  EXPECT_TRUE(array.Populate(array.size(), 1));
  EXPECT_TRUE(array.Populate(~std::size_t{0}, 1));
  EXPECT_EQ(PagesOf(array, 8), "-x-xx---");
  EXPECT_TRUE(array.Populate(6 * page, 2 * page));
  EXPECT_EQ(PagesOf(array, 8), "-x-xx-xx");
  EXPECT_TRUE(array.Populate(0, ~std::size_t{0}));
  EXPECT_EQ(PagesOf(array, 8), "xxxxxxxx");
  EXPECT_TRUE(ReservedArray<char>(0).Populate(0, 1));
  ReservedArray<std::uint64_t> words(8 * page / 8);
  EXPECT_TRUE(words.Populate(4 * page / 8, 2 * page / 8));
  EXPECT_EQ(PagesOf(words, 8), "----xx--");
}

// It would fail, or write to what belongs to others: there is no memory as far
// behind an array as that.
TEST(ReservedArrayTest, PopulatesNothingBehindTheElements) {
  if (haft::testing::kSanitized) GTEST_SKIP() << "an emulator may not do it";
  const std::size_t page = sync::PageSize();
  ReservedArray<char> array(std::size_t{1} << 28);
  ASSERT_TRUE(array.ok());
  EXPECT_TRUE(array.Populate(array.size() - page, 2 * page));
}

}  // namespace
}  // namespace haft::internal
