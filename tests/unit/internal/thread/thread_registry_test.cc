// Before the header: the backend whose exit hooks can fail.
#define HAFT_SYNC_BACKEND "tests/support/fault_sync.h"

#include "haft/internal/thread/thread_registry.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <thread>
#include <type_traits>
#include <vector>

#include "haft/handle_table.h"
#include "haft/internal/base/sync.h"
#include "haft/internal/thread/thread_caches.h"
#include "tests/support/in_child.h"
#include "tests/support/testing.h"

#ifdef __has_feature
#define HAS_FEATURE(feature) __has_feature(feature)
#else
#define HAS_FEATURE(feature) 0
#endif

namespace haft::internal {
namespace {

#if defined(__SANITIZE_THREAD__) || HAS_FEATURE(thread_sanitizer)
constexpr bool kUnderThreadSanitizer = true;
#else
constexpr bool kUnderThreadSanitizer = false;
#endif

using haft::testing::ExpectConservation;

unsigned Index() {
  return sync::ThisThread().index.load(std::memory_order_relaxed);
}
unsigned CacheNumber() {
  return sync::ThisThread().cache.load(std::memory_order_relaxed);
}
unsigned ClaimedIndex() {
  ThreadRegistry::OfThisCopy().Claim();
  if (Index() != 0) {
    EXPECT_NE(sync::ThisThread().tag, 0u) << "as if it had none";
  }
  return Index();
}
unsigned IndexOfNewThread() {
  unsigned index = 0;
  std::thread([&] { index = ClaimedIndex(); }).join();
  return index;
}

class ThreadRegistryTest : public ::testing::Test {
 protected:
  ThreadRegistryTest() { ThreadRegistry::OfThisCopy().Prepare(); }
};

constexpr unsigned kMost = 512;
using IndexSet = ThreadIndexSet<kMost>;

TEST(ThreadIndexSetTest, ReachIsTheHighestEverClaimed) {
  IndexSet indices;
  EXPECT_EQ(indices.Reach(), 0u);
  EXPECT_EQ(indices.Claim(), 1u);
  EXPECT_EQ(indices.Claim(), 2u);
  EXPECT_EQ(indices.Reach(), 2u);
  indices.Release(2);
  indices.Release(1);
  EXPECT_EQ(indices.Claim(), 1u);
  EXPECT_EQ(indices.Reach(), 2u);
}

TEST(ThreadIndexSetTest, ClaimIsDenseFromOne) {
  IndexSet set;
  for (unsigned i = 1; i <= kMost; ++i) ASSERT_EQ(set.Claim(), i);
}

TEST(ThreadIndexSetTest, ClaimBeyondTheLastIsRefused) {
  IndexSet set;
  for (unsigned i = 1; i <= kMost; ++i) (void)set.Claim();
  EXPECT_EQ(set.Claim(), 0u);
  EXPECT_EQ(set.Claim(), 0u);
  set.Release(kMost);
  EXPECT_EQ(set.Claim(), kMost);
  EXPECT_EQ(set.Claim(), 0u);
}

TEST(ThreadIndexSetTest, LowestReleasedIsClaimedFirst) {
  IndexSet set;
  for (unsigned i = 1; i <= kMost; ++i) (void)set.Claim();
  for (unsigned i : {300u, 64u, 65u, 1u, 512u, 128u}) set.Release(i);
  for (unsigned i : {1u, 64u, 65u, 128u, 300u, 512u}) EXPECT_EQ(set.Claim(), i);
  EXPECT_EQ(set.Claim(), 0u);
}

TEST(ThreadIndexSetTest, ClaimsOfRacingThreadsDiffer) {
  IndexSet set;
  // It is plain on purpose, because only the set's own ordering hands an
  // element over.
  std::vector<unsigned> owners(kMost + 1);
  std::vector<std::thread> threads;
  for (unsigned t = 1; t <= 4; ++t) {
    threads.emplace_back([&, t] {
      for (int round = 0; round < 20000; ++round) {
        unsigned mine[3];
        for (unsigned& index : mine) {
          index = set.Claim();
          ASSERT_NE(index, 0u);
          ASSERT_EQ(owners[index], 0u) << "two owners";
          owners[index] = t;
        }
        for (unsigned index : mine) {
          ASSERT_EQ(owners[index], t);
          owners[index] = 0;
          set.Release(index);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(set.Claim(), 1u);
}

TEST(ThreadIndexSetTest, ReleaseOthersKeepsOne) {
  for (unsigned kept : {0u, 1u, 64u, 65u, kMost}) {
    IndexSet set;
    for (unsigned i = 1; i <= kMost; ++i) (void)set.Claim();
    set.ReleaseOthers(kept);
    EXPECT_EQ(set.Reach(), kMost);
    for (unsigned i = 1; i <= kMost; ++i) {
      if (i == kept) continue;
      ASSERT_FALSE(set.IsFull());
      ASSERT_EQ(set.Claim(), i);
    }
    EXPECT_EQ(set.Claim(), 0u);
    EXPECT_TRUE(set.IsFull());
  }
}

TEST(ThreadIndexSetTest, IsFullWhileAllAreTaken) {
  IndexSet set;
  for (unsigned i = 1; i <= kMost; ++i) {
    ASSERT_FALSE(set.IsFull());
    (void)set.Claim();
  }
  for (const unsigned released : {1u, kMost}) {
    EXPECT_TRUE(set.IsFull());
    set.Release(released);
    EXPECT_FALSE(set.IsFull());
    EXPECT_EQ(set.Claim(), released);
  }
  EXPECT_TRUE(set.IsFull());
}

TEST(ThreadIndexSetDeathTest, SecondReleaseDies) {
  IndexSet set;
  const unsigned index = set.Claim();
  set.Release(index);
  EXPECT_DEATH(set.Release(index), "a thread's number was released twice");
}

TEST_F(ThreadRegistryTest, ThreadKeepsItsIndex) {
  const unsigned mine = ClaimedIndex();
  EXPECT_NE(mine, 0u);
  (void)IndexOfNewThread();
  EXPECT_EQ(ClaimedIndex(), mine);
}

// A table asks only the copy that made it, unless it finds its registry here.
TEST_F(ThreadRegistryTest, ThreadWithAnIndexNamesItsRegistry) {
  std::thread([] {
    EXPECT_NE(ClaimedIndex(), 0u);
    EXPECT_EQ(sync::ThisThread().registry, &ThreadRegistry::OfThisCopy());
  }).join();
}

TEST(ThreadRegistryDeathTest, NumbersOfAnotherRegistryAreNotUsed) {
  EXPECT_DEATH(
      {
        int other;
        sync::ThisThread().registry = &other;
        (void)ThreadRegistry::OfThisCopy().ThisThread();
      },
      "two copies of Haft share the numbers of their threads");
}

TEST_F(ThreadRegistryTest, ThreadThatHasBothNumbersClaimsNoMore) {
  const ThreadRegistry& registry = ThreadRegistry::OfThisCopy();
  (void)ClaimedIndex();
  // With these threads the next number is one that nobody has had.
  constexpr unsigned kThreads = 20;
  testing::Barrier all_claimed(kThreads + 1), end(kThreads + 1);
  std::thread others([&] {
    testing::RunThreads(kThreads, [&](unsigned) {
      (void)ClaimedIndex();
      all_claimed.Wait();
      end.Wait();
    });
  });
  all_claimed.Wait();
  const unsigned reach = registry.Reach(), cache_reach = registry.CacheReach();
  for (int i = 0; i < 3; ++i) (void)ClaimedIndex();
  EXPECT_EQ(registry.Reach(), reach);
  EXPECT_EQ(registry.CacheReach(), cache_reach);
  end.Wait();
  others.join();
}

TEST_F(ThreadRegistryTest, ThreadGetsNoNumbersIfItsExitHookCannotBeArranged) {
  std::thread([] {
    testing::hooks.FailAll();
    EXPECT_EQ(ClaimedIndex(), 0u);
    EXPECT_EQ(CacheNumber(), 0u);
    testing::hooks.Stop();
    EXPECT_NE(ClaimedIndex(), 0u);
    EXPECT_NE(CacheNumber(), 0u);
  }).join();
}

TEST_F(ThreadRegistryTest, OwnersOfOneIndexHaveDifferentTags) {
  (void)ClaimedIndex();
  std::set<std::uint64_t> tags;
  for (std::size_t i = 1; i <= 3; ++i) {
    std::thread([&] {
      (void)ClaimedIndex();
      tags.insert(sync::ThisThread().tag);
    }).join();
    EXPECT_EQ(tags.size(), i);
  }
}

TEST_F(ThreadRegistryTest, ThreadWithoutAClaimHasNone) {
  std::thread([] { EXPECT_EQ(Index(), 0u); }).join();
}

TEST_F(ThreadRegistryTest, IndexAndCacheAreThoseOfTheThread) {
  const ThreadRegistry& registry = ThreadRegistry::OfThisCopy();
  std::thread([&] {
    EXPECT_EQ(registry.IndexHere(), 0u);
    EXPECT_EQ(registry.CacheHere(), 0u);
    const unsigned mine = ClaimedIndex();
    EXPECT_EQ(registry.IndexHere(), mine);
    EXPECT_EQ(registry.CacheHere(), CacheNumber());
  }).join();
  std::thread([&] {
    sync::ThisThread().exited.store(true, std::memory_order_relaxed);
    {
      const ThreadRegistry::Loan lent(ThreadRegistry::OfThisCopy());
      EXPECT_EQ(registry.IndexHere(), lent.index());
      EXPECT_EQ(registry.CacheHere(), 0u);
    }
    EXPECT_EQ(registry.IndexHere(), 0u);
  }).join();
}

// A single thread takes all of them, in a process of its own.
TEST_F(ThreadRegistryTest, ThreadBeyondTheLastIndexHasNone) {
  testing::InChild([] {
    sync::ThreadState& thread = sync::ThisThread();
    do {
      thread.index.store(0, std::memory_order_relaxed);
      thread.registry = nullptr;
    } while (ClaimedIndex() != 0);
    EXPECT_EQ(ThreadRegistry::OfThisCopy().Reach(), sync::kMaxThreads);
    EXPECT_EQ(thread.registry, nullptr);
    EXPECT_EQ(ThreadRegistry::OfThisCopy().IndexHere(), 0u);
    EXPECT_EQ(ThreadRegistry::OfThisCopy().Borrow(), 0u);
    EXPECT_EQ(thread.loans, 0u);
    ThreadRegistry::OfThisCopy().Return();
  });
}

TEST_F(ThreadRegistryTest, NextThreadInheritsTheIndex) {
  const unsigned mine = ClaimedIndex();
  const unsigned first = IndexOfNewThread();
  EXPECT_NE(first, 0u);
  EXPECT_NE(first, mine);
  for (int i = 0; i < 100; ++i) ASSERT_EQ(IndexOfNewThread(), first);
}

TEST_F(ThreadRegistryTest, ThreadsAliveAtOnceGetTheLowestIndices) {
  const unsigned mine = ClaimedIndex();
  constexpr unsigned kThreads = 20;
  pthread_barrier_t all_claimed;
  pthread_barrier_init(&all_claimed, nullptr, kThreads);
  std::vector<unsigned> indices(kThreads);
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      indices[t] = ClaimedIndex();
      pthread_barrier_wait(&all_claimed);
    });
  }
  for (std::thread& thread : threads) thread.join();
  pthread_barrier_destroy(&all_claimed);
  indices.push_back(mine);
  const std::set<unsigned> distinct(indices.begin(), indices.end());
  EXPECT_EQ(distinct.size(), kThreads + 1);
  EXPECT_EQ(*distinct.rbegin(), kThreads + 1);
}

// Runs `before`, `at_exit` in a destructor of a thread_local variable, and
// `late` in a destructor of a thread-specific key that comes after the
// registry's own hook.
class ExitingThread {
 public:
  using Step = void (*)(ExitingThread*);

  explicit ExitingThread(HandleTable<Word>* table) : table(table) {
    ThreadRegistry::OfThisCopy().Prepare();
    // The registry's key is older, and the destructors of keys run in that
    // order.
    pthread_key_create(&late_key_, [](void* self) {
      static_cast<ExitingThread*>(self)->late_(
          static_cast<ExitingThread*>(self));
    });
  }
  ~ExitingThread() { pthread_key_delete(late_key_); }

  void Run(Step before, Step at_exit, Step late) {
    at_exit_ = at_exit;
    late_ = late;
    std::thread([this, before] {
      struct Local {
        ~Local() { self->at_exit_(self); }
        ExitingThread* self = nullptr;
      };
      static thread_local Local local;
      local.self = this;
      pthread_setspecific(late_key_, this);
      before(this);
    }).join();
  }

  HandleTable<Word>* const table;
  std::vector<Handle> handles;
  int rounds_left = 0;

  void RunLateAgain() { pthread_setspecific(late_key_, this); }

 private:
  pthread_key_t late_key_;
  Step at_exit_ = nullptr;
  Step late_ = nullptr;
};

void Nothing(ExitingThread*) {}
void UseTable(ExitingThread* thread) {
  HandleTable<Word>& table = *thread->table;
  const Handle kept = table.New(1);
  const Handle deleted = table.New(2);
  EXPECT_EQ(table.Value(kept), Word{1});
  EXPECT_EQ(table.Delete(deleted), Word{2});
  EXPECT_EQ(table.Check(deleted), Status::kStale);
  thread->handles.push_back(kept);
}

void ExpectUsableDuring(ExitingThread::Step before, ExitingThread::Step at_exit,
                        ExitingThread::Step late, std::size_t uses) {
  HandleTable<Word> table(100);
  ExitingThread thread(&table);
  (void)ClaimedIndex();
  const unsigned next = IndexOfNewThread();
  for (int i = 0; i < 10; ++i) thread.Run(before, at_exit, late);
  EXPECT_EQ(IndexOfNewThread(), next) << "an index has leaked";
  EXPECT_EQ(thread.handles.size(), 10 * uses);
  for (Handle handle : thread.handles) EXPECT_EQ(table.Delete(handle), Word{1});
  ExpectConservation(table);
}

TEST_F(ThreadRegistryTest, TableWorksInThreadLocalDestructors) {
  ExpectUsableDuring(&UseTable, &UseTable, &Nothing, 2);
}
TEST_F(ThreadRegistryTest, FirstUseMayBeInAThreadLocalDestructor) {
  ExpectUsableDuring(&Nothing, &UseTable, &Nothing, 1);
}
TEST_F(ThreadRegistryTest, TableWorksAfterTheExitHook) {
  ExpectUsableDuring(&UseTable, &UseTable, &UseTable, 3);
}
TEST_F(ThreadRegistryTest, FirstUseMayBeInAKeyDestructor) {
  ExpectUsableDuring(&Nothing, &Nothing, &UseTable, 1);
}

TEST_F(ThreadRegistryTest, ThreadTakesNoIndexAfterItsExitHook) {
  HandleTable<Word> table(100);
  ExitingThread thread(&table);
  thread.Run(
      [](ExitingThread* self) {
        UseTable(self);
        EXPECT_NE(Index(), 0u);
      },
      [](ExitingThread*) { EXPECT_NE(Index(), 0u); },
      [](ExitingThread* self) {
        EXPECT_EQ(Index(), 0u);
        EXPECT_EQ(CacheNumber(), 0u);
        UseTable(self);
        EXPECT_EQ(Index(), 0u);
        EXPECT_EQ(CacheNumber(), 0u);
      });
}

TEST_F(ThreadRegistryTest, ThreadBorrowsAnIndexAfterItsExitHook) {
  std::thread([] {
    ThreadRegistry::OfThisCopy().Claim();
    const unsigned mine = Index();
    {
      const ThreadRegistry::Loan none(ThreadRegistry::OfThisCopy());
      EXPECT_EQ(none.index(), mine);
    }
    EXPECT_EQ(Index(), mine) << "it is the thread's own";
    EXPECT_EQ(sync::ThisThread().loans, 0u);
  }).join();
  std::thread([] {
    unsigned mine;
    {
      const ThreadRegistry::Loan none(ThreadRegistry::OfThisCopy());
      mine = none.index();
      EXPECT_NE(mine, 0u);
    }
    EXPECT_EQ(Index(), mine) << "it has claimed its own";
  }).join();
  std::thread([] {
    sync::ThisThread().exited.store(true, std::memory_order_relaxed);
    EXPECT_EQ(ClaimedIndex(), 0u);
    {
      const ThreadRegistry::Loan outer(ThreadRegistry::OfThisCopy());
      EXPECT_NE(outer.index(), 0u);
      EXPECT_EQ(Index(), outer.index());
      const auto tag = sync::ThisThread().tag;
      std::thread([&] {
        sync::ThisThread().exited.store(true, std::memory_order_relaxed);
        const ThreadRegistry::Loan other(ThreadRegistry::OfThisCopy());
        EXPECT_NE(other.index(), outer.index());
        EXPECT_NE(sync::ThisThread().tag, tag);
      }).join();
      {
        const ThreadRegistry::Loan inner(ThreadRegistry::OfThisCopy());
        EXPECT_EQ(inner.index(), outer.index());
      }
      EXPECT_EQ(Index(), outer.index());
    }
    EXPECT_EQ(Index(), 0u);
  }).join();
}

// A key's destructor may set the key again, and is then called in another
// round, of which there are PTHREAD_DESTRUCTOR_ITERATIONS. A hook armed in the
// last one never runs, which costs the index and nothing else.
TEST_F(ThreadRegistryTest, FirstUseMayBeInTheLastKeyDestructor) {
  if (kUnderThreadSanitizer) {
    GTEST_SKIP() << "ThreadSanitizer has shut the thread down by that round";
  }
  HandleTable<Word> table(100);
  ExitingThread thread(&table);
  for (std::size_t i = 1; i <= 3; ++i) {
    thread.rounds_left = 3;
    thread.Run(&Nothing, &Nothing, [](ExitingThread* self) {
      if (self->rounds_left-- > 0) {
        self->RunLateAgain();
      } else {
        UseTable(self);
      }
    });
    EXPECT_EQ(thread.handles.size(), i);
  }
  UseTable(&thread);
  for (Handle handle : thread.handles) EXPECT_EQ(table.Delete(handle), Word{1});
  ExpectConservation(table);
}

// Runs hundreds of threads on small stacks.
class Crowd {
 public:
  template <typename F>
  Crowd(unsigned count, F f) : threads_(count) {
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 256 << 10);
    for (unsigned i = 0; i < count; ++i) {
      auto* const call = new std::function<void()>([f, i] { f(i); });
      EXPECT_EQ(pthread_create(&threads_[i], &attributes, &Start, call), 0);
    }
    pthread_attr_destroy(&attributes);
  }
  ~Crowd() {
    for (pthread_t thread : threads_) pthread_join(thread, nullptr);
  }

 private:
  static void* Start(void* call) {
    std::unique_ptr<std::function<void()>> f(
        static_cast<std::function<void()>*>(call));
    (*f)();
    return nullptr;
  }

  std::vector<pthread_t> threads_;
};

TEST_F(ThreadRegistryTest, ThreadsBeyondTheCachesHaveAnIndexAndNoCache) {
  constexpr unsigned kThreads = sync::kMaxCaches + 60;
  HandleTable<Word> table(kThreads);
  (void)ClaimedIndex();
  std::vector<unsigned> indices(kThreads), caches(kThreads);
  std::vector<Handle> handles(kThreads);
  pthread_barrier_t all_used;
  pthread_barrier_init(&all_used, nullptr, kThreads);
  {
    Crowd crowd(kThreads, [&](unsigned i) {
      handles[i] = table.New(i);
      EXPECT_EQ(table.Delete(table.New(i)), Word{i});
      indices[i] = Index();
      caches[i] = CacheNumber();
      pthread_barrier_wait(&all_used);
      // Each thread deletes another one's handle: owners delete those of
      // uncached callers, and so on.
      EXPECT_EQ(table.Delete(handles[(i + 77) % kThreads]),
                Word{(i + 77) % kThreads});
    });
  }
  pthread_barrier_destroy(&all_used);
  const std::set<unsigned> all_indices(indices.begin(), indices.end());
  EXPECT_EQ(all_indices.size(), kThreads);
  EXPECT_EQ(all_indices.count(0), 0u);
  const auto without_cache = std::count(caches.begin(), caches.end(), 0u);
  // Threads with a cache have different ones, and use all except this thread's.
  // (An earlier test may have cost a few.)
  const std::set<unsigned> distinct(caches.begin(), caches.end());
  EXPECT_EQ(distinct.size() - 1 + without_cache, kThreads);
  EXPECT_GE(distinct.size() - 1, sync::kMaxCaches - 10);
  EXPECT_LE(*distinct.rbegin(), sync::kMaxCaches);
  EXPECT_EQ(std::set<Handle>(handles.begin(), handles.end()).size(), kThreads);
  EXPECT_EQ(table.Stats().created, 2 * kThreads);
  EXPECT_EQ(table.Stats().live, 0u);
  ExpectConservation(table);
}

constexpr char kNoThreadsInChild[] =
    "under ThreadSanitizer the child of a process with threads starts none";

// Runs f in the child of a fork of `threads` threads, each of which has an
// index, a cache and a full cache of handles of `table`.
template <typename F>
void InChildOfThreads(unsigned threads, HandleTable<Word>& table, F f) {
  testing::Barrier all_ready(threads + 1), end(threads + 1);
  std::thread others([&] {
    testing::RunThreads(threads, [&](unsigned) {
      std::vector<Handle> handles(100);
      for (Handle& handle : handles) handle = table.New(1);
      for (Handle handle : handles) EXPECT_EQ(table.Delete(handle), Word{1});
      all_ready.Wait();
      end.Wait();
    });
  });
  all_ready.Wait();
  testing::InChild(f);
  end.Wait();
  others.join();
}

// A chain of forks, each of a process with many threads. Every child takes the
// numbers of the threads back that it does not have.
TEST_F(ThreadRegistryTest, ChildOfForkTakesTheNumbersBack) {
  if (kUnderThreadSanitizer) GTEST_SKIP() << kNoThreadsInChild;
  HandleTable<Word> table(100);
  (void)ClaimedIndex();
  constexpr unsigned kThreads = 50;
  std::function<void(int)> descend = [&](int forks) {
    InChildOfThreads(kThreads, table, [&] {
      const std::size_t used = table.Stats().high_water;
      testing::Barrier all_made(kThreads);
      testing::RunThreads(kThreads, [&](unsigned) {
        const Handle made = table.New(1);
        EXPECT_LE(Index(), kThreads + 1);
        EXPECT_LE(CacheNumber(), kThreads + 1);
        all_made.Wait();
        EXPECT_EQ(table.Delete(made), Word{1});
      });
      // They find the handles that threads of the parent had in their caches.
      // (Earlier tests have cost a few numbers, whose caches were empty.)
      EXPECT_LE(table.Stats().high_water, used + 5 * 128);
      EXPECT_EQ(table.Stats().lost_caches, 0u);
      ExpectConservation(table);
      if (forks > 1) descend(forks - 1);
    });
  };
  descend(testing::kSanitized ? 3 : 12);
}

TEST_F(ThreadRegistryTest, ThreadsKnowEachOtherByTheirIdentity) {
  const ThreadRegistry& registry = ThreadRegistry::OfThisCopy();
  (void)ClaimedIndex();
  std::set<std::uint64_t> identities = {registry.Identity()};
  for (std::size_t i = 2; i <= 5; ++i) {
    std::thread([&] {
      (void)ClaimedIndex();
      identities.insert(registry.Identity());
    }).join();
    EXPECT_EQ(identities.size(), i);
  }
  EXPECT_EQ(identities.count(0), 0u);
  for (const std::uint64_t identity : identities)
    EXPECT_FALSE(registry.IsAbsent(identity)) << "no fork has left it behind";
}

TEST_F(ThreadRegistryTest, ForkLeavesBehindAllThreadsButTheOneThatForks) {
#ifdef HAFT_EMULATED
  GTEST_SKIP() << "under qemu-user, a join in a child's child may never return";
#endif
  const ThreadRegistry& registry = ThreadRegistry::OfThisCopy();
  (void)ClaimedIndex();
  const std::uint64_t mine = registry.Identity();
  std::uint64_t theirs = 0;
  std::thread([&] {
    (void)ClaimedIndex();
    theirs = registry.Identity();
  }).join();
  testing::InChild([&] {
    const std::uint64_t now = registry.Identity();
    EXPECT_FALSE(registry.IsAbsent(now));
    EXPECT_FALSE(registry.IsAbsent(mine));
    EXPECT_TRUE(registry.IsAbsent(theirs));
    testing::InChild([&] {
      for (const std::uint64_t identity : {registry.Identity(), now, mine})
        EXPECT_FALSE(registry.IsAbsent(identity));
      EXPECT_TRUE(registry.IsAbsent(theirs));
      std::thread([&] {
        (void)ClaimedIndex();
        EXPECT_FALSE(registry.IsAbsent(registry.Identity()));
      }).join();
    });
    std::thread([&] {
      (void)ClaimedIndex();
      const std::uint64_t forker = registry.Identity();
      testing::InChild([&] {
        EXPECT_FALSE(registry.IsAbsent(forker));
        EXPECT_TRUE(registry.IsAbsent(now));
        EXPECT_TRUE(registry.IsAbsent(mine));
      });
    }).join();
  });
}

// A thread that was inside a call at the fork has left its cache half written,
// perhaps. The next owner of its number does without.
TEST_F(ThreadRegistryTest, ChildOfForkLosesACacheThatWasInUse) {
  if (kUnderThreadSanitizer) GTEST_SKIP() << kNoThreadsInChild;
  using Caches = ThreadCaches<int>;
  const auto caches = std::make_unique<Caches>();
  HandleTable<Word> table(10);
  (void)ClaimedIndex();
  testing::Barrier is_inside(2), end(2);
  unsigned number = 0;
  std::thread other([&] {
    (void)ClaimedIndex();
    number = CacheNumber();
    caches->With([&](auto& thread) {
      is_inside.Wait();
      end.Wait();
      thread.CountCreated(1);
    });
  });
  is_inside.Wait();
  testing::InChild([&] {
    EXPECT_EQ(caches->busy(), 1u);
    const unsigned threads = number + 1;
    std::atomic<unsigned> without_cache{0};
    testing::Barrier all_claimed(threads);
    testing::RunThreads(threads, [&](unsigned) {
      (void)ClaimedIndex();
      all_claimed.Wait();
      const bool has_cache = caches->With([](auto& thread) {
        thread.CountCreated(3);
        return std::remove_reference_t<decltype(thread)>::kHasCache;
      });
      EXPECT_EQ(has_cache, CacheNumber() != number);
      without_cache += !has_cache;
      // The same number is good in another table.
      EXPECT_NE(table.New(1), kNullHandle);
    });
    EXPECT_EQ(without_cache, 1u);
    EXPECT_EQ(caches->created(), 3u * threads);
    EXPECT_EQ(table.Stats().lost_caches, 0u);
    EXPECT_EQ(caches->busy(), 1u);
  });
  end.Wait();
  other.join();
  EXPECT_EQ(caches->busy(), 0u);
  EXPECT_EQ(caches->created(), 1u);
}

TEST_F(ThreadRegistryTest, ThreadWithoutACacheTakesOneThatBecomesFree) {
  HandleTable<Word> table(10);
  pthread_barrier_t all_claimed;
  pthread_barrier_init(&all_claimed, nullptr, sync::kMaxCaches + 1);
  std::thread uncached;
  std::atomic<bool> may_claim{false};
  {
    Crowd crowd(sync::kMaxCaches, [&](unsigned) {
      (void)ClaimedIndex();
      pthread_barrier_wait(&all_claimed);
      pthread_barrier_wait(&all_claimed);
    });
    pthread_barrier_wait(&all_claimed);
    uncached = std::thread([&] {
      const ThreadRegistry& registry = ThreadRegistry::OfThisCopy();
      EXPECT_TRUE(registry.CanClaim());
      const Handle first = table.New(1);
      EXPECT_NE(Index(), 0u);
      EXPECT_EQ(CacheNumber(), 0u);
      EXPECT_FALSE(registry.CanClaim());
      pthread_barrier_wait(&all_claimed);
      while (!may_claim) std::this_thread::yield();
      EXPECT_TRUE(registry.CanClaim());
      EXPECT_EQ(table.Delete(first), Word{1});
      EXPECT_NE(CacheNumber(), 0u);
      EXPECT_FALSE(registry.CanClaim());
    });
  }
  may_claim = true;
  uncached.join();
  pthread_barrier_destroy(&all_claimed);
  ExpectConservation(table);
}

}  // namespace
}  // namespace haft::internal
