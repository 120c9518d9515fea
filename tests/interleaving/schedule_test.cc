// Tests of whole tables under a deterministic scheduler. Each scenario runs
// under some thousand interleavings, which are chosen so that few changes of
// threads at the right places find the bugs.

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "haft/handle_table.h"
#include "haft/object_table.h"
#include "tests/interleaving/schedule/explore.h"
#include "tests/interleaving/schedule/probe.h"
#include "tests/support/inspector.h"
#include "tests/support/testing.h"

namespace haft {
namespace {

using internal::ThreadRegistry;
using schedule::Explore;
using schedule::Probe;
using testing::ExpectConservation;
using testing::TestTraits;

// With so many, each mutant that these tests target is killed many times.
constexpr std::uint64_t kSchedules = testing::kSanitized ? 300 : 3000;

template <typename FreeList>
class FreeListScheduleTest : public ::testing::Test {};
using FreeLists =
    ::testing::Types<BasicMagazineFreeList<2>, StripedFreeList, GlobalFreeList>;
TYPED_TEST_SUITE(FreeListScheduleTest, FreeLists);

// No handle is made twice, none is lost, and each has its own value.
template <typename FreeList>
struct ScheduledTable {
  using Table = HandleTable<Word, TestTraits<FreeList>>;

  explicit ScheduledTable(std::size_t capacity) : table(capacity) {}

  Handle New(Word value) {
    const Handle handle = table.New(value);
    EXPECT_NE(handle, kNullHandle) << "full, though it is not";
    EXPECT_TRUE(issued.insert(handle).second) << "issued twice";
    return handle;
  }
  void Delete(Handle handle, Word value) {
    EXPECT_EQ(table.Value(handle), value);
    EXPECT_EQ(table.Delete(handle), value);
    EXPECT_EQ(table.Value(handle), std::nullopt);
    EXPECT_EQ(table.Check(handle), Status::kStale);
  }

  Table table;
  std::set<Handle> issued;  // used between two steps
};

// Threads that end leave the handles in their caches to those that begin.
template <typename FreeList>
struct ExitAndInheritance : ScheduledTable<FreeList> {
  static constexpr unsigned kThreads = 4;

  ExitAndInheritance() : ScheduledTable<FreeList>(16) {}

  void Thread(unsigned t) {
    Handle mine[3];
    for (Handle& handle : mine) handle = this->New(t);
    const unsigned index = internal::sync::ThisThread().index.load(kRelaxed);
    EXPECT_FALSE(std::exchange(taken[index], true)) << "an index twice";
    for (unsigned i = 0; i < 2; ++i) this->Delete(mine[i], t);
    taken[index] = false;
    schedule::ExitThread();
    // From here on it is an uncached caller.
    this->Delete(mine[2], t);
    const Handle late = this->New(t);
    this->Delete(late, t);
  }
  void Check() {
    EXPECT_EQ(this->table.Stats().live, 0u);
    ExpectConservation(this->table);
  }

  static constexpr auto kRelaxed = std::memory_order_relaxed;
  std::array<bool, internal::sync::kMaxThreads + 1> taken{};
};
TYPED_TEST(FreeListScheduleTest, ThreadsEndAndOthersInherit) {
  Explore<ExitAndInheritance<TypeParam>>(kSchedules);
}

// There are more threads than indices.
template <typename FreeList>
struct MoreThreadsThanIndices : ScheduledTable<FreeList> {
  static constexpr unsigned kThreads = internal::sync::kMaxCaches + 6;

  MoreThreadsThanIndices() : ScheduledTable<FreeList>(2 * kThreads) {}

  void Thread(unsigned t) {
    const Handle first = this->New(t);
    uncached_callers +=
        internal::sync::ThisThread().index.load(std::memory_order_relaxed) == 0;
    const Handle second = this->New(t);
    this->Delete(first, t);
    this->Delete(second, t);
  }
  void Check() {
    EXPECT_EQ(this->table.Stats().created, 2 * kThreads);
    EXPECT_EQ(this->table.Stats().live, 0u);
    ExpectConservation(this->table);
    all_uncached_callers += uncached_callers;
  }

