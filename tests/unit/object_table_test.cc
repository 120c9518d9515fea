// In this file:
//   ObjectTableTest             each operation, for every free list and both
//                               kinds of reclamation
//   ObjectTableForEachTest      what a walk pins
//   ObjectTableDestructorTest   destructors that call the table
//   ObjectTableTypeTest         sizes, alignments, move-only and throwing types
//   ObjectTableLimitTest        exhaustion, capacities, the end of the table

#include "haft/object_table.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <future>
#include <memory>
#include <new>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "haft/internal/base/sync.h"
#include "haft/internal/thread/thread_registry.h"
#include "tests/support/in_child.h"
#include "tests/support/inspector.h"
#include "tests/support/object_table_fixture.h"
#include "tests/support/testing.h"

// Every member function compiles.
template class haft::ObjectTable<int>;

namespace haft {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using testing::AsUncached;
using testing::constructed;
using testing::destroyed;
using testing::ExpectConservation;
using testing::Hooked;
using testing::InThread;
using testing::kUses;
using testing::TestTraits;
using testing::Tracked;
using testing::Use;
using testing::User;

template <typename Traits>
class ObjectTableTest : public testing::ObjectTableFixture<Traits> {};
TYPED_TEST_SUITE(ObjectTableTest, testing::ObjectTableTraits);

TYPED_TEST(ObjectTableTest, EachRefusalHasItsStatus) {
  auto& table = *this->table_;
  using Layout = typename TypeParam::Layout;
  const Handle live = table.Emplace(1), dead = table.Emplace(2);
  ASSERT_EQ(table.Delete(dead), Status::kOk);
  const Word word = static_cast<Word>(live);
  const std::pair<Handle, Status> expected[] = {
      {kNullHandle, Status::kNull},
      {dead, Status::kStale},
      {Handle(static_cast<Word>(dead) + Layout::Generation::kOne),
       Status::kNeverIssued},
      {Handle(word + Layout::Generation::kOne), Status::kNeverIssued},
      {Handle(word ^ Layout::Index::Encode(64)), Status::kNeverIssued},
      {Handle(word | Layout::Index::kMask), Status::kNeverIssued},
      {Handle(word & ~Word{1}), Status::kMalformed},
      {Handle(~Word{0}), Layout::IsWellFormed(~Word{0}) ? Status::kNeverIssued
                                                        : Status::kMalformed},
      {Handle(1), Status::kMalformed},
      {Handle(reinterpret_cast<Word>(&table)), Status::kMalformed},
  };
  for (const auto& [handle, status] : expected) {
    SCOPED_TRACE(static_cast<Word>(handle));
    EXPECT_EQ(table.Check(handle), status);
    EXPECT_FALSE(table.Pin(handle));
    EXPECT_EQ(table.Pin(handle).status(), status);
    EXPECT_EQ(table.Delete(handle), status);
    EXPECT_EQ(table.DeleteUnlessPinned(handle), status);
    EXPECT_EQ(table.DeleteAndWait(handle, milliseconds(0)), status);
    Status why = Status::kOk;
    EXPECT_FALSE(table.Take(handle, &why));
    EXPECT_EQ(why, status);
    typename TestFixture::Table::ReadScope scope(table);
    EXPECT_EQ(scope.Find(handle), nullptr);
  }
  EXPECT_EQ(table.Check(live), Status::kOk);
  EXPECT_EQ(table.Stats().live, 1u);
}

// The state of an untouched slot is 0: no small word may be taken for it.
TYPED_TEST(ObjectTableTest, SmallIntegersAreRefused) {
  auto& table = *this->table_;
  const Handle live = table.Emplace(1);
  typename TestFixture::Table::ReadScope scope(table);
  for (Word word = 1; word < 256; ++word) {
    ASSERT_EQ(table.Check(Handle(word)), Status::kMalformed) << word;
    ASSERT_EQ(scope.Find(Handle(word)), nullptr) << word;
    ASSERT_EQ(table.Pin(Handle(word)).status(), Status::kMalformed) << word;
    ASSERT_EQ(table.DeleteUnlessPinned(Handle(word)), Status::kMalformed)
        << word;
    ASSERT_EQ(table.Delete(Handle(word)), Status::kMalformed) << word;
  }
  EXPECT_EQ(table.Check(live), Status::kOk);
}

// A word whose index no slot has selects a slot all the same, whatever its
// state.
TYPED_TEST(ObjectTableTest, HandleBeyondTheSlotsIsNeverOneOfARetiredObject) {
  auto& table = *this->table_;
  using Layout = typename TypeParam::Layout;
  const Handle handle = table.Emplace(1);
  const Handle beyond(static_cast<Word>(handle) ^
                      Layout::Index::Encode(Layout::kSlots / 2));
  {
    auto pin = table.Pin(handle);
    ASSERT_EQ(table.Delete(handle), Status::kOk);
    EXPECT_EQ(table.Check(beyond), Status::kNeverIssued);
    EXPECT_EQ(table.Pin(beyond).status(), Status::kNeverIssued);
    EXPECT_EQ(table.Delete(beyond), Status::kNeverIssued);
  }
  EXPECT_EQ(destroyed, 1);
}
TYPED_TEST(ObjectTableTest, UnusedObjectIsDestroyedBeforeDeleteReturns) {
  auto& table = *this->table_;
  EXPECT_EQ(table.Delete(table.Emplace(1)), Status::kOk);
  EXPECT_EQ(destroyed, 1);
  EXPECT_EQ(table.DeleteUnlessPinned(table.Emplace(1)), Status::kOk);
  EXPECT_EQ(destroyed, 2);
  EXPECT_EQ(table.DeleteAndWait(table.Emplace(1), milliseconds(0)),
            Status::kOk);
  EXPECT_EQ(destroyed, 3);
  Status why = Status::kNull;
  std::optional<Tracked> taken = table.Take(table.Emplace(7), &why);
  EXPECT_EQ(destroyed, 4);
  EXPECT_EQ(why, Status::kOk);
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->value(), 7);
  const ObjectTableStats stats = table.Stats();
  EXPECT_EQ(stats.created, 4u);
  EXPECT_EQ(stats.deleted, 4u);
}

