// The tests of progress_test.cc for ObjectTable: pins, read scopes and the ways
// to delete. A thread that is stopped forever holds back only its own objects.

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "haft/object_table.h"
#include "tests/interleaving/schedule/crash_stop.h"
#include "tests/interleaving/schedule/probe.h"
#include "tests/support/inspector.h"
#include "tests/support/testing.h"

namespace haft {
namespace {

using schedule::ExpectLockFree;
using schedule::MostSteps;
using schedule::Operation;
using schedule::Probe;
using testing::TestTraits;

constexpr std::uint64_t kWorkBound = 40000;

template <typename FreeListT>
struct World {
  using FreeList = FreeListT;
  using Table = ObjectTable<Probe, TestTraits<FreeList>>;
  using Pinned = typename Table::Pinned;
  using ReadScope = typename Table::ReadScope;
  static constexpr std::size_t kCapacity = 24;
  // The most objects that the stopped thread may hold: two of a batch, or an
  // object and the one it was moved to.
  static constexpr std::size_t kHeld = 2;

  World() { shared = Emplace(); }

  // ---- the work of the other threads

  Handle Emplace() {
    const Handle handle = table.Emplace(&alive);
    EXPECT_NE(handle, kNullHandle) << "full, though it is not";
    return handle;
  }
  void PinAndDelete() {
    const Handle handle = Emplace();
    Pinned pin = table.Pin(handle);
    EXPECT_EQ(pin.status(), Status::kOk);
    if (!pin) return;
    EXPECT_EQ(table.DeleteUnlessPinned(handle), Status::kPinned);
    Pinned other = table.Pin(handle);
    EXPECT_EQ(table.Delete(handle), Status::kOk);
    EXPECT_EQ(table.Delete(handle), Status::kStale);
    pin->Touch();
    pin.Unpin();
    other->Touch();
    EXPECT_EQ(table.Pin(handle).status(), Status::kStale);
  }
  void DeleteUnlessPinned() {
    const Handle handle = Emplace();
    const Status status = table.DeleteUnlessPinned(handle);
    // A read scope of another thread may have found anything.
    if (status == Status::kOk) return;
    EXPECT_EQ(status, Status::kScoped);
    EXPECT_EQ(table.Delete(handle), Status::kOk);
  }
  void Take() {
    const Handle handle = Emplace();
    Status why;
    const std::optional<Probe> taken = table.Take(handle, &why);
    if (taken.has_value()) return taken->Touch();
    EXPECT_EQ(why, Status::kScoped);
    EXPECT_EQ(table.Delete(handle), Status::kOk);
  }
  void Scope() {
    const Handle handle = Emplace();
    const ReadScope scope(table);
    Probe* const object = scope.Find(handle);
    EXPECT_NE(object, nullptr);
    EXPECT_EQ(table.Delete(handle), Status::kOk);
    if (object != nullptr) object->Touch();
    EXPECT_EQ(scope.Find(handle), nullptr);
  }
  void Batches() {
    Handle handles[2] = {Emplace(), Emplace()};
    EXPECT_EQ(table.DeleteBatch(handles, 2), 2u);
  }
  void Work(unsigned t) {
    if (auto pin = table.Pin(shared)) pin->Touch();
    PinAndDelete();
    DeleteUnlessPinned();
    if (t == 1) {
      // It may be pinned by the stopped thread.
      const Status status = table.DeleteUnlessPinned(shared);
      EXPECT_TRUE(status == Status::kOk || status == Status::kPinned ||
                  status == Status::kScoped || status == Status::kStale);
    }
    Take();
    Scope();
    if (t == 2) schedule::BecomeUncached();
    Batches();
    PinAndDelete();
    table.ForEach([](Handle, Probe& object) { object.Touch(); });
    (void)table.Stats();
    if (t == 2) {
      Scope();
      (void)table.Delete(shared);
    }
    (void)table.Check(shared);
  }
  void Interfere(unsigned t) {
    const Handle handle = Emplace();
    if (t == 1) {
      { auto pin = table.Pin(handle); }
      EXPECT_EQ(table.Delete(handle), Status::kOk);
    } else {
      const Status status = table.DeleteUnlessPinned(handle);
      if (status != Status::kOk) (void)table.Delete(handle);
    }
  }
  void Fill() {
    std::vector<Handle> made;
    for (std::size_t n = static_cast<std::size_t>(alive) + kHeld; n < kCapacity;
         ++n)
      made.push_back(Emplace());
    for (Handle handle : made) EXPECT_EQ(table.Delete(handle), Status::kOk);
  }

  // ---- the checks