  unsigned uncached_callers = 0;
  static inline unsigned all_uncached_callers = 0;
};
TYPED_TEST(FreeListScheduleTest, MoreThreadsThanThereAreIndices) {
  using Scenario = MoreThreadsThanIndices<TypeParam>;
  Explore<Scenario>(kSchedules / 20);
  EXPECT_GT(Scenario::all_uncached_callers, 0u);
}

// One of several Deletes of one handle wins, while its slot is used again.
template <typename FreeList>
struct RacingDeletes : ScheduledTable<FreeList> {
  static constexpr unsigned kThreads = 3;

  RacingDeletes() : ScheduledTable<FreeList>(8) {
    for (Handle& handle : handles) handle = this->New(7);
  }

  void Thread(unsigned t) {
    for (unsigned i = 0; i < handles.size(); ++i) {
      const std::optional<Word> value = this->table.Delete(handles[i]);
      if (value.has_value()) {
        EXPECT_EQ(*value, Word{7});
        ++wins[i];
      }
      EXPECT_EQ(this->table.Value(handles[i]), std::nullopt);
      if (i == 0) mine[t] = this->New(t + 10);
    }
    EXPECT_EQ(this->table.Value(mine[t]), t + 10);
  }
  void Check() {
    for (unsigned won : wins) EXPECT_EQ(won, 1u);
    for (unsigned t = 0; t < kThreads; ++t) this->Delete(mine[t], t + 10);
    EXPECT_EQ(this->table.Stats().live, 0u);
    ExpectConservation(this->table);
  }

  std::array<Handle, 2> handles;
  std::array<unsigned, 2> wins{};
  std::array<Handle, kThreads> mine{};
};
TYPED_TEST(FreeListScheduleTest, OneOfRacingDeletesWins) {
  Explore<RacingDeletes<TypeParam>>(kSchedules);
}

// Only full magazines are left. Uncached callers break them up, and others take
// them whole.
struct BreakingUpMagazines {
  static constexpr unsigned kThreads = 3;
  using Table = HandleTable<Word, TestTraits<BasicMagazineFreeList<2>>>;

  BreakingUpMagazines() {
    std::vector<Handle> all;
    while (const Handle handle = table.New(1)) all.push_back(handle);
    // Two magazines stay in this thread's cache.
    for (unsigned i = 0; i < 10; ++i) EXPECT_EQ(table.Delete(all[i]), Word{1});
    rest = all.size() - 10;
  }

  void Thread(unsigned t) {
    if (t < 2) schedule::BecomeUncached();
    for (unsigned i = 0; i < 2; ++i) {
      const Handle handle = table.New(t + 10);
      if (handle == kNullHandle) continue;
      ++made;
      EXPECT_EQ(table.Value(handle), t + 10);
      EXPECT_EQ(table.Delete(handle), t + 10);
    }
  }
  void Check() {
    EXPECT_GE(made, 1u)
        << "each found nothing, though one must have been first";
    EXPECT_EQ(table.Stats().live, rest);
    ExpectConservation(table);
  }

  Table table{4};
  std::size_t rest;
  unsigned made = 0;
};
TEST(MagazineScheduleTest, UncachedCallersBreakUpMagazines) {
  Explore<BreakingUpMagazines>(kSchedules);
}

// Tables whose capacity is exact: the free lists that strand nothing, and the
// default one where the layout leaves no room for magazines.
template <typename Traits>
class CapacityScheduleTest : public ::testing::Test {};
constexpr unsigned kExact = 4;
using ExactTraits =
    ::testing::Types<TestTraits<MagazineFreeList, HandleLayout<2, 28>>,
                     TestTraits<StripedFreeList>, TestTraits<GlobalFreeList>>;
TYPED_TEST_SUITE(CapacityScheduleTest, ExactTraits);

// Each thread has at most one slot of a full table, so a thread that has just
// given its slot back must get one, whatever the others do.
template <typename Traits>
struct SwapAtCapacity {
  static constexpr unsigned kThreads = kExact;

  SwapAtCapacity() {
    for (Handle& handle : handles) handle = table.New(1);
  }
  void Thread(unsigned t) {
    for (unsigned i = 0; i < 3; ++i) {
      EXPECT_EQ(table.Delete(handles[t]), Word{1});
      handles[t] = table.New(1);
      EXPECT_NE(handles[t], kNullHandle) << "full, though it is not";
    }
  }
  void Check() {
    EXPECT_EQ(table.Stats().live, kExact);
    EXPECT_EQ(table.New(1), kNullHandle);
    ExpectConservation(table);
  }

