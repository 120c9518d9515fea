// The new parts of the proposals do what those do whose place they take.

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <set>
#include <vector>

#include "bench/simulator/library.h"
#include "bench/simulator/proposals/growing_stack.h"
#include "bench/simulator/proposals/quiet_event_count.h"
#include "bench/simulator/proposals/spread_count.h"
#include "bench/simulator/proposals/stashed_index_set.h"
#include "bench/simulator/test_machine.h"

namespace haft::simulator {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr unsigned kCores = 16;

class PartsTest : public ::testing::Test {
 protected:
  PartsTest() : simulation_(TestMachine(), kCores, 0, 1) {
    StartLibrary(simulation_);
    internal::ThreadRegistry::OfThisCopy().Prepare();
  }
  template <typename T, typename... Arguments>
  T& Make(Arguments&&... arguments) {
    return *simulation_.memory().Make<T>(std::forward<Arguments>(arguments)...);
  }

  Simulation simulation_;
};

using SpreadCountTest = PartsTest;

TEST_F(SpreadCountTest, IsTheSumOfWhatAllThreadsAdd) {
  auto& count = Make<internal::SpreadCount>();
  ASSERT_TRUE(count.ok());
  simulation_.Run([&](CoreNumber core) {
    // Half of them have an index.
    if (core % 2 == 0) internal::ThreadRegistry::OfThisCopy().Claim();
    for (int i = 0; i < 10; ++i) count.fetch_add(core, kRelaxed);
    count.fetch_sub(core, kRelaxed);
  });
  EXPECT_EQ(count.load(kRelaxed), 9u * (kCores - 1) * kCores / 2);
}
TEST_F(SpreadCountTest, ThreadsMaySubtractWhatOthersHaveAdded) {
  auto& count = Make<internal::SpreadCount>();
  simulation_.Run([&](CoreNumber core) {
    internal::ThreadRegistry::OfThisCopy().Claim();
    if (core % 2 == 0) count.fetch_add(1, kRelaxed);
    if (core % 2 == 1) count.fetch_sub(1, kRelaxed);
  });
  EXPECT_EQ(count.load(kRelaxed), 0u);
}
TEST_F(SpreadCountTest, IsNeverNegative) {
  auto& count = Make<internal::SpreadCount>();
  count.fetch_sub(1, kRelaxed);
  EXPECT_EQ(count.load(kRelaxed), 0u);
  count.fetch_add(3, kRelaxed);
  EXPECT_EQ(count.load(kRelaxed), 2u);
}
TEST_F(SpreadCountTest, ThreadsDoNotMeet) {
  auto& count = Make<internal::SpreadCount>();
  std::uint64_t before = 0;
  Simulation::Meeting meeting;
  simulation_.Run([&](CoreNumber) {
    internal::ThreadRegistry::OfThisCopy().Claim();
    count.fetch_add(1, kRelaxed);
    simulation_.Meet(&meeting, kCores);
    before = simulation_.directory().traffic().transfers;
    simulation_.Meet(&meeting, kCores);
    for (int i = 0; i < 10; ++i) count.fetch_add(1, kRelaxed);
  });
  EXPECT_EQ(simulation_.directory().traffic().transfers, before);
}

using StashedIndexSetTest = PartsTest;
using Set = internal::StashedIndexSet<64>;

TEST_F(StashedIndexSetTest, ClaimsTheLowestNumbersFirst) {
  auto& set = Make<Set>();
  EXPECT_EQ(set.Claim(), 1u);
  EXPECT_EQ(set.Claim(), 2u);
  EXPECT_EQ(set.Reach(), 2u);
}
TEST_F(StashedIndexSetTest, NumberGoesToTheNextThreadOfTheCpu) {
  auto& set = Make<Set>();
  std::vector<unsigned> numbers(kCores);
  std::uint64_t before = 0;
  Simulation::Meeting meeting;
  simulation_.Run([&](CoreNumber core) {
    numbers[core] = set.Claim();
    set.Release(numbers[core]);
    simulation_.Meet(&meeting, kCores);
    before = simulation_.directory().traffic().transfers;
    simulation_.Meet(&meeting, kCores);
    for (int i = 0; i < 10; ++i) {
      const unsigned number = set.Claim();
      EXPECT_EQ(number, numbers[core]);
      set.Release(number);
    }
  });
  EXPECT_EQ(std::set<unsigned>(numbers.begin(), numbers.end()).size(), kCores);
  // The word with `taken_`, which a Release reads, may have been written last.
  EXPECT_LE(simulation_.directory().traffic().transfers,
            before + std::uint64_t{2} * kCores);
}
TEST_F(StashedIndexSetTest, AllNumbersCanBeTakenAlthoughSomeAreStashed) {
  auto& set = Make<Set>();
  simulation_.Run([&](CoreNumber) { set.Release(set.Claim()); });
  // This thread's own stash is empty.
  std::set<unsigned> numbers;
  for (unsigned i = 0; i < 64; ++i) {
    EXPECT_FALSE(set.IsFull()) << i;
    numbers.insert(set.Claim());
  }
  EXPECT_TRUE(set.IsFull());
  EXPECT_EQ(set.Claim(), 0u);
  EXPECT_EQ(numbers.size(), 64u);
  EXPECT_EQ(numbers.count(0), 0u);
  // Beyond half of them nothing is stashed.
  set.Release(7);
  EXPECT_FALSE(set.IsFull());
  EXPECT_EQ(set.Claim(), 7u);
}
TEST_F(StashedIndexSetTest, ReleaseOthersEmptiesTheStashes) {
  auto& set = Make<Set>();
  simulation_.Run([&](CoreNumber) { set.Release(set.Claim()); });
  set.ReleaseOthers(2);
  EXPECT_EQ(set.Claim(), 1u);
  EXPECT_EQ(set.Claim(), 3u) << "2 was kept";
}
TEST_F(StashedIndexSetTest, NumberOfAFreeOwnerIsNotReleased) {
  auto& set = Make<Set>();
  EXPECT_DEATH(set.Release(5), "released twice");
}

TEST_F(PartsTest, TagsAreHandedOutOnce) {
  auto& tags = Make<internal::SpreadTags>();
  std::set<std::uint64_t> drawn;
  simulation_.Run([&](CoreNumber) {
    for (int i = 0; i < 100; ++i) drawn.insert(tags.fetch_add(1, kRelaxed));
  });
  EXPECT_EQ(drawn.size(), 100u * kCores);
}

using GrowingStackTest = PartsTest;
using internal::GrowingStack;
constexpr std::uint32_t kNone = internal::StripedStack::kNone;

TEST_F(GrowingStackTest, HasAsManyStripesAsCpusAtMost) {
  EXPECT_EQ(GrowingStack::MostFor(16, 1), 16u);
  EXPECT_EQ(GrowingStack::MostFor(16, 16), 16u);
  EXPECT_EQ(GrowingStack::MostFor(16, 17), 32u);
  EXPECT_EQ(GrowingStack::MostFor(16, 256), 256u);
  EXPECT_EQ(GrowingStack::MostFor(16, 1000), 256u);
}

// Each core pushes its own elements and pops as many. Returns the stripes in
// use afterwards.
unsigned StripesAfter(Simulation& simulation, GrowingStack& stack,
                      unsigned threads) {
  constexpr std::uint32_t kEach = 20;
  auto* const links =
      static_cast<internal::PaddedLink*>(simulation.memory().Allocate(
          sizeof(internal::PaddedLink), std::size_t{kCores} * kEach));
  std::multiset<std::uint32_t> popped;
  simulation.Run([&](CoreNumber core) {
    if (core >= threads) return;
    for (std::uint32_t i = 0; i < kEach; ++i)
      stack.Push(links, core, core * kEach + i);
    for (std::uint32_t i = 0; i < kEach; ++i) {
      std::uint64_t tags = 0;
      popped.insert(stack.Pop(links, core, &tags));
    }
  });
  EXPECT_EQ(popped.size(), threads * kEach);
  EXPECT_EQ(popped.count(kNone), 0u);
  for (const std::uint32_t number : popped)
    EXPECT_EQ(popped.count(number), 1u) << number;
  return stack.stripes();
}
TEST_F(GrowingStackTest, ThreadsThatMeetUseMoreStripes) {
  auto& stack = Make<GrowingStack>(1u, 16u);
  EXPECT_GT(StripesAfter(simulation_, stack, kCores), 1u);
  EXPECT_LE(stack.stripes(), 16u);
}
TEST_F(GrowingStackTest, OneThreadUsesAsManyAsBefore) {
  auto& stack = Make<GrowingStack>(1u, 16u);
  EXPECT_EQ(StripesAfter(simulation_, stack, 1), 1u);
}
TEST_F(GrowingStackTest, DoesNotGrowBeyondItsMost) {
  auto& stack = Make<GrowingStack>(2u, 2u);
  EXPECT_EQ(StripesAfter(simulation_, stack, kCores), 2u);
}
TEST_F(GrowingStackTest, GrowthAndPushesChangeTheTagsOfAnEmptyStack) {
  auto& stack = Make<GrowingStack>(1u, 16u);
  auto* const links = static_cast<internal::PaddedLink*>(
      simulation_.memory().Allocate(sizeof(internal::PaddedLink), 1));
  std::uint64_t first = 0;
  EXPECT_EQ(stack.Pop(links, 0, &first), kNone);
  std::uint64_t second = 0;
  EXPECT_EQ(stack.Pop(links, 0, &second), kNone);
  EXPECT_EQ(first, second);
  stack.Push(links, 0, 0);
  std::uint64_t ignored = 0;
  EXPECT_EQ(stack.Pop(links, 0, &ignored), 0u);
  std::uint64_t third = 0;
  EXPECT_EQ(stack.Pop(links, 0, &third), kNone);
  EXPECT_NE(third, second);
}

using QuietEventCountTest = PartsTest;

TEST_F(QuietEventCountTest, NotifyAllWritesNothingIfNobodyWaits) {
  auto& event = Make<internal::QuietEventCount>();
  std::uint64_t before = 0;
  Simulation::Meeting meeting;
  simulation_.Run([&](CoreNumber) {
    event.NotifyAll();
    simulation_.Meet(&meeting, kCores);
    before = simulation_.directory().traffic().transfers;
    simulation_.Meet(&meeting, kCores);
    for (int i = 0; i < 10; ++i) event.NotifyAll();
  });
  EXPECT_EQ(simulation_.directory().traffic().transfers, before);
}
TEST_F(QuietEventCountTest, WaiterIsWoken) {
  for (const bool has_barrier : {true, false}) {
    internal::sync::has_heavy_barrier = has_barrier;
    auto& event = Make<internal::QuietEventCount>();
    auto& condition = Make<internal::sync::Atomic<std::uint64_t>>(0u);
    simulation_.Run([&](CoreNumber core) {
      if (core == 0) {
        EXPECT_TRUE(event.WaitUntil(
            [&] { return condition.load(std::memory_order_acquire) != 0; },
            std::chrono::hours(1)));
      } else if (core == 1) {
        simulation_.Advance(100'000 * kNanosecond);
        condition.store(1, std::memory_order_release);
        event.NotifyAll();
      }
    });
  }
}

}  // namespace
}  // namespace haft::simulator