// Each way to delete that does not ask for pins reports success.
TYPED_TEST(ObjectTableTest,
           DeletingAnObjectInUseSucceedsAndLeavesItToItsUsers) {
  auto& table = *this->table_;
  const std::pair<const char*, std::function<Status(Handle)>> kWays[] = {
      {"Delete", [&](Handle h) { return table.Delete(h); }},
      {"DeleteAndWait",
       [&](Handle h) {
         const Status status = table.DeleteAndWait(h, milliseconds(1));
         return status == Status::kTimedOut ? Status::kOk : Status::kTimedOut;
       }},
      {"DeleteBatch",
       [&](Handle h) {
         Status status;
         EXPECT_EQ(table.DeleteBatch(&h, 1, &status), 1u);
         return status;
       }},
      {"Clear",
       [&](Handle) {
         return table.Clear() == 1 ? Status::kOk : Status::kNull;
       }},
  };
  for (const auto& [name, way] : kWays) {
    for (const Use use : kUses) {
      SCOPED_TRACE(std::string(name) + std::to_string(int(use)));
      destroyed = 0;
      const Handle handle = table.Emplace(5);
      const Tracked* const object = table.Pin(handle).get();
      User user(table, handle, use);
      EXPECT_EQ(way(handle), Status::kOk);
      EXPECT_EQ(table.Check(handle), Status::kStale);
      EXPECT_EQ(table.Delete(handle), Status::kStale);
      EXPECT_EQ(table.DeleteUnlessPinned(handle), Status::kStale);
      EXPECT_EQ(table.DeleteAndWait(handle, milliseconds(1)), Status::kStale);
      EXPECT_EQ(table.Pin(handle).status(), Status::kStale);
      EXPECT_EQ(table.Stats().retired_objects, 1u);
      EXPECT_EQ(table.Stats().live, 0u);
      EXPECT_EQ(destroyed, 0);
      EXPECT_EQ(object->value(), 5);
      ExpectConservation(table);
      user.End();
      EXPECT_EQ(destroyed, 1);
      EXPECT_EQ(table.Stats().retired_objects, 0u);
      EXPECT_EQ(table.Check(handle), Status::kStale);
    }
  }
  constructed = destroyed = 0;
}