  HandleTable<Word, Traits> table{kExact};
  std::array<Handle, kThreads> handles;
};
TYPED_TEST(CapacityScheduleTest, NeverFullWhileSomebodyHasGivenBack) {
  Explore<SwapAtCapacity<TypeParam>>(kSchedules);
}

// All threads take all handles and put them back.
template <typename Traits>
struct DrainAndPutBack {
  static constexpr unsigned kThreads = 3;

  void Thread(unsigned t) {
    for (unsigned round = 0; round < 2; ++round) {
      std::vector<Handle> mine;
      while (const Handle handle = table.New(t)) {
        mine.push_back(handle);
        EXPECT_LE(++live, kExact);
      }
      for (Handle handle : mine) {
        --live;  // first, since another may have the slot before this returns
        EXPECT_EQ(table.Delete(handle), Word{t});
      }
    }
  }
  void Check() {
    EXPECT_EQ(table.Stats().live, 0u);
    for (unsigned i = 0; i < kExact; ++i)
      EXPECT_NE(table.New(0), kNullHandle) << "slots lost";
    EXPECT_EQ(table.New(0), kNullHandle) << "slots doubled";
    ExpectConservation(table);
  }

  HandleTable<Word, Traits> table{kExact};
  unsigned live = 0;
};
TYPED_TEST(CapacityScheduleTest, AllDrainAllAndPutAllBack) {
  Explore<DrainAndPutBack<TypeParam>>(kSchedules);
}

// ---------------------------------------------------------------------------
// Objects

enum class Ending { kDelete, kDeleteUnlessPinned, kTake };

template <typename Traits>
struct ScheduledObjects {
  using Table = ObjectTable<Probe, Traits>;

  // Returns whether this call has ended the handle.
  bool End(Handle handle, Ending ending) {
    bool ended = false;
    Status status = Status::kNull;
    switch (ending) {
      case Ending::kDelete:
        status = table.Delete(handle);
        ended = status == Status::kOk;
        break;
      case Ending::kDeleteUnlessPinned:
        status = table.DeleteUnlessPinned(handle);
        ended = status == Status::kOk;
        break;
      case Ending::kTake:
        if (const std::optional<Probe> taken = table.Take(handle, &status)) {
          taken->Touch();
          ended = true;
        }
        break;
    }
    EXPECT_TRUE(status == Status::kOk || status == Status::kStale ||
                status == Status::kPinned);
    return ended;
  }
  void CheckConservation() {
    const ObjectTableStats stats = table.Stats();
    EXPECT_EQ(stats.retired_objects, 0u) << "an object nobody destroys";
    EXPECT_EQ(stats.live, static_cast<std::size_t>(alive));
    std::set<Handle> free;
    internal::Inspector::ForEachFree(
        table, [&](Handle handle) { EXPECT_TRUE(free.insert(handle).second); });
    EXPECT_EQ(stats.live + free.size() + stats.exhausted_slots,
              stats.high_water);
  }

  int alive = 0;
  Table table{4};
};

template <Ending kFirst, Ending kSecond, bool kHeavyBarrier,
          typename Traits = TestTraits<BasicMagazineFreeList<2>>>
struct PinsAgainstEnders : ScheduledObjects<Traits> {
  static constexpr unsigned kThreads = 4;

