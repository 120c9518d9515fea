// Tests of Trim with two threads, or with a fork: one thread stops before each
// atomic operation of its call in turn.

#include <gtest/gtest.h>

#include <cstddef>
#include <functional>
#include <future>
#include <set>
#include <thread>
#include <vector>

#include "haft/global_free_list.h"
#include "haft/internal/base/sync.h"
#include "haft/object_table.h"
#include "tests/support/in_child.h"
#include "tests/support/inspector.h"
#include "tests/support/testing.h"

namespace haft {
namespace {

using testing::InChild;
using testing::Stop;
using testing::TestTraits;

// Two objects to a page, with what their slots add.
struct Half {
  explicit Half(Word v) : value(v) {}
  Word value;
  char rest[2000 - sizeof(Word)] = {};
};
using Table = ObjectTable<Half, TestTraits<GlobalFreeList>>;
constexpr std::size_t kCapacity = 8;

// A table whose slots have all been used, and the handles that were deleted.
struct World {
  World() {
    for (Word i = 0; i < kCapacity; ++i) old.push_back(table.Emplace(i));
    for (Handle handle : old) EXPECT_EQ(table.Delete(handle), Status::kOk);
  }

  // Expects that all slots but `lost` can be used again, once.
  void ExpectUsable(std::size_t lost) {
    for (Handle handle : old) EXPECT_EQ(table.Check(handle), Status::kStale);
    std::set<Handle> made;
    while (const Handle handle = table.Emplace(7)) {
      EXPECT_TRUE(made.insert(handle).second) << "issued twice";
    }
    EXPECT_LE(made.size(), kCapacity);
    EXPECT_GE(made.size() + lost, kCapacity);
    for (Handle handle : made) {
      EXPECT_EQ(table.Pin(handle)->value, 7u);
      EXPECT_EQ(table.Delete(handle), Status::kOk);
    }
  }

  Table table{kCapacity};
  std::vector<Handle> old;
};

// Runs f(world) at each step of a Trim by another thread.
void AtEachStepOfATrim(const std::function<void(World&)>& f) {
  bool ended = false;
  for (unsigned step = 1; !ended; ++step) {
    SCOPED_TRACE(::testing::Message() << "step " << step);
    World world;
    std::promise<void> stopped, go;
    std::thread trimmer([&] {
      Stop::Before(step, [&] {
        stopped.set_value();
        go.get_future().wait();
      });
      (void)world.table.Trim();
      ended = Stop::Cancel();
      if (ended) stopped.set_value();
    });
    stopped.get_future().wait();
    // ThreadSanitizer takes a thread that has ended before a fork, and that is
    // joined after it, for a leak of the child.
    if (ended) trimmer.join();
    f(world);
    if (trimmer.joinable()) {
      go.set_value();
      trimmer.join();
    }
    world.ExpectUsable(0);
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(PageTrimmerInterleavingTest, OtherCallsGoOnAtEachStep) {
  AtEachStepOfATrim([](World& world) {
    // Of the slots of a page or a single one that the Trim has in hand.
    world.ExpectUsable(3);
  });
}

TEST(PageTrimmerInterleavingTest, ASecondTrimReturnsAtOnce) {
  AtEachStepOfATrim([](World& world) { (void)world.table.Trim(); });
}

// Handles that were made while the Trim stood still are live afterwards.
TEST(PageTrimmerInterleavingTest, WhatIsMadeMeanwhileStays) {
  AtEachStepOfATrim([](World& world) {
    std::vector<Handle> handles;
    for (int i = 0; i < 3; ++i) handles.push_back(world.table.Emplace(40));
    for (Handle handle : handles) ASSERT_NE(handle, kNullHandle);
    for (Handle handle : handles) world.old.push_back(handle);
    EXPECT_EQ(world.table.Delete(handles[1]), Status::kOk);
    std::thread([&] { (void)world.table.Trim(); }).join();
    EXPECT_EQ(world.table.Pin(handles[0])->value, 40u);
    EXPECT_EQ(world.table.Pin(handles[2])->value, 40u);
    EXPECT_EQ(world.table.Delete(handles[0]), Status::kOk);
    EXPECT_EQ(world.table.Delete(handles[2]), Status::kOk);
  });
}

// In the child the Trim is never finished. The child loses the one handle that
// the absent thread had in hand, and its own Trim goes on with the others.
TEST(PageTrimmerInterleavingTest, ChildOfAForkLosesAtMostOneHandle) {
  AtEachStepOfATrim([](World& world) {
    InChild([&] {
      world.ExpectUsable(3);
      (void)world.table.Trim();
      world.ExpectUsable(1);
      (void)world.table.Trim();
      world.ExpectUsable(1);
    });
  });
}

}  // namespace
}  // namespace haft