TYPED_TEST(ObjectTableTest, WaitingDeleteReturnsWhenTheObjectIsGone) {
  auto& table = *this->table_;
  for (const Use use : {Use::kPinElsewhere, Use::kScopeElsewhere}) {
    for (const nanoseconds timeout :
         {nanoseconds(std::chrono::minutes(1)), nanoseconds::max()}) {
      destroyed = 0;
      const Handle handle = table.Emplace(1);
      User user(table, handle, use);
      std::thread waiter([&] {
        EXPECT_EQ(table.DeleteAndWait(handle, timeout), Status::kOk)
            << timeout.count();
        EXPECT_EQ(destroyed, 1);
      });
      while (table.Check(handle) == Status::kOk) std::this_thread::yield();
      std::this_thread::sleep_for(milliseconds(5));
      user.End();
      waiter.join();
    }
  }
  constructed = destroyed = 0;
}

TYPED_TEST(ObjectTableTest, EndedIsCalledBetweenTheHandlesEndAndDestruction) {
  auto& table = *this->table_;
  int calls = 0;
  Handle handle = kNullHandle;
  const auto ended = [&] {
    ++calls;
    EXPECT_EQ(table.Check(handle), Status::kStale);
    EXPECT_EQ(destroyed, 0);
  };
  const std::function<Status()> kWays[] = {
      [&] { return table.Delete(handle, ended); },
      [&] { return table.DeleteUnlessPinned(handle, ended); },
      [&] { return table.DeleteAndWait(handle, nanoseconds(0), ended); },
      [&] {
        Status why = Status::kNull;
        const bool is_taken = table.Take(handle, &why, ended).has_value();
        EXPECT_EQ(is_taken, why == Status::kOk);
        return why;
      },
  };
  for (const auto& way : kWays) {
    handle = table.Emplace(1);
    calls = destroyed = 0;
    EXPECT_EQ(way(), Status::kOk);
    EXPECT_EQ(calls, 1);
    EXPECT_GE(destroyed, 1);
    // Nothing has ended if the handle is refused.
    EXPECT_EQ(way(), Status::kStale);
    EXPECT_EQ(calls, 1);
  }
  constructed = destroyed = 0;
}

TYPED_TEST(ObjectTableTest, ObjectInAScopeAndUnderAPinWaitsForBoth) {
  auto& table = *this->table_;
  for (const bool scope_ends_first : {true, false}) {
    destroyed = 0;
    const Handle handle = table.Emplace(1);
    auto pin = table.Pin(handle);
    auto scope =
        std::make_unique<typename TestFixture::Table::ReadScope>(table);
    ASSERT_NE(scope->Find(handle), nullptr);
    EXPECT_EQ(table.Delete(handle), Status::kOk);
    if (scope_ends_first) {
      scope.reset();
    } else {
      pin.Unpin();
    }
    EXPECT_EQ(destroyed, 0);
    EXPECT_EQ(table.Stats().retired_objects, 1u);
    scope.reset();
    pin.Unpin();
    EXPECT_EQ(destroyed, 1);
    EXPECT_EQ(table.Stats().retired_objects, 0u);
  }
  constructed = destroyed = 0;
}

TYPED_TEST(ObjectTableTest, StatsCountAnObjectInUseAsDeletedOnce) {
  auto& table = *this->table_;
  const Handle kept = table.Emplace(1);
  for (const Use use : kUses) {
    const ObjectTableStats before = table.Stats();
    const auto expect = [&](std::size_t retired) {
      const ObjectTableStats now = table.Stats();
      EXPECT_EQ(now.created, before.created + 1);
      EXPECT_EQ(now.deleted, before.deleted + 1);
      EXPECT_EQ(now.live, 1u);
      EXPECT_EQ(now.retired_objects, retired);
    };
    const Handle handle = table.Emplace(5);
    User user(table, handle, use);
    EXPECT_EQ(table.Delete(handle), Status::kOk);
    expect(1);
    user.End();
    expect(0);
  }
  EXPECT_EQ(table.Delete(kept), Status::kOk);
  constructed = destroyed = 0;
}

TYPED_TEST(ObjectTableTest, WaitingDeleteWithoutTimeDoesNotWait) {
  auto& table = *this->table_;
  for (const nanoseconds timeout :
       {nanoseconds(0), nanoseconds(-1), nanoseconds::min()}) {
    destroyed = 0;
    const Handle handle = table.Emplace(1);
    auto pin = table.Pin(handle);
    ASSERT_TRUE(pin);
    EXPECT_EQ(table.DeleteAndWait(handle, timeout), Status::kTimedOut)
        << timeout.count();
    EXPECT_EQ(table.Check(handle), Status::kStale);
    EXPECT_EQ(destroyed, 0);
    pin.Unpin();
    EXPECT_EQ(destroyed, 1);
  }
  constructed = destroyed = 0;
}

