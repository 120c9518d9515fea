#include "haft/handle_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <random>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <unordered_set>
#include <utility>
#include <vector>

#include "tests/testing.h"

namespace haft {
namespace {

using testing::AllTraits;
using testing::ExpectConservation;
using testing::kWordBits;
using testing::MarkedTinyLayout;
using testing::SmallLayout;
using testing::TestTraits;
using testing::TinyLayout;
using testing::WideLayout;

constexpr std::size_t kCapacity = 1000;

// Whether these free lists hold the capacity and not one handle more.
template <typename FreeList>
constexpr bool kIsExact = std::is_same_v<FreeList, StripedFreeList> ||
                          std::is_same_v<FreeList, GlobalFreeList> ||
                          std::is_same_v<FreeList, CdsFreeList>;

// Handles made until the table was full; the i-th has the value i.
template <typename Table>
std::vector<Handle> Fill(Table& table) {
  std::vector<Handle> handles;
  for (;;) {
    const Handle handle = table.New(handles.size());
    if (handle == kNullHandle) return handles;
    handles.push_back(handle);
  }
}

void ExpectEqual(const TableStats& a, const TableStats& b) {
  EXPECT_EQ(a.live, b.live);
  EXPECT_EQ(a.created, b.created);
  EXPECT_EQ(a.deleted, b.deleted);
  EXPECT_EQ(a.retired, b.retired);
  EXPECT_EQ(a.high_water, b.high_water);
  EXPECT_EQ(a.capacity, b.capacity);
}

template <typename Traits>
class HandleTableTest : public ::testing::Test {
 protected:
  using Table = HandleTable<std::size_t, Traits>;
  using Layout = typename Traits::Layout;

  // The word with the same index, so many generations on.
  static Handle Later(Handle handle, Word generations) {
    return Handle(static_cast<Word>(handle) +
                  generations * Layout::Generation::kOne);
  }
  static Word Generation(Handle handle) {
    return Layout::Generation::Decode(static_cast<Word>(handle));
  }
  static Word Index(Handle handle) {
    return Layout::Index::Decode(static_cast<Word>(handle));
  }