  PinsAgainstEnders() {
    internal::sync::has_heavy_barrier = kHeavyBarrier;
    handle = this->table.Emplace(&this->alive);
  }
  void Thread(unsigned t) {
    if (t < 2) {
      for (unsigned i = 0; i < 2; ++i) {
        if (auto pin = this->table.Pin(handle)) {
          pin->Touch();
          pin->Touch();
          if (t == 1) continue;
          // Another object may be pinned meanwhile, and this one again.
          auto again = this->table.Pin(handle);
          pin.Unpin();
          if (again) again->Touch();
        } else {
          EXPECT_NE(pin.status(), Status::kOk);
        }
      }
      return;
    }
    const bool ended = this->End(handle, t == 2 ? kFirst : kSecond);
    endings += ended;
    // The slot is used again at once.
    const Handle next = this->table.Emplace(&this->alive);
    EXPECT_NE(next, kNullHandle);
    if (auto pin = this->table.Pin(next))
      pin->Touch();
    else
      ADD_FAILURE() << "a live object that cannot be pinned";
  }
  void Check() {
    const bool live = this->table.Check(handle) == Status::kOk;
    EXPECT_EQ(endings + live, 1u) << "ended by two, or by nobody";
    EXPECT_EQ(this->alive, 2 + live) << "destroyed too late, or twice";
    this->CheckConservation();
  }

  Handle handle;
  unsigned endings = 0;
};

template <bool kHeavyBarrier>
void ExploreAllEnders() {
  using E = Ending;
  constexpr auto kN = kSchedules;
  Explore<PinsAgainstEnders<E::kDelete, E::kDelete, kHeavyBarrier>>(kN);
  Explore<PinsAgainstEnders<E::kDelete, E::kDeleteUnlessPinned, kHeavyBarrier>>(
      kN);
  Explore<PinsAgainstEnders<E::kDelete, E::kTake, kHeavyBarrier>>(kN);
  Explore<PinsAgainstEnders<E::kDeleteUnlessPinned, E::kDeleteUnlessPinned,
                            kHeavyBarrier>>(kN);
  Explore<PinsAgainstEnders<E::kTake, E::kTake, kHeavyBarrier>>(kN);
}
TEST(PinScheduleTest, PinsAgainstAllWaysToDelete) { ExploreAllEnders<true>(); }
TEST(PinScheduleTest, PinsAgainstAllWaysToDeleteWithoutHeavyBarrier) {
  ExploreAllEnders<false>();
}

// The same while each thread's next look at the hazard records, or the one
// after it, takes the marks of threads that have nothing pinned.
struct PinsAgainstClosers
    : PinsAgainstEnders<Ending::kDelete, Ending::kDeleteUnlessPinned, true> {
  PinsAgainstClosers() {
    constexpr unsigned kLooksToClose = 64;
    const unsigned mine = internal::sync::ThisThread().index.load(kRelaxed);
    for (unsigned t = 0; t < kThreads; ++t) {
      // It acts as if it were one of the later threads.
      internal::sync::ThisThread().index.store(mine + 1 + t, kRelaxed);
      for (unsigned i = 0; i < kLooksToClose - 1 - t % 2; ++i) {
        const Handle used = table.Emplace(&alive);
        EXPECT_EQ(table.Delete(used), Status::kOk);
      }
    }
    internal::sync::ThisThread().index.store(mine, kRelaxed);
  }
  static constexpr auto kRelaxed = std::memory_order_relaxed;
};
TEST(PinScheduleTest, PinsAgainstThreadsThatTakeMarks) {
  Explore<PinsAgainstClosers>(3 * kSchedules);
}

// An object that a scope has found stays, whichever thread deletes it.
template <bool kUncachedCallers>
struct ScopesAgainstDeleters
    : ScheduledObjects<TestTraits<BasicMagazineFreeList<2>>> {
  static constexpr unsigned kThreads = 4;

  ScopesAgainstDeleters() {
    internal::sync::has_heavy_barrier = true;
    for (Handle& handle : handles) handle = table.Emplace(&alive);
  }
  void Thread(unsigned t) {
    if (t < 2) {
      if (kUncachedCallers) schedule::BecomeUncached();
      typename Table::ReadScope scope(table);
      Probe* const first = scope.Find(handles[t]);
      if (first != nullptr) first->Touch();
      {
        typename Table::ReadScope nested(table);
        if (Probe* const second = nested.Find(handles[1 - t])) second->Touch();
      }
      if (first != nullptr) first->Touch();
      auto pin = table.Pin(handles[t]);
      if (pin) pin->Touch();
    } else {
      for (Handle handle : handles) {
        endings += table.Delete(handle) == Status::kOk;
        EXPECT_NE(table.Emplace(&alive), kNullHandle);
      }
    }
  }
  void Check() {
    EXPECT_EQ(endings, 2u);
    EXPECT_EQ(alive, 4) << "destroyed too late, or twice";
    CheckConservation();
  }

  std::array<Handle, 2> handles;
  unsigned endings = 0;
};
TEST(PinScheduleTest, ScopesAgainstDeleters) {
  Explore<ScopesAgainstDeleters<false>>(4 * kSchedules);
}
TEST(PinScheduleTest, ScopesOfUncachedCallersAgainstDeleters) {
  Explore<ScopesAgainstDeleters<true>>(4 * kSchedules);
}

// There are many freezings, of which none may be taken for an earlier one.
struct FreezingAgainAndAgain : ScheduledObjects<TestTraits<GlobalFreeList>> {
  static constexpr unsigned kThreads = 3;

