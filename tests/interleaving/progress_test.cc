// Tests of the progress of HandleTable. A thread that is stopped forever at any
// step does not keep others from finishing, and every operation that claims to
// be wait-free has a bound on its steps.

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "haft/handle_table.h"
#include "tests/interleaving/schedule/crash_stop.h"
#include "tests/support/inspector.h"
#include "tests/support/testing.h"

namespace haft {
namespace {

using schedule::CrashStops;
using schedule::ExpectLockFree;
using schedule::MostSteps;
using schedule::Operation;
using schedule::StopAtEachStep;
using testing::ExpectConservation;
using testing::TestTraits;

// The most steps of one schedule: the work of two threads, a third that fills
// the table to its capacity, and the operation that is stopped.
constexpr std::uint64_t kWorkBound = 20000;

// For a batch.
constexpr std::size_t kBatch = 3;

// The most handles that a call has in hand: a Trim has those of a page.
constexpr std::size_t kInHand = 64 / (2 * sizeof(Word));

// The most handles that a thread which is stopped inside a call keeps from
// others: a magazine on its way to or from the depot, and those of the call
// itself.
template <typename FreeList>
inline constexpr std::size_t kMagazine = 0;
template <unsigned kSize>
inline constexpr std::size_t kMagazine<BasicMagazineFreeList<kSize>> = kSize;

template <typename FreeListT>
struct World {
  using FreeList = FreeListT;
  using Table = HandleTable<Word, TestTraits<FreeList>>;
  static constexpr std::size_t kCapacity = 24;
  static constexpr std::size_t kHeld = kMagazine<FreeList> + kInHand;

  World() { shared = table.New(kShared); }

  // ---- the work of the other threads

  Handle New(Word value) {
    const Handle handle = table.New(value);
    EXPECT_TRUE(handle != kNullHandle || full) << "full, though it is not";
    return handle;
  }
  void Delete(Handle handle, Word value) {
    if (handle == kNullHandle) return;
    EXPECT_EQ(table.Value(handle), value);
    EXPECT_EQ(table.Check(handle), Status::kOk);
    EXPECT_EQ(table.Delete(handle), value);
    EXPECT_EQ(table.Delete(handle), std::nullopt);
    EXPECT_EQ(table.Value(handle), std::nullopt);
    EXPECT_EQ(table.Check(handle), Status::kStale);
  }
  void Batches(Word value) {
    const Word values[kBatch] = {value, value, value};
    Handle handles[kBatch];
    const std::size_t made = table.NewBatch(values, kBatch, handles);
    EXPECT_TRUE(made == kBatch || full);
    EXPECT_EQ(table.DeleteBatch(handles, made), made);
  }
  void Work(unsigned t) {
    for (unsigned round = 0; round < 2; ++round) {
      const Handle first = New(t), second = New(t);
      Batches(t);
      Delete(first, t);
      Delete(second, t);
      EXPECT_EQ(table.Value(shared).value_or(kShared), kShared);
      std::size_t seen = 0;
      table.ForEach([&](Handle, Word) { ++seen; });
      EXPECT_LE(seen, kCapacity + most);
      (void)table.Stats();
      if (round == 0 && t == 2) schedule::BecomeUncached();
    }
    (void)table.Delete(shared);
  }
  void Interfere(unsigned t) {
    Delete(New(t), t);
    if (t == 2) return;
    EXPECT_EQ(table.Delete(shared), kShared);
    shared = table.New(kShared);
  }
  // New reports a full table only if the live handles fill the capacity.
  void Fill() {
    if (full) return;
    std::vector<Handle> made;
    std::size_t live = 0;
    table.ForEach([&](Handle, Word) { ++live; });
    // A list that strands nothing lacks only the handles that the stopped
    // thread holds.
    const std::size_t held = kMagazine<FreeList> != 0 ? 0 : kInHand;
    for (; live + held < kCapacity; ++live) made.push_back(New(9));
    for (Handle handle : made) Delete(handle, 9);
  }

  // ---- the checks

  void CheckWhileStopped() {
    std::set<Word> slots;
    std::size_t twice = 0;
    const auto note = [&](Handle handle) {
      twice +=
          !slots.insert(DefaultLayout::Index::Decode(static_cast<Word>(handle)))
               .second;
    };
    table.ForEach([&](Handle handle, Word) { note(handle); });
    internal::Inspector::ForEachFree(table, note);
    const TableStats stats = table.Stats();
    EXPECT_LE(twice, kHeld) << "in the cache of the stopped thread";
    EXPECT_LE(stats.high_water, slots.size() + stats.exhausted_slots + kHeld);
  }
  void CheckAtRest() {
    for (Handle handle : own) (void)table.Delete(handle);
    if (!full) {
      (void)table.Delete(shared);
      EXPECT_EQ(table.Stats().live, 0u);
    }
    ExpectConservation(table);
  }

  // ---- preparation of the operations

