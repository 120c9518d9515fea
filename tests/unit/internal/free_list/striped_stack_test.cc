#include "haft/internal/free_list/striped_stack.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

#include "haft/internal/base/reserved_array.h"

namespace haft::internal {
namespace {

constexpr std::uint32_t kNone = StripedStack::kNone;
constexpr std::uint32_t kMaxNumber = (std::uint32_t{1} << 31) - 2;
constexpr std::uint64_t kLastTag = (std::uint64_t{1} << 33) - 1;

TEST(StackHeadTest, ZeroIsEmptyUnderTagZero) {
  const StackHead head{0};
  EXPECT_TRUE(head.empty());
  EXPECT_EQ(head.link(), 0u);
  EXPECT_EQ(head.tag(), 0u);
}

TEST(StackHeadTest, PushPutsTheNumberOnTopAndAdvancesTheTag) {
  StackHead head{0};
  for (const std::uint32_t number : {0u, 1u, 12345u, kMaxNumber}) {
    const StackHead pushed = head.Pushed(number);
    EXPECT_FALSE(pushed.empty());
    EXPECT_EQ(pushed.top(), number);
    EXPECT_EQ(pushed.link(), number + 1);
    EXPECT_EQ(pushed.tag(), head.tag() + 1);
    head = pushed;
  }
}

TEST(StackHeadTest, PopPutsTheLinkOnTopAndKeepsTheTag) {
  const StackHead head = StackHead{0}.Pushed(4).Pushed(9);
  const StackHead popped = head.Popped(4 + 1);
  EXPECT_EQ(popped.top(), 4u);
  EXPECT_EQ(popped.tag(), 2u);
  EXPECT_TRUE(popped.Popped(0).empty());
  EXPECT_EQ(popped.Popped(0).tag(), 2u);
}

TEST(StackHeadTest, SameTopAgainIsAnotherWord) {
  const StackHead once = StackHead{0}.Pushed(7);
  const StackHead again = once.Popped(0).Pushed(7);
  EXPECT_EQ(once.top(), again.top());
  EXPECT_NE(once.word, again.word);
}

TEST(StackHeadTest, LastTagWrapsWithoutTouchingTheNumber) {
  const StackHead last{kLastTag * StackHead::kOneTag};
  EXPECT_EQ(last.tag(), kLastTag);
  EXPECT_TRUE(last.empty());
  const StackHead wrapped = last.Pushed(kMaxNumber);
  EXPECT_EQ(wrapped.tag(), 0u);
  EXPECT_EQ(wrapped.top(), kMaxNumber);
}

class StripedStackTest : public ::testing::Test {
 protected:
  static constexpr unsigned kStripes = 4;
  static constexpr std::uint32_t kElements = 64;

  void Push(unsigned stripe, std::uint32_t number) {
    stack_.Push(links_.data(), stripe, number);
  }
  std::uint32_t Pop(unsigned stripe) {
    std::uint64_t tags = 0;
    return stack_.Pop(links_.data(), stripe, &tags);
  }
  // Returns the sum of all stripes' tags, if all are empty.
  std::uint64_t Tags() {
    std::uint64_t tags = 0;
    EXPECT_EQ(stack_.Pop(links_.data(), 0, &tags), kNone);
    return tags;
  }
  std::vector<std::uint32_t> Elements() const {
    std::vector<std::uint32_t> elements;
    stack_.ForEach(links_.data(),
                   [&](std::uint32_t number) { elements.push_back(number); });
    return elements;
  }