  FreezingAgainAndAgain() { handle = table.Emplace(&alive); }
  void Thread(unsigned t) {
    if (t == 0) {
      if (auto pin = table.Pin(handle)) {
        pin->Touch();
        pin->Touch();
      }
    } else {
      for (unsigned i = 0; i < 2 + t; ++i)
        endings += End(handle, Ending::kDeleteUnlessPinned);
    }
  }
  void Check() {
    EXPECT_EQ(endings + (table.Check(handle) == Status::kOk), 1u);
    CheckConservation();
  }

  Handle handle;
  unsigned endings = 0;
};
TEST(PinScheduleTest, FreezingAgainAndAgain) {
  Explore<FreezingAgainAndAgain>(4 * kSchedules);
}

// Each thread of the scheduler catches the exception that it has thrown, while
// others throw as well.
struct Throwers {
  static constexpr unsigned kThreads = 3;
  void Thread(unsigned t) {
    for (int i = 0; i < 3; ++i) {
      try {
        throw t;
      } catch (unsigned) {
        schedule::BeforeAccess(schedule::Access::kPlain);
        try {
          throw;
        } catch (unsigned again) {
          EXPECT_EQ(again, t);
        }
      }
    }
  }
  void Check() { EXPECT_EQ(std::uncaught_exceptions(), 0); }
};
TEST(SchedulerTest, ThreadsHaveTheirOwnExceptions) {
  Explore<Throwers>(kSchedules / 10);
}

// ---------------------------------------------------------------------------
// Faults of the machine, which the scenarios must notice.

template <typename Scenario>
void ExploreAndDie(bool schedule::Faults::*fault) {
  schedule::faults.*fault = true;
  Explore<Scenario>(kSchedules);
  if (!::testing::Test::HasFailure()) return;
  std::fputs("seen\n", stderr);
  std::abort();
}

class SeededDeathTest : public ::testing::Test {
 protected:
  SeededDeathTest() { ::testing::FLAGS_gtest_death_test_style = "threadsafe"; }
};
// The scenario, the scheduler or a check of Haft's own notices it.
constexpr char kSeen[] = "seen|no end in sight|haft: ";
using Default = BasicMagazineFreeList<2>;

TEST_F(SeededDeathTest, TornCompareAndSwapIsSeen) {
  constexpr auto kTorn = &schedule::Faults::torn_compare_and_swap;
  EXPECT_DEATH(ExploreAndDie<RacingDeletes<Default>>(kTorn), kSeen);
  EXPECT_DEATH(
      ExploreAndDie<DrainAndPutBack<TestTraits<StripedFreeList>>>(kTorn),
      kSeen);
  EXPECT_DEATH(
      (ExploreAndDie<PinsAgainstEnders<Ending::kDelete, Ending::kTake, true>>(
          kTorn)),
      kSeen);
}
TEST_F(SeededDeathTest, TornAdditionIsSeen) {
  EXPECT_DEATH(ExploreAndDie<ExitAndInheritance<GlobalFreeList>>(
                   &schedule::Faults::torn_addition),
               kSeen);
}
TEST_F(SeededDeathTest, LostExitHookIsSeen) {
  EXPECT_DEATH(ExploreAndDie<ExitAndInheritance<Default>>(
                   &schedule::Faults::lost_exit_hook),
               kSeen);
}
TEST_F(SeededDeathTest, NoFaultIsNotSeen) {
  Explore<ExitAndInheritance<Default>>(kSchedules / 10);
}

}  // namespace
}  // namespace haft
