#include "haft/global_free_list.h"

#include <gtest/gtest.h>

#include <algorithm>
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

class GlobalFreeListTest : public ::testing::Test {
 protected:
  static constexpr std::size_t kCapacity = 6;

  Word Pop() { return list_.Pop(thread_); }
  void Push(Word handle) { list_.Push(thread_, handle); }

  Thread thread_;
  internal::FreshSlots fresh_slots_{
      kFirst, GlobalFreeList::SlotsFor(kCapacity, DefaultLayout::kSlots)};
  GlobalFreeList list_{kCapacity, 8, &fresh_slots_};
};

TEST_F(GlobalFreeListTest, NeedsAsManySlotsAsTheCapacity) {
  EXPECT_TRUE(list_.ok());
  EXPECT_EQ(fresh_slots_.limit(), kCapacity);
}

TEST_F(GlobalFreeListTest, CarvesOneSlotAtATimeAndNoMoreThanTheCapacity) {
  for (std::size_t i = 0; i < kCapacity; ++i) {
    EXPECT_EQ(Pop(), kFirst + 2 * i);
    EXPECT_EQ(fresh_slots_.high_water(), i + 1);
  }
  EXPECT_EQ(Pop(), 0u);
  EXPECT_EQ(Pop(), 0u);
  EXPECT_EQ(fresh_slots_.high_water(), kCapacity);
}

TEST_F(GlobalFreeListTest, LastPushedIsPoppedFirst) {
  for (std::size_t i = 0; i < kCapacity; ++i) (void)Pop();
  const Word next = DefaultLayout::Make(2, 0);
  for (Word i : {4, 1, 3}) Push(next + 2 * i);
  for (Word i : {3, 1, 4}) EXPECT_EQ(Pop(), next + 2 * i);
  EXPECT_EQ(Pop(), 0u);
}

TEST_F(GlobalFreeListTest, PushedHandlesGoBeforeCarving) {
  Push(Pop());
  EXPECT_EQ(Pop(), kFirst);
  EXPECT_EQ(fresh_slots_.high_water(), 1u);
}

TEST_F(GlobalFreeListTest, ForEachShowsWhatWaits) {
  const Word handles[] = {Pop(), Pop(), Pop()};
  Push(handles[0]);
  Push(handles[2]);
  std::vector<Word> waiting;
  list_.ForEach([&](Word handle) { waiting.push_back(handle); });
  EXPECT_EQ(waiting, (std::vector<Word>{handles[2], handles[0]}));
}

TEST_F(GlobalFreeListTest, ThreadsShareOneStack) {
  HandleTable<Word, TestTraits<GlobalFreeList>> table(kCapacity);
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

}  // namespace
}  // namespace haft
