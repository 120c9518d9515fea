#include "haft/handle.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <set>
#include <type_traits>
#include <unordered_set>

namespace haft {
namespace {

constexpr Word kHighBit = ~(~Word{0} >> 1);

TEST(HandleTest, DefaultIsNull) {
  EXPECT_EQ(Handle(), kNullHandle);
  EXPECT_EQ(static_cast<Word>(Handle()), 0u);
  EXPECT_FALSE(Handle());
  EXPECT_TRUE(Handle(1));
}

TEST(HandleTest, IsAWordThatConvertsOnlyExplicitly) {
  static_assert(sizeof(Handle) == sizeof(std::uintptr_t));
  static_assert(std::is_trivially_copyable_v<Handle>);
  static_assert(std::is_constructible_v<Handle, Word>);
  static_assert(std::is_constructible_v<Word, Handle>);
  static_assert(!std::is_convertible_v<Word, Handle>);
  static_assert(!std::is_convertible_v<Handle, Word>);
  static_assert(!std::is_convertible_v<Handle, bool>);
  static_assert(!std::is_convertible_v<void*, Handle>);
}

TEST(HandleTest, IsConstexpr) {
  static_assert(static_cast<Word>(Handle(7)) == 7);
  static_assert(Handle(7) == Handle(7) && Handle(7) != Handle(9));
  static_assert(Handle(7) < Handle(9) && !kNullHandle);
}

TEST(HandleTest, WordRoundTripKeepsEveryBit) {
  for (const Word word : {Word{0}, Word{1}, kHighBit | 1, ~Word{0}})
    EXPECT_EQ(static_cast<Word>(Handle(word)), word);
}

TEST(HandleTest, PointerRoundTripKeepsEveryBit) {
  for (const Word word : {Word{0}, Word{1}, kHighBit | 1, ~Word{0}}) {
    const Handle handle(word);
    void* const user_data = handle.ToPointer();
    EXPECT_EQ(Handle::FromPointer(user_data), handle);
    EXPECT_EQ(reinterpret_cast<Word>(user_data), word);
  }
  EXPECT_EQ(kNullHandle.ToPointer(), nullptr);
  EXPECT_EQ(Handle::FromPointer(nullptr), kNullHandle);
}

TEST(HandleTest, OrderIsThatOfWords) {
  const std::set<Handle> ordered = {Handle(5), Handle(~Word{0}), Handle(3)};
  EXPECT_EQ(*ordered.begin(), Handle(3));
  EXPECT_EQ(*ordered.rbegin(), Handle(~Word{0}));
  EXPECT_FALSE(Handle(3) < Handle(3));
}

TEST(HandleTest, HashesLikeItsWord) {
  EXPECT_EQ(std::hash<Handle>()(Handle(5)), std::hash<Word>()(5));
  std::unordered_set<Handle> handles = {Handle(3), Handle(5), Handle(3)};
  EXPECT_EQ(handles.size(), 2u);
  EXPECT_EQ(handles.count(Handle(5)), 1u);
  EXPECT_EQ(handles.count(Handle(7)), 0u);
}

}  // namespace
}  // namespace haft