  void CheckWhileStopped() {
    if (scoped) return;
    std::size_t live = 0;
    table.ForEach([&](Handle, Probe&) { ++live; });
    EXPECT_LE(static_cast<std::size_t>(alive), live + kHeld)
        << "held back though the stopped thread has nothing to do with it";
  }
  void CheckAtRest() {
    outside.reset();
    outside_scope.reset();
    pins.clear();
    (void)table.Clear();
    EXPECT_EQ(alive, 0) << "objects nobody destroys";
    EXPECT_EQ(alive_of_batch, 0);
    const ObjectTableStats stats = table.Stats();
    EXPECT_EQ(stats.live, 0u);
    EXPECT_EQ(stats.retired_objects, 0u);
    std::set<Handle> free;
    internal::Inspector::ForEachFree(
        table, [&](Handle handle) { EXPECT_TRUE(free.insert(handle).second); });
    EXPECT_EQ(free.size() + stats.exhausted_slots, stats.high_water);
  }

  void Make(unsigned n) {
    while (n-- > 0) own.push_back(Emplace());
  }

  int alive = 0, alive_of_batch = 0;
  Table table{kCapacity};
  Handle shared;
  std::vector<Handle> own;
  std::vector<Pinned> pins;  // of the thread that is stopped
  std::optional<ReadScope> scope;
  std::optional<Pinned> outside;  // of another
  std::optional<ReadScope> outside_scope;
  bool scoped = false;
};

template <typename W>
std::vector<Operation<W>> AllOperations() {
  constexpr auto kNothing = &Operation<W>::Nothing;
  constexpr auto kUncached = [](W&) { schedule::BecomeUncached(); };
  constexpr auto kOne = [](W& w) { w.Make(1); };
  constexpr auto kUncachedWithOne = [](W& w) {
    schedule::BecomeUncached();
    w.Make(1);
  };
  constexpr auto kEmplace = [](W& w) { w.own.push_back(w.Emplace()); };
  constexpr auto kPin = [](W& w) {
    if (auto pin = w.table.Pin(w.shared)) w.pins.push_back(std::move(pin));
  };
  constexpr auto kPinOwn = [](W& w) {
    w.pins.push_back(w.table.Pin(w.own[0]));
    EXPECT_TRUE(w.pins.back());
  };
  constexpr auto kUnpin = [](W& w) { w.pins.back().Unpin(); };
  constexpr auto kDelete = [](W& w) {
    EXPECT_EQ(w.table.Delete(w.own[0]), Status::kOk);
  };
  constexpr auto kDeleteShared = [](W& w) { (void)w.table.Delete(w.shared); };
  constexpr auto kUnlessPinned = [](W& w) {
    (void)w.table.DeleteUnlessPinned(w.own[0]);
  };
  constexpr auto kTake = [](W& w) { (void)w.table.Take(w.own[0]); };
  constexpr auto kBegin = [](W& w) { w.scope.emplace(w.table); };
  constexpr auto kEnd = [](W& w) { w.scope.reset(); };
  constexpr auto kScoped = [](W& w) { w.scoped = true; };
  constexpr auto kPinnedOutside = [](W& w) {
    w.Make(1);
    w.outside.emplace(w.table.Pin(w.own[0]));
  };
  constexpr auto kScopedOutside = [](W& w) {
    w.scoped = true;
    w.Make(1);
    w.outside_scope.emplace(w.table);
  };
  return {
      {"Emplace, a thread's first call", kEmplace},
      {"Emplace", kEmplace, kOne},
      {"Emplace of an uncached caller", kEmplace, kUncached},
      {"InsertBatch",
       [](W& w) {
         std::vector<Probe> objects;
         objects.reserve(2);
         objects.emplace_back(&w.alive_of_batch);
         objects.emplace_back(&w.alive_of_batch);
         Handle handles[2];
         EXPECT_EQ(w.table.InsertBatch(objects.data(), 2, handles), 2u);
         w.own.insert(w.own.end(), handles, handles + 2);
       },
       kOne},
      {"Pin, a thread's first call", kPinOwn, kNothing, kOne},
      {"Pin", kPinOwn, kOne},
      {"Pin of what others delete", kPin},
      {"Pin of an uncached caller", kPin, kUncached},
      {"Pin that needs a further block", kPinOwn,
       [](W& w) {
         w.Make(1);
         for (unsigned i = 0; i < 13; ++i)
           w.pins.push_back(w.table.Pin(w.own[0]));
       }},
      {"Pin of a stale handle",
       [](W& w) { EXPECT_FALSE(w.table.Pin(w.own[0])); },
       [](W& w) {
         w.Make(1);
         (void)w.table.Delete(w.own[0]);
       }},
      {"unpin", kUnpin,
       [](W& w) {
         w.Make(1);
         w.pins.push_back(w.table.Pin(w.own[0]));
       }},
      {"unpin that destroys", kUnpin,
       [](W& w) {
         w.Make(1);
         w.pins.push_back(w.table.Pin(w.own[0]));
         (void)w.table.Delete(w.own[0]);
       }},
      {"unpin of a deleted object that another has pinned", kUnpin,
       [](W& w) {
         w.pins.push_back(w.table.Pin(w.own[0]));
         (void)w.table.Delete(w.own[0]);
       },
       kPinnedOutside},
      {"unpin of an uncached caller that destroys", kUnpin,
       [](W& w) {
         schedule::BecomeUncached();
         w.Make(1);
         w.pins.push_back(w.table.Pin(w.own[0]));
         (void)w.table.Delete(w.own[0]);
       }},
      {"Delete", kDelete, kOne},
      {"Delete of an uncached caller", kDelete, kUncachedWithOne},
      {"Delete, a thread's first call", kDelete, kNothing, kOne},
      {"Delete of what others pin and delete", kDeleteShared},
      {"Delete of what another has pinned", kDelete, kNothing, kPinnedOutside},
      {"Delete of what a scope may have found", kDelete, kNothing,
       kScopedOutside},
      {"DeleteBatch", [](W& w) { (void)w.table.DeleteBatch(w.own.data(), 2); },
       [](W& w) { w.Make(2); }},
      {"DeleteUnlessPinned", kUnlessPinned, kOne},
      {"DeleteUnlessPinned of an uncached caller", kUnlessPinned,
       kUncachedWithOne},
      {"DeleteUnlessPinned of what another has pinned", kUnlessPinned, kNothing,
       kPinnedOutside},
      {"DeleteUnlessPinned of what others pin and delete",
       [](W& w) { (void)w.table.DeleteUnlessPinned(w.shared); }},
      {"Take", kTake, kOne},
      {"Take of what another has pinned", kTake, kNothing, kPinnedOutside},
      {"Take of what others pin and delete",
       [](W& w) { (void)w.table.Take(w.shared); }},
      {"begin of a scope", kBegin, kOne, kScoped, kEnd},
      {"scope, a thread's first call",
       [](W& w) {
         const typename W::ReadScope scope(w.table);
         (void)scope.Find(w.shared);
       },
       kNothing, kScoped},
      {"scope of an uncached caller",
       [](W& w) {
         const typename W::ReadScope scope(w.table);
         (void)scope.Find(w.shared);
       },
       kUncached, kScoped},
      {"nested scope",
       [](W& w) { const typename W::ReadScope nested(w.table); }, kBegin,
       kScoped, kEnd},
      {"end of a scope that destroys", kEnd,
       [](W& w) {
         w.scope.emplace(w.table);
         for (unsigned i = 0; i < 2; ++i) (void)w.table.Delete(w.Emplace());
       },
       kScoped},
      {"end of a scope that hands on", kEnd,
       [](W& w) {
         w.scope.emplace(w.table);
         (void)w.table.Delete(w.own[0]);
       },
       kScopedOutside},
      {"Check", [](W& w) { (void)w.table.Check(w.shared); }},
      {"Stats", [](W& w) { (void)w.table.Stats(); }},
      {"ForEach",
       [](W& w) {
         w.table.ForEach([](Handle, Probe& object) { object.Touch(); });
       }},
      {"a thread's end", [](W&) { schedule::ExitThread(); }, kOne},
  };
}

template <typename FreeList>
class ObjectLockFreedomTest : public ::testing::Test {};
using FreeLists =
    ::testing::Types<BasicMagazineFreeList<3>, StripedFreeList, GlobalFreeList>;
TYPED_TEST_SUITE(ObjectLockFreedomTest, FreeLists);

TYPED_TEST(ObjectLockFreedomTest, StoppedThreadKeepsNoOtherFromFinishing) {
  internal::sync::has_heavy_barrier = true;
  ExpectLockFree(AllOperations<World<TypeParam>>(), kWorkBound, 3000);
}
TEST(ObjectLockFreedomWithoutHeavyBarrierTest,
     StoppedThreadKeepsNoOtherFromFinishing) {
  internal::sync::has_heavy_barrier = false;
  ExpectLockFree(AllOperations<World<GlobalFreeList>>(), kWorkBound, 3000);
  internal::sync::has_heavy_barrier = true;
}

// ---------------------------------------------------------------------------
// Bounds on one's own steps: what the header's "wait-free" promises.

constexpr std::uint64_t kSchedules = testing::kSanitized ? 40 : 400;

// Steps of Pin: the slot; the index, the check for being a user, becoming one
// (three steps if another has become the first meanwhile), a free cell and its
// claim; the slot again.
constexpr std::uint64_t kPin = 1 + 1 + 1 + 3 + 2 + 1;
// Steps of a further Pin: 14 cells in use, the index, the same again, the end
// of the chain, the next block's number, the chaining, its first cell; the user
// and the slot.
constexpr std::uint64_t kPinFurther = 72;
constexpr std::uint64_t kUnpin = 2;
// Steps of an unpin of a retired object: the arbitration; the users and the
// number of indices; for each user's block, and for the blocks that share its
// bit, a scope, 14 cells and the end of the chain.
constexpr std::uint64_t kLook = 2 + 4 * 4 * 16 + 3;
constexpr std::uint64_t kUnpinDeleted = kUnpin + 1 + kLook;
// Steps of Find: two checks of the slot, the check for being a user, becoming
// one.
constexpr std::uint64_t kFind = 1 + 1 + 2 + 1;
constexpr std::uint64_t kStats = 5 + 6 * internal::sync::kMaxCaches;

// The other threads pin and delete.
struct Crowd : World<BasicMagazineFreeList<3>> {
  void Interfere(unsigned t) {
    const Handle handle = scoped ? own.front() : Emplace();
    { auto pin = table.Pin(handle); }
    if (t == 1) (void)table.Pin(own.front());
    // The scope of the watched thread gets no more objects than there is room
    // for.
    if (scoped) return;
    EXPECT_EQ(table.Delete(handle), Status::kOk);
  }
};
// The other threads freeze the slot of a pinned object.
struct Freezers : World<BasicMagazineFreeList<3>> {
  void Interfere(unsigned) {
    EXPECT_EQ(table.DeleteUnlessPinned(own.front()), Status::kPinned);
  }
};

struct Bounded {
  Operation<Crowd> operation;
  std::uint64_t steps;
};
const Bounded kBounded[] = {
    {{"Pin", [](Crowd& w) { w.pins.push_back(w.table.Pin(w.own[0])); },
      [](Crowd&) { schedule::EnsureIndex(); }, [](Crowd& w) { w.Make(1); }},
     kPin},
    {{"unpin", [](Crowd& w) { w.pins.back().Unpin(); },
      [](Crowd& w) { w.pins.push_back(w.table.Pin(w.own[0])); },
      [](Crowd& w) { w.Make(1); }},
     kUnpin},
    {{"Find", [](Crowd& w) { (void)w.scope->Find(w.own[0]); },
      [](Crowd& w) { w.scope.emplace(w.table); },
      [](Crowd& w) {
        w.Make(1);
        w.scoped = true;
      },
      [](Crowd& w) { w.scope.reset(); }},
     kFind},
    {{"Check", [](Crowd& w) { (void)w.table.Check(w.own[0]); },
      &Operation<Crowd>::Nothing, [](Crowd& w) { w.Make(1); }},
     1},
    {{"Stats", [](Crowd& w) { (void)w.table.Stats(); },
      &Operation<Crowd>::Nothing, [](Crowd& w) { w.Make(1); }},
     kStats},
};

TEST(ObjectWaitFreedomTest, NoOtherThreadAddsSteps) {
  for (const Bounded& bounded : kBounded) {
    const std::uint64_t most = MostSteps(bounded.operation, kSchedules);
    EXPECT_GT(most, 0u) << bounded.operation.name;
    EXPECT_LE(most, bounded.steps) << bounded.operation.name;
  }
}

TEST(ObjectWaitFreedomTest, PinThatNeedsAFurtherBlock) {
  const Operation<Crowd> operation = {
      "Pin", [](Crowd& w) { w.pins.push_back(w.table.Pin(w.own[0])); },
      [](Crowd& w) {
        for (unsigned i = 0; i < 13; ++i)
          w.pins.push_back(w.table.Pin(w.own[0]));
      },
      [](Crowd& w) { w.Make(1); }};
  EXPECT_LE(MostSteps(operation, kSchedules), kPinFurther);
}

TEST(ObjectWaitFreedomTest, UnpinOfADeletedObjectThatIsNotTheLast) {
  const Operation<Freezers> operation = {
      "unpin", [](Freezers& w) { w.pins.back().Unpin(); },
      [](Freezers& w) {
        EXPECT_TRUE(w.table.Pin(w.own[0]));
        for (unsigned i = 0; i < 62; ++i) (void)w.table.Delete(w.Emplace());
        w.pins.push_back(w.table.Pin(w.own[1]));
        EXPECT_EQ(w.table.Delete(w.own[1]), Status::kOk);
      },
      [](Freezers& w) {
        w.Make(2);
        w.outside.emplace(w.table.Pin(w.own[1]));
        w.pins.push_back(w.table.Pin(w.own[0]));
      }};
  EXPECT_LE(MostSteps(operation, kSchedules), kUnpinDeleted);
}

}  // namespace
}  // namespace haft
