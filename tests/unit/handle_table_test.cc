// In this file:
//   HandleTableTest        each operation, for every free list and layout
//   HandleTableDeathTest   the reports of MustValue and MustDelete
//   ValueTypeTest          values of many types
//   CapacityTest           capacities up to the limit of the layout
//   ExhaustionTest         slots that use up their generations

#include "haft/handle_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
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

#include "tests/support/inspector.h"
#include "tests/support/testing.h"

// Every member function compiles.
template class haft::HandleTable<int>;

namespace haft {
namespace {

using testing::AllTraits;
using testing::CompactTestTraits;
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
  EXPECT_EQ(a.exhausted_slots, b.exhausted_slots);
  EXPECT_EQ(a.high_water, b.high_water);
  EXPECT_EQ(a.capacity, b.capacity);
}

// The fields of a layout, read at run time.
struct Shape {
  unsigned index_bits, generation_bits;
  Word fixed;

  Word max_index() const { return (Word{1} << index_bits) - 1; }
  Word max_generation() const { return (Word{1} << generation_bits) - 1; }
  unsigned end() const { return 1 + index_bits + generation_bits; }

  Word Index(Handle handle) const {
    return static_cast<Word>(handle) >> 1 & max_index();
  }
  Word Generation(Handle handle) const {
    return static_cast<Word>(handle) >> (1 + index_bits) & max_generation();
  }
  Handle Make(Word generation, Word index) const {
    return Handle(fixed | generation << (1 + index_bits) | index << 1);
  }
  // The word with the same index, so many generations on.
  Handle Later(Handle handle, Word generations) const {
    return Handle(static_cast<Word>(handle) +
                  (generations << (1 + index_bits)));
  }
};

// A HandleTable of any traits, so that a test is compiled once for all of them.
class Table {
 public:
  virtual ~Table() = default;
  virtual Handle New(std::size_t value) = 0;
  virtual std::optional<std::size_t> Value(Handle handle) const = 0;
  virtual std::optional<std::size_t> Delete(Handle handle) = 0;
  virtual Status Check(Handle handle) const = 0;
  virtual std::size_t MustValue(Handle handle) const = 0;
  virtual std::size_t MustDelete(Handle handle) = 0;
  virtual std::size_t NewBatch(const std::size_t* values, std::size_t count,
                               Handle* handles) = 0;
  virtual std::size_t DeleteBatch(
      const Handle* handles, std::size_t count,
      std::optional<std::size_t>* values = nullptr) = 0;
  virtual void ForEachFree(const std::function<void(Handle)>& f) const = 0;
  virtual TableStats Stats() const = 0;

  template <typename F>
  void ForEach(F&& f) const {
    Visit([&](Handle handle, std::size_t value) {
      if constexpr (std::is_same_v<decltype(f(handle, value)), bool>) {
        return f(handle, value);
      } else {
        f(handle, value);
        return false;
      }
    });
  }

 private:
  virtual void Visit(
      const std::function<bool(Handle, std::size_t)>& f) const = 0;
};
template <typename F>
void ForEachFree(const Table& table, F&& f) {
  table.ForEachFree(f);
}

template <typename Traits>
class TableOf final : public Table {
 public:
  using Real = testing::TableOf<std::size_t, Traits>;

  explicit TableOf(std::unique_ptr<Real> real) : real_(std::move(real)) {}

  Handle New(std::size_t value) override { return real_->New(value); }
  std::optional<std::size_t> Value(Handle handle) const override {
    return real_->Value(handle);
  }
  std::optional<std::size_t> Delete(Handle handle) override {
    return real_->Delete(handle);
  }
  Status Check(Handle handle) const override { return real_->Check(handle); }
  std::size_t MustValue(Handle handle) const override {
    return real_->MustValue(handle);
  }
  std::size_t MustDelete(Handle handle) override {
    return real_->MustDelete(handle);
  }
  std::size_t NewBatch(const std::size_t* values, std::size_t count,
                       Handle* handles) override {
    return real_->NewBatch(values, count, handles);
  }
  std::size_t DeleteBatch(const Handle* handles, std::size_t count,
                          std::optional<std::size_t>* values) override {
    return real_->DeleteBatch(handles, count, values);
  }
  void ForEachFree(const std::function<void(Handle)>& f) const override {
    testing::ForEachFree(*real_, f);
  }
  TableStats Stats() const override { return real_->Stats(); }

 private:
  void Visit(const std::function<bool(Handle, std::size_t)>& f) const override {
    real_->ForEach(f);
  }

