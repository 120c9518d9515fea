// Before the header: the backend whose reservations can fail.
#define HAFT_SYNC_BACKEND "tests/support/fault_sync.h"

#include "haft/internal/table/deferred_destruction.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <csetjmp>
#include <functional>
#include <set>
#include <vector>

#include "haft/handle.h"
#include "haft/handle_layout.h"
#include "haft/internal/base/sync.h"
#include "haft/internal/thread/thread_registry.h"
#include "haft/object_table.h"
#include "tests/support/object_table_fixture.h"

namespace haft::internal {
namespace {

using testing::AsUncached;
using testing::destroyed;
using testing::ExpectConservation;
using testing::InThread;
using testing::MakeList;
using testing::Node;

using L = HandleLayout<10, 4>;

// Objects, each of which owns the others that its destructor destroys.
class Objects {
 public:
  Objects() { ThreadRegistry::OfThisCopy().Prepare(); }

  // Returns whether the object is destroyed.
  bool Destroy(unsigned object) {
    return destructions_.Run(L::Make(1, object),
                             [this](Word word) { Destruct(word); });
  }

  bool ok() const { return destructions_.ok(); }
  // What each object owns.
  std::vector<std::vector<unsigned>> owned{1 << 10};
  // The objects in the order in which their destructors began and ended.
  std::vector<unsigned> began, ended;
  unsigned deepest = 0;
  std::function<void(unsigned)> hook;  // called at the end of each destructor

 private:
  void Destruct(Word word) {
    const unsigned object = static_cast<unsigned>(L::Index::Decode(word));
    began.push_back(object);
    deepest = std::max(deepest, ++depth_);
    for (const unsigned other : owned[object]) Destroy(other);
    if (hook) hook(object);
    --depth_;
    ended.push_back(object);
  }

