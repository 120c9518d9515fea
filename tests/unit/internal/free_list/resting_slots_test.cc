// Before the header: the backend whose reservations can fail.
#define HAFT_SYNC_BACKEND "tests/support/fault_sync.h"

#include "haft/internal/free_list/resting_slots.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <vector>

#include "haft/handle.h"
#include "tests/support/testing.h"

namespace haft::internal {
namespace {

using Words = std::vector<Word>;

Words Elements(const RestingSlots& resting) {
  Words elements;
  resting.ForEach([&](Word handle) { elements.push_back(handle); });
  return elements;
}

TEST(RestingSlotsTest, EmptyGivesZero) {
  RestingSlots resting(4);
  ASSERT_TRUE(resting.ok());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(resting.Pop(), 0u);
  EXPECT_EQ(resting.Pushes(), 0u);
  EXPECT_EQ(Elements(resting), Words());
}

TEST(RestingSlotsTest, IsOkIfItHasItsMemory) {
  EXPECT_EQ(testing::FailEachReservation([] { return RestingSlots(4).ok(); }),
            2u)
      << "handles and places";
  EXPECT_TRUE(RestingSlots(0).ok());
}

TEST(RestingSlotsTest, FirstInFirstOutThroughManyRounds) {
  RestingSlots resting(4);
  Word next = 1, first = 1;
  for (int round = 0; round < 50; ++round) {
    // 0 to 4 at a time.
    for (; next < first + 2 * (round % 5); next += 2) resting.Push(next);
    EXPECT_EQ(Elements(resting).size(), (next - first) / 2);
    for (; first < next; first += 2) EXPECT_EQ(resting.Pop(), first);
    EXPECT_EQ(resting.Pop(), 0u);
  }
  EXPECT_EQ(resting.Pushes(), next / 2);
}

TEST(RestingSlotsTest, OneLeavesAndOneComesWhileItIsFull) {
  RestingSlots resting(4);
  for (const Word handle : {1, 3, 5, 7}) resting.Push(handle);
  for (Word handle = 9; handle < 101; handle += 2) {
    EXPECT_EQ(resting.Pop(), handle - 8);
    resting.Push(handle);
  }
  EXPECT_EQ(Elements(resting).size(), 4u);
}

TEST(RestingSlotsTest, PushesAreCounted) {
  RestingSlots resting(4);
  resting.Push(1);
  EXPECT_EQ(resting.Pushes(), 1u);
  (void)resting.Pop();
  EXPECT_EQ(resting.Pushes(), 1u);
  resting.Push(1);
  EXPECT_EQ(resting.Pushes(), 2u);
}

TEST(RestingSlotsTest, ReplaceChangesEveryHandle) {
  RestingSlots resting(4);
  for (const Word handle : {1, 3, 5}) resting.Push(handle);
  EXPECT_EQ(resting.Pop(), 1u);
  resting.Replace([](Word handle) { return handle + 100; });
  EXPECT_EQ(Elements(resting), (Words{103, 105}));
  EXPECT_EQ(resting.Pop(), 103u);
  EXPECT_EQ(resting.Pop(), 105u);
  EXPECT_EQ(resting.Pop(), 0u);
}

TEST(RestingSlotsTest, ThreadsLoseNoSlot) {
  constexpr unsigned kThreads = 4, kSlots = 8;
  RestingSlots resting(kSlots);
  for (Word slot = 0; slot < kSlots; ++slot) resting.Push(2 * slot + 1);
  std::atomic<int> owners[kSlots] = {};
  testing::RunThreads(kThreads, [&](unsigned) {
    for (int i = 0; i < 20'000; ++i) {
      const Word handle = resting.Pop();
      if (handle == 0) continue;
      EXPECT_EQ(owners[handle / 2]++, 0) << "taken twice";
      --owners[handle / 2];
      resting.Push(handle);
    }
  });
  Words left;
  while (const Word handle = resting.Pop()) left.push_back(handle);
  std::sort(left.begin(), left.end());
  EXPECT_EQ(left, (Words{1, 3, 5, 7, 9, 11, 13, 15}));
}

}  // namespace
}  // namespace haft::internal
