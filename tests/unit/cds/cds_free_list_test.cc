#include "haft/cds/cds_free_list.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "haft/handle_table.h"
#include "haft/internal/free_list/fresh_slots.h"
#include "tests/support/testing.h"

namespace haft {
namespace {

using testing::ExpectConservation;
using testing::TestTraits;

constexpr Word kFirst = DefaultLayout::Make(1, 0);

struct Thread {};

class CdsFreeListTest : public ::testing::Test {
 protected:
  static constexpr std::size_t kCapacity = 6;

  Word Pop() { return list_.Pop(thread_); }
  void Push(Word handle) { list_.Push(thread_, handle); }
  std::vector<Word> Waiting() const {
    std::vector<Word> waiting;
    list_.ForEach([&](Word handle) { waiting.push_back(handle); });
    std::sort(waiting.begin(), waiting.end());
    return waiting;
  }

  Thread thread_;
  internal::FreshSlots fresh_slots_{
      kFirst, CdsFreeList::SlotsFor(kCapacity, DefaultLayout::kSlots)};
  CdsFreeList list_{kCapacity, 8, &fresh_slots_};
};

TEST_F(CdsFreeListTest, NeedsAsManySlotsAsTheCapacity) {
  EXPECT_TRUE(list_.ok());
  EXPECT_EQ(fresh_slots_.limit(), kCapacity);
}

TEST_F(CdsFreeListTest, CarvesOneSlotAtATimeAndNoMoreThanTheCapacity) {
  for (std::size_t i = 0; i < kCapacity; ++i) {
    EXPECT_EQ(Pop(), kFirst + 2 * i);
    EXPECT_EQ(fresh_slots_.high_water(), i + 1);
  }
  EXPECT_EQ(Pop(), 0u);
  EXPECT_EQ(Pop(), 0u);
  EXPECT_EQ(fresh_slots_.high_water(), kCapacity);
}

TEST_F(CdsFreeListTest, LastPushedIsPoppedFirst) {
  const Word handles[] = {Pop(), Pop(), Pop()};
  for (Word handle : handles) Push(handle);
  for (int i : {2, 1, 0}) EXPECT_EQ(Pop(), handles[i]);
  EXPECT_EQ(fresh_slots_.high_water(), 3u);
}

TEST_F(CdsFreeListTest, ForEachLeavesTheListAsItWas) {
  std::vector<Word> handles;
  for (int i = 0; i < 4; ++i) handles.push_back(Pop());
  for (Word handle : handles) Push(handle);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Waiting(), handles);
  for (int i : {3, 2, 1, 0}) EXPECT_EQ(Pop(), handles[i]);
  EXPECT_TRUE(Waiting().empty());
}

// libcds keeps a reference count in each node: a node that was shown must be
// as fit for another round as one that was popped.
TEST_F(CdsFreeListTest, NodesStayUsableThroughAnyMixOfForEachPopAndPush) {
  std::vector<Word> out;
  for (std::size_t i = 0; i < kCapacity; ++i) out.push_back(Pop());
  for (unsigned i = 0; i < 1000; ++i) {
    if (i % 3 == 0) {
      ASSERT_EQ(Waiting().size(), kCapacity - out.size());
    } else if (i * 7 % 5 < 3 && !out.empty()) {
      Push(out.back());
      out.pop_back();
    } else if (const Word handle = Pop()) {
      ASSERT_EQ(std::count(out.begin(), out.end(), handle), 0);
      out.push_back(handle);
    } else {
      ASSERT_EQ(out.size(), kCapacity);
    }
  }
}

TEST_F(CdsFreeListTest, DestructionWithHandlesWaitingIsClean) {
  for (Word handle : {Pop(), Pop(), Pop()}) Push(handle);
}

using Table = HandleTable<Word, TestTraits<CdsFreeList>>;

TEST_F(CdsFreeListTest, ThreadsShareOneList) {
  Table table(kCapacity);
  std::vector<Handle> handles;
  while (const Handle handle = table.New(1)) handles.push_back(handle);
  EXPECT_EQ(handles.size(), kCapacity);
  std::thread([&] {
    for (Handle handle : handles) EXPECT_EQ(table.Delete(handle), Word{1});
  }).join();
  for (std::size_t i = 0; i < kCapacity; ++i) {
    EXPECT_NE(table.New(2), kNullHandle);
  }
  EXPECT_EQ(table.New(2), kNullHandle);
  ExpectConservation(table);
}

// While Deletes are in progress New may answer "full" too early. At rest it
// may not.
TEST_F(CdsFreeListTest, TableHoldsItsCapacityAgainAfterContention) {
  constexpr unsigned kThreads = 4;
  // Wraps: 32-bit handles have fewer generations than this takes.
  HandleTable<Word, TestTraits<CdsFreeList, DefaultLayout, Exhaustion::kWrap>>
      table(kThreads);
  std::atomic<unsigned> early{0};
  for (int round = 0; round < 20; ++round) {
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 500; ++i) {
          if (const Handle handle = table.New(t)) {
            ASSERT_EQ(table.Delete(handle), Word{t});
          } else {
            ++early;
          }
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    Handle handles[kThreads];
    for (Handle& handle : handles)
      ASSERT_NE(handle = table.New(9), kNullHandle);
    ASSERT_EQ(table.New(9), kNullHandle);
    ExpectConservation(table);
    for (Handle handle : handles) ASSERT_EQ(table.Delete(handle), Word{9});
  }
  RecordProperty("early_full", early);
}

}  // namespace
}  // namespace haft