  void Make(unsigned n) {
    for (unsigned i = 0; i < n; ++i) {
      own.push_back(table.New(5));
      EXPECT_NE(own.back(), kNullHandle);
    }
  }
  void DeleteOwn(unsigned n) {
    for (; n > 0; --n) {
      EXPECT_EQ(table.Delete(own.back()), Word{5});
      own.pop_back();
    }
  }
  // Leaves room for `n` handles.
  void FillUpBut(unsigned n) {
    full = true;
    while (const Handle handle = table.New(5)) own.push_back(handle);
    most = own.size();
    DeleteOwn(n);
  }

  static constexpr Word kShared = 77;
  Table table{kCapacity};
  Handle shared;
  std::vector<Handle> own;
  bool full = false;
  std::size_t most = 0;
  std::optional<Word> found;
};

template <typename W>
std::vector<Operation<W>> AllOperations() {
  constexpr auto kNew = [](W& w) {
    const Handle handle = w.table.New(5);
    if (handle != kNullHandle) w.own.push_back(handle);
  };
  constexpr auto kDelete = [](W& w) {
    const Handle handle = w.own.back();
    EXPECT_EQ(w.table.Delete(handle), Word{5});
    w.own.pop_back();
  };
  constexpr auto kOne = [](W& w) { w.Make(1); };
  constexpr auto kUncached = [](W&) { schedule::BecomeUncached(); };
  constexpr auto kUncachedWithOne = [](W& w) {
    schedule::BecomeUncached();
    w.Make(1);
  };
  // Magazines of 3: a cache holds 6, the rest goes to the depot.
  return {
      {"New, a thread's first call", kNew},
      {"New from the loaded magazine", kNew, kOne},
      {"New that swaps magazines", kNew,
       [](W& w) {
         w.Make(6);
         w.DeleteOwn(6);
         w.Make(3);
       }},
      {"New that takes from the depot or takes fresh slots", kNew,
       [](W& w) {
         w.Make(9);
         w.DeleteOwn(9);
         w.Make(6);
       }},
      {"New of an uncached caller", kNew, kUncached},
      {"New of an uncached caller that breaks up a magazine", kNew, kUncached,
       [](W& w) { w.FillUpBut(14); }},
      {"New of a thread with a cache when little is left", kNew,
       &Operation<W>::Nothing, [](W& w) { w.FillUpBut(8); }},
      {"New in a full table", kNew, &Operation<W>::Nothing,
       [](W& w) { w.FillUpBut(0); }},
      {"Value", [](W& w) { w.found = w.table.Value(w.shared); }},
      {"Check", [](W& w) { (void)w.table.Check(w.shared); }},
      {"Stats", [](W& w) { (void)w.table.Stats(); }},
      {"ForEach", [](W& w) { w.table.ForEach([](Handle, Word) {}); }},
      {"Delete", kDelete, kOne},
      {"Delete of what others delete",
       [](W& w) { (void)w.table.Delete(w.shared); }},
      {"Delete that swaps magazines", kDelete,
       [](W& w) {
         w.Make(9);
         w.DeleteOwn(3);
       }},
      {"Delete that gives to the depot", kDelete,
       [](W& w) {
         w.Make(8);
         w.DeleteOwn(5);
       }},
      {"Delete of an uncached caller", kDelete, kUncachedWithOne},
      {"Delete of a stale handle",
       [](W& w) { (void)w.table.Delete(w.own.front()); },
       [](W& w) {
         w.Make(1);
         (void)w.table.Delete(w.own.front());
       }},
      {"NewBatch",
       [](W& w) {
         const Word values[kBatch] = {5, 5, 5};
         Handle handles[kBatch];
         const std::size_t made = w.table.NewBatch(values, kBatch, handles);
         w.own.insert(w.own.end(), handles, handles + made);
       },
       kOne},
      {"DeleteBatch",
       [](W& w) {
         const Handle handles[kBatch] = {w.own[0], w.shared, w.own[1]};
         EXPECT_GE(w.table.DeleteBatch(handles, kBatch), 2u);
       },
       [](W& w) { w.Make(2); }},
      {"a Trim", [](W& w) { (void)w.table.Trim(); },
       [](W& w) {
         w.Make(8);
         w.DeleteOwn(8);
       }},
      {"a thread's end", [](W&) { schedule::ExitThread(); }, kOne},
  };
}

template <typename FreeList>
class LockFreedomTest : public ::testing::Test {};
using FreeLists =
    ::testing::Types<BasicMagazineFreeList<3>, StripedFreeList, GlobalFreeList>;
TYPED_TEST_SUITE(LockFreedomTest, FreeLists);

TYPED_TEST(LockFreedomTest, StoppedThreadKeepsNoOtherFromFinishing) {
  ExpectLockFree(AllOperations<World<TypeParam>>(), kWorkBound, 1500);
}

// ---------------------------------------------------------------------------
// Bounds on one's own steps: what the header's "wait-free" promises.

constexpr std::uint64_t kSchedules = testing::kSanitized ? 80 : 800;

// Entering a thread's cache takes 5 steps and leaving it 1.
constexpr std::uint64_t kNewFromCache = 5 + 1 + 2 + 1;  // entry, word, state
constexpr std::uint64_t kDeleteToCache =
    5 + 2 + internal::kAddressSanitizer + 1 + 2 + 1;  // CAS, word; entry
constexpr std::uint64_t kValue = 3;
constexpr std::uint64_t kCheck = 1;
constexpr std::uint64_t kStats = 4 + 6 * internal::sync::kMaxCaches;
constexpr std::uint64_t kForEachSlot = 1 + kValue;
constexpr std::uint64_t kThreadEnd = 7;  // a mark; two numbers go back
constexpr std::uint64_t kTakeFresh = 2;

using Magazines = World<BasicMagazineFreeList<3>>;

struct Bounded {
  Operation<Magazines> operation;
  std::uint64_t steps;
};
const Bounded kBounded[] = {
    {{"Value", [](Magazines& w) { w.found = w.table.Value(w.shared); }},
     kValue},
    {{"Check", [](Magazines& w) { (void)w.table.Check(w.shared); }}, kCheck},
    {{"New while the loaded magazine holds a handle",
      [](Magazines& w) { w.own.push_back(w.table.New(5)); },
      [](Magazines& w) {
        w.Make(4);
        w.DeleteOwn(2);
      }},
     kNewFromCache},
    {{"New while the other magazine holds one",
      [](Magazines& w) { w.own.push_back(w.table.New(5)); },
      [](Magazines& w) {
        w.Make(8);
        w.DeleteOwn(8);
        w.Make(3);
      }},
     kNewFromCache},
    {{"Delete while the loaded magazine has room",
      [](Magazines& w) { w.DeleteOwn(1); },
      [](Magazines& w) {
        w.Make(8);
        w.DeleteOwn(1);
      }},
     kDeleteToCache},
    {{"Stats", [](Magazines& w) { (void)w.table.Stats(); }}, kStats},
    {{"a thread's end", [](Magazines&) { schedule::ExitThread(); },
      [](Magazines& w) { w.Make(1); }},
     kThreadEnd},
};

TEST(WaitFreedomTest, NoOtherThreadAddsSteps) {
  for (const Bounded& bounded : kBounded) {
    EXPECT_EQ(MostSteps(bounded.operation, kSchedules), bounded.steps)
        << bounded.operation.name;
  }
}

TEST(WaitFreedomTest, ForEachIsBoundedByTheHighWaterMark) {
  const Operation<Magazines> operation = {
      "ForEach", [](Magazines& w) { w.table.ForEach([](Handle, Word) {}); }};
  // The high-water mark when the operation begins: three caches, and the live
  // handles.
  EXPECT_LE(MostSteps(operation, kSchedules), 1 + 30 * kForEachSlot);
}

// FreshSlots alone.
struct TakingFreshSlots {
  void Interfere(unsigned) { (void)fresh_slots.Take(1); }
  void CheckAtRest() {}
  internal::FreshSlots fresh_slots{1, 1000};
};
TEST(WaitFreedomTest, Take) {
  const Operation<TakingFreshSlots> operation = {
      "Take", [](TakingFreshSlots& w) { (void)w.fresh_slots.Take(2); }};
  EXPECT_EQ(MostSteps(operation, kSchedules), kTakeFresh);
}

// An operation that is only lock-free repeats as often as others interfere.
TEST(WaitFreedomTest, StackIsNotWaitFree) {
  using Global = World<GlobalFreeList>;
  const Operation<Global> operation = {
      "New", [](Global& w) { w.own.push_back(w.table.New(5)); },
      [](Global& w) {
        w.Make(2);
        w.DeleteOwn(2);
      }};
  EXPECT_GT(MostSteps(operation, 8), 500u);
}

// ---------------------------------------------------------------------------
// Tables that do wait, which the test must notice.

// One lock for all.
struct LockedWorld {
  void New() {
    while (locked.exchange(true, std::memory_order_acquire)) {
    }
    count.fetch_add(1, std::memory_order_relaxed);
    locked.store(false, std::memory_order_release);
  }
  void Work(unsigned) { New(); }
  void Fill() {}
  void CheckWhileStopped() {}
  void CheckAtRest() {}
  internal::sync::Atomic<bool> locked{false};
  internal::sync::Atomic<int> count{0};
};

// Without a lock, but a reader waits while a writer is between two stores.
struct HalfWrittenWorld {
  void New() {
    version.fetch_add(1, std::memory_order_relaxed);
    version.fetch_add(1, std::memory_order_release);
  }
  void Work(unsigned) {
    while (version.load(std::memory_order_acquire) % 2 != 0) {
    }
  }
  void Fill() {}
  void CheckWhileStopped() {}
  void CheckAtRest() {}
  internal::sync::Atomic<unsigned> version{0};
};

template <typename World>
void ExpectSeenToWait(std::uint64_t before_step) {
  const Operation<World> operation = {"New", [](World& w) { w.New(); }};
  const CrashStops stops = StopAtEachStep(operation, 1000);
  EXPECT_TRUE(stops.blocks);
  EXPECT_EQ(stops.steps, before_step);
}
TEST(SeededTest, LockIsSeen) { ExpectSeenToWait<LockedWorld>(2); }
TEST(SeededTest, SequenceLockIsSeen) { ExpectSeenToWait<HalfWrittenWorld>(2); }

}  // namespace
}  // namespace haft