  DeferredDestruction destructions_{1 << 10};
  unsigned depth_ = 0;
};

// Calls f further down on the stack than what the caller does itself.
template <typename F>
[[gnu::noinline]] void FurtherDown(F f) {
  volatile char space[4096];
  space[0] = 0;
  f();
  (void)space[0];
}

// Objects 500 to 531, of which each owns the next: all of them nest, so that
// the innermost ends first.
void ExpectThirtyTwoToNest(Objects& objects) {
  std::vector<unsigned> expected;
  for (unsigned i = 500; i < 532; ++i) {
    if (i != 531) objects.owned[i] = {i + 1};
    expected.insert(expected.begin(), i);
  }
  objects.ended.clear();
  EXPECT_TRUE(objects.Destroy(500));
  EXPECT_EQ(objects.ended, expected);
}

// The callers of a case: in a thread's first call, later, after its exit hook.
using Caller = void (*)(std::function<void()>);
constexpr Caller kCallers[] = {
    [](std::function<void()> f) { InThread(f); },
    [](std::function<void()> f) {
      InThread([&] {
        ThreadRegistry::OfThisCopy().Claim();
        f();
      });
    },
    [](std::function<void()> f) { AsUncached(f); },
};

// Objects 1 to `length`, of which each owns the next.
void MakeChain(Objects& objects, unsigned length) {
  for (unsigned i = 1; i < length; ++i) objects.owned[i] = {i + 1};
}

class DeferredDestructionTest : public ::testing::TestWithParam<Caller> {};
INSTANTIATE_TEST_SUITE_P(All, DeferredDestructionTest,
                         ::testing::ValuesIn(kCallers));

TEST_P(DeferredDestructionTest, DestructorRunsAtOnceIfNoneIsRunning) {
  Objects objects;
  ASSERT_TRUE(objects.ok());
  GetParam()([&] {
    objects.Destroy(7);
    EXPECT_EQ(objects.ended, std::vector<unsigned>{7});
    objects.Destroy(8);
    EXPECT_EQ(objects.ended, (std::vector<unsigned>{7, 8}));
  });
  EXPECT_EQ(objects.deepest, 1u);
}

TEST_P(DeferredDestructionTest, ThirtyTwoDestructorsNest) {
  Objects objects;
  MakeChain(objects, 32);
  GetParam()([&] { objects.Destroy(1); });
  EXPECT_EQ(objects.deepest, 32u);
  std::vector<unsigned> expected;
  for (unsigned i = 32; i != 0; --i) expected.push_back(i);
  EXPECT_EQ(objects.ended, expected) << "the innermost ends first";
}

TEST_P(DeferredDestructionTest, ThirtyThirdWaitsForTheThirtySecond) {
  Objects objects;
  MakeChain(objects, 32);
  objects.hook = [&](unsigned object) {
    if (object != 32) return;
    EXPECT_FALSE(objects.Destroy(33));
    EXPECT_EQ(objects.began.back(), 32u);
  };
  GetParam()([&] { EXPECT_TRUE(objects.Destroy(1)); });
  EXPECT_EQ(objects.deepest, 32u);
  std::vector<unsigned> expected = {32, 33};
  for (unsigned i = 31; i != 0; --i) expected.push_back(i);
  EXPECT_EQ(objects.ended, expected);
}

TEST_P(DeferredDestructionTest, DestructorsThatHaveEndedCostNoDepth) {
  Objects objects;
  GetParam()([&] {
    EXPECT_TRUE(objects.Destroy(7));
    FurtherDown([&] { ExpectThirtyTwoToNest(objects); });
    ExpectThirtyTwoToNest(objects);
    FurtherDown([&] { ExpectThirtyTwoToNest(objects); });
  });
}

TEST_P(DeferredDestructionTest, AllThatWaitAreDestroyedOnce) {
  Objects objects;
  MakeChain(objects, 32);
  // The innermost of 32 destroys objects of which some differ in the highest
  // bits of their numbers only, and each of those another one.
  objects.owned[32] = {100, 0, 356, 612, 101};
  for (const unsigned i : objects.owned[32]) objects.owned[i] = {i + 40};
  GetParam()([&] { objects.Destroy(1); });
  EXPECT_EQ(objects.ended.size(), 32u + 10);
  const std::set<unsigned> distinct(objects.ended.begin(), objects.ended.end());
  EXPECT_EQ(distinct.size(), objects.ended.size());
  EXPECT_EQ(objects.ended.front(), 32u) << "the others wait for it";
  EXPECT_EQ(objects.deepest, 32u);
}

TEST_P(DeferredDestructionTest, LongChainNestsNoDeeper) {
  Objects objects;
  MakeChain(objects, 1000);
  GetParam()([&] { objects.Destroy(1); });
  EXPECT_EQ(objects.deepest, 32u);
  EXPECT_EQ(objects.ended.size(), 1000u);
  const std::set<unsigned> distinct(objects.ended.begin(), objects.ended.end());
  EXPECT_EQ(distinct.size(), 1000u);
}

// Destroys an object whose destructor does not end: longjmp leaves it.
[[gnu::noinline]] void Abandon(Objects& objects, unsigned object) {
  std::jmp_buf abandon;
  objects.hook = [&](unsigned) { std::longjmp(abandon, 1); };
  if (setjmp(abandon) == 0) objects.Destroy(object);
}

// Each of these destructors is on a stack that is as deep as those of the
// others.
TEST_P(DeferredDestructionTest, DestructorsThatNeverEndCostNoDepth) {
  Objects objects;
  GetParam()([&] {
    FurtherDown([&] {
      for (unsigned i = 0; i < 100; ++i) Abandon(objects, i);
    });
    objects.hook = nullptr;
    for (unsigned i = 200; i < 300; ++i) EXPECT_TRUE(objects.Destroy(i));
    EXPECT_EQ(objects.ended.size(), 100u);
    FurtherDown([&] { ExpectThirtyTwoToNest(objects); });
  });
}

// The same if each is deeper than the last one, so that all may still exist.
void DestroyDeeperAndDeeper(Objects& objects, unsigned object) {
  Abandon(objects, object);
  if (object < 20) DestroyDeeperAndDeeper(objects, object + 1);
}
TEST_P(DeferredDestructionTest, DestructorsThatNeverEndAreForgottenFurtherUp) {
  Objects objects;
  GetParam()([&] {
    FurtherDown([&] { DestroyDeeperAndDeeper(objects, 0); });
    objects.hook = nullptr;
    EXPECT_TRUE(objects.Destroy(100));
    EXPECT_EQ(objects.ended, std::vector<unsigned>{100});
    FurtherDown([&] { ExpectThirtyTwoToNest(objects); });
  });
}

// What is left behind is destroyed by the thread's next call.
TEST_P(DeferredDestructionTest, WhatWaitsForADestructorThatNeverEndsGoesNext) {
  Objects objects;
  MakeChain(objects, 33);
  std::jmp_buf abandon;
  GetParam()([&] {
    objects.hook = [&](unsigned object) {
      if (object == 32) std::longjmp(abandon, 1);
    };
    if (setjmp(abandon) == 0) objects.Destroy(1);
    EXPECT_EQ(objects.ended, std::vector<unsigned>{});
    objects.hook = nullptr;
    EXPECT_TRUE(objects.Destroy(100));
  });
  EXPECT_EQ(objects.ended, (std::vector<unsigned>{100, 33}));
}

// The same if the outermost destructor ends, although those in it do not: it is
// the last that can see to what waits.
TEST_P(DeferredDestructionTest, OutermostDestructorSeesToWhatWaits) {
  Objects objects;
  MakeChain(objects, 33);
  objects.owned[1] = {};
  std::jmp_buf abandon;
  GetParam()([&] {
    objects.hook = [&](unsigned object) {
      if (object == 32) std::longjmp(abandon, 1);
      if (object == 1 && setjmp(abandon) == 0) objects.Destroy(2);
    };
    EXPECT_TRUE(objects.Destroy(1));
  });
  EXPECT_EQ(objects.ended, (std::vector<unsigned>{1, 33}));
}

// No thread sees to what waits in another thread, and none counts another's
// destructors.
TEST(DeferredDestructionThreadsTest, EachThreadSeesToItsOwn) {
  Objects objects;
  MakeChain(objects, 33);
  objects.hook = [&](unsigned object) {
    if (object != 32) return;
    InThread([&] {
      EXPECT_TRUE(objects.Destroy(100));
      EXPECT_EQ(objects.ended, std::vector<unsigned>{100});
    });
  };
  EXPECT_TRUE(objects.Destroy(1));
  EXPECT_EQ(objects.ended.size(), 34u);
}

// Threads that end inside a destructor leave no depth to the next owners of
// their index.
TEST(DeferredDestructionThreadsTest, ThreadsMayEndInsideDestructors) {
  Objects objects;
  objects.hook = [&](unsigned) { pthread_exit(nullptr); };
  for (unsigned i = 0; i < 100; ++i) {
    pthread_t thread;
    struct Arguments {
      Objects* objects;
      unsigned object;
    } arguments{&objects, i};
    ASSERT_EQ(pthread_create(
                  &thread, nullptr,
                  [](void* of) -> void* {
                    const Arguments& given = *static_cast<Arguments*>(of);
                    given.objects->Destroy(given.object);
                    return nullptr;
                  },
                  &arguments),
              0);
    pthread_join(thread, nullptr);
  }
  EXPECT_TRUE(objects.ended.empty());
  objects.hook = nullptr;
  InThread([&] { FurtherDown([&] { ExpectThirtyTwoToNest(objects); }); });
}

TEST(DeferredDestructionThreadsTest, ThreadOfTheLastIndexNestsAsAnyOther) {
  Objects objects;
  InThread([&] {
    sync::ThreadState& thread = sync::ThisThread();
    thread.index.store(sync::kMaxThreads, std::memory_order_relaxed);
    ExpectThirtyTwoToNest(objects);
    thread.index.store(0, std::memory_order_relaxed);
  });
}

TEST(DeferredDestructionThreadsTest, IsOkIfItHasAllItsMemory) {
  EXPECT_EQ(
      testing::FailEachReservation([] { return DeferredDestruction(8).ok(); }),
      2u)
      << "those of the threads and of the handles that wait";
}

// Runs f in a thread whose stack is too small for 10,000 nested destructors.
void OnSmallStack(std::function<void()> f) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 1 << 20);
  pthread_t thread;
  ASSERT_EQ(pthread_create(
                &thread, &attributes,
                [](void* argument) -> void* {
                  (*static_cast<std::function<void()>*>(argument))();
                  return nullptr;
                },
                &f),
            0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
}

// `before` is called by the thread that then deletes the list.
template <typename F>
void TestLongList(bool pinned, F before) {
  static constexpr int kLength = 10000;
  Node::Table table(kLength);
  const Handle head = MakeList(&table, kLength);
  destroyed = 0;
  OnSmallStack([&] {
    before(table, head);
    {
      auto pin = table.Pin(pinned ? head : kNullHandle);
      EXPECT_EQ(table.Delete(head), Status::kOk);
      EXPECT_EQ(destroyed, pinned ? 0 : kLength);
    }
    EXPECT_EQ(destroyed, kLength);
  });
  EXPECT_EQ(destroyed, kLength);
  EXPECT_EQ(table.Stats().live, 0u);
  EXPECT_EQ(table.Stats().retired_objects, 0u);
  ExpectConservation(table);
}

TEST(NestedDestructorTest, LongListNeedsLittleStack) {
  const auto use = [](Node::Table& table, Handle head) {
    EXPECT_TRUE(table.Pin(head));
  };
  TestLongList(false, use);
  TestLongList(true, use);
}

TEST(NestedDestructorTest, LongListNeedsLittleStackInAThreadsFirstCall) {
  TestLongList(false, [](Node::Table&, Handle) {});
}

TEST(NestedDestructorTest, LongListNeedsLittleStackOfAnUncachedCaller) {
  const auto lose_cache = [](Node::Table&, Handle) {
    sync::ThisThread().exited.store(true, std::memory_order_relaxed);
  };
  TestLongList(false, lose_cache);
  TestLongList(true, lose_cache);
}

}  // namespace
}  // namespace haft::internal
