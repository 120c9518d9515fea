#include "haft/traits.h"

#include <gtest/gtest.h>

#include <type_traits>

#include "haft/handle_table.h"
#include "tests/support/testing.h"

namespace haft {
namespace {

TEST(TraitsTest, DefaultsAreTheSafeChoice) {
  static_assert(std::is_same_v<DefaultTraits::Layout, DefaultLayout>);
  static_assert(std::is_same_v<DefaultTraits::FreeList, MagazineFreeList>);
  static_assert(DefaultTraits::kExhaustion == Exhaustion::kDropSlot);
  static_assert(
      std::is_same_v<HandleTable<int>, HandleTable<int, DefaultTraits>>);
}

struct JavaScriptTraits : DefaultTraits {
  using Layout = haft::testing::WideLayout;
};
struct WrappingTraits : DefaultTraits {
  using Layout = haft::testing::TinyLayout;
  static constexpr Exhaustion kExhaustion = Exhaustion::kWrap;
};
struct GlobalTraits : DefaultTraits {
  using FreeList = GlobalFreeList;
};

TEST(TraitsTest, CompactTraitsDifferInSlotsAndLayoutOnly) {
  using Compact = CompactTraits<64>;
  static_assert(DefaultTraits::kCompactAlignment == 0);
  static_assert(Compact::kCompactAlignment == 64);
  static_assert(std::is_same_v<Compact::Layout, CompactLayout<64>>);
  static_assert(std::is_same_v<Compact::FreeList, MagazineFreeList>);
  static_assert(Compact::kExhaustion == Exhaustion::kDropSlot);
}

// The examples of docs/compact_tables.md.
struct Widget {
  double size;
};
struct WidgetTraits : haft::CompactTraits<alignof(Widget)> {
  static constexpr auto kExhaustion = haft::Exhaustion::kWrap;
};
TEST(TraitsTest, ExamplesOfCompactTables) {
  haft::HandleTable<Widget*, haft::CompactTraits<alignof(Widget)>> table(1000);
  haft::HandleTable<Widget*, WidgetTraits> wrapping(1000);
  Widget widget{1};
  EXPECT_EQ(table.Value(table.New(&widget)), &widget);
  EXPECT_EQ(wrapping.Value(wrapping.New(&widget)), &widget);
}

TEST(TraitsTest, CompactionReachesTheTable) {
  struct alignas(64) Aligned {
    char bytes[64];
  } object;
  HandleTable<Aligned*, CompactTraits<alignof(Aligned)>> table(10);
  const Handle handle = table.New(&object);
  EXPECT_EQ(table.Value(handle), &object);
  EXPECT_FALSE(table.Fits(reinterpret_cast<Aligned*>(object.bytes + 32)));
  HandleTable<Aligned*> other(10);
  EXPECT_TRUE(other.Fits(reinterpret_cast<Aligned*>(object.bytes + 32)));
}

TEST(TraitsTest, EachChoiceCanBeRedeclaredAlone) {
  static_assert(std::is_same_v<JavaScriptTraits::FreeList, MagazineFreeList>);
  static_assert(JavaScriptTraits::kExhaustion == Exhaustion::kDropSlot);
  static_assert(std::is_same_v<GlobalTraits::Layout, DefaultLayout>);
  static_assert(WrappingTraits::kExhaustion == Exhaustion::kWrap);
}

TEST(TraitsTest, LayoutReachesTheTable) {
  HandleTable<int, JavaScriptTraits> table(10);
  const Handle handle = table.New(7);
  EXPECT_TRUE(testing::WideLayout::IsWellFormed(static_cast<Word>(handle)));
  EXPECT_EQ(table.Value(handle), 7);
  static_assert(HandleTable<int, WrappingTraits>::kMaxCapacity == 4);
}

TEST(TraitsTest, FreeListReachesTheTable) {
  HandleTable<int, GlobalTraits> table(1);
  EXPECT_NE(table.New(7), kNullHandle);
  EXPECT_EQ(table.New(8), kNullHandle);
}

TEST(TraitsTest, ExhaustionReachesTheTable) {
  HandleTable<int, WrappingTraits> table(1);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(table.MustDelete(table.New(i)), i);
  EXPECT_EQ(table.Stats().exhausted_slots, 0u);
}

}  // namespace
}  // namespace haft
