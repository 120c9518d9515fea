#include "haft/internal/table/deferred_destruction.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <set>
#include <vector>

#include "haft/handle.h"
#include "haft/handle_layout.h"
#include "haft/internal/base/sync.h"
#include "haft/internal/thread/thread_caches.h"
#include "haft/object_table.h"
#include "tests/support/object_table_fixture.h"

namespace haft::internal {
namespace {

using testing::AsUncached;
using testing::destroyed;
using testing::ExpectConservation;
using testing::InThread;

using L = HandleLayout<10, 4>;

// Objects, each of which owns the others that its destructor destroys.
class Objects {
 public:
  struct Cache : DestructionDepth {};

  void Destroy(unsigned object) {
    destructions_.Run(caches_, L::Make(1, object),
                      [this](Word word) { Destruct(word); });
  }

  bool ok() const { return caches_.ok() && destructions_.ok(); }
  // What each object owns.
  std::vector<std::vector<unsigned>> owned{1 << 10};
  // The objects in the order in which their destructors began and ended.
  std::vector<unsigned> began, ended;
  unsigned deepest = 0;

 private:
  void Destruct(Word word) {
    const unsigned object = static_cast<unsigned>(L::Index::Decode(word));
    began.push_back(object);
    deepest = std::max(deepest, ++depth_);
    for (const unsigned other : owned[object]) Destroy(other);
    --depth_;
    ended.push_back(object);
  }

  ThreadCaches<Cache> caches_;
  DeferredDestruction<Cache> destructions_{1 << 10};
  unsigned depth_ = 0;
};

// The callers of a case: in a thread's first call, with a cache, without one.
using Caller = void (*)(std::function<void()>);
constexpr Caller kCallers[] = {
    [](std::function<void()> f) { InThread(f); },
    [](std::function<void()> f) {
      InThread([&] {
        ThreadRegistry::Claim();
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

TEST_P(DeferredDestructionTest, ThirtyThirdWaitsForTheOutermost) {
  Objects objects;
  MakeChain(objects, 33);
  GetParam()([&] {
    objects.Destroy(1);
    EXPECT_EQ(objects.ended.size(), 33u) << "before the outermost call returns";
  });
  EXPECT_EQ(objects.deepest, 32u);
  std::vector<unsigned> expected;
  for (unsigned i = 32; i != 0; --i) expected.push_back(i);
  expected.push_back(33);
  EXPECT_EQ(objects.ended, expected);
}

TEST_P(DeferredDestructionTest, AllThatWaitAreDestroyedOnce) {
  Objects objects;
  MakeChain(objects, 32);
  // The innermost of 32 destroys ten objects, and each of those another one.
  for (unsigned i = 100; i < 110; ++i) {
    objects.owned[32].push_back(i);
    objects.owned[i] = {i + 100};
  }
  GetParam()([&] { objects.Destroy(1); });
  EXPECT_EQ(objects.ended.size(), 32u + 20);
  const std::set<unsigned> distinct(objects.ended.begin(), objects.ended.end());
  EXPECT_EQ(distinct.size(), objects.ended.size());
  for (unsigned i = 32; i < 52; ++i)
    EXPECT_GE(objects.began[i], 100u) << "before the outermost has ended";
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

// A list of which each object owns the next.
struct Node {
  using Table = ObjectTable<Node>;
  Node(Table* owner, Handle following) : table(owner), next(following) {}
  ~Node() {
    ++destroyed;
    if (next != kNullHandle) {
      EXPECT_EQ(table->Delete(next), Status::kOk);
    }
  }
  Table* const table;
  const Handle next;
};

Handle MakeList(Node::Table* table, int length) {
  Handle head;
  for (int i = 0; i < length; ++i) head = table->Emplace(table, head);
  return head;
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
