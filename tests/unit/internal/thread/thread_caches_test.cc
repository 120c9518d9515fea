#include "haft/internal/thread/thread_caches.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <cstdint>
#include <thread>
#include <type_traits>
#include <vector>

#include "haft/internal/base/sync.h"
#include "haft/internal/thread/thread_registry.h"
#include "tests/support/testing.h"

namespace haft::internal {
namespace {

struct Cache {
  std::uint64_t note;
};
using Caches = ThreadCaches<Cache>;

template <typename Thread>
constexpr bool kIsOwner = std::remove_reference_t<Thread>::kHasCache;

// Returns whether the calling thread can enter its entry of `caches` now.
bool Enters(Caches& caches) {
  return caches.With([](auto& thread) {
    thread.CountCreated(0);
    return kIsOwner<decltype(thread)>;
  });
}

// Calls f(owner) and expects that the caller owns its cache, so that the tests'
// lambdas need not serve uncached callers.
template <typename F>
void WithOwner(Caches& caches, F f) {
  const bool entered = caches.With([&](auto& thread) {
    if constexpr (kIsOwner<decltype(thread)>) f(thread);
    thread.CountDeleted(0);
    return kIsOwner<decltype(thread)>;
  });
  EXPECT_TRUE(entered);
}

void CountCreated(Caches& caches, std::uint64_t n) {
  caches.With([=](auto& thread) { thread.CountCreated(n); });
}
void CountDeleted(Caches& caches, std::uint64_t n) {
  caches.With([=](auto& thread) { thread.CountDeleted(n); });
}

// Makes the calling thread one that cannot have an index any more.
void EndIndex() {
  sync::ThisThread().exited.store(true, std::memory_order_relaxed);
}

TEST(ThreadCachesTest, NewEntryIsAllZero) {
  Caches caches;
  ASSERT_TRUE(caches.ok());
  WithOwner(caches, [](auto& owner) {
    EXPECT_EQ(owner.level(), 0u);
    EXPECT_EQ(owner.cache().note, 0u);
  });
  EXPECT_EQ(caches.created(), 0u);
  EXPECT_EQ(caches.deleted(), 0u);
}

TEST(ThreadCachesTest, PrepareGivesTheCallingThreadItsNumbers) {
  Caches caches;
  std::thread([&] {
    EXPECT_EQ(ThreadRegistry::OfThisCopy().CacheHere(), 0u);
    EXPECT_TRUE(caches.Prepare());
    EXPECT_NE(ThreadRegistry::OfThisCopy().CacheHere(), 0u);
  }).join();
}

TEST(ThreadCachesTest, EntryKeepsItsLevelAndCacheBetweenCalls) {
  Caches caches;
  WithOwner(caches, [](auto& owner) {
    owner.set_level(7);
    owner.RaiseLevel();
    owner.cache().note = 42;
  });
  WithOwner(caches, [](auto& owner) {
    EXPECT_EQ(owner.level(), 8u);
    owner.LowerLevel();
  });
  WithOwner(caches, [](auto& owner) {
    EXPECT_EQ(owner.level(), 7u);
    EXPECT_EQ(owner.cache().note, 42u);
  });
}

TEST(ThreadCachesTest, ResultIsHandedThrough) {
  Caches caches;
  EXPECT_EQ(caches.With([](auto&) { return 17; }), 17);
}

TEST(ThreadCachesTest, OtherWayIsTakenWhereTheEntryCannotBeHad) {
  Caches caches;
  const auto enter = [&] {
    return caches.WithOr(
        [](auto& owner) {
          owner.CountCreated(1);
          return 17;
        },
        [] { return 0; });
  };
  std::thread([&] {
    EXPECT_EQ(enter(), 0) << "a thread's first call";
    EXPECT_TRUE(Enters(caches));
    EXPECT_EQ(enter(), 17);
    WithOwner(caches, [&](auto&) { EXPECT_EQ(enter(), 0) << "inside"; });
    EXPECT_EQ(enter(), 17);
  }).join();
  EXPECT_EQ(caches.created(), 2u);
}

TEST(ThreadCachesTest, CallsThatCountNothingLeaveNoTrace) {
  Caches caches;
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(Enters(caches));
    WithOwner(caches, [](auto&) {});
  }
  EXPECT_EQ(caches.created(), 0u);
  EXPECT_EQ(caches.deleted(), 0u);
}

TEST(ThreadCachesTest, LevelAndCountersDoNotTouchEachOther) {
  Caches caches;
  std::uint64_t created = 0, deleted = 0;
  for (unsigned level :
       {0u, 1u, 127u, 128u, Caches::kMaxLevel - 1, Caches::kMaxLevel}) {
    WithOwner(caches, [=](auto& owner) {
      owner.set_level(level);
      EXPECT_EQ(owner.level(), level);
    });
    for (unsigned n : {1u, 2u, 1000u}) {
      CountCreated(caches, n);
      created += n;
      EXPECT_EQ(caches.created(), created);
      CountDeleted(caches, n);
      deleted += n;
      EXPECT_EQ(caches.deleted(), deleted);
      EXPECT_EQ(caches.created(), created);
    }
    WithOwner(caches, [=](auto& owner) { EXPECT_EQ(owner.level(), level); });
  }
}

TEST(ThreadCachesTest, LevelMovesWhileTheCallCounts) {
  Caches caches;
  caches.With([](auto& thread) {
    if constexpr (kIsOwner<decltype(thread)>) {
      thread.set_level(Caches::kMaxLevel - 1);
      thread.RaiseLevel();
      thread.CountCreated(7);
      EXPECT_EQ(thread.level(), Caches::kMaxLevel);
    }
  });
  caches.With([](auto& thread) {
    if constexpr (kIsOwner<decltype(thread)>) {
      thread.CountCreated(1);
      for (unsigned i = 0; i < Caches::kMaxLevel; ++i) thread.LowerLevel();
      EXPECT_EQ(thread.level(), 0u);
    }
  });
  WithOwner(caches, [](auto& owner) { EXPECT_EQ(owner.level(), 0u); });
  EXPECT_EQ(caches.created(), 8u);
}

TEST(ThreadCachesTest, CallInsideACallIsUncached) {
  Caches caches;
  WithOwner(caches, [&](auto&) { EXPECT_FALSE(Enters(caches)); });
  EXPECT_TRUE(Enters(caches));
}

TEST(ThreadCachesTest, CallInsideACallOfAnotherTableIsNot) {
  Caches caches, others;
  WithOwner(caches, [&](auto&) { EXPECT_TRUE(Enters(others)); });
}

TEST(ThreadCachesTest, CallsInsideACallLoseNoCount) {
  Caches caches;
  caches.With([&](auto& thread) {
    CountCreated(caches, 10);
    thread.CountCreated(5);
    CountDeleted(caches, 3);
    CountCreated(caches, 100);
  });
  EXPECT_EQ(caches.created(), 115u);
  EXPECT_EQ(caches.deleted(), 3u);
}

TEST(ThreadCachesTest, CallsInsideACallLeaveTheLevel) {
  Caches caches;
  WithOwner(caches, [&](auto& owner) {
    owner.set_level(5);
    CountCreated(caches, 1);
    EXPECT_EQ(owner.level(), 5u);
  });
  WithOwner(caches, [](auto& owner) { EXPECT_EQ(owner.level(), 5u); });
}

TEST(ThreadCachesTest, EachThreadHasItsOwnEntry) {
  Caches caches;
  WithOwner(caches, [](auto& owner) {
    owner.set_level(1);
    owner.cache().note = 1;
  });
  std::thread([&] {
    WithOwner(caches, [](auto& owner) {
      EXPECT_EQ(owner.level(), 0u);
      EXPECT_EQ(owner.cache().note, 0u);
      owner.set_level(2);
    });
  }).join();
  WithOwner(caches, [](auto& owner) {
    EXPECT_EQ(owner.level(), 1u);
    EXPECT_EQ(owner.cache().note, 1u);
  });
}

TEST(ThreadCachesTest, NextThreadInheritsLevelCacheAndCounters) {
  Caches caches;
  (void)Enters(caches);
  for (unsigned i = 0; i < 50; ++i) {
    std::thread([&, i] {
      WithOwner(caches, [=](auto& owner) {
        EXPECT_EQ(owner.level(), i);
        EXPECT_EQ(owner.cache().note, i);
        owner.RaiseLevel();
        ++owner.cache().note;
      });
      CountCreated(caches, 2);
      CountDeleted(caches, 1);
    }).join();
  }
  EXPECT_EQ(caches.created(), 100u);
  EXPECT_EQ(caches.deleted(), 50u);
}

TEST(ThreadCachesTest, ThreadAfterItsExitHookIsUncachedAndCounted) {
  Caches caches;
  std::thread([&] {
    EndIndex();
    EXPECT_FALSE(Enters(caches));
    CountCreated(caches, 5);
    CountDeleted(caches, 3);
  }).join();
  EXPECT_EQ(caches.created(), 5u);
  EXPECT_EQ(caches.deleted(), 3u);
  caches.ForEach([](const Cache&, unsigned level) { EXPECT_EQ(level, 0u); });
}

TEST(ThreadCachesTest, ThreadLocalDestructorEntersTheSameEntry) {
  static Caches caches;
  std::thread([] {
    struct Local {
      ~Local() {
        WithOwner(caches, [](auto& owner) { EXPECT_EQ(owner.level(), 9u); });
      }
    };
    static thread_local Local local;
    (void)&local;
    WithOwner(caches, [](auto& owner) { owner.set_level(9); });
  }).join();
}

TEST(ThreadCachesTest, ForEachVisitsEveryEntryOnce) {
  Caches caches;
  WithOwner(caches, [](auto& owner) { owner.set_level(3); });
  std::thread([&] {
    WithOwner(caches, [](auto& owner) { owner.set_level(4); });
  }).join();
  unsigned visits = 0, levels = 0;
  caches.ForEach([&](const Cache&, unsigned level) {
    ++visits;
    levels += level;
  });
  EXPECT_EQ(visits, sync::kMaxCaches);
  EXPECT_EQ(levels, 7u);
}

TEST(ThreadCachesTest, UncountCreatedTakesBackOne) {
  for (const bool is_uncached : {false, true}) {
    Caches caches;
    std::thread([&] {
      if (is_uncached) EndIndex();
      caches.With([](auto& thread) {
        thread.CountCreated(3);
        thread.UncountCreated();
      });
    }).join();
    EXPECT_EQ(caches.created(), 2u);
    EXPECT_EQ(caches.deleted(), 0u);
  }
}

// What is counted and what is taken back are seen at different times.
TEST(ThreadCachesTest, CreatedIsNeverBelowZero) {
  Caches caches;
  WithOwner(caches, [&](auto& owner) {
    owner.CountCreated(1);
    owner.UncountCreated();
    EXPECT_EQ(caches.created(), 0u);
  });
  EXPECT_EQ(caches.created(), 0u);
}

TEST(ThreadCachesTest, EntriesAreBusyWhileTheirThreadsAreInside) {
  Caches caches;
  EXPECT_EQ(caches.busy(), 0u);
  WithOwner(caches, [&](auto&) {
    EXPECT_EQ(caches.busy(), 1u);
    std::thread([&] {
      WithOwner(caches, [&](auto&) { EXPECT_EQ(caches.busy(), 2u); });
    }).join();
  });
  EXPECT_EQ(caches.busy(), 0u);
}

TEST(ThreadCachesTest, ForEachIdlePassesOverBusyEntries) {
  Caches caches;
  WithOwner(caches, [](auto& owner) { owner.set_level(3); });
  std::thread([&] {
    WithOwner(caches, [](auto& owner) { owner.set_level(4); });
  }).join();
  unsigned visits = 0, levels = 0;
  const auto visit = [&] {
    visits = levels = 0;
    caches.ForEachIdle([&](const Cache&, unsigned level) {
      ++visits;
      levels += level;
    });
  };
  const unsigned reach = ThreadRegistry::OfThisCopy().CacheReach();
  visit();
  EXPECT_EQ(visits, reach);
  EXPECT_EQ(levels, 7u);
  WithOwner(caches, [&](auto&) { visit(); });
  EXPECT_EQ(visits, reach - 1);
  EXPECT_EQ(levels, 4u);
}

// All caches are in use at the same time.
TEST(ThreadCachesTest, EachOfTheEntriesIsCounted) {
  // A 32-bit process has no room for so many stacks of the usual size.
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 1 << 20);
  pthread_setattr_default_np(&attributes);
  pthread_attr_destroy(&attributes);
  Caches caches;
  ASSERT_TRUE(Enters(caches));
  constexpr unsigned kOthers = sync::kMaxCaches - 1;
  testing::Barrier inside(kOthers + 1), looked_at(kOthers + 1);
  std::thread others([&] {
    testing::RunThreads(kOthers, [&](unsigned) {
      WithOwner(caches, [&](auto& owner) {
        owner.CountCreated(3);
        owner.CountDeleted(2);
        inside.Wait();
        looked_at.Wait();
      });
    });
  });
  inside.Wait();
  EXPECT_EQ(caches.busy(), kOthers);
  WithOwner(caches, [&](auto&) { EXPECT_EQ(caches.busy(), sync::kMaxCaches); });
  looked_at.Wait();
  others.join();
  EXPECT_EQ(caches.busy(), 0u);
  EXPECT_EQ(caches.created(), 3 * kOthers);
  EXPECT_EQ(caches.deleted(), 2 * kOthers);
}

TEST(ThreadCachesTest, CountersOfRacingThreadsAreExact) {
  Caches caches;
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      if (t == 3) EndIndex();
      for (int i = 0; i < 20000; ++i) {
        CountCreated(caches, 2);
        CountDeleted(caches, 1);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(caches.created(), 160000u);
  EXPECT_EQ(caches.deleted(), 80000u);
}

TEST(ThreadCachesTest, EntriesShareNoCacheLine) {
  Caches caches;
  const Cache* last = nullptr;
  caches.ForEach([&](const Cache& cache, unsigned) {
    if (last != nullptr) {
      EXPECT_GE(reinterpret_cast<std::uintptr_t>(&cache),
                reinterpret_cast<std::uintptr_t>(last) + 128);
    }
    last = &cache;
  });
}

}  // namespace
}  // namespace haft::internal