TYPED_TEST(ObjectTableTest, Batches) {
  auto& table = *this->table_;
  std::vector<Tracked> objects;
  objects.reserve(5);
  for (int i = 0; i < 5; ++i) objects.emplace_back(i);
  Handle handles[7] = {};
  EXPECT_EQ(table.InsertBatch(objects.data(), 0, handles), 0u);
  ASSERT_EQ(table.InsertBatch(objects.data(), 5, handles), 5u);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(table.Pin(handles[i])->value(), i);
  handles[5] = handles[0];
  Status statuses[7];
  auto pin = table.Pin(handles[1]);
  EXPECT_EQ(table.DeleteBatch(handles, 7, statuses), 5u);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(statuses[i], Status::kOk);
  EXPECT_EQ(statuses[5], Status::kStale);
  EXPECT_EQ(statuses[6], Status::kNull);
  EXPECT_EQ(pin->value(), 1);
  EXPECT_EQ(table.DeleteBatch(handles, 7), 0u);
}

TYPED_TEST(ObjectTableTest, FullTableConstructsNothing) {
  auto& table = *this->table_;
  std::vector<Handle> handles;
  while (const Handle handle = table.Emplace(1)) handles.push_back(handle);
  EXPECT_GE(handles.size(), 100u);
  EXPECT_EQ(constructed, int(handles.size()));
  EXPECT_EQ(table.Emplace(1), kNullHandle);
  EXPECT_EQ(constructed, int(handles.size()));
  Tracked object(7);
  Handle handle;
  EXPECT_EQ(table.InsertBatch(&object, 1, &handle), 0u);
  EXPECT_EQ(object.value(), 7) << "moved from";
  {
    // The object is deleted and still in use, so its slot is not free yet.
    auto pin = table.Pin(handles[0]);
    EXPECT_EQ(table.Delete(handles[0]), Status::kOk);
    EXPECT_EQ(table.Emplace(2), kNullHandle);
  }
  EXPECT_NE(table.Emplace(2), kNullHandle);
  EXPECT_EQ(table.Emplace(2), kNullHandle);
  EXPECT_EQ(table.Clear(), handles.size());
  EXPECT_EQ(table.Clear(), 0u);
}

TYPED_TEST(ObjectTableTest, ForEachSeesEachOnceAndMayDeleteIt) {
  auto& table = *this->table_;
  std::set<int> expected, seen;
  for (int i = 0; i < 20; ++i) {
    EXPECT_NE(table.Emplace(i), kNullHandle);
    expected.insert(i);
  }
  table.ForEach([&](Handle handle, Tracked& object) {
    const int before = destroyed;
    EXPECT_TRUE(seen.insert(object.value()).second);
    EXPECT_EQ(table.DeleteUnlessPinned(handle), Status::kPinned);
    EXPECT_EQ(table.Delete(handle), Status::kOk);
    EXPECT_EQ(destroyed, before);
    EXPECT_GE(object.value(), 0);
  });
  EXPECT_EQ(seen, expected);
  EXPECT_EQ(destroyed, 20);
  table.ForEach([](Handle, Tracked&) { ADD_FAILURE(); });
}

int protections = 0;
struct CountingReclamation : HazardReclamation {
  using HazardReclamation::HazardReclamation;
  template <typename Slot>
  Hold* Protect(Slot& slot, Word handle) noexcept {
    ++protections;
    return HazardReclamation::Protect(slot, handle);
  }
};
struct CountingTraits : DefaultTraits {
  using Reclamation = CountingReclamation;
};

TEST(ObjectTableForEachTest, PinsNothingAfterItHasBeenEnded) {
  ObjectTable<Tracked, CountingTraits> table(20);
  for (int i = 0; i < 20; ++i) EXPECT_NE(table.Emplace(i), kNullHandle);
  for (const int wanted : {1, 7, 20, 21}) {
    protections = 0;
    int seen = 0;
    table.ForEach([&](Handle, Tracked&) { return ++seen == wanted; });
    EXPECT_EQ(seen, std::min(wanted, 20));
    EXPECT_EQ(protections, seen);
  }
}

