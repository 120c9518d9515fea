// Before the header: the backend that checks what is dropped.
#define HAFT_SYNC_BACKEND "tests/support/fault_sync.h"

#include "haft/internal/free_list/collected_handles.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <set>
#include <thread>
#include <vector>

#include "haft/handle.h"
#include "haft/handle_layout.h"
#include "haft/internal/base/sync.h"
#include "haft/internal/thread/thread_registry.h"
#include "tests/support/in_child.h"

namespace haft::internal {
namespace {

Word HandleOf(Word slot) { return DefaultLayout::Make(7, slot); }

std::vector<Word> Shown(const CollectedHandles& collected) {
  std::vector<Word> handles;
  collected.ForEach([&](Word handle) { handles.push_back(handle); });
  return handles;
}

TEST(CollectedHandlesTest, NothingIsStolenWhileNobodyTrims) {
  CollectedHandles collected(64);
  ASSERT_TRUE(collected.ok());
  EXPECT_EQ(collected.Epoch(), 0u);
  EXPECT_EQ(collected.Steal(collected.Epoch()), 0u);
  ASSERT_TRUE(collected.Begin());
  EXPECT_EQ(collected.Steal(collected.Epoch()), 0u);
  collected.End();
  EXPECT_NE(collected.Epoch(), 0u) << "a Trim has begun";
  EXPECT_EQ(collected.Steal(collected.Epoch()), 0u);
}

TEST(CollectedHandlesTest, OneThreadAtATimeTrims) {
  CollectedHandles collected(64);
  ASSERT_TRUE(collected.Begin());
  EXPECT_FALSE(collected.Begin());
  std::thread([&] { EXPECT_FALSE(collected.Begin()); }).join();
  collected.End();
  std::thread([&] {
    EXPECT_TRUE(collected.Begin());
    collected.End();
  }).join();
  EXPECT_TRUE(collected.Begin());
}

TEST(CollectedHandlesTest, EachHandleIsStolenOnce) {
  CollectedHandles collected(64);
  ASSERT_TRUE(collected.Begin());
  std::multiset<Word> put, stolen;
  for (Word slot : {0u, 5u, 6u, 63u}) {
    collected.Put(HandleOf(slot));
    put.insert(HandleOf(slot));
  }
  EXPECT_EQ(collected.end(), 64u);
  EXPECT_EQ(Shown(collected), std::vector<Word>(put.begin(), put.end()));
  while (const Word handle = collected.Steal(collected.Epoch()))
    stolen.insert(handle);
  EXPECT_EQ(stolen, put);
  EXPECT_TRUE(Shown(collected).empty());
  // They are found also before the place of the last one.
  for (const Word last : {63u, 5u}) {
    for (const Word slot : {0u, 2u, 5u, 62u}) {
      collected.Put(HandleOf(last));
      EXPECT_EQ(collected.Steal(collected.Epoch()), HandleOf(last));
      collected.Put(HandleOf(slot));
      EXPECT_EQ(collected.Steal(collected.Epoch()), HandleOf(slot));
    }
  }
}

TEST(CollectedHandlesTest, ReplacedHandlesAreFreeOrClaimedAsBefore) {
  CollectedHandles collected(64);
  ASSERT_TRUE(collected.Begin());
  for (const Word slot : {0u, 5u, 63u}) collected.Put(HandleOf(slot));
  EXPECT_NE(collected.Claim(5), 0u);
  const auto next = [](Word handle) {
    return handle + DefaultLayout::Generation::kOne;
  };
  collected.Replace(next);
  EXPECT_EQ(Shown(collected),
            (std::vector<Word>{next(HandleOf(0)), next(HandleOf(5)),
                               next(HandleOf(63))}));
  EXPECT_EQ(collected.Take(0), next(HandleOf(0)));
  EXPECT_EQ(collected.Take(5), 0u) << "it is claimed";
  EXPECT_EQ(collected.Claimed(5), next(HandleOf(5)));
  EXPECT_EQ(collected.Take(63), next(HandleOf(63)));
  EXPECT_EQ(collected.Take(62), 0u);
}

TEST(CollectedHandlesTest, EndLeavesEachWordZero) {
  // Of these the last page is full, and not full.
  for (const Word last : {4095u, 4090u}) {
    CollectedHandles collected(4096);
    ASSERT_TRUE(collected.Begin());
    for (const Word slot : {Word{0}, Word{600}, Word{2000}, last})
      collected.Put(HandleOf(slot));
    collected.End();
    EXPECT_TRUE(Shown(collected).empty());
  }
}

TEST(CollectedHandlesTest, ClaimedHandleIsOutOfReachUntilUnclaimed) {
  CollectedHandles collected(64);
  ASSERT_TRUE(collected.Begin());
  collected.Put(HandleOf(3));
  EXPECT_EQ(collected.Claim(2), 0u);
  EXPECT_EQ(collected.Claim(3), HandleOf(3));
  EXPECT_EQ(collected.Claim(3), 0u);
  EXPECT_EQ(collected.Claimed(3), HandleOf(3));
  EXPECT_EQ(collected.Take(3), 0u);
  EXPECT_EQ(collected.Steal(collected.Epoch()), 0u);
  EXPECT_EQ(Shown(collected), std::vector<Word>{HandleOf(3)});
  collected.Unclaim(3);
  collected.Unclaim(2);
  EXPECT_EQ(collected.Take(2), 0u);
  EXPECT_EQ(collected.Take(3), HandleOf(3));
  EXPECT_EQ(collected.Take(3), 0u);
}

TEST(CollectedHandlesTest, EpochTellsThatAHandleWasAdded) {
  CollectedHandles collected(64);
  std::set<std::uint64_t> epochs{collected.Epoch()};
  const auto is_new = [&] { return epochs.insert(collected.Epoch()).second; };
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(collected.Begin());
    EXPECT_TRUE(is_new());
    collected.Put(HandleOf(1));
    EXPECT_TRUE(is_new());
    EXPECT_NE(collected.Claim(1), 0u);
    EXPECT_FALSE(is_new());
    collected.Unclaim(1);
    EXPECT_TRUE(is_new());
    EXPECT_NE(collected.Take(1), 0u);
    EXPECT_FALSE(is_new());
    collected.End();
    EXPECT_TRUE(is_new());
  }
}

// The child's first Trim goes on with what the parent's thread had collected.
TEST(CollectedHandlesTest, ChildOfAForkTakesOverFromAnAbsentTrimmer) {
  ThreadRegistry::OfThisCopy().Prepare();
  CollectedHandles collected(64);
  std::thread([&] {
    ThreadRegistry::OfThisCopy().Claim();
    ASSERT_TRUE(collected.Begin());
    collected.Put(HandleOf(3));
    collected.Put(HandleOf(4));
    collected.Put(HandleOf(0));
    ASSERT_NE(collected.Claim(4), 0u);
    ASSERT_NE(collected.Claim(0), 0u);
  }).join();
  EXPECT_FALSE(collected.Begin()) << "not absent in the parent";
  testing::InChild([&] {
    ThreadRegistry::OfThisCopy().Claim();
    EXPECT_EQ(collected.Steal(collected.Epoch()), HandleOf(3));
    EXPECT_EQ(collected.Steal(collected.Epoch()), 0u) << "claimed";
    EXPECT_TRUE(collected.Begin());
    EXPECT_EQ(collected.Steal(collected.Epoch()), HandleOf(4));
    EXPECT_EQ(collected.Steal(collected.Epoch()), HandleOf(0));
    EXPECT_FALSE(collected.Begin()) << "this process's thread trims now";
    collected.End();
    EXPECT_TRUE(collected.Begin());
  });
  EXPECT_FALSE(collected.Begin());
}

// Neither the trimmer nor the thread that forks has called anything before.
TEST(CollectedHandlesTest, ChildTakesOverFromAThreadInItsFirstCall) {
  ThreadRegistry::OfThisCopy().Prepare();
  CollectedHandles collected(64);
  std::thread([&] { ASSERT_TRUE(collected.Begin()); }).join();
  std::thread([&] {
    testing::InChild([&] {
      const std::uint64_t epoch = collected.Epoch();
      EXPECT_TRUE(collected.Begin());
      EXPECT_NE(collected.Epoch(), epoch);
    });
  }).join();
}

// A thread that forks in a signal handler, inside its Trim, goes on in both
// processes.
// Nobody is the trimmer, whatever the tag of the thread that forks.
TEST(CollectedHandlesTest, ChildOfTheFirstThreadTrims) {
  ThreadRegistry::OfThisCopy().Prepare();
  CollectedHandles fresh(64), used(64);
  ASSERT_TRUE(used.Begin());
  used.End();
  testing::InChild([&] {
    sync::ThisThread().tag = 1;
    testing::InChild([&] {
      EXPECT_TRUE(fresh.Begin());
      EXPECT_TRUE(used.Begin());
    });
  });
}

TEST(CollectedHandlesTest, ChildDoesNotTakeOverFromTheThreadThatForks) {
  ThreadRegistry::OfThisCopy().Prepare();
  ThreadRegistry::OfThisCopy().Claim();
  CollectedHandles collected(64);
  ASSERT_TRUE(collected.Begin());
  testing::InChild([&] {
    EXPECT_FALSE(collected.Begin());
    collected.End();
    EXPECT_TRUE(collected.Begin());
  });
  EXPECT_FALSE(collected.Begin());
}

}  // namespace
}  // namespace haft::internal