  Table table_{kCapacity};
};
TYPED_TEST_SUITE(HandleTableTest, AllTraits);

TYPED_TEST(HandleTableTest, NewHandleHasItsValue) {
  auto& table = this->table_;
  const Handle a = table.New(42), b = table.New(43);
  EXPECT_NE(a, b);
  EXPECT_EQ(table.Value(a), 42u);
  EXPECT_EQ(table.Value(b), 43u);
  EXPECT_EQ(table.MustValue(a), 42u);
  EXPECT_EQ(table.Check(a), Status::kOk);
}

TYPED_TEST(HandleTableTest, EqualValuesHaveDifferentHandles) {
  EXPECT_NE(this->table_.New(42), this->table_.New(42));
}

TYPED_TEST(HandleTableTest, ValueAfterDeleteIsStale) {
  auto& table = this->table_;
  const Handle a = table.New(42), b = table.New(43);
  EXPECT_EQ(table.Delete(a), 42u);
  EXPECT_EQ(table.Value(a), std::nullopt);
  EXPECT_EQ(table.Check(a), Status::kStale);
  EXPECT_EQ(table.Value(b), 43u);
}

TYPED_TEST(HandleTableTest, SecondDeleteIsRefused) {
  auto& table = this->table_;
  const Handle a = table.New(42);
  EXPECT_EQ(table.MustDelete(a), 42u);
  const TableStats before = table.Stats();
  EXPECT_EQ(table.Delete(a), std::nullopt);
  EXPECT_EQ(table.Delete(a), std::nullopt);
  ExpectEqual(table.Stats(), before);
  ExpectConservation(table);
}

TYPED_TEST(HandleTableTest, StaleHandleNeverReachesTheNextObjectOfItsSlot) {
  auto& table = this->table_;
  using Test = HandleTableTest<TypeParam>;
  std::vector<Handle> stale;
  std::set<Word> slots;
  for (std::size_t i = 0; i < 200; ++i) {
    const Handle handle = table.New(i);
    slots.insert(Test::Index(handle));
    for (const Handle old : stale) {
      ASSERT_NE(handle, old);
      ASSERT_EQ(table.Value(old), std::nullopt);
      ASSERT_EQ(table.Delete(old), std::nullopt);
      ASSERT_EQ(table.Check(old), Status::kStale);
    }
    EXPECT_EQ(table.Value(handle), i);
    EXPECT_EQ(table.Delete(handle), i);
    stale.push_back(handle);
  }
  EXPECT_LT(slots.size(), stale.size()) << "no slot was reused";
}

TYPED_TEST(HandleTableTest, ReusedSlotIsOneGenerationOn) {
  auto& table = this->table_;
  using Test = HandleTableTest<TypeParam>;
  const Handle a = table.New(1);
  table.MustDelete(a);
  EXPECT_EQ(table.New(2), Test::Later(a, 1));
}

TYPED_TEST(HandleTableTest, EachRefusalHasItsStatus) {
  auto& table = this->table_;
  using Test = HandleTableTest<TypeParam>;
  using Layout = typename TypeParam::Layout;
  const Handle live = table.New(1), dead = table.New(2);
  table.MustDelete(dead);
  const Word word = static_cast<Word>(live);
  const Word generation = Test::Generation(live);
  constexpr Word kHighBit = Word{1} << (kWordBits - 1);
  // The highest bit is of the generation only where that fills the word.
  constexpr Status kOther = Layout::Generation::kEnd == kWordBits
                                ? Status::kNeverIssued
                                : Status::kMalformed;
  const std::vector<std::pair<Handle, Status>> expected = {
      {live, Status::kOk},
      {kNullHandle, Status::kNull},
      {dead, Status::kStale},
      // The dead slot's next handle is not out yet.
      {Test::Later(dead, 1), Status::kNeverIssued},
      {Test::Later(live, 1), Status::kNeverIssued},
      {Handle(Layout::Make(generation, Layout::Index::kMax)),
       Status::kNeverIssued},
      {Handle(word & ~Word{1}), Status::kMalformed},
      {Handle(word | kHighBit), kOther},
      {Handle(Layout::Make(0, 0)), Status::kMalformed},
      {Handle(~Word{0}), kOther},
      {Handle(1), Status::kMalformed},
      {Handle(reinterpret_cast<Word>(&table)), Status::kMalformed},
  };
  const TableStats before = table.Stats();
  for (const auto& [handle, status] : expected) {
    SCOPED_TRACE(static_cast<Word>(handle));
    EXPECT_EQ(table.Check(handle), status);
    if (status == Status::kOk) continue;
    EXPECT_EQ(table.Value(handle), std::nullopt);
    EXPECT_EQ(table.Delete(handle), std::nullopt);
    EXPECT_EQ(table.Check(handle), status);
  }
  ExpectEqual(table.Stats(), before);
  EXPECT_EQ(table.Value(live), 1u);
}

TYPED_TEST(HandleTableTest, GenerationBeforeTheFirstWasNeverIssued) {
  using Test = HandleTableTest<TypeParam>;
  using Table = typename Test::Table;
  std::unique_ptr<Table> table;
  Handle handle;
  // Until there is one before the first, which is nearly always.
  for (int i = 0; i < 100 && Test::Generation(handle) <= 1; ++i) {
    table = Table::Create(kCapacity);
    handle = table->New(1);
  }
  ASSERT_GT(Test::Generation(handle), 1u);
  const Handle before = Test::Later(handle, ~Word{0});
  EXPECT_EQ(table->Check(before), Status::kNeverIssued);
  table->MustDelete(handle);
  EXPECT_EQ(table->Check(before), Status::kNeverIssued);
}

TYPED_TEST(HandleTableTest, FirstGenerationIsInTheLowerHalfAndAtLeastOne) {
  using Test = HandleTableTest<TypeParam>;
  for (int i = 0; i < 20; ++i) {
    typename Test::Table table(1);
    const Word generation = Test::Generation(table.New(1));
    EXPECT_GE(generation, 1u);
    EXPECT_LE(generation, TypeParam::Layout::Generation::kMax / 2);
  }
}

TYPED_TEST(HandleTableTest, HandlesHaveTheShapeOfTheirLayout) {
  using Layout = typename TypeParam::Layout;
  for (const Handle handle : Fill(this->table_)) {
    const Word word = static_cast<Word>(handle);
    ASSERT_TRUE(Layout::IsWellFormed(word));
    ASSERT_EQ(word & 1, 1u);
    if constexpr (Layout::kFixed != 1) {
      ASSERT_GT(static_cast<std::intptr_t>(word), 0);
      ASSERT_EQ(word >> (kWordBits - 2), 1u);
    } else if constexpr (kWordBits == 64 &&
                         std::is_same_v<Layout, WideLayout>) {
      ASSERT_LT(static_cast<double>(word), 0x1p53);
      ASSERT_EQ(static_cast<Word>(static_cast<double>(word)), word);
    } else {
      ASSERT_LE(word, std::numeric_limits<std::uint32_t>::max());
    }
  }
}

TYPED_TEST(HandleTableTest, HandleTravelsAsVoidPointer) {
  auto& table = this->table_;
  void* const user_data = table.New(42).ToPointer();
  EXPECT_EQ(table.Value(Handle::FromPointer(user_data)), 42u);
}

TYPED_TEST(HandleTableTest, HoldsItsCapacity) {
  auto& table = this->table_;
  const std::vector<Handle> handles = Fill(table);
  EXPECT_GE(handles.size(), kCapacity);
  if (kIsExact<typename TypeParam::FreeList>) {
    EXPECT_EQ(handles.size(), kCapacity);
  }
  for (std::size_t i = 0; i < handles.size(); ++i)
    ASSERT_EQ(table.Value(handles[i]), i);
  const std::unordered_set<Handle> distinct(handles.begin(), handles.end());
  EXPECT_EQ(distinct.size(), handles.size());
  ExpectConservation(table);
}

TYPED_TEST(HandleTableTest, NewWhenFullChangesNothing) {
  auto& table = this->table_;
  const std::vector<Handle> handles = Fill(table);
  const TableStats before = table.Stats();
  for (int i = 0; i < 10; ++i) EXPECT_EQ(table.New(7), kNullHandle);
  Handle made[3];
  const std::size_t values[3] = {7, 8, 9};
  EXPECT_EQ(table.NewBatch(values, 3, made), 0u);
  ExpectEqual(table.Stats(), before);
  ExpectConservation(table);
  for (std::size_t i = 0; i < handles.size(); ++i)
    ASSERT_EQ(table.Value(handles[i]), i);
}

TYPED_TEST(HandleTableTest, AfterFullOneDeleteMakesRoomForOneNew) {
  auto& table = this->table_;
  const std::vector<Handle> handles = Fill(table);
  for (const std::size_t i :
       {std::size_t{0}, kCapacity / 2, handles.size() - 1}) {
    EXPECT_EQ(table.Delete(handles[i]), i);
    const Handle again = table.New(7);
    EXPECT_NE(again, kNullHandle);
    EXPECT_NE(again, handles[i]);
    EXPECT_EQ(table.Value(again), 7u);
    EXPECT_EQ(table.New(8), kNullHandle);
  }
  ExpectConservation(table);
}

// However a full table is emptied, it can be filled again, with handles never
// seen before.
TYPED_TEST(HandleTableTest, RefillsAfterEveryOrderOfDeletion) {
  auto& table = this->table_;
  std::vector<Handle> handles = Fill(table);
  const std::size_t n = handles.size();
  std::unordered_set<Handle> ever(handles.begin(), handles.end());
  std::vector<std::size_t> reverse(n), stride(n), alternating, random(n);
  std::iota(random.begin(), random.end(), 0);
  std::shuffle(random.begin(), random.end(), std::mt19937(1));
  for (std::size_t i = 0; i < n; ++i) {
    reverse[i] = n - 1 - i;
    stride[i] = i * 65537 % n;
  }
  ASSERT_EQ(std::gcd(n, std::size_t{65537}), 1u);
  for (std::size_t i = 0; i < n; i += 2) alternating.push_back(i);
  for (const auto& order : {reverse, stride, alternating, random}) {
    for (const std::size_t i : order) ASSERT_EQ(table.Delete(handles[i]), i);
    for (const std::size_t i : order) {
      handles[i] = table.New(i);
      ASSERT_NE(handles[i], kNullHandle);
      ASSERT_TRUE(ever.insert(handles[i]).second);
    }
    EXPECT_EQ(table.New(0), kNullHandle);
  }
  EXPECT_EQ(table.DeleteBatch(handles.data(), n), n);
  EXPECT_EQ(Fill(table).size(), n);
  ExpectConservation(table);
}

TYPED_TEST(HandleTableTest, StatsAreExact) {
  auto& table = this->table_;
  const TableStats fresh = table.Stats();
  EXPECT_EQ(fresh.live, 0u);
  EXPECT_EQ(fresh.created, 0u);
  EXPECT_EQ(fresh.deleted, 0u);
  EXPECT_EQ(fresh.retired, 0u);
  EXPECT_EQ(fresh.high_water, 0u);
  EXPECT_EQ(fresh.capacity, kCapacity);
  std::vector<Handle> handles;
  for (std::size_t i = 0; i < 300; ++i) handles.push_back(table.New(i));
  for (std::size_t i = 0; i < 100; ++i) table.MustDelete(handles[i]);
  for (std::size_t i = 0; i < 7; ++i) (void)table.New(i);
  const TableStats stats = table.Stats();
  EXPECT_EQ(stats.live, 207u);
  EXPECT_EQ(stats.created, 307u);
  EXPECT_EQ(stats.deleted, 100u);
  EXPECT_EQ(stats.retired, 0u);
  EXPECT_GE(stats.high_water, 300u);
  EXPECT_EQ(stats.capacity, kCapacity);
  if (kIsExact<typename TypeParam::FreeList>) {
    EXPECT_EQ(stats.high_water, 300u);
  }
  ExpectConservation(table);
}

TYPED_TEST(HandleTableTest, NewBatchMakesHandlesInOrder) {
  auto& table = this->table_;
  std::vector<std::size_t> values(500);
  std::iota(values.begin(), values.end(), 1000);
  std::vector<Handle> handles(500);
  EXPECT_EQ(table.NewBatch(values.data(), 500, handles.data()), 500u);
  for (std::size_t i = 0; i < 500; ++i)
    EXPECT_EQ(table.Value(handles[i]), 1000 + i);
  EXPECT_EQ(table.Stats().created, 500u);
  ExpectConservation(table);
}

TYPED_TEST(HandleTableTest, NewBatchStopsWhenFull) {
  auto& table = this->table_;
  const std::vector<Handle> handles = Fill(table);
  EXPECT_EQ(table.DeleteBatch(handles.data(), 5), 5u);
  const TableStats before = table.Stats();
  const std::vector<std::size_t> values = {0, 1, 2, 3, 4, 5, 6, 7};
  const Handle kUntouched(~Word{0});
  std::vector<Handle> made(9, kUntouched);
  EXPECT_EQ(table.NewBatch(values.data(), 8, made.data()), 5u);
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(table.Value(made[i]), i);
  EXPECT_EQ(made[8], kUntouched);
  EXPECT_EQ(table.Stats().created, before.created + 5);
  ExpectConservation(table);
}

TYPED_TEST(HandleTableTest, DeleteBatchRefusesEachBadHandleByItself) {
  auto& table = this->table_;
  using Test = HandleTableTest<TypeParam>;
  const Handle a = table.New(1), b = table.New(2), c = table.New(3),
               stale = table.New(4);
  table.MustDelete(stale);
  const std::vector<Handle> batch = {
      a, kNullHandle, b, a, stale, Handle(~Word{0}), Test::Later(c, 1), b, a};
  std::vector<std::optional<std::size_t>> values(batch.size() + 1, 99);
  EXPECT_EQ(table.DeleteBatch(batch.data(), batch.size(), values.data()), 2u);
  EXPECT_EQ(values[0], 1u);
  EXPECT_EQ(values[2], 2u);
  for (const std::size_t i : {1, 3, 4, 5, 6, 7, 8})
    EXPECT_EQ(values[i], std::nullopt) << i;
  EXPECT_EQ(values[9], 99u);
  EXPECT_EQ(table.Value(c), 3u);
  EXPECT_EQ(table.Stats().live, 1u);
  EXPECT_EQ(table.Stats().deleted, 3u);
  ExpectConservation(table);
}

TYPED_TEST(HandleTableTest, DeleteBatchWithoutValues) {
  auto& table = this->table_;
  std::vector<Handle> handles;
  for (std::size_t i = 0; i < 300; ++i) handles.push_back(table.New(i));
  EXPECT_EQ(table.DeleteBatch(handles.data(), 100), 100u);
  EXPECT_EQ(table.DeleteBatch(handles.data(), 300), 200u);
  EXPECT_EQ(table.DeleteBatch(handles.data(), 300), 0u);
  EXPECT_EQ(table.Stats().live, 0u);
  ExpectConservation(table);
}

TYPED_TEST(HandleTableTest, EmptyBatchesDoNothing) {
  auto& table = this->table_;
  EXPECT_EQ(table.NewBatch(nullptr, 0, nullptr), 0u);
  EXPECT_EQ(table.DeleteBatch(nullptr, 0), 0u);
  EXPECT_EQ(table.Stats().created, 0u);
}

TYPED_TEST(HandleTableTest, ForEachSeesEachLiveHandleOnce) {
  auto& table = this->table_;
  std::map<Handle, std::size_t> expected, seen;
  for (std::size_t i = 0; i < 600; ++i) {
    const Handle handle = table.New(i);
    if (i % 3 == 0) {
      table.MustDelete(handle);
    } else {
      expected[handle] = i;
    }
  }
  table.ForEach([&](Handle handle, std::size_t value) {
    EXPECT_TRUE(seen.emplace(handle, value).second);
  });
  EXPECT_EQ(seen, expected);
}

TYPED_TEST(HandleTableTest, ForEachOfAnEmptyTableSeesNothing) {
  auto& table = this->table_;
  const auto fail = [](Handle, std::size_t) { ADD_FAILURE(); };
  table.ForEach(fail);
  table.MustDelete(table.New(1));
  table.ForEach(fail);
}

TYPED_TEST(HandleTableTest, ForEachEndsWhenToldTo) {
  auto& table = this->table_;
  for (std::size_t i = 0; i < 10; ++i) (void)table.New(i);
  std::size_t seen = 0;
  table.ForEach([&](Handle, std::size_t) { return ++seen == 4; });
  EXPECT_EQ(seen, 4u);
}

TYPED_TEST(HandleTableTest, ForEachMayCallTheTable) {
  auto& table = this->table_;
  std::vector<Handle> handles;
  for (std::size_t i = 0; i < 100; ++i) handles.push_back(table.New(i));
  std::set<Handle> seen;
  table.ForEach([&](Handle handle, std::size_t value) {
    if (value >= 1000) return;  // made below: may be seen or missed
    seen.insert(handle);
    EXPECT_EQ(table.Value(handle), value);
    EXPECT_EQ(table.Check(handle), Status::kOk);
    EXPECT_EQ(table.Delete(handle), value);
    EXPECT_NE(table.New(1000 + value), kNullHandle);
    EXPECT_EQ(table.Stats().live, 100u);
  });
  EXPECT_EQ(seen, std::set<Handle>(handles.begin(), handles.end()));
  ExpectConservation(table);
}

TYPED_TEST(HandleTableTest, ForEachShowsNothingDeadMeanwhile) {
  auto& table = this->table_;
  std::vector<Handle> handles;
  for (std::size_t i = 0; i < 100; ++i) handles.push_back(table.New(i));
  int calls = 0;
  table.ForEach([&](Handle, std::size_t) {
    ++calls;
    table.DeleteBatch(handles.data(), handles.size());
  });
  EXPECT_EQ(calls, 1);
}

TYPED_TEST(HandleTableTest, ForEachFreeSeesWhatHasBeenDeleted) {
  auto& table = this->table_;
  using Test = HandleTableTest<TypeParam>;
  const std::vector<Handle> handles = Fill(table);
  table.ForEachFree([](Handle) { ADD_FAILURE() << "in a full table"; });
  std::set<Handle> expected, seen;
  for (std::size_t i = 0; i < 400; ++i) {
    table.MustDelete(handles[i]);
    expected.insert(Test::Later(handles[i], 1));
  }
  table.ForEachFree(
      [&](Handle handle) { EXPECT_TRUE(seen.insert(handle).second); });
  EXPECT_EQ(seen, expected);
}

TYPED_TEST(HandleTableTest, TablesRefuseEachOthersHandles) {
  using Test = HandleTableTest<TypeParam>;
  using Table = typename Test::Table;
  Table& a = this->table_;
  const Handle ha = a.New(1);
  // Both at their first generation, and those differ, which they nearly always
  // do at once.
  std::unique_ptr<Table> b;
  Handle hb = ha;
  for (int i = 0; i < 100 && Test::Generation(ha) == Test::Generation(hb);
       ++i) {
    b = Table::Create(kCapacity);
    hb = b->New(2);
  }
  ASSERT_NE(Test::Generation(ha), Test::Generation(hb));
  EXPECT_EQ(a.Check(hb), Status::kNeverIssued);
  EXPECT_EQ(b->Check(ha), Status::kNeverIssued);
  EXPECT_EQ(a.Value(hb), std::nullopt);
  EXPECT_EQ(b->Value(ha), std::nullopt);
  EXPECT_EQ(a.Delete(hb), std::nullopt);
  EXPECT_EQ(b->Delete(ha), std::nullopt);
  EXPECT_EQ(a.Value(ha), 1u);
  EXPECT_EQ(b->Value(hb), 2u);
}

TYPED_TEST(HandleTableTest, HandlesOutliveNothing) {
  using Table = typename HandleTableTest<TypeParam>::Table;
  // Destroyed with live handles, and again and again.
  for (int i = 0; i < 100; ++i) {
    Table table(kCapacity);
    for (std::size_t j = 0; j < 50; ++j) EXPECT_NE(table.New(j), kNullHandle);
  }
}

TYPED_TEST(HandleTableTest, CapacityZeroIsATable) {
  typename HandleTableTest<TypeParam>::Table table(0);
  EXPECT_EQ(table.Stats().capacity, 0u);
  EXPECT_EQ(table.Check(Handle(1)), Status::kMalformed);
  const std::vector<Handle> handles = Fill(table);
  if (kIsExact<typename TypeParam::FreeList>) {
    EXPECT_EQ(handles.size(), 0u);
  }
  ExpectConservation(table);
}

TYPED_TEST(HandleTableTest, CapacityOneHoldsOne) {
  typename HandleTableTest<TypeParam>::Table table(1);
  const std::vector<Handle> handles = Fill(table);
  EXPECT_GE(handles.size(), 1u);
  if (kIsExact<typename TypeParam::FreeList>) {
    EXPECT_EQ(handles.size(), 1u);
  }
  EXPECT_EQ(table.DeleteBatch(handles.data(), handles.size()), handles.size());
  EXPECT_EQ(Fill(table).size(), handles.size());
  ExpectConservation(table);
}

TYPED_TEST(HandleTableTest, CapacityBeyondTheLayoutIsRefused) {
  using Table = typename HandleTableTest<TypeParam>::Table;
  static_assert(Table::kMaxCapacity == TypeParam::Layout::kSlots);
  for (const std::size_t capacity :
       {Table::kMaxCapacity + 1, std::numeric_limits<std::size_t>::max()}) {
    EXPECT_EQ(Table::Create(capacity), nullptr);
    EXPECT_THROW(Table table(capacity), std::length_error);
  }
}

TYPED_TEST(HandleTableTest, CreateMakesAWorkingTable) {
  const auto table = HandleTableTest<TypeParam>::Table::Create(3);
  ASSERT_NE(table, nullptr);
  EXPECT_EQ(table->MustValue(table->New(42)), 42u);
  EXPECT_EQ(table->Stats().capacity, 3u);
}

TYPED_TEST(HandleTableTest, LargestCapacityOfTheLayoutIsATable) {
  using Table = typename HandleTableTest<TypeParam>::Table;
  const auto table = Table::Create(Table::kMaxCapacity);
  ASSERT_NE(table, nullptr);
  std::vector<Handle> handles;
  for (std::size_t i = 0; i < 1000; ++i) handles.push_back(table->New(i));
  EXPECT_EQ(table->DeleteBatch(handles.data(), 1000), 1000u);
  ExpectConservation(*table);
}

// Must forms: all that is known about the handle, on one line.
template <typename Traits>
class HandleTableDeathTest : public HandleTableTest<Traits> {
 protected:
  // What `operation` on `handle` must say.
  static std::string Report(const char* operation, Handle handle,
                            const char* status, const std::string& slot) {
    std::ostringstream regex;
    regex << "^haft: " << operation << "\\(0x" << std::hex
          << static_cast<Word>(handle) << std::dec << "\\): " << status
          << " in table 0x[0-9a-f]+; the word reads \\{ generation: "
          << HandleTableTest<Traits>::Generation(handle)
          << ", index: " << HandleTableTest<Traits>::Index(handle) << " \\}, "
          << slot << "\n$";
    return regex.str();
  }
  static std::string Slot(const char* kind, Handle handle) {
    return std::string("that slot is now ") + kind + " at generation " +
           std::to_string(HandleTableTest<Traits>::Generation(handle));
  }
};
TYPED_TEST_SUITE(HandleTableDeathTest, AllTraits);

TYPED_TEST(HandleTableDeathTest, StaleHandleOfAFreeSlot) {
  using Test = HandleTableDeathTest<TypeParam>;
  auto& table = this->table_;
  const Handle stale = table.New(1);
  table.MustDelete(stale);
  const std::string slot = Test::Slot("free", Test::Later(stale, 1));
  EXPECT_DEATH((void)table.MustValue(stale),
               Test::Report("MustValue", stale, "stale", slot));
  EXPECT_DEATH(table.MustDelete(stale),
               Test::Report("MustDelete", stale, "stale", slot));
}

TYPED_TEST(HandleTableDeathTest, StaleHandleOfAReusedSlot) {
  using Test = HandleTableDeathTest<TypeParam>;
  auto& table = this->table_;
  const Handle stale = table.New(1);
  table.MustDelete(stale);
  const Handle live = table.New(2);
  EXPECT_DEATH(
      (void)table.MustValue(stale),
      Test::Report("MustValue", stale, "stale", Test::Slot("live", live)));
}

TYPED_TEST(HandleTableDeathTest, NullHandle) {
  using Test = HandleTableDeathTest<TypeParam>;
  auto& table = this->table_;
  const Handle first = table.New(1);
  ASSERT_EQ(Test::Index(first), 0u);
  EXPECT_DEATH(table.MustDelete(kNullHandle),
               Test::Report("MustDelete", kNullHandle, "null",
                            Test::Slot("live", first)));
}

TYPED_TEST(HandleTableDeathTest, MalformedWord) {
  using Test = HandleTableDeathTest<TypeParam>;
  auto& table = this->table_;
  const Handle live = table.New(1);
  const Handle even(static_cast<Word>(live) - 1);
  EXPECT_DEATH(
      (void)table.MustValue(even),
      Test::Report("MustValue", even, "malformed", Test::Slot("live", live)));
}

TYPED_TEST(HandleTableDeathTest, WordOfAnUntouchedSlot) {
  using Test = HandleTableDeathTest<TypeParam>;
  auto& table = this->table_;
  const Handle live = table.New(1);
  const Handle forged(static_cast<Word>(live) +
                      10 * TypeParam::Layout::Index::kOne);
  EXPECT_DEATH((void)table.MustValue(forged),
               Test::Report("MustValue", forged, "never issued here",
                            "that slot is now untouched at generation 0"));
}

TYPED_TEST(HandleTableDeathTest, WordOfNoSlot) {
  using Test = HandleTableDeathTest<TypeParam>;
  typename Test::Table table(2);
  const Handle live = table.New(1);
  const Handle forged(static_cast<Word>(live) |
                      TypeParam::Layout::Index::kMask);
  if (TypeParam::Layout::Index::kWidth <= 16)
    GTEST_SKIP() << "with its magazines the table has every slot";
  EXPECT_DEATH(table.MustDelete(forged),
               Test::Report("MustDelete", forged, "never issued here",
                            "the table has no such slot"));
}

// Tables of any value type.
template <typename T>
class ValueTypeTest : public ::testing::Test {};

struct PointerAndType {
  void* pointer;
  int type;
  bool operator==(const PointerAndType& other) const {
    return pointer == other.pointer && type == other.type;
  }
};
struct alignas(32) OverAligned {
  unsigned value;
  bool operator==(const OverAligned& other) const {
    return value == other.value;
  }
};
struct NoDefaultConstructor {
  explicit NoDefaultConstructor(unsigned v) : value(v) {}
  bool operator==(const NoDefaultConstructor& other) const {
    return value == other.value;
  }
  unsigned value;
};
static_assert(!std::is_default_constructible_v<NoDefaultConstructor>);
enum class Color : unsigned char { kRed, kGreen };

template <typename T>
T Sample(unsigned i) {
  if constexpr (std::is_pointer_v<T>) {
    return reinterpret_cast<T>(Word{0} - i);
  } else if constexpr (std::is_same_v<T, PointerAndType>) {
    return {reinterpret_cast<void*>(Word{i} << (kWordBits - 24)),
            static_cast<int>(~i)};
  } else if constexpr (std::is_same_v<T, OverAligned>) {
    return {~i};
  } else if constexpr (std::is_class_v<T> &&
                       !std::is_same_v<T, NoDefaultConstructor>) {
    T array{};
    for (std::size_t j = 0; j < array.size(); ++j)
      array[j] = static_cast<typename T::value_type>(~(i * 100 + j));
    return array;
  } else {
    return T(i);
  }
}

using ValueTypes =
    ::testing::Types<void*, const char*, void (*)(int), std::uint32_t, char,
                     bool, double, Color, std::int64_t, PointerAndType,
                     std::array<char, 3>, std::array<char, 17>,
                     std::array<Word, 3>, std::array<Word, 8>, OverAligned,
                     NoDefaultConstructor>;
TYPED_TEST_SUITE(ValueTypeTest, ValueTypes);

TYPED_TEST(ValueTypeTest, ComesOutAsItWentIn) {
  HandleTable<TypeParam> table(100);
  std::vector<Handle> handles;
  for (unsigned i = 0; i < 100; ++i)
    handles.push_back(table.New(Sample<TypeParam>(i)));
  for (unsigned i = 0; i < 100; ++i) {
    const TypeParam expected = Sample<TypeParam>(i);
    EXPECT_TRUE(table.Value(handles[i]) == expected);
    EXPECT_TRUE(table.MustValue(handles[i]) == expected);
  }
  unsigned seen = 0;
  table.ForEach([&](Handle handle, const TypeParam& value) {
    EXPECT_TRUE(table.MustValue(handle) == value);
    ++seen;
  });
  EXPECT_EQ(seen, 100u);
  for (unsigned i = 0; i < 100; ++i) {
    EXPECT_TRUE(table.Delete(handles[i]) == Sample<TypeParam>(i));
    EXPECT_FALSE(table.Value(handles[i]).has_value());
  }
}

TYPED_TEST(ValueTypeTest, ComesOutOfBatchesAsItWentIn) {
  HandleTable<TypeParam, TestTraits<GlobalFreeList, WideLayout>> table(4);
  const TypeParam values[] = {Sample<TypeParam>(0), Sample<TypeParam>(1),
                              Sample<TypeParam>(2), Sample<TypeParam>(3)};
  Handle handles[4];
  EXPECT_EQ(table.NewBatch(values, 4, handles), 4u);
  std::optional<TypeParam> deleted[4];
  EXPECT_EQ(table.DeleteBatch(handles, 4, deleted), 4u);
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(deleted[i] == values[i]);
}

TEST(HandleTableValueTest, ConstMembersAreFine) {
  struct Constant {
    const int value;
  };
  HandleTable<Constant> table(10);
  const Handle handle = table.New({7});
  EXPECT_EQ(table.Value(handle)->value, 7);
  EXPECT_EQ(table.MustDelete(handle).value, 7);
}

// 12 index bits: between no magazines, magazines of one handle and of two.
template <typename FreeList>
class CapacityTest : public ::testing::Test {};
using FreeLists = ::testing::Types<MagazineFreeList, BasicMagazineFreeList<1>,
                                   BasicMagazineFreeList<254>, StripedFreeList,
                                   GlobalFreeList, CdsFreeList>;
TYPED_TEST_SUITE(CapacityTest, FreeLists);

TYPED_TEST(CapacityTest, IsAPromiseUpToTheLayoutsLimit) {
  using Table = HandleTable<std::size_t, TestTraits<TypeParam, SmallLayout>>;
  for (const std::size_t capacity : {0, 1, 2, 3, 4, 5, 1023, 1024, 1025, 2047,
                                     2048, 2559, 2560, 2561, 4095, 4096}) {
    SCOPED_TRACE(capacity);
    Table table(capacity);
    std::vector<Handle> handles = Fill(table);
    EXPECT_GE(handles.size(), capacity);
    if (kIsExact<TypeParam> || capacity > 2560) {
      EXPECT_EQ(handles.size(), capacity);
    }
    EXPECT_EQ(table.Stats().high_water, handles.size());
    for (std::size_t i = 0; i < handles.size(); i += 2)
      table.MustDelete(handles[i]);
    ExpectConservation(table);
    EXPECT_EQ(Fill(table).size(), (handles.size() + 1) / 2);
    ExpectConservation(table);
  }
}

// 4 slots of 3 generations each, in every free list. No magazine fits there:
// so also 8,192 slots of 3 generations each, with magazines of 5.
template <typename FreeListT, typename LayoutT>
struct Exhaustible {
  using FreeList = FreeListT;
  using Layout = LayoutT;
  using RetiringTable =
      HandleTable<std::size_t,
                  TestTraits<FreeList, Layout, Exhaustion::kRetire>>;
  using WrappingTable =
      HandleTable<std::size_t, TestTraits<FreeList, Layout, Exhaustion::kWrap>>;
};
using MagazineLayout = HandleLayout<13, 2>;
using SmallestLayout = HandleLayout<1, 1>;

template <typename Tables>
class ExhaustionTest : public ::testing::Test {
 protected:
  static constexpr Word kGenerations = Tables::Layout::Generation::kMax;
  static constexpr std::size_t kMaxSlots =
      std::min<std::size_t>(Tables::Layout::kSlots, 100);
};
using ExhaustibleTables =
    ::testing::Types<Exhaustible<MagazineFreeList, TinyLayout>,
                     Exhaustible<StripedFreeList, TinyLayout>,
                     Exhaustible<GlobalFreeList, TinyLayout>,
                     Exhaustible<CdsFreeList, TinyLayout>,
                     Exhaustible<GlobalFreeList, MarkedTinyLayout>,
                     Exhaustible<StripedFreeList, SmallestLayout>,
                     Exhaustible<MagazineFreeList, MagazineLayout>,
                     Exhaustible<CdsFreeList, MagazineLayout>>;
TYPED_TEST_SUITE(ExhaustionTest, ExhaustibleTables);

TYPED_TEST(ExhaustionTest, EverySlotGivesEachOfItsGenerationsOnce) {
  using Test = ExhaustionTest<TypeParam>;
  for (std::size_t capacity = 1; capacity <= Test::kMaxSlots;
       capacity = capacity < 4 ? capacity + 1 : 5 * capacity) {
    SCOPED_TRACE(capacity);
    typename TypeParam::RetiringTable table(capacity);
    std::set<Handle> issued;
    while (const Handle handle = table.New(issued.size())) {
      ASSERT_TRUE(issued.insert(handle).second);
      ASSERT_EQ(table.Delete(handle), issued.size() - 1);
    }
    const std::size_t slots = table.Stats().high_water;
    EXPECT_GE(slots, capacity);
    EXPECT_EQ(issued.size(), slots * Test::kGenerations);
    EXPECT_EQ(table.Stats().retired, slots);
    EXPECT_EQ(table.Stats().capacity, 0u);
    EXPECT_EQ(table.Stats().live, 0u);
    ExpectConservation(table);
    for (int i = 0; i < 10; ++i) EXPECT_EQ(table.New(0), kNullHandle);
    for (const Handle handle : issued) {
      ASSERT_EQ(table.Check(handle), Status::kStale);
      ASSERT_EQ(table.Value(handle), std::nullopt);
      ASSERT_EQ(table.Delete(handle), std::nullopt);
    }
  }
}

TYPED_TEST(ExhaustionTest, RetiredSlotsShrinkTheCapacityOneByOne) {
  using Test = ExhaustionTest<TypeParam>;
  using Layout = typename TypeParam::Layout;
  typename TypeParam::RetiringTable table(Test::kMaxSlots);
  const std::size_t slots = Fill(table).size();
  std::vector<Handle> live;
  table.ForEach([&](Handle handle, std::size_t) { live.push_back(handle); });
  std::size_t retired = 0;
  while (!live.empty()) {
    const Handle handle = live.back();
    live.pop_back();
    const bool last = Layout::Generation::Decode(static_cast<Word>(handle)) ==
                      Test::kGenerations;
    table.MustDelete(handle);
    retired += last;
    ASSERT_EQ(table.Stats().retired, retired);
    ASSERT_EQ(table.Stats().capacity,
              Test::kMaxSlots - std::min(retired, Test::kMaxSlots));
    const Handle next = table.New(1);
    ASSERT_EQ(next == kNullHandle, last);
    if (!last) live.push_back(next);
  }
  EXPECT_EQ(retired, slots);
  ExpectConservation(table);
}

TYPED_TEST(ExhaustionTest, LastGenerationIsStaleAtOnce) {
  using Layout = typename TypeParam::Layout;
  typename TypeParam::RetiringTable table(1);
  Handle handle;
  do {
    handle = table.New(1);
    ASSERT_EQ(table.Check(handle), Status::kOk);
    ASSERT_EQ(table.Delete(handle), 1u);
    ASSERT_EQ(table.Check(handle), Status::kStale);
    ASSERT_EQ(table.Delete(handle), std::nullopt);
  } while (Layout::Generation::Decode(static_cast<Word>(handle)) !=
           Layout::Generation::kMax);
  EXPECT_EQ(table.Stats().retired, 1u);
}

TYPED_TEST(ExhaustionTest, DeleteBatchRetiresToo) {
  using Test = ExhaustionTest<TypeParam>;
  typename TypeParam::RetiringTable table(Test::kMaxSlots);
  const std::size_t slots = Fill(table).size();
  std::vector<Handle> handles;
  table.ForEach([&](Handle handle, std::size_t) { handles.push_back(handle); });
  std::vector<std::size_t> values(slots, 7);
  std::vector<std::optional<std::size_t>> deleted(slots);
  for (Word generation = 1; generation <= Test::kGenerations; ++generation) {
    EXPECT_EQ(table.DeleteBatch(handles.data(), slots, deleted.data()), slots);
    const std::size_t made =
        table.NewBatch(values.data(), slots, handles.data());
    EXPECT_EQ(made, generation == Test::kGenerations ? 0 : slots);
  }
  EXPECT_EQ(table.Stats().retired, slots);
  ExpectConservation(table);
}

TYPED_TEST(ExhaustionTest, WrappingTableStartsOverAtGenerationOne) {
  using Layout = typename TypeParam::Layout;
  typename TypeParam::WrappingTable table(1);
  std::vector<Handle> handles;
  for (Word i = 0; i < 5 * Layout::Generation::kMax; ++i) {
    const Handle handle = table.New(i);
    const Word word = static_cast<Word>(handle);
    ASSERT_TRUE(Layout::IsWellFormed(word));
    EXPECT_EQ(Layout::Generation::Decode(word),
              1 + i % Layout::Generation::kMax);
    EXPECT_EQ(table.Check(handle), Status::kOk);
    EXPECT_EQ(table.Delete(handle), i);
    EXPECT_EQ(table.Value(handle), std::nullopt);
    EXPECT_EQ(table.Delete(handle), std::nullopt);
    handles.push_back(handle);
  }
  EXPECT_EQ(handles.front(), handles[Layout::Generation::kMax]);
  EXPECT_EQ(table.Stats().retired, 0u);
  EXPECT_GE(table.Stats().capacity, 1u);
  ExpectConservation(table);
}

TYPED_TEST(ExhaustionTest, WrappingTableKeepsItsCapacityForEver) {
  using Test = ExhaustionTest<TypeParam>;
  typename TypeParam::WrappingTable table(Test::kMaxSlots);
  const std::size_t slots = Fill(table).size();
  EXPECT_GE(slots, Test::kMaxSlots);
  for (Word round = 0; round < 3 * Test::kGenerations; ++round) {
    std::vector<Handle> handles;
    table.ForEach(
        [&](Handle handle, std::size_t) { handles.push_back(handle); });
    ASSERT_EQ(handles.size(), slots);
    ASSERT_EQ(table.DeleteBatch(handles.data(), slots), slots);
    for (const Handle handle : handles)
      ASSERT_EQ(table.Value(handle), std::nullopt);
    ASSERT_EQ(Fill(table).size(), slots);
  }
  EXPECT_EQ(table.Stats().capacity, Test::kMaxSlots);
  ExpectConservation(table);
}

TEST(RetirementDeathTest, RetiredSlotIsNamed) {
  HandleTable<int, TestTraits<GlobalFreeList, TinyLayout>> table(1);
  Handle handle;
  for (int i = 0; i < 3; ++i) table.MustDelete(handle = table.New(i));
  EXPECT_DEATH(table.MustDelete(handle),
               "stale in table .* \\{ generation: 3, index: 0 \\}, that slot "
               "is now retired at generation 3\n$");
}

TEST(RetirementTest, RetiredSlotsNeighbourIsUnharmed) {
  HandleTable<int, TestTraits<GlobalFreeList, TinyLayout>> table(2);
  const Handle neighbour = table.New(77);
  for (int i = 0; i < 3; ++i) table.MustDelete(table.New(i));
  EXPECT_EQ(table.New(0), kNullHandle);
  EXPECT_EQ(table.Value(neighbour), 77);
  EXPECT_EQ(table.Delete(neighbour), 77);
  EXPECT_NE(table.New(0), kNullHandle);
  ExpectConservation(table);
}

}  // namespace
}  // namespace haft