TYPED_TEST(ObjectTableTest, UncachedCallersCanDoAll) {
  auto& table = *this->table_;
  AsUncached([&] {
    const Handle a = table.Emplace(1), b = table.Emplace(2);
    using Table = typename TestFixture::Table;
    {
      std::vector<typename Table::Pinned> pins;
      for (int i = 0; i < 30; ++i) pins.push_back(table.Pin(a));
      EXPECT_EQ(table.DeleteUnlessPinned(a), Status::kPinned);
      EXPECT_EQ(table.Delete(a), Status::kOk);
      EXPECT_EQ(pins[29]->value(), 1);
      EXPECT_EQ(destroyed, 0);
    }
    EXPECT_EQ(destroyed, 1);
    {
      typename Table::ReadScope scope(table);
      typename Table::ReadScope inner(table);
      Tracked* const found = inner.Find(b);
      EXPECT_EQ(table.Delete(b), Status::kOk);
      EXPECT_EQ(found->value(), 2);
    }
    EXPECT_EQ(destroyed, 2);
    EXPECT_EQ(table.Take(table.Emplace(3))->value(), 3);
    EXPECT_EQ(table.DeleteAndWait(table.Emplace(4), milliseconds(1)),
              Status::kOk);
    EXPECT_EQ(table.Stats().live, 0u);
  });
}

TYPED_TEST(ObjectTableTest, TableDestroysEachLiveObjectOnce) {
  auto& table = *this->table_;
  for (int i = 0; i < 50; ++i) EXPECT_NE(table.Emplace(i), kNullHandle);
  this->table_.reset();
  EXPECT_EQ(destroyed, 50);
}

TYPED_TEST(ObjectTableTest, ChildOfForkUsesTheTable) {
  auto& table = *this->table_;
  const Handle handle = table.Emplace(1);
  auto pin = table.Pin(handle);
  testing::InChild([&] {
    EXPECT_EQ(table.Delete(handle), Status::kOk);
    EXPECT_EQ(pin->value(), 1);
    pin.Unpin();
    EXPECT_EQ(destroyed, 1);
    const Handle mine = table.Emplace(2);
    EXPECT_EQ(table.Pin(mine)->value(), 2);
    EXPECT_EQ(table.DeleteUnlessPinned(mine), Status::kOk);
    ExpectConservation(table);
  });
  EXPECT_EQ(pin->value(), 1);
  EXPECT_EQ(table.Check(handle), Status::kOk);
}

// Destructors that call the table.

using HookedTable = ObjectTable<Hooked>;

TEST(ObjectTableDestructorTest, MayCallTheTable) {
  for (const bool pinned : {false, true}) {
    HookedTable table(100);
    int calls = 0;
    const Handle a = table.Emplace(nullptr), b = table.Emplace(nullptr);
    Handle made;
    const Handle handle = table.Emplace([&] {
      ++calls;
      EXPECT_TRUE(table.Pin(a));
      EXPECT_EQ(table.Delete(a), Status::kOk);
      EXPECT_TRUE(table.Take(b));
      made = table.Emplace([&] { ++calls; });
      HookedTable::ReadScope scope(table);
      EXPECT_NE(scope.Find(made), nullptr);
    });
    {
      auto pin = table.Pin(pinned ? handle : a);
      pin = HookedTable::Pinned(table.Pin(pinned ? handle : kNullHandle));
      EXPECT_EQ(table.Delete(handle), Status::kOk);
      EXPECT_EQ(calls, !pinned);
    }
    EXPECT_EQ(calls, 1);
    EXPECT_EQ(table.Check(a), Status::kStale);
    EXPECT_EQ(table.Delete(made), Status::kOk);
    EXPECT_EQ(calls, 2);
    EXPECT_EQ(table.Stats().live, 0u);
    ExpectConservation(table);
  }
}

TEST(ObjectTableDestructorTest, OwnHandleIsStale) {
  HookedTable table(10);
  Handle handle;
  bool called = false;
  handle = table.Emplace([&] {
    called = true;
    EXPECT_EQ(table.Pin(handle).status(), Status::kStale);
    EXPECT_EQ(table.Delete(handle), Status::kStale);
    EXPECT_EQ(table.DeleteUnlessPinned(handle), Status::kStale);
  });
  EXPECT_EQ(table.Delete(handle), Status::kOk);
  EXPECT_TRUE(called);
}

