// Stress tests of ThreadRegistry: threads begin and end by the thousand.

#include <gtest/gtest.h>
#include <pthread.h>

#include <atomic>
#include <functional>
#include <set>
#include <thread>
#include <vector>

#include "haft/handle_table.h"
#include "haft/internal/base/sync.h"
#include "tests/support/testing.h"

namespace haft {
namespace {

using testing::ExpectConservation;
using testing::kSanitized;
using testing::TestTraits;

using SmallMagazines = TestTraits<BasicMagazineFreeList<3>>;
using Table = HandleTable<Word, SmallMagazines>;

unsigned Index() {
  return internal::sync::ThisThread().index.load(std::memory_order_relaxed);
}
unsigned CacheNumber() {
  return internal::sync::ThisThread().cache.load(std::memory_order_relaxed);
}

// Runs f(i) in threads 0..count-1, all alive at once.
void RunThreads(unsigned count, const std::function<void(unsigned)>& f) {
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < count; ++i) threads.emplace_back(f, i);
  for (std::thread& thread : threads) thread.join();
}

// Expects that every cache number can be held at once, except for those of
// `others` threads, and that as many threads get the lowest indices.
void ExpectNoNumberLeaked(unsigned others) {
  const unsigned free = internal::sync::kMaxCaches - others;
  Table table(free);
  pthread_barrier_t all_claimed;
  pthread_barrier_init(&all_claimed, nullptr, free);
  std::vector<unsigned> indices(free), caches(free);
  RunThreads(free, [&](unsigned i) {
    (void)table.New(i);
    indices[i] = Index();
    caches[i] = CacheNumber();
    pthread_barrier_wait(&all_claimed);
  });
  pthread_barrier_destroy(&all_claimed);
  for (const std::vector<unsigned>* numbers : {&indices, &caches}) {
    const std::set<unsigned> distinct(numbers->begin(), numbers->end());
    EXPECT_EQ(distinct.size(), free);
    EXPECT_GT(*distinct.begin(), 0u) << "a cache number has leaked";
    EXPECT_LE(*distinct.rbegin(), free + others) << "an index has leaked";
  }
}

// Each thread leaves some handles to the next, and deletes those that it finds.
class Relay {
 public:
  explicit Relay(unsigned lanes) : table(1000), left_(lanes) {}

  void Leg(unsigned lane, unsigned uses) {
    for (unsigned i = 0; i < uses; ++i) {
      const Handle handle = table.New(i);
      ASSERT_NE(handle, kNullHandle);
      const Handle found =
          left_[lane].exchange(handle, std::memory_order_acq_rel);
      if (found != kNullHandle) {
        ASSERT_TRUE(table.Delete(found).has_value());
      }
    }
  }

  void Finish() {
    for (std::atomic<Handle>& handle : left_) {
      if (handle.load() != kNullHandle) {
        EXPECT_TRUE(table.Delete(handle).has_value());
      }
    }
    EXPECT_EQ(table.Stats().live, 0u);
    ExpectConservation(table);
  }

  Table table;

 private:
  std::vector<std::atomic<Handle>> left_;
};

class ThreadRegistryStressTest : public ::testing::Test {
 protected:
  // The test's own thread takes its numbers, too.
  ThreadRegistryStressTest() {
    (void)Table(1).New(0);
    // A 32-bit process has no room for so many stacks of the usual size.
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 1 << 20);
    pthread_setattr_default_np(&attributes);
    pthread_attr_destroy(&attributes);
  }
  ~ThreadRegistryStressTest() override { ExpectNoNumberLeaked(1); }
};

TEST_F(ThreadRegistryStressTest, NothingIsLostWhenShortThreadsComeAndGo) {
  constexpr unsigned kLanes = 4;
  const unsigned threads_each = kSanitized ? 300 : 5000;
  Relay relay(kLanes);
  RunThreads(kLanes, [&](unsigned lane) {
    for (unsigned i = 0; i < threads_each; ++i)
      std::thread([&, i] { relay.Leg(lane, 1 + i % 20); }).join();
  });
  relay.Finish();
  // The lanes' own threads use no table, so at most five indices were in use,
  // each with a cache of at most two magazines.
  EXPECT_LE(relay.table.Stats().high_water, 5u * 6 + 2 * kLanes);
}

TEST_F(ThreadRegistryStressTest, CrowdsBeyondTheCachesComeAndGo) {
  constexpr unsigned kThreads = internal::sync::kMaxCaches + 88;
  const unsigned crowds = kSanitized ? 2 : 8;
  Relay relay(kThreads);
  std::atomic<unsigned> uncached_callers{0};
  for (unsigned crowd = 0; crowd < crowds; ++crowd) {
    pthread_barrier_t all_started;
    pthread_barrier_init(&all_started, nullptr, kThreads);
    RunThreads(kThreads, [&](unsigned i) {
      relay.Leg(i, 1);
      EXPECT_NE(Index(), 0u);
      uncached_callers += CacheNumber() == 0;
      // No thread ends before all have begun.
      pthread_barrier_wait(&all_started);
      relay.Leg((i + crowd) % kThreads, 20);
    });
    pthread_barrier_destroy(&all_started);
  }
  EXPECT_EQ(uncached_callers,
            crowds * (kThreads - (internal::sync::kMaxCaches - 1)));
  relay.Finish();
}

// A thread that ends releases its index while others claim theirs. The next
// owner must see the whole contents of its cache.
TEST_F(ThreadRegistryStressTest, InheritedCachesAreWhole) {
  constexpr unsigned kLanes = 4;
  const unsigned threads_each = kSanitized ? 200 : 2500;
  Table table(1000);
  RunThreads(kLanes, [&](unsigned lane) {
    for (unsigned i = 0; i < threads_each; ++i) {
      std::thread([&] {
        Handle handles[15];
        for (Handle& handle : handles) {
          handle = table.New(lane);
          ASSERT_NE(handle, kNullHandle);
        }
        ASSERT_EQ(std::set<Handle>(handles, handles + 15).size(), 15u);
        for (Handle handle : handles)
          ASSERT_EQ(table.Delete(handle), Word{lane});
      }).join();
    }
  });
  EXPECT_EQ(table.Stats().created, 15 * kLanes * threads_each);
  EXPECT_EQ(table.Stats().live, 0u);
  ExpectConservation(table);
}

}  // namespace
}  // namespace haft
