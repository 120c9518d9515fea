// Stress tests of Trim: threads make, look up, pin and delete beside a thread
// that trims all the time. At the end no slot is lost.

#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <type_traits>
#include <vector>

#include "haft/cds/cds_free_list.h"
#include "haft/global_free_list.h"
#include "haft/handle_table.h"
#include "haft/object_table.h"
#include "haft/striped_free_list.h"
#include "tests/support/testing.h"

namespace haft {
namespace {

using testing::AllTraits;
using testing::ExpectConservation;
using testing::kSanitized;
using testing::RunThreads;
using testing::TestTraits;

constexpr unsigned kThreads = 3;
constexpr std::size_t kEach = 600;
constexpr int kRounds = kSanitized ? 60 : 600;

// Runs f(t) in threads t = 0..kThreads-1, beside one that trims until they end.
// If the slots are on `few_pages`, there may be nothing to trim.
template <typename Table, typename F>
void RunBesideTrims(Table& table, F f, bool few_pages = false) {
  std::atomic<unsigned> running{kThreads};
  std::atomic<std::size_t> bytes{0};
  RunThreads(kThreads + 1, [&](unsigned t) {
    if (t < kThreads) {
      f(t);
      --running;
      return;
    }
    while (running.load() != 0) bytes += table.Trim();
  });
  EXPECT_TRUE(bytes.load() + table.Trim() != 0 || few_pages);
}

// Values from which one can tell whether a reader got parts of two of them.
struct Pair {
  static Pair Of(Word n) { return {n, ~n}; }
  bool IsWhole() const { return second == ~first; }
  Word first, second;
};
// A compact table has one word for a value, less a few bits: a number.
struct Number {
  static Number Of(Word n) { return {n}; }
  bool IsWhole() const { return first < kThreads * kEach; }
  Word first;
};
template <typename Traits>
using ValueOf =
    std::conditional_t<Traits::kCompactAlignment == 0, Pair, Number>;

template <typename Traits>
class PageTrimmerStressTest : public ::testing::Test {};
TYPED_TEST_SUITE(PageTrimmerStressTest, AllTraits);

TYPED_TEST(PageTrimmerStressTest, ValuesStayWhole) {
  // More than what is live, because a Trim may have a page of slots in hand.
  using Value = ValueOf<TypeParam>;
  testing::TableOf<Value, TypeParam> table(2 * kThreads * kEach);
  // Handles of all threads, some of them stale.
  std::vector<std::atomic<Word>> shared(kThreads * 8);
  std::atomic<std::size_t> full{0};
  RunBesideTrims(
      table,
      [&](unsigned t) {
        std::vector<Handle> handles(kEach);
        for (int round = 0; round < kRounds / 4; ++round) {
          for (std::size_t i = 0; i < kEach; ++i) {
            const Word value = t * kEach + i;
            handles[i] = table.New(Value::Of(value));
            if (handles[i] == kNullHandle) {
              ++full;
              continue;
            }
            shared[(t * 8 + i) % shared.size()].store(
                static_cast<Word>(handles[i]), std::memory_order_relaxed);
          }
          for (std::size_t i = 0; i < kEach; ++i) {
            const auto other = table.Value(Handle(
                shared[i % shared.size()].load(std::memory_order_relaxed)));
            if (other) {
              ASSERT_TRUE(other->IsWhole());
            }
          }
          for (std::size_t i = 0; i < kEach; ++i) {
            if (handles[i] == kNullHandle) continue;
            const auto value = table.Delete(handles[i]);
            ASSERT_TRUE(value.has_value());
            ASSERT_EQ(value->first, t * kEach + i);
            ASSERT_TRUE(value->IsWhole());
            ASSERT_EQ(table.Check(handles[i]), Status::kStale);
          }
        }
      },
      TypeParam::kCompactAlignment != 0);
  EXPECT_EQ(table.Stats().live, 0u);
  ExpectConservation(table);
  // A list without a reserve may be short of the slots of a page for a moment,
  // and libcds's reports a full table too early.
  if constexpr (std::is_same_v<typename TypeParam::FreeList,
                               MagazineFreeList>) {
    EXPECT_EQ(full.load(), 0u);
  }
}

struct Object {
  explicit Object(Word v) : value(v), copy(~v) { ++alive; }
  Object(Object&& other) noexcept : value(other.value), copy(other.copy) {
    ++alive;
  }
  ~Object() {
    copy = value;
    --alive;
  }
  static inline std::atomic<int> alive{0};
  Word value;
  Word copy;
  char rest[600] = {};
};

TEST(PageTrimmerObjectStressTest, PinnedObjectsStay) {
  ObjectTable<Object> table(2 * kThreads * kEach);
  std::vector<std::atomic<Word>> shared(16);
  RunBesideTrims(table, [&](unsigned t) {
    std::vector<Handle> handles(kEach);
    for (int round = 0; round < kRounds / 10; ++round) {
      for (std::size_t i = 0; i < kEach; ++i) {
        handles[i] = table.Emplace(t * kEach + i);
        ASSERT_NE(handles[i], kNullHandle);
        shared[(t * 5 + i) % shared.size()].store(static_cast<Word>(handles[i]),
                                                  std::memory_order_relaxed);
      }
      for (std::size_t i = 0; i < kEach; ++i) {
        const Handle other(
            shared[i % shared.size()].load(std::memory_order_relaxed));
        if (i % 3 == 0) {
          const typename ObjectTable<Object>::ReadScope scope(table);
          if (const Object* const found = scope.Find(other)) {
            ASSERT_EQ(found->copy, ~found->value);
          }
        } else if (const auto pinned = table.Pin(other)) {
          ASSERT_EQ(pinned->copy, ~pinned->value);
        }
        ASSERT_EQ(table.Delete(handles[i]), Status::kOk);
      }
    }
  });
  EXPECT_EQ(Object::alive.load(), 0);
  EXPECT_EQ(table.Stats().live, 0u);
  ExpectConservation(table);
}

}  // namespace
}  // namespace haft