// The wait would be in vain, because the object is destroyed by a destructor
// that waits for this call.
TEST(ObjectTableDestructorTest, WaitingDeleteTooDeepInDestructorsIsDeferred) {
  HookedTable table(100);
  bool is_destroyed = false;
  std::vector<Status> statuses;
  Handle next = table.Emplace([&] { is_destroyed = true; });
  for (unsigned i = 0; i < internal::DeferredDestruction::kMaxDepth; ++i) {
    next = table.Emplace([&, next] {
      statuses.push_back(table.DeleteAndWait(next, nanoseconds(0)));
      EXPECT_EQ(table.Check(next), Status::kStale);
      EXPECT_EQ(is_destroyed, statuses.size() != 1);
    });
  }
  EXPECT_EQ(table.DeleteAndWait(next, nanoseconds(0)), Status::kOk);
  EXPECT_TRUE(is_destroyed);
  ASSERT_EQ(statuses.size(), internal::DeferredDestruction::kMaxDepth);
  EXPECT_EQ(statuses[0], Status::kDeferred);
  for (std::size_t i = 1; i < statuses.size(); ++i)
    EXPECT_EQ(statuses[i], Status::kOk) << i;
  EXPECT_EQ(table.Stats().live, 0u);
}

TEST(ObjectTableDestructorTest, WhatItMakesIsDestroyedWithTheTable) {
  int calls = 0;
  {
    HookedTable table(100);
    for (int i = 0; i < 10; ++i) {
      EXPECT_NE(table.Emplace([&] {
        ++calls;
        EXPECT_NE(table.Emplace([&] { ++calls; }), kNullHandle);
      }),
                kNullHandle);
    }
  }
  EXPECT_EQ(calls, 20);
}

// Kinds of objects.

template <std::size_t kSize, std::size_t kAlign>
struct alignas(kAlign) Blob {
  explicit Blob(unsigned char c) {
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(this) % kAlign, 0u);
    bytes.fill(c);
  }
  std::array<unsigned char, kSize> bytes;
};

template <typename T>
void TestBlobs() {
  ObjectTable<T> table(100);
  std::vector<Handle> handles;
  for (unsigned char i = 0; i < 100; ++i) handles.push_back(table.Emplace(i));
  for (unsigned char i = 0; i < 100; ++i) {
    auto pin = table.Pin(handles[i]);
    ASSERT_TRUE(pin);
    for (const unsigned char c : pin->bytes) ASSERT_EQ(c, i);
    ASSERT_EQ(reinterpret_cast<std::uintptr_t>(pin.get()) % alignof(T), 0u);
  }
  EXPECT_EQ(table.Take(handles[7])->bytes[0], 7);
  EXPECT_EQ(table.Clear(), 99u);
  ExpectConservation(table);
}

TEST(ObjectTableTypeTest, AnySize) {
  TestBlobs<Blob<1, 1>>();
  TestBlobs<Blob<24, 8>>();
  TestBlobs<Blob<520, 8>>();
}
TEST(ObjectTableTypeTest, AnyAlignment) {
  TestBlobs<Blob<64, 64>>();
  TestBlobs<Blob<256, 256>>();
  TestBlobs<Blob<300, 64>>();
}

// Such an object is destroyed without a look at other destructors.
TEST(ObjectTableTypeTest, TriviallyDestructibleIsDeletedAtOnce) {
  ObjectTable<int> table(4);
  const Handle handle = table.Emplace(1);
  EXPECT_EQ(table.DeleteAndWait(handle, nanoseconds(0)), Status::kOk);
  EXPECT_EQ(table.Check(handle), Status::kStale);
  EXPECT_EQ(table.DeleteUnlessPinned(table.Emplace(2)), Status::kOk);
  EXPECT_EQ(table.Stats().live, 0u);
}

TEST(ObjectTableTypeTest, MoveOnly) {
  ObjectTable<std::unique_ptr<int>> table(10);
  const Handle a = table.Insert(std::make_unique<int>(1));
  const Handle b = table.Emplace(new int(2));
  std::unique_ptr<int> objects[] = {std::make_unique<int>(3)};
  Handle c;
  ASSERT_EQ(table.InsertBatch(objects, 1, &c), 1u);
  EXPECT_EQ(objects[0], nullptr);
  EXPECT_EQ(**table.Pin(a), 1);
  EXPECT_EQ(**table.Take(b), 2);
  EXPECT_EQ(**table.Pin(c), 3);
}

struct Throwing {
  explicit Throwing(bool throws) : tracked(1) {
    if (throws) throw std::runtime_error("constructor");
  }
  Throwing(Throwing&& other) : tracked(std::move(other.tracked)) {
    if (other.throws_when_moved) throw std::runtime_error("move");
  }
  Tracked tracked;
  bool throws_when_moved = false;
};