  const std::unique_ptr<Real> real_;
};

struct Kind {
  Shape shape;
  std::size_t max_capacity;
  bool is_exact;  // holds the capacity and not one handle more
  // By the constructor, and by Create.
  std::unique_ptr<Table> (*construct)(std::size_t capacity);
  std::unique_ptr<Table> (*create)(std::size_t capacity);
};

template <typename Traits>
Kind KindOf() {
  using Layout = typename Traits::Layout;
  using Any = TableOf<Traits>;
  using Real = typename Any::Real;
  static_assert(Real::kMaxCapacity == Layout::kSlots);
  return {{Layout::Index::kWidth, Layout::Generation::kWidth, Layout::kFixed},
          Real::kMaxCapacity,
          kIsExact<typename Traits::FreeList>,
          [](std::size_t capacity) -> std::unique_ptr<Table> {
            return std::make_unique<Any>(std::make_unique<Real>(capacity));
          },
          [](std::size_t capacity) -> std::unique_ptr<Table> {
            std::unique_ptr<Real> real = Real::Create(capacity);
            if (real == nullptr) return nullptr;
            return std::make_unique<Any>(std::move(real));
          }};
}

template <typename... Traits>
std::vector<Kind> KindsOf(::testing::Types<Traits...>) {
  return {KindOf<Traits>()...};
}

class HandleTableTest : public ::testing::TestWithParam<Kind> {
 protected:
  const Kind& kind_ = GetParam();
  const Shape& shape_ = kind_.shape;
  const std::unique_ptr<Table> table_ = kind_.construct(kCapacity);
};
INSTANTIATE_TEST_SUITE_P(All, HandleTableTest,
                         ::testing::ValuesIn(KindsOf(AllTraits{})));

TEST_P(HandleTableTest, NewHandleHasItsValue) {
  Table& table = *table_;
  const Handle a = table.New(42), b = table.New(43);
  EXPECT_NE(a, b);
  EXPECT_EQ(table.Value(a), 42u);
  EXPECT_EQ(table.Value(b), 43u);
  EXPECT_EQ(table.MustValue(a), 42u);
  EXPECT_EQ(table.Check(a), Status::kOk);
}

TEST_P(HandleTableTest, EqualValuesHaveDifferentHandles) {
  EXPECT_NE(table_->New(42), table_->New(42));
}

TEST_P(HandleTableTest, ValueAfterDeleteIsStale) {
  Table& table = *table_;
  const Handle a = table.New(42), b = table.New(43);
  EXPECT_EQ(table.Delete(a), 42u);
  EXPECT_EQ(table.Value(a), std::nullopt);
  EXPECT_EQ(table.Check(a), Status::kStale);
  EXPECT_EQ(table.Value(b), 43u);
}

TEST_P(HandleTableTest, SecondDeleteIsRefused) {
  Table& table = *table_;
  const Handle a = table.New(42);
  EXPECT_EQ(table.MustDelete(a), 42u);
  const TableStats before = table.Stats();
  EXPECT_EQ(table.Delete(a), std::nullopt);
  EXPECT_EQ(table.Delete(a), std::nullopt);
  ExpectEqual(table.Stats(), before);
  ExpectConservation(table);
}

TEST_P(HandleTableTest, StaleHandleNeverReachesTheNextObjectOfItsSlot) {
  Table& table = *table_;
  std::vector<Handle> stale;
  std::set<Word> slots;
  for (std::size_t i = 0; i < 200; ++i) {
    const Handle handle = table.New(i);
    slots.insert(shape_.Index(handle));
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

TEST_P(HandleTableTest, ReusedSlotIsOneGenerationOn) {
  Table& table = *table_;
  const Handle a = table.New(1);
  table.MustDelete(a);
  EXPECT_EQ(table.New(2), shape_.Later(a, 1));
}

TEST_P(HandleTableTest, EachRefusalHasItsStatus) {
  Table& table = *table_;
  const Handle live = table.New(1), dead = table.New(2);
  table.MustDelete(dead);
  const Word word = static_cast<Word>(live);
  const Word generation = shape_.Generation(live);
  constexpr Word kHighBit = Word{1} << (kWordBits - 1);
  // The highest bit is of the generation only where that fills the word.
  const Status other =
      shape_.end() == kWordBits ? Status::kNeverIssued : Status::kMalformed;
  const std::vector<std::pair<Handle, Status>> expected = {
      {live, Status::kOk},
      {kNullHandle, Status::kNull},
      {dead, Status::kStale},
      // The dead slot's next handle is not out yet.
      {shape_.Later(dead, 1), Status::kNeverIssued},
      {shape_.Later(live, 1), Status::kNeverIssued},
      {shape_.Make(generation, shape_.max_index()), Status::kNeverIssued},
      {Handle(word & ~Word{1}), Status::kMalformed},
      {Handle(word | kHighBit), other},
      {shape_.Make(0, 0), Status::kMalformed},
      {Handle(~Word{0}), other},
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

TEST_P(HandleTableTest, GenerationBeforeTheFirstWasNeverIssued) {
  std::unique_ptr<Table> table;
  Handle handle;
  // Until there is one before the first, which is nearly always.
  for (int i = 0; i < 100 && shape_.Generation(handle) <= 1; ++i) {
    table = kind_.create(kCapacity);
    handle = table->New(1);
  }
  ASSERT_GT(shape_.Generation(handle), 1u);
  const Handle before = shape_.Later(handle, ~Word{0});
  EXPECT_EQ(table->Check(before), Status::kNeverIssued);
  table->MustDelete(handle);
  EXPECT_EQ(table->Check(before), Status::kNeverIssued);
}

TEST_P(HandleTableTest, FirstGenerationIsInTheLowerHalfAndAtLeastOne) {
  for (int i = 0; i < 20; ++i) {
    const std::unique_ptr<Table> table = kind_.create(1);
    const Word generation = shape_.Generation(table->New(1));
    EXPECT_GE(generation, 1u);
    EXPECT_LE(generation, shape_.max_generation() / 2);
  }
}

TEST_P(HandleTableTest, HandlesHaveTheShapeOfTheirLayout) {
  for (const Handle handle : Fill(*table_)) {
    const Word word = static_cast<Word>(handle);
    ASSERT_EQ(shape_.Make(shape_.Generation(handle), shape_.Index(handle)),
              handle);
    ASSERT_NE(shape_.Generation(handle), 0u);
    ASSERT_EQ(word & 1, 1u);
    if (shape_.fixed != 1) {
      ASSERT_GT(static_cast<std::intptr_t>(word), 0);
      ASSERT_EQ(word >> (kWordBits - 2), 1u);
    } else if (shape_.end() == 53) {
      ASSERT_LT(static_cast<double>(word), 0x1p53);
      ASSERT_EQ(static_cast<Word>(static_cast<double>(word)), word);
    } else {
      ASSERT_LE(word, std::numeric_limits<std::uint32_t>::max());
    }
  }
}

TEST_P(HandleTableTest, HandleTravelsAsVoidPointer) {
  Table& table = *table_;
  void* const user_data = table.New(42).ToPointer();
  EXPECT_EQ(table.Value(Handle::FromPointer(user_data)), 42u);
}

TEST_P(HandleTableTest, HoldsItsCapacity) {
  Table& table = *table_;
  const std::vector<Handle> handles = Fill(table);
  EXPECT_GE(handles.size(), kCapacity);
  if (kind_.is_exact) {
    EXPECT_EQ(handles.size(), kCapacity);
  }
  for (std::size_t i = 0; i < handles.size(); ++i)
    ASSERT_EQ(table.Value(handles[i]), i);
  const std::unordered_set<Handle> distinct(handles.begin(), handles.end());
  EXPECT_EQ(distinct.size(), handles.size());
  ExpectConservation(table);
}

TEST_P(HandleTableTest, NewWhenFullChangesNothing) {
  Table& table = *table_;
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

TEST_P(HandleTableTest, AfterFullOneDeleteMakesRoomForOneNew) {
  Table& table = *table_;
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
TEST_P(HandleTableTest, RefillsAfterEveryOrderOfDeletion) {
  Table& table = *table_;
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

TEST_P(HandleTableTest, StatsAreExact) {
  Table& table = *table_;
  const TableStats fresh = table.Stats();
  EXPECT_EQ(fresh.live, 0u);
  EXPECT_EQ(fresh.created, 0u);
  EXPECT_EQ(fresh.deleted, 0u);
  EXPECT_EQ(fresh.exhausted_slots, 0u);
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
  EXPECT_EQ(stats.exhausted_slots, 0u);
  EXPECT_GE(stats.high_water, 300u);
  EXPECT_EQ(stats.capacity, kCapacity);
  if (kind_.is_exact) {
    EXPECT_EQ(stats.high_water, 300u);
  }
  ExpectConservation(table);
}

TEST_P(HandleTableTest, NewBatchMakesHandlesInOrder) {
  Table& table = *table_;
  std::vector<std::size_t> values(500);
  std::iota(values.begin(), values.end(), 1000);
  std::vector<Handle> handles(500);
  EXPECT_EQ(table.NewBatch(values.data(), 500, handles.data()), 500u);
  for (std::size_t i = 0; i < 500; ++i)
    EXPECT_EQ(table.Value(handles[i]), 1000 + i);
  EXPECT_EQ(table.Stats().created, 500u);
  ExpectConservation(table);
}

TEST_P(HandleTableTest, NewBatchStopsWhenFull) {
  Table& table = *table_;
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

TEST_P(HandleTableTest, DeleteBatchRefusesEachBadHandleByItself) {
  Table& table = *table_;
  const Handle a = table.New(1), b = table.New(2), c = table.New(3),
               stale = table.New(4);
  table.MustDelete(stale);
  const std::vector<Handle> batch = {
      a, kNullHandle, b, a, stale, Handle(~Word{0}), shape_.Later(c, 1), b, a};
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

TEST_P(HandleTableTest, DeleteBatchWithoutValues) {
  Table& table = *table_;
  std::vector<Handle> handles;
  for (std::size_t i = 0; i < 300; ++i) handles.push_back(table.New(i));
  EXPECT_EQ(table.DeleteBatch(handles.data(), 100), 100u);
  EXPECT_EQ(table.DeleteBatch(handles.data(), 300), 200u);
  EXPECT_EQ(table.DeleteBatch(handles.data(), 300), 0u);
  EXPECT_EQ(table.Stats().live, 0u);
  ExpectConservation(table);
}

TEST_P(HandleTableTest, EmptyBatchesDoNothing) {
  Table& table = *table_;
  EXPECT_EQ(table.NewBatch(nullptr, 0, nullptr), 0u);
  EXPECT_EQ(table.DeleteBatch(nullptr, 0), 0u);
  EXPECT_EQ(table.Stats().created, 0u);
}

TEST_P(HandleTableTest, ForEachSeesEachLiveHandleOnce) {
  Table& table = *table_;
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

TEST_P(HandleTableTest, ForEachOfAnEmptyTableSeesNothing) {
  Table& table = *table_;
  const auto fail = [](Handle, std::size_t) { ADD_FAILURE(); };
  table.ForEach(fail);
  table.MustDelete(table.New(1));
  table.ForEach(fail);
}

TEST_P(HandleTableTest, ForEachEndsWhenTheVisitorReturnsTrue) {
  Table& table = *table_;
  for (std::size_t i = 0; i < 10; ++i) (void)table.New(i);
  std::size_t seen = 0;
  table.ForEach([&](Handle, std::size_t) { return ++seen == 4; });
  EXPECT_EQ(seen, 4u);
}

TEST_P(HandleTableTest, ForEachMayCallTheTable) {
  Table& table = *table_;
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

TEST_P(HandleTableTest, ForEachShowsNothingDeadMeanwhile) {
  Table& table = *table_;
  std::vector<Handle> handles;
  for (std::size_t i = 0; i < 100; ++i) handles.push_back(table.New(i));
  int calls = 0;
  table.ForEach([&](Handle, std::size_t) {
    ++calls;
    table.DeleteBatch(handles.data(), handles.size());
  });
  EXPECT_EQ(calls, 1);
}

TEST_P(HandleTableTest, ForEachFreeSeesWhatHasBeenDeleted) {
  Table& table = *table_;
  const std::vector<Handle> handles = Fill(table);
  table.ForEachFree([](Handle) { ADD_FAILURE() << "in a full table"; });
  std::set<Handle> expected, seen;
  for (std::size_t i = 0; i < 400; ++i) {
    table.MustDelete(handles[i]);
    expected.insert(shape_.Later(handles[i], 1));
  }
  table.ForEachFree(
      [&](Handle handle) { EXPECT_TRUE(seen.insert(handle).second); });
  EXPECT_EQ(seen, expected);
}

TEST_P(HandleTableTest, TablesRefuseEachOthersHandles) {
  Table& a = *table_;
  const Handle ha = a.New(1);
  // Both at their first generation, and those differ, which they nearly always
  // do at once.
  std::unique_ptr<Table> b;
  Handle hb = ha;
  for (int i = 0; i < 100 && shape_.Generation(ha) == shape_.Generation(hb);
       ++i) {
    b = kind_.create(kCapacity);
    hb = b->New(2);
  }
  ASSERT_NE(shape_.Generation(ha), shape_.Generation(hb));
  EXPECT_EQ(a.Check(hb), Status::kNeverIssued);
  EXPECT_EQ(b->Check(ha), Status::kNeverIssued);
  EXPECT_EQ(a.Value(hb), std::nullopt);
  EXPECT_EQ(b->Value(ha), std::nullopt);
  EXPECT_EQ(a.Delete(hb), std::nullopt);
  EXPECT_EQ(b->Delete(ha), std::nullopt);
  EXPECT_EQ(a.Value(ha), 1u);
  EXPECT_EQ(b->Value(hb), 2u);
}

TEST_P(HandleTableTest, HandlesOutliveNothing) {
  // Destroyed with live handles, and again and again.
  for (int i = 0; i < 100; ++i) {
    const std::unique_ptr<Table> table = kind_.create(kCapacity);
    for (std::size_t j = 0; j < 50; ++j) EXPECT_NE(table->New(j), kNullHandle);
  }
}

TEST_P(HandleTableTest, CapacityZeroIsATable) {
  const std::unique_ptr<Table> owner = kind_.create(0);
  Table& table = *owner;
  EXPECT_EQ(table.Stats().capacity, 0u);
  EXPECT_EQ(table.Check(Handle(1)), Status::kMalformed);
  const std::vector<Handle> handles = Fill(table);
  if (kind_.is_exact) {
    EXPECT_EQ(handles.size(), 0u);
  }
  ExpectConservation(table);
}

TEST_P(HandleTableTest, CapacityOneHoldsOne) {
  const std::unique_ptr<Table> owner = kind_.create(1);
  Table& table = *owner;
  const std::vector<Handle> handles = Fill(table);
  EXPECT_GE(handles.size(), 1u);
  if (kind_.is_exact) {
    EXPECT_EQ(handles.size(), 1u);
  }
  EXPECT_EQ(table.DeleteBatch(handles.data(), handles.size()), handles.size());
  EXPECT_EQ(Fill(table).size(), handles.size());
  ExpectConservation(table);
}

TEST_P(HandleTableTest, CapacityBeyondTheLayoutIsRefused) {
  for (const std::size_t capacity :
       {kind_.max_capacity + 1, std::numeric_limits<std::size_t>::max()}) {
    EXPECT_EQ(kind_.create(capacity), nullptr);
    EXPECT_THROW(kind_.construct(capacity), std::length_error);
  }
}

TEST_P(HandleTableTest, CreateMakesAWorkingTable) {
  const std::unique_ptr<Table> table = kind_.create(3);
  ASSERT_NE(table, nullptr);
  EXPECT_EQ(table->MustValue(table->New(42)), 42u);
  EXPECT_EQ(table->Stats().capacity, 3u);
}

TEST_P(HandleTableTest, LargestCapacityOfTheLayoutIsATable) {
  const std::unique_ptr<Table> table = kind_.create(kind_.max_capacity);
  ASSERT_NE(table, nullptr);
  std::vector<Handle> handles;
  for (std::size_t i = 0; i < 1000; ++i) handles.push_back(table->New(i));
  EXPECT_EQ(table->DeleteBatch(handles.data(), 1000), 1000u);
  ExpectConservation(*table);
}

// Must forms: all that is known about the handle, on one line.
class HandleTableDeathTest : public HandleTableTest {
 protected:
  // What `operation` on `handle` must say.
  std::string Report(const char* operation, Handle handle, const char* status,
                     const std::string& slot) const {
    std::ostringstream regex;
    regex << "^haft: " << operation << "\\(0x" << std::hex
          << static_cast<Word>(handle) << std::dec << "\\): " << status
          << " in table 0x[0-9a-f]+; the word reads \\{ generation: "
          << shape_.Generation(handle) << ", index: " << shape_.Index(handle)
          << " \\}, " << slot << "\n$";
    return regex.str();
  }
  std::string Slot(const char* kind, Handle handle) const {
    return std::string("that slot is now ") + kind + " at generation " +
           std::to_string(shape_.Generation(handle));
  }
};
INSTANTIATE_TEST_SUITE_P(All, HandleTableDeathTest,
                         ::testing::ValuesIn(KindsOf(AllTraits{})));

TEST_P(HandleTableDeathTest, StaleHandleOfAFreeSlot) {
  Table& table = *table_;
  const Handle stale = table.New(1);
  table.MustDelete(stale);
  const std::string slot = Slot("free", shape_.Later(stale, 1));
  EXPECT_DEATH((void)table.MustValue(stale),
               Report("MustValue", stale, "stale", slot));
  EXPECT_DEATH(table.MustDelete(stale),
               Report("MustDelete", stale, "stale", slot));
}

TEST_P(HandleTableDeathTest, StaleHandleOfAReusedSlot) {
  Table& table = *table_;
  const Handle stale = table.New(1);
  table.MustDelete(stale);
  const Handle live = table.New(2);
  EXPECT_DEATH((void)table.MustValue(stale),
               Report("MustValue", stale, "stale", Slot("live", live)));
}

TEST_P(HandleTableDeathTest, NullHandle) {
  Table& table = *table_;
  const Handle first = table.New(1);
  ASSERT_EQ(shape_.Index(first), 0u);
  EXPECT_DEATH(table.MustDelete(kNullHandle),
               Report("MustDelete", kNullHandle, "null", Slot("live", first)));
}

TEST_P(HandleTableDeathTest, MalformedWord) {
  Table& table = *table_;
  const Handle live = table.New(1);
  const Handle even(static_cast<Word>(live) - 1);
  EXPECT_DEATH((void)table.MustValue(even),
               Report("MustValue", even, "malformed", Slot("live", live)));
}

TEST_P(HandleTableDeathTest, WordOfAnUntouchedSlot) {
  Table& table = *table_;
  const Handle live = table.New(1);
  const Handle forged =
      shape_.Make(shape_.Generation(live), shape_.Index(live) + 10);
  EXPECT_DEATH((void)table.MustValue(forged),
               Report("MustValue", forged, "never issued here",
                      "that slot is now untouched at generation 0"));
}

TEST_P(HandleTableDeathTest, WordOfNoSlot) {
  const std::unique_ptr<Table> table = kind_.create(2);
  const Handle live = table->New(1);
  const Handle forged =
      shape_.Make(shape_.Generation(live), shape_.max_index());
  if (shape_.index_bits <= 16)
    GTEST_SKIP() << "with its magazines the table has every slot";
  EXPECT_DEATH(table->MustDelete(forged),
               Report("MustDelete", forged, "never issued here",
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
template <typename FreeListT, typename LayoutT,
          template <typename, typename, Exhaustion> class Traits = TestTraits>
struct Exhaustible {
  using FreeList = FreeListT;
  using Layout = LayoutT;
  using DroppingTable =
      testing::TableOf<std::size_t,
                       Traits<FreeList, Layout, Exhaustion::kDropSlot>>;
  using WrappingTable =
      testing::TableOf<std::size_t,
                       Traits<FreeList, Layout, Exhaustion::kWrap>>;
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
using ExhaustibleTables = ::testing::Types<
    Exhaustible<MagazineFreeList, TinyLayout>,
    Exhaustible<StripedFreeList, TinyLayout>,
    Exhaustible<GlobalFreeList, TinyLayout>,
    Exhaustible<CdsFreeList, TinyLayout>,
    Exhaustible<GlobalFreeList, MarkedTinyLayout>,
    Exhaustible<StripedFreeList, SmallestLayout>,
    Exhaustible<MagazineFreeList, MagazineLayout>,
    Exhaustible<CdsFreeList, MagazineLayout>,
    Exhaustible<GlobalFreeList, TinyLayout, CompactTestTraits>,
    Exhaustible<StripedFreeList, SmallestLayout, CompactTestTraits>,
    Exhaustible<MagazineFreeList, MagazineLayout, CompactTestTraits>>;
TYPED_TEST_SUITE(ExhaustionTest, ExhaustibleTables);

TYPED_TEST(ExhaustionTest, EverySlotGivesEachOfItsGenerationsOnce) {
  using Test = ExhaustionTest<TypeParam>;
  for (std::size_t capacity = 1; capacity <= Test::kMaxSlots;
       capacity = capacity < 4 ? capacity + 1 : 5 * capacity) {
    SCOPED_TRACE(capacity);
    typename TypeParam::DroppingTable table(capacity);
    std::set<Handle> issued;
    while (const Handle handle = table.New(issued.size())) {
      ASSERT_TRUE(issued.insert(handle).second);
      ASSERT_EQ(table.Delete(handle), issued.size() - 1);
    }
    const std::size_t slots = table.Stats().high_water;
    EXPECT_GE(slots, capacity);
    EXPECT_EQ(issued.size(), slots * Test::kGenerations);
    EXPECT_EQ(table.Stats().exhausted_slots, slots);
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

TYPED_TEST(ExhaustionTest, ExhaustedSlotsShrinkTheCapacityOneByOne) {
  using Test = ExhaustionTest<TypeParam>;
  using Layout = typename TypeParam::Layout;
  typename TypeParam::DroppingTable table(Test::kMaxSlots);
  const std::size_t slots = Fill(table).size();
  std::vector<Handle> live;
  table.ForEach([&](Handle handle, std::size_t) { live.push_back(handle); });
  std::size_t exhausted = 0;
  while (!live.empty()) {
    const Handle handle = live.back();
    live.pop_back();
    const bool last = Layout::Generation::Decode(static_cast<Word>(handle)) ==
                      Test::kGenerations;
    table.MustDelete(handle);
    exhausted += last;
    ASSERT_EQ(table.Stats().exhausted_slots, exhausted);
    ASSERT_EQ(table.Stats().capacity,
              Test::kMaxSlots - std::min(exhausted, Test::kMaxSlots));
    const Handle next = table.New(1);
    ASSERT_EQ(next == kNullHandle, last);
    if (!last) live.push_back(next);
  }
  EXPECT_EQ(exhausted, slots);
  ExpectConservation(table);
}

TYPED_TEST(ExhaustionTest, LastGenerationIsStaleAtOnce) {
  using Layout = typename TypeParam::Layout;
  typename TypeParam::DroppingTable table(1);
  Handle handle;
  do {
    handle = table.New(1);
    ASSERT_EQ(table.Check(handle), Status::kOk);
    ASSERT_EQ(table.Delete(handle), 1u);
    ASSERT_EQ(table.Check(handle), Status::kStale);
    ASSERT_EQ(table.Delete(handle), std::nullopt);
  } while (Layout::Generation::Decode(static_cast<Word>(handle)) !=
           Layout::Generation::kMax);
  EXPECT_EQ(table.Stats().exhausted_slots, 1u);
}

TYPED_TEST(ExhaustionTest, DeleteBatchDropsExhaustedSlotsToo) {
  using Test = ExhaustionTest<TypeParam>;
  typename TypeParam::DroppingTable table(Test::kMaxSlots);
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
  EXPECT_EQ(table.Stats().exhausted_slots, slots);
  ExpectConservation(table);
}

TYPED_TEST(ExhaustionTest, WrappingTableStartsOverAtGenerationOne) {
  using Layout = typename TypeParam::Layout;
  typename TypeParam::WrappingTable table(1), full(1);
  const std::size_t cycle = Fill(full).size() * Layout::Generation::kMax;
  std::vector<Handle> handles;
  for (Word i = 0; i < 3 * cycle; ++i) {
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
  // Only after all handles of all slots does the first one come again.
  for (std::size_t i = 0; i < 2 * cycle; ++i)
    ASSERT_EQ(handles[i], handles[cycle + i]);
  EXPECT_EQ(std::set<Handle>(handles.begin(), handles.end()).size(), cycle);
  EXPECT_EQ(table.Stats().exhausted_slots, 0u);
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

// The slots that rest are taken when the free list is empty, in the middle of a
// batch too.
TYPED_TEST(ExhaustionTest, NewBatchTakesFromRestingSlotsOnlyWhatItLacks) {
  using Test = ExhaustionTest<TypeParam>;
  using Generation = typename TypeParam::Layout::Generation;
  typename TypeParam::WrappingTable table(Test::kMaxSlots);
  std::vector<Handle> handles = Fill(table);
  // Not every slot rests, if the layout has another generation.
  const Handle kept = handles.back();
  handles.pop_back();
  for (;;) {
    ASSERT_EQ(table.DeleteBatch(handles.data(), handles.size()),
              handles.size());
    if (Generation::Decode(static_cast<Word>(handles[0])) == Generation::kMax)
      break;
    const std::vector<std::size_t> values(handles.size());
    ASSERT_EQ(table.NewBatch(values.data(), values.size(), handles.data()),
              handles.size());
  }
  table.MustDelete(kept);
  const std::size_t values[] = {7, 8};
  const Handle kUntouched(~Word{0});
  Handle made[] = {kNullHandle, kNullHandle, kUntouched};
  EXPECT_EQ(table.NewBatch(values, 2, made), 2u);
  EXPECT_EQ(table.Value(made[0]), 7u);
  EXPECT_EQ(table.Value(made[1]), 8u);
  EXPECT_EQ(made[2], kUntouched);
  EXPECT_EQ(table.Stats().live, 2u);
  ExpectConservation(table);
}

// Compact tables: pointers that do not fit.
struct Pointee;
using Compact =
    HandleTable<Pointee*,
                testing::CompactTestTraits<MagazineFreeList, TinyLayout>>;
using ManyCompact =
    HandleTable<Pointee*, testing::CompactTestTraits<MagazineFreeList>>;
constexpr Word kAligned = testing::kTestAlignment;
Pointee* At(Word address) { return reinterpret_cast<Pointee*>(address); }

TEST(CompactTableTest, PointersThatFitComeOutAsTheyWentIn) {
  ManyCompact table(10);
  constexpr Word kEnd =
      kWordBits == 64 ? Word{1} << internal::kAddressBits % kWordBits : 0;
  for (const Word address :
       {Word{0}, kAligned, Word{16} * kAligned, kEnd / 2, kEnd - kAligned}) {
    SCOPED_TRACE(address);
    ASSERT_TRUE(table.Fits(At(address)));
    const Handle handle = table.New(At(address));
    ASSERT_NE(handle, kNullHandle);
    EXPECT_EQ(table.Value(handle), At(address));
    EXPECT_EQ(table.MustValue(handle), At(address));
    EXPECT_EQ(table.Check(handle), Status::kOk);
    std::size_t seen = 0;
    table.ForEach([&](Handle live, Pointee* value) {
      EXPECT_EQ(live, handle);
      EXPECT_EQ(value, At(address));
      ++seen;
    });
    EXPECT_EQ(seen, 1u);
    EXPECT_EQ(table.Delete(handle), At(address));
  }
}

TEST(CompactTableTest, NewOfAPointerThatDoesNotFitChangesNothing) {
  ManyCompact table(10);
  const Handle live = table.New(At(kAligned));
  const TableStats before = table.Stats();
  std::vector<Word> misfits = {1, kAligned / 2, kAligned + 1};
  if (kWordBits == 64)
    misfits.push_back(Word{1} << internal::kAddressBits % kWordBits);
  if (kWordBits == 64) misfits.push_back(~Word{0} & ~(kAligned - 1));
  for (const Word address : misfits) {
    SCOPED_TRACE(address);
    EXPECT_FALSE(table.Fits(At(address)));
    EXPECT_EQ(table.New(At(address)), kNullHandle);
    Pointee* const values[] = {At(address), At(kAligned)};
    Handle made[2];
    EXPECT_EQ(table.NewBatch(values, 2, made), 0u);
  }
  ExpectEqual(table.Stats(), before);
  EXPECT_EQ(table.Value(live), At(kAligned));
  ExpectConservation(table);
}

// Where a table that seems full looks once more.
TEST(CompactTableTest, APointerThatDoesNotFitTakesNoSlotThatStartsOver) {
  HandleTable<Pointee*, testing::CompactTestTraits<MagazineFreeList, TinyLayout,
                                                   Exhaustion::kWrap>>
      table(4);
  for (int i = 0; i < 100; ++i)
    ASSERT_TRUE(table.Delete(table.New(At(kAligned))));
  const TableStats before = table.Stats();
  EXPECT_EQ(table.New(At(1)), kNullHandle);
  ExpectEqual(table.Stats(), before);
}

TEST(CompactTableTest, NewBatchStopsAtAPointerThatDoesNotFit) {
  ManyCompact table(10);
  Pointee* const values[] = {At(kAligned), nullptr, At(1), At(2 * kAligned)};
  const Handle kUntouched(~Word{0});
  Handle made[] = {kNullHandle, kNullHandle, kUntouched, kUntouched};
  EXPECT_EQ(table.NewBatch(values, 4, made), 2u);
  EXPECT_EQ(table.Value(made[0]), At(kAligned));
  EXPECT_EQ(table.Value(made[1]), nullptr);
  EXPECT_EQ(made[2], kUntouched);
  EXPECT_EQ(made[3], kUntouched);
  EXPECT_EQ(table.Stats().created, 2u);
  ExpectConservation(table);
}

TEST(CompactTableTest, FullTableRefusesWhatDoesNotFitInTheSameWay) {
  Compact table(4);
  for (Word i = 0; i < 4; ++i)
    ASSERT_NE(table.New(At(i * kAligned)), kNullHandle);
  EXPECT_EQ(table.New(At(kAligned)), kNullHandle);
  EXPECT_EQ(table.New(At(1)), kNullHandle);
  Pointee* const values[] = {At(1)};
  Handle made;
  EXPECT_EQ(table.NewBatch(values, 1, &made), 0u);
  EXPECT_EQ(table.Stats().live, 4u);
  ExpectConservation(table);
}

// A null pointer is a value as any other, and its slot is not taken for free.
TEST(CompactTableTest, NullPointerIsLiveUntilItsDelete) {
  Compact table(1);
  const Handle handle = table.New(nullptr);
  ASSERT_TRUE(table.Value(handle).has_value());
  EXPECT_EQ(*table.Value(handle), nullptr);
  const std::optional<Pointee*> deleted = table.Delete(handle);
  ASSERT_TRUE(deleted.has_value());
  EXPECT_EQ(*deleted, nullptr);
  EXPECT_FALSE(table.Value(handle).has_value());
  EXPECT_FALSE(table.Delete(handle).has_value());
  EXPECT_EQ(table.Check(handle), Status::kStale);
}

TEST(CompactTableTest, TakesHalfTheMemory) {
  using Wide = HandleTable<Pointee*>;
  const auto slot = [](const auto& table) {
    return sizeof(internal::Inspector::AllocatorOf(table)[0]);
  };
  ManyCompact compact(1);
  Wide wide(1);
  // In builds with AddressSanitizer, the pointer is stored twice.
  EXPECT_EQ(slot(compact), slot(wide) / (internal::kAddressSanitizer ? 1 : 2));
}

// With one slot only, the state of a free slot would be a handle of it.
TEST(SmallestTableTest, NoWordIsLiveInATableOfOneFreeSlot) {
  HandleTable<Word, TestTraits<GlobalFreeList, TinyLayout>> table(1);
  for (int round = 0; round < 2; ++round) {
    const Handle handle = table.New(7);
    ASSERT_NE(handle, kNullHandle);
    EXPECT_EQ(table.Delete(handle), 7u);
    for (Word word = 0; word < 256; ++word) {
      EXPECT_EQ(table.Value(Handle(word)), std::nullopt) << word;
      EXPECT_NE(table.Check(Handle(word)), Status::kOk) << word;
    }
  }
}

TEST(SlotExhaustionDeathTest, ExhaustedSlotIsNamed) {
  HandleTable<int, TestTraits<GlobalFreeList, TinyLayout>> table(1);
  Handle handle;
  for (int i = 0; i < 3; ++i) table.MustDelete(handle = table.New(i));
  EXPECT_DEATH(table.MustDelete(handle),
               "stale in table .* \\{ generation: 3, index: 0 \\}, that slot "
               "is now exhausted at generation 3\n$");
}

TEST(SlotExhaustionTest, NeighbourOfAnExhaustedSlotIsUnharmed) {
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
