// Before the header: the backend whose reservations can fail.
#define HAFT_SYNC_BACKEND "tests/support/fault_sync.h"

#include "haft/internal/free_list/handle_stack.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "haft/handle.h"
#include "haft/handle_layout.h"
#include "tests/support/testing.h"

namespace haft::internal {
namespace {

using Words = std::vector<Word>;
using L = haft::testing::SmallLayout;

Word Pop(HandleStack& stack, unsigned stripe = 0) {
  std::uint64_t tags = 0;
  return stack.Pop(stripe, &tags);
}
Words Elements(const HandleStack& stack) {
  Words elements;
  stack.ForEach([&](Word handle) { elements.push_back(handle); });
  return elements;
}

TEST(HandleStackTest, EmptyGivesZero) {
  HandleStack stack(8, 2);
  ASSERT_TRUE(stack.ok());
  EXPECT_EQ(Pop(stack), 0u);
  EXPECT_EQ(Elements(stack), Words());
}

TEST(HandleStackTest, GivesBackWholeHandlesLastInFirstOut) {
  HandleStack stack(8, 1);
  const Words handles = {L::Make(1, 0), L::Make(L::Generation::kMax, 7),
                         L::Make(3, 2)};
  for (const Word handle : handles) stack.Push(0, handle);
  EXPECT_EQ(Elements(stack), (Words{handles[2], handles[1], handles[0]}));
  EXPECT_EQ(Pop(stack), handles[2]);
  EXPECT_EQ(Pop(stack), handles[1]);
  EXPECT_EQ(Pop(stack), handles[0]);
  EXPECT_EQ(Pop(stack), 0u);
}

TEST(HandleStackTest, PopSomeCountsTheHandlesThatItGives) {
  HandleStack stack(128, 1);
  for (Word slot = 0; slot < 100; ++slot) stack.Push(0, 2 * slot + 1);
  std::size_t given = 0;
  for (const std::size_t expected : {64u, 36u, 0u}) {
    const std::size_t before = given;
    EXPECT_EQ(stack.PopSome([&](Word) { ++given; }), expected);
    EXPECT_EQ(given - before, expected);
  }
}

TEST(HandleStackTest, IsOkIfItHasAllItsMemory) {
  EXPECT_EQ(testing::FailEachReservation([] { return HandleStack(8, 2).ok(); }),
            3u)
      << "heads, links and handles";
}

TEST(HandleStackTest, PopFromSearchesOneStackOnly) {
  HandleStack stack(8, 2);
  const Word handle = L::Make(1, 5);
  stack.Push(1, handle);
  EXPECT_EQ(stack.PopFrom(0), 0u);
  EXPECT_EQ(stack.PopFrom(1), handle);
  EXPECT_EQ(stack.PopFrom(1), 0u);
}

TEST(HandleStackTest, TakeAllEmptiesOneStack) {
  HandleStack stack(8, 2);
  const Words handles = {L::Make(4, 0), L::Make(1, 7), L::Make(3, 2)};
  const Word other = L::Make(9, 3);
  for (const Word handle : handles) stack.Push(0, handle);
  stack.Push(1, other);
  Words taken;
  const auto take = [&](Word handle) { taken.push_back(handle); };
  stack.TakeAll(0, take);
  EXPECT_EQ(taken, (Words{handles[2], handles[1], handles[0]}));
  EXPECT_EQ(Elements(stack), Words{other});
  taken.clear();
  stack.TakeAll(0, take);
  EXPECT_EQ(taken, Words());
  stack.TakeAll(1, take);
  EXPECT_EQ(taken, Words{other});
  EXPECT_EQ(Pop(stack), 0u);
}

TEST(HandleStackTest, TakeAllGivesEachHandleOnceAlsoIfItIsPushedAgain) {
  HandleStack stack(8, 1);
  for (Word i = 0; i < 8; ++i) stack.Push(0, L::Make(1, i));
  std::size_t count = 0;
  stack.TakeAll(0, [&](Word handle) {
    ++count;
    stack.Push(0, handle);
  });
  EXPECT_EQ(count, 8u);
  EXPECT_EQ(Elements(stack).size(), 8u);
  EXPECT_EQ(Pop(stack), L::Make(1, 0)) << "in the other order";
}

TEST(HandleStackTest, MarkerBitsSurvive) {
  HandleStack stack(4, 1);
  const Word handle = DefaultLayout::Make(DefaultLayout::Generation::kMax, 3);
  stack.Push(0, handle);
  EXPECT_EQ(Pop(stack), handle);
}

TEST(HandleStackTest, HoldsAHandleOfEverySlot) {
  constexpr std::size_t kSlots = 256;
  HandleStack stack(kSlots, 4);
  for (Word i = 0; i < kSlots; ++i)
    stack.Push(static_cast<unsigned>(i), L::Make(i + 1, i));
  std::vector<bool> seen(kSlots);
  for (Word i = 0; i < kSlots; ++i) {
    const Word handle = Pop(stack, 3);
    const Word index = L::Index::Decode(handle);
    EXPECT_EQ(handle, L::Make(index + 1, index));
    EXPECT_FALSE(seen.at(index));
    seen.at(index) = true;
  }
  EXPECT_EQ(Pop(stack, 3), 0u);
}

TEST(HandleStackTest, SlotComesBackUnderItsNextGeneration) {
  HandleStack stack(2, 1);
  for (Word generation = 1; generation < 100; ++generation) {
    stack.Push(0, L::Make(generation, 1));
    EXPECT_EQ(Pop(stack), L::Make(generation, 1));
  }
}

TEST(HandleStackTest, ChainStaysInOrderOnTopOfTheRest) {
  HandleStack stack(8, 1);
  stack.Push(0, L::Make(1, 7));
  const Words chain = {L::Make(2, 3), L::Make(1, 0), L::Make(9, 5)};
  stack.PushChain(0, chain.data(), chain.size());
  EXPECT_EQ(Elements(stack),
            (Words{chain[0], chain[1], chain[2], L::Make(1, 7)}));
  for (const Word handle : chain) EXPECT_EQ(Pop(stack), handle);
  EXPECT_EQ(Pop(stack), L::Make(1, 7));
  EXPECT_EQ(Pop(stack), 0u);
}

TEST(HandleStackTest, ChainOfOneIsAPush) {
  HandleStack stack(8, 1);
  const Word handle = L::Make(2, 3);
  stack.PushChain(0, &handle, 1);
  EXPECT_EQ(Pop(stack), handle);
  EXPECT_EQ(Pop(stack), 0u);
}

TEST(HandleStackTest, LinksOfAnEarlierChainAreForgotten) {
  HandleStack stack(8, 1);
  const Words chain = {L::Make(1, 1), L::Make(1, 2), L::Make(1, 3)};
  stack.PushChain(0, chain.data(), 3);
  for (int i = 0; i < 3; ++i) (void)Pop(stack);
  stack.PushChain(0, chain.data(), 1);
  EXPECT_EQ(Elements(stack), Words{chain[0]});
}

TEST(HandleStackTest, PopSomeTakesAFewOfAnyStripe) {
  HandleStack stack(256, 2);
  Words handles;
  for (Word slot = 0; slot < 200; ++slot) {
    handles.push_back(DefaultLayout::Make(1, slot));
    stack.Push(slot % 2, handles.back());
  }
  Words taken;
  const auto take = [&](Word handle) { taken.push_back(handle); };
  std::size_t calls = 0;
  for (std::size_t n; (n = stack.PopSome(take)) != 0; ++calls)
    EXPECT_LT(n, handles.size() / 2);
  EXPECT_GT(calls, 2u);
  std::sort(taken.begin(), taken.end());
  EXPECT_EQ(taken, handles);
  EXPECT_EQ(Elements(stack), Words());
}

TEST(HandleStackTest, ReplaceChangesTheHandlesOfEveryStripe) {
  HandleStack stack(8, 2);
  stack.Push(0, L::Make(1, 5));
  stack.Push(1, L::Make(1, 6));
  stack.Push(1, L::Make(2, 7));
  const Word step = L::Make(2, 0) - L::Make(1, 0);
  stack.Replace([&](Word handle) { return handle + step; });
  EXPECT_EQ(stack.PopFrom(0), L::Make(2, 5));
  EXPECT_EQ(stack.PopFrom(1), L::Make(3, 7));
  EXPECT_EQ(stack.PopFrom(1), L::Make(2, 6));
  EXPECT_EQ(Pop(stack), 0u);
}

TEST(HandleStackTest, OtherStripesAreSearched) {
  HandleStack stack(8, 4);
  stack.Push(2, L::Make(1, 5));
  EXPECT_EQ(Pop(stack, 3), L::Make(1, 5));
}

TEST(HandleStackTest, TagsOfEmptyStripesAreSummed) {
  HandleStack stack(8, 4);
  for (unsigned stripe = 0; stripe < 3; ++stripe) {
    stack.Push(stripe, L::Make(1, 5));
    (void)Pop(stack, stripe);
  }
  std::uint64_t tags = 0;
  EXPECT_EQ(stack.Pop(1, &tags), 0u);
  EXPECT_EQ(tags, 3u);
}

std::vector<std::size_t> populated;

TEST(HandleStackTest, PopulatesWhatTheFirstHandlesNeed) {
  HandleStack stack(1024, 2);
  testing::note_populated = [](void*, std::size_t bytes) {
    populated.push_back(bytes);
  };
  EXPECT_TRUE(stack.Populate(600));
  EXPECT_EQ(populated, (std::vector<std::size_t>{std::size_t{2} * 128,
                                                 600 * sizeof(StackLink),
                                                 600 * sizeof(Word)}));
  populated.clear();
  EXPECT_TRUE(stack.Populate(5000));
  EXPECT_EQ(populated[2], 1024 * sizeof(Word));
  for (unsigned call = 1; call <= 3; ++call) {
    populated.clear();
    testing::populations.Fail(call, call);
    EXPECT_FALSE(stack.Populate(600));
    EXPECT_EQ(testing::populations.Stop(), 3u);
    EXPECT_EQ(populated.size(), 2u);
  }
  testing::note_populated = nullptr;
}

}  // namespace
}  // namespace haft::internal