TEST(ObjectTableTypeTest, ThrowingConstructorLosesNothing) {
  constructed = destroyed = 0;
  {
    ObjectTable<Throwing, TestTraits<GlobalFreeList>> table(3);
    const auto test = [&] {
      const std::uint64_t before = table.Stats().created;
      for (int i = 0; i < 10; ++i)
        EXPECT_THROW((void)table.Emplace(true), std::runtime_error);
      EXPECT_EQ(table.Stats().created, before);
      EXPECT_EQ(table.Stats().live, 0u);
      Handle handles[3];
      for (Handle& handle : handles) {
        handle = table.Emplace(false);
        EXPECT_NE(handle, kNullHandle);
      }
      EXPECT_EQ(table.Emplace(true), kNullHandle);
      EXPECT_EQ(table.Clear(), 3u);
      ExpectConservation(table);
    };
    test();
    AsUncached(test);
  }
  EXPECT_EQ(constructed, destroyed);
}

TEST(ObjectTableTypeTest, ThrowingMove) {
  constructed = destroyed = 0;
  {
    ObjectTable<Throwing> table(3);
    const Handle handle = table.Emplace(false);
    table.Pin(handle)->throws_when_moved = true;
    EXPECT_THROW(table.Take(handle), std::runtime_error);
    EXPECT_EQ(table.Check(handle), Status::kStale);
    EXPECT_EQ(constructed, destroyed);
    std::vector<Throwing> objects;
    objects.reserve(2);
    objects.emplace_back(false);
    objects.emplace_back(false);
    objects[1].throws_when_moved = true;
    Handle handles[2] = {handle, handle};
    EXPECT_THROW((void)table.InsertBatch(objects.data(), 2, handles),
                 std::runtime_error);
    EXPECT_EQ(table.Stats().live, 1u);
    EXPECT_EQ(table.Check(handles[0]), Status::kOk);
    EXPECT_EQ(handles[1], kNullHandle);
    EXPECT_EQ(table.Delete(handles[0]), Status::kOk);
    handles[0] = handles[1] = handle;
    objects[0].throws_when_moved = true;
    EXPECT_THROW((void)table.InsertBatch(objects.data(), 2, handles),
                 std::runtime_error);
    EXPECT_EQ(table.Stats().live, 0u);
    EXPECT_EQ(handles[0], kNullHandle);
    EXPECT_EQ(handles[1], kNullHandle);
    ExpectConservation(table);
  }
  EXPECT_EQ(constructed, destroyed);
}

// Limits.

using ThreeGenerations = HandleLayout<3, 2>;

TEST(ObjectTableLimitTest, DropsExhaustedSlots) {
  using Table =
      ObjectTable<Tracked, TestTraits<GlobalFreeList, ThreeGenerations>>;
  constructed = destroyed = 0;
  {
    Table table(Table::kMaxCapacity);
    std::set<Handle> handles;
    for (int i = 0;; ++i) {
      const Handle handle = table.Emplace(i);
      if (handle == kNullHandle) break;
      EXPECT_TRUE(handles.insert(handle).second);
      for (const Handle old : handles) {
        EXPECT_EQ(table.Check(old),
                  old == handle ? Status::kOk : Status::kStale);
      }
      // Each way to end a handle takes its turn.
      if (i % 4 == 0) {
        EXPECT_EQ(table.Delete(handle), Status::kOk);
      } else if (i % 4 == 1) {
        EXPECT_EQ(table.DeleteUnlessPinned(handle), Status::kOk);
      } else if (i % 4 == 2) {
        auto pin = table.Pin(handle);
        EXPECT_EQ(table.Delete(handle), Status::kOk);
        EXPECT_EQ(pin->value(), i);
      } else {
        Table::ReadScope scope(table);
        EXPECT_EQ(table.Delete(handle), Status::kOk);
      }
      ExpectConservation(table);
    }
    EXPECT_EQ(handles.size(), 8u * 3);
    EXPECT_EQ(table.Stats().exhausted_slots, 8u);
    EXPECT_EQ(table.Stats().capacity, 0u);
    for (const Handle old : handles) {
      EXPECT_EQ(table.Check(old), Status::kStale);
      EXPECT_EQ(table.Delete(old), Status::kStale);
      EXPECT_EQ(table.DeleteUnlessPinned(old), Status::kStale);
      EXPECT_EQ(table.Pin(old).status(), Status::kStale);
    }
  }
  EXPECT_EQ(constructed, destroyed);
}