  StripedStack stack_{kStripes};
  ReservedArray<StackLink> links_{kElements};
};

using Numbers = std::vector<std::uint32_t>;

TEST_F(StripedStackTest, StartsEmpty) {
  ASSERT_TRUE(stack_.ok());
  for (unsigned stripe = 0; stripe < kStripes; ++stripe)
    EXPECT_EQ(Pop(stripe), kNone);
  EXPECT_EQ(Elements(), Numbers());
  EXPECT_EQ(Tags(), 0u);
}

TEST_F(StripedStackTest, LastInFirstOut) {
  for (const std::uint32_t number : {0u, 5u, 63u}) Push(1, number);
  EXPECT_EQ(Elements(), (Numbers{63, 5, 0}));
  EXPECT_EQ(Pop(1), 63u);
  EXPECT_EQ(Pop(1), 5u);
  EXPECT_EQ(Pop(1), 0u);
  EXPECT_EQ(Pop(1), kNone);
}

TEST_F(StripedStackTest, PopSearchesEveryOtherStripe) {
  for (unsigned from = 0; from < kStripes; ++from) {
    for (unsigned to = 0; to < kStripes; ++to) {
      Push(to, 7);
      EXPECT_EQ(Pop(from), 7u) << from << " to " << to;
      EXPECT_EQ(Pop(from), kNone);
    }
  }
}

TEST_F(StripedStackTest, PopPrefersItsOwnStripeAndThenTheNext) {
  for (unsigned stripe = 0; stripe < kStripes; ++stripe) Push(stripe, stripe);
  for (const unsigned stripe : {2u, 3u, 0u, 1u}) EXPECT_EQ(Pop(2), stripe);
}

TEST_F(StripedStackTest, AnyStripeNumberIsTakenModuloTheirCount) {
  Push(kStripes + 1, 3);
  Push(1, 4);
  EXPECT_EQ(Elements(), (Numbers{4, 3}));
  EXPECT_EQ(Pop(~0u - kStripes + 2), 4u);  // stripe 1 again
}

TEST_F(StripedStackTest, TagsAdvanceWithEachPushAndStayWithEachPop) {
  std::uint64_t pushes = 0;
  for (unsigned stripe = 0; stripe < kStripes; ++stripe) {
    for (unsigned i = 0; i <= stripe; ++i) {
      Push(stripe, 7);
      ++pushes;
      EXPECT_EQ(Pop(stripe), 7u);
      EXPECT_EQ(Tags(), pushes);
    }
  }
}

TEST_F(StripedStackTest, SuccessfulPopAddsTheTagsOfStripesItPassed) {
  Push(0, 7);
  EXPECT_EQ(Pop(0), 7u);
  Push(1, 8);
  std::uint64_t tags = 100;
  EXPECT_EQ(stack_.Pop(links_.data(), 0, &tags), 8u);
  EXPECT_EQ(tags, 101u);
}

TEST_F(StripedStackTest, ChainIsPushedInOrderOnTopOfTheRest) {
  Push(1, 9);
  links_[3].store(4 + 1, std::memory_order_relaxed);
  links_[4].store(5 + 1, std::memory_order_relaxed);
  stack_.PushChain(links_.data(), 1, 3, 5);
  EXPECT_EQ(Elements(), (Numbers{3, 4, 5, 9}));
  for (const std::uint32_t number : {3u, 4u, 5u, 9u}) EXPECT_EQ(Pop(1), number);
  EXPECT_EQ(Pop(1), kNone);
}

TEST_F(StripedStackTest, ChainAdvancesTheTagOnce) {
  links_[3].store(4 + 1, std::memory_order_relaxed);
  stack_.PushChain(links_.data(), 1, 3, 4);
  EXPECT_EQ(Pop(1), 3u);
  EXPECT_EQ(Pop(1), 4u);
  EXPECT_EQ(Tags(), 1u);
}

TEST_F(StripedStackTest, TakeAllGivesTheWholeChainOfItsStripe) {
  EXPECT_EQ(stack_.TakeAll(1), 0u);
  for (const std::uint32_t number : {0u, 5u, 63u}) Push(1, number);
  Push(2, 9);
  std::uint32_t link = stack_.TakeAll(kStripes + 1);
  for (const std::uint32_t number : {63u, 5u, 0u}) {
    ASSERT_EQ(link, number + 1);
    link = links_[number].load(std::memory_order_relaxed);
  }
  EXPECT_EQ(link, 0u);
  EXPECT_EQ(Elements(), Numbers{9});
  EXPECT_EQ(stack_.TakeAll(1), 0u);
}

// Racing pushes and pops fail and are tried again.
TEST(StripedStackThreadsTest, NoElementIsLostOrDuplicated) {
  constexpr std::uint32_t kThreads = 4, kEach = 20'000;
  StripedStack stack(1);
  ReservedArray<StackLink> links(kThreads * kEach);
  std::vector<std::vector<std::uint32_t>> popped(kThreads);
  std::vector<std::thread> threads;
  for (std::uint32_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (std::uint32_t i = 0; i < kEach; ++i) {
        stack.Push(links.data(), 0, t * kEach + i);
        std::uint64_t tags = 0;
        if (i % 2 == 0) continue;
        const std::uint32_t number = stack.Pop(links.data(), 0, &tags);
        ASSERT_NE(number, kNone) << "each thread has left one at least";
        popped[t].push_back(number);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<bool> seen(std::size_t{kThreads} * kEach);
  std::size_t count = 0;
  const auto see = [&](std::uint32_t number) {
    EXPECT_FALSE(seen.at(number)) << number;
    seen.at(number) = true;
    ++count;
  };
  for (const auto& numbers : popped) {
    for (const std::uint32_t number : numbers) see(number);
  }
  std::uint64_t tags = 0;
  for (;;) {
    const std::uint32_t number = stack.Pop(links.data(), 0, &tags);
    if (number == kNone) break;
    see(number);
  }
  EXPECT_EQ(count, seen.size());
  EXPECT_EQ(tags, seen.size()) << "one for each push";
}

TEST_F(StripedStackTest, ForEachVisitsEveryStripe) {
  for (unsigned stripe = 0; stripe < kStripes; ++stripe) {
    Push(stripe, 10 * stripe);
    Push(stripe, 10 * stripe + 1);
  }
  EXPECT_EQ(Elements(), (Numbers{1, 0, 11, 10, 21, 20, 31, 30}));
}

TEST_F(StripedStackTest, OneStripeIsAPlainStack) {
  StripedStack stack(1);
  ReservedArray<StackLink> links(2);
  stack.Push(links.data(), 123, 0);
  stack.Push(links.data(), 321, 1);
  std::uint64_t tags = 0;
  EXPECT_EQ(stack.Pop(links.data(), 5, &tags), 1u);
  EXPECT_EQ(stack.Pop(links.data(), 6, &tags), 0u);
  EXPECT_EQ(tags, 0u);
  EXPECT_EQ(stack.Pop(links.data(), 7, &tags), kNone);
  EXPECT_EQ(tags, 2u);
}

// A search that returns the given answers, one in each round.
struct Round {
  std::uint64_t found;
  std::uint64_t tags;
};
std::uint64_t Prove(const std::vector<Round>& rounds, std::size_t* used) {
  *used = 0;
  return PopOrProveEmpty([&](std::uint64_t* tags) {
    EXPECT_LT(*used, rounds.size());
    EXPECT_EQ(*tags, 0u) << "each round sums anew";
    *tags += rounds[*used].tags;
    return rounds[(*used)++].found;
  });
}

TEST(PopOrProveEmptyTest, AFoundHandleIsReturnedAtOnce) {
  std::size_t used;
  EXPECT_EQ(Prove({{5, 0}, {7, 0}}, &used), 5u);
  EXPECT_EQ(used, 1u);
}

TEST(PopOrProveEmptyTest, EmptyTwiceUnderTheSameTagsIsEmpty) {
  std::size_t used;
  EXPECT_EQ(Prove({{0, 9}, {0, 9}, {7, 0}}, &used), 0u);
  EXPECT_EQ(used, 2u);
}

TEST(PopOrProveEmptyTest, TagsOfZeroNeedASecondLookToo) {
  std::size_t used;
  EXPECT_EQ(Prove({{0, 0}, {7, 0}}, &used), 7u);
  EXPECT_EQ(Prove({{0, 0}, {0, 0}}, &used), 0u);
  EXPECT_EQ(used, 2u);
}

TEST(PopOrProveEmptyTest, LooksAgainAsLongAsTagsMove) {
  std::size_t used;
  EXPECT_EQ(Prove({{0, 1}, {0, 2}, {0, 3}, {0, 3}}, &used), 0u);
  EXPECT_EQ(used, 4u);
  EXPECT_EQ(Prove({{0, 1}, {0, 2}, {0, 1}, {9, 1}}, &used), 9u);
  EXPECT_EQ(used, 4u);
}

}  // namespace
}  // namespace haft::internal