TEST(ObjectTableLimitTest, WrappedGenerationsStartOver) {
  ObjectTable<int,
              TestTraits<GlobalFreeList, ThreeGenerations, Exhaustion::kWrap>>
      table(1);
  Handle first[3];
  for (int i = 0; i < 12; ++i) {
    const Handle handle = table.Emplace(i);
    ASSERT_NE(handle, kNullHandle);
    if (i < 3) first[i] = handle;
    EXPECT_EQ(handle, first[i % 3]);
    auto pin = table.Pin(handle);
    ASSERT_TRUE(pin);
    EXPECT_EQ(*pin, i);
    EXPECT_EQ(table.Delete(handle), Status::kOk);
    EXPECT_EQ(table.Emplace(0), kNullHandle) << "still pinned";
  }
  EXPECT_EQ(table.Stats().exhausted_slots, 0u);
  ExpectConservation(table);
}

TEST(ObjectTableLimitTest, Capacities) {
  using Table = ObjectTable<int, TestTraits<GlobalFreeList, ThreeGenerations>>;
  EXPECT_THROW(Table(Table::kMaxCapacity + 1), std::length_error);
  EXPECT_EQ(Table::Create(Table::kMaxCapacity + 1), nullptr);
  EXPECT_NE(Table::Create(Table::kMaxCapacity), nullptr);
  const auto none = Table::Create(0);
  ASSERT_NE(none, nullptr);
  EXPECT_EQ(none->Emplace(1), kNullHandle);
  EXPECT_EQ(none->Pin(kNullHandle).status(), Status::kNull);
  EXPECT_EQ(none->Clear(), 0u);
}

TEST(ObjectTableLimitTest, PinBeyondThoseOfTheCellsAndTheCountIsRefused) {
  ObjectTable<int> table(10);
  const Handle handle = table.Emplace(1);
  std::vector<ObjectTable<int>::Pinned> pins;
  for (unsigned n = 0; n <= internal::HazardCells::kCells; ++n)
    pins.push_back(table.Pin(handle));
  internal::Inspector::SetCount(table, handle, ~std::uint32_t{0});
  EXPECT_EQ(table.Pin(handle).status(), Status::kOutOfMemory);
  EXPECT_EQ(table.Check(handle), Status::kOk);
  internal::Inspector::SetCount(table, handle, 1);
  EXPECT_TRUE(table.Pin(handle));
}

TEST(ObjectTableLimitTest, QuietTableReportsNothing) {
  ::testing::internal::CaptureStderr();
  {
    ObjectTable<int> table(10);
    const Handle handle = table.Emplace(1);
    auto pin = table.Pin(handle);
    EXPECT_EQ(table.Delete(handle), Status::kOk);
    pin.Unpin();
    EXPECT_NE(table.Emplace(1), kNullHandle);
  }
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

// In a child, whose thread acts as that many threads one after the other, and
// then as one more.
TEST(ObjectTableLimitTest, MoreThreadsThanIndices) {
  using internal::ThreadRegistry;
  testing::InChild([] {
    testing::Node::Table table(1000);
    internal::sync::ThreadState& thread = internal::sync::ThisThread();
    for (unsigned n = 0; n <= internal::sync::kMaxThreads; ++n) {
      new (&thread) internal::sync::ThreadState();
      ThreadRegistry::OfThisCopy().Claim();
    }
    ASSERT_EQ(thread.index, 0u);
    EXPECT_EQ(ThreadRegistry::OfThisCopy().Reach(),
              internal::sync::kMaxThreads);
    const Handle head = testing::MakeList(&table, 100);
    ASSERT_NE(head, kNullHandle);
    destroyed = 0;
    EXPECT_EQ(table.Check(head), Status::kOk);
    EXPECT_TRUE(table.Pin(head)) << "it is counted";
    {
      const testing::Node::Table::ReadScope scope(table);
      EXPECT_FALSE(scope.ok());
      EXPECT_EQ(scope.Find(head), nullptr);
    }
    EXPECT_EQ(table.DeleteUnlessPinned(kNullHandle), Status::kNull);
    EXPECT_EQ(destroyed, 0);
    EXPECT_EQ(table.DeleteAndWait(head, nanoseconds(0)), Status::kOk);
    EXPECT_EQ(destroyed, 100);
    EXPECT_EQ(table.Stats().live, 0u);
    EXPECT_EQ(thread.index, 0u);
  });
}

}  // namespace
}  // namespace haft
