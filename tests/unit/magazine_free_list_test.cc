// Before the header: the backend whose reservations can fail.
#define HAFT_SYNC_BACKEND "tests/support/fault_sync.h"

#include "haft/magazine_free_list.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <cstddef>
#include <deque>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "haft/handle_table.h"
#include "haft/internal/base/power_of_two.h"
#include "haft/internal/base/sync.h"
#include "haft/internal/free_list/fresh_slots.h"
#include "tests/support/free_list_suite.h"
#include "tests/support/testing.h"

namespace haft::testing {
namespace {

constexpr std::size_t kCaches = internal::sync::kMaxCaches;
// Magazines that the range holds beside the capacity.
constexpr std::size_t kSpare = 3 * kCaches;
constexpr std::size_t kPlenty = std::size_t{1} << 26;

// A magazine free list over slots of its own.
template <unsigned kMagazineSize>
class Rig : public FreeListOverSlots<BasicMagazineFreeList<kMagazineSize>> {
 public:
  using Owner = CachedCaller<BasicMagazineFreeList<kMagazineSize>>;

  explicit Rig(std::size_t capacity, std::size_t limit = kPlenty)
      : FreeListOverSlots<BasicMagazineFreeList<kMagazineSize>>(capacity,
                                                                limit) {}

  std::size_t InDepot() const { return this->Waiting().size(); }
  static std::vector<Word> Cached(Owner& owner) { return owner.Cached(); }
};

using Rig4 = Rig<4>;

// With a cache and without one, and without room for any magazine.
using FourOwner = FreeListCase<BasicMagazineFreeList<4>,
                               CachedCaller<BasicMagazineFreeList<4>>, false>;
using FourUncached =
    FreeListCase<BasicMagazineFreeList<4>, UncachedCaller, false>;
using OneOwner = FreeListCase<BasicMagazineFreeList<1>,
                              CachedCaller<BasicMagazineFreeList<1>>, false>;
using NoRoom = FreeListCase<MagazineFreeList, CachedCaller<MagazineFreeList>,
                            false, RunHere, 6>;
using MagazineCases =
    ::testing::Types<FourOwner, FourUncached, OneOwner, NoRoom>;
INSTANTIATE_TYPED_TEST_SUITE_P(Magazine, FreeListTest, MagazineCases);
INSTANTIATE_TYPED_TEST_SUITE_P(Magazine, ExactFreeListTest, NoRoom);

TEST(MagazineFreeListTest, SlotsForAddsRoomForEveryCache) {
  EXPECT_EQ(MagazineFreeList::SlotsFor(1000, kPlenty), 1000 + kSpare * 128);
  EXPECT_EQ(BasicMagazineFreeList<1>::SlotsFor(0, kPlenty), kSpare);
}

TEST(MagazineFreeListTest, PopLoadedTakesTheLoadedMagazinesHandlesOnly) {
  using FreeList = BasicMagazineFreeList<4>;
  internal::FreshSlots fresh_slots(kFirstHandle,
                                   FreeList::SlotsFor(100, kPlenty));
  FreeList list(100, internal::CeilPowerOfTwo(fresh_slots.limit()),
                &fresh_slots);
  CachedCaller<FreeList> owner;
  EXPECT_EQ(list.PopLoaded(owner), 0u);
  EXPECT_EQ(fresh_slots.high_water(), 0u) << "PopLoaded must not search";
  const Word first = list.Pop(owner);
  std::vector<Word> handles = {first};
  while (const Word handle = list.PopLoaded(owner)) handles.push_back(handle);
  EXPECT_EQ(handles.size(), 4u);
  EXPECT_TRUE(AreDistinct(handles));
  EXPECT_EQ(owner.level(), 0u);
}

TEST(MagazineFreeListTest, SlotsForShrinksMagazinesToTheLayout) {
  const auto slots = &MagazineFreeList::SlotsFor;
  EXPECT_EQ(slots(1000, 1000 + 5 * kSpare), 1000 + 5 * kSpare);
  EXPECT_EQ(slots(1000, 1000 + 5 * kSpare - 1), 1000 + 4 * kSpare);
  EXPECT_EQ(slots(1000, 1000 + kSpare), 1000 + kSpare);
  EXPECT_EQ(slots(1000, 1000 + kSpare - 1), 1000u);
  EXPECT_EQ(slots(1000, 1000), 1000u);
  EXPECT_EQ(slots(4, TinyLayout::kSlots), 4u);
}

TEST(MagazineFreeListTest, FirstPopTakesOneMagazineOfFreshSlots) {
  Rig4 rig(100);
  Rig4::Owner owner;
  EXPECT_EQ(rig.Pop(owner), kFirstHandle);
  EXPECT_EQ(rig.high_water(), 4u);
  EXPECT_EQ(owner.level(), 3u);
}

TEST(MagazineFreeListTest, PushedHandlesComeBackLastFirst) {
  Rig4 rig(100);
  Rig4::Owner owner;
  const std::vector<Word> handles = rig.Pop(owner, 8);
  rig.Push(owner, handles);
  EXPECT_EQ(rig.Pop(owner, 8), Reversed(handles));
  EXPECT_EQ(rig.high_water(), 8u);
}

TEST(MagazineFreeListTest, TwoMagazinesStayInTheCache) {
  Rig4 rig(100);
  Rig4::Owner owner;
  rig.Push(owner, rig.Pop(owner, 8));
  EXPECT_EQ(Rig4::Cached(owner).size(), 8u);
  EXPECT_EQ(rig.InDepot(), 0u);
}

TEST(MagazineFreeListTest, ThirdMagazinePushesOneToTheDepot) {
  Rig4 rig(100);
  Rig4::Owner owner;
  const std::vector<Word> handles = rig.Pop(owner, 9);
  rig.Push(owner, handles);
  // A last magazine was taken for the ninth handle, and three of its handles
  // are there, too.
  EXPECT_EQ(Rig4::Cached(owner).size() + rig.InDepot(), 12u);
  EXPECT_EQ(rig.InDepot(), 4u);
}

TEST(MagazineFreeListTest, PushBeforeAnyPopTakesNoFreshSlots) {
  Rig4 rig(100);
  Rig4::Owner maker, deleter;
  const std::vector<Word> handles = rig.Pop(maker, 4);
  rig.Push(deleter, handles);
  EXPECT_EQ(Rig4::Cached(deleter).size(), 4u);
  EXPECT_EQ(rig.Pop(deleter, 4), Reversed(handles));
  EXPECT_EQ(rig.high_water(), 4u);
}

TEST(MagazineFreeListTest, AlternationAtAnyLevelStaysInTheCache) {
  for (std::size_t start = 0; start <= 20; ++start) {
    Rig4 rig(100);
    Rig4::Owner owner;
    const std::vector<Word> handles = rig.Pop(owner, 20);
    rig.Push(owner, {handles.begin(), handles.begin() + start});
    // The first swing over a border moves a magazine; no later one does.
    rig.Push(owner, rig.Pop(owner, 4));
    const std::size_t in_depot = rig.InDepot();
    const std::size_t taken = rig.high_water();
    for (int i = 0; i < 20; ++i) {
      rig.Push(owner, rig.Pop(owner, 1 + i % 4));
      ASSERT_EQ(rig.InDepot(), in_depot) << start;
      ASSERT_EQ(rig.high_water(), taken) << start;
    }
  }
}

TEST(MagazineFreeListTest, PushesOfOneThreadReachAnotherThroughTheDepot) {
  Rig4 rig(100);
  Rig4::Owner producer, consumer;
  const std::vector<Word> handles = rig.Pop(producer, 16);
  rig.Push(producer, handles);
  EXPECT_EQ(rig.InDepot(), 8u);
  std::vector<Word> received = rig.Pop(consumer, 8);
  EXPECT_EQ(rig.high_water(), 16u);
  EXPECT_EQ(rig.InDepot(), 0u);
  // The handles in the producer's cache are out of reach.
  received.push_back(rig.Pop(consumer));
  EXPECT_EQ(received.back(), kFirstHandle + 2 * 16);
  EXPECT_TRUE(AreDistinct(received));
}

TEST(MagazineFreeListTest, EmptyMagazinesReturnToTheCallersThatFillThem) {
  Rig4 rig(100);
  Rig4::Owner producer, consumer;
  // There are many more exchanges than there can be magazines.
  for (int i = 0; i < 5000; ++i) {
    const std::vector<Word> handles = rig.Pop(producer, 20);
    ASSERT_EQ(handles.size(), 20u);
    rig.Push(consumer, handles);
  }
  EXPECT_LE(rig.high_water(), 20u + 8 + 8);
  EXPECT_EQ(rig.InDepot() + Rig4::Cached(producer).size() +
                Rig4::Cached(consumer).size(),
            rig.high_water());
}

TEST(MagazineFreeListTest, OwnerTakesSinglesBeforeFreshSlots) {
  Rig4 rig(100);
  Rig4::Owner owner;
  UncachedCaller uncached;
  const std::vector<Word> handles = rig.Pop(owner, 4);
  rig.Push(uncached, handles);
  EXPECT_EQ(rig.Pop(owner, 4), Reversed(handles));
  EXPECT_EQ(rig.high_water(), 4u);
  EXPECT_EQ(owner.level(), 0u);
}

TEST(MagazineFreeListTest, UncachedCallerTakesOneHandleAtATime) {
  Rig4 rig(100);
  UncachedCaller uncached;
  for (std::size_t i = 1; i <= 10; ++i) {
    EXPECT_EQ(rig.Pop(uncached), kFirstHandle + 2 * (i - 1));
    EXPECT_EQ(rig.high_water(), i);
  }
  EXPECT_EQ(rig.InDepot(), 0u);
}

TEST(MagazineFreeListTest, UncachedCallerFindsHandlesThatWaitInMagazines) {
  Rig4 rig(10);
  Rig4::Owner owner;
  UncachedCaller uncached;
  const std::vector<Word> handles = rig.PopAll(owner);
  EXPECT_EQ(handles.size(), rig.slots());
  rig.Push(owner, {handles.begin(), handles.begin() + 16});
  ASSERT_EQ(rig.InDepot(), 8u);
  // All slots are taken and no handle is single, so the uncached caller breaks
  // up a magazine, whose other handles every caller may take.
  ASSERT_NE(rig.Pop(uncached), 0u);
  EXPECT_EQ(rig.InDepot(), 7u);
  EXPECT_EQ(rig.PopAll(uncached).size(), 7u);
  EXPECT_EQ(rig.Pop(uncached), 0u);
  EXPECT_EQ(rig.PopAll(owner).size(), 8u);
}

// Magazines of one handle and of two are those at which a loop over the rest
// could go wrong.
template <unsigned kSize>
void ExpectUncachedCallerBreaksUpMagazines() {
  Rig<kSize> rig(10);
  typename Rig<kSize>::Owner owner;
  UncachedCaller uncached;
  // Each handle has been a single one before.
  rig.Push(uncached, rig.PopAll(owner));
  const std::vector<Word> handles = rig.PopAll(owner);
  rig.Push(owner, handles);
  const std::size_t waiting = rig.InDepot();
  const std::size_t cached = Rig<kSize>::Cached(owner).size();
  ASSERT_EQ(waiting + cached, handles.size());
  const std::vector<Word> found = rig.PopAll(uncached);
  EXPECT_EQ(found.size(), waiting);
  EXPECT_TRUE(AreDistinct(found));
  EXPECT_EQ(rig.InDepot(), 0u);
  EXPECT_EQ(rig.PopAll(owner).size(), cached);
}

TEST(MagazineFreeListTest, UncachedCallerBreaksUpMagazinesOfAnySize) {
  ExpectUncachedCallerBreaksUpMagazines<1>();
  ExpectUncachedCallerBreaksUpMagazines<2>();
  ExpectUncachedCallerBreaksUpMagazines<3>();
}

TEST(MagazineFreeListTest, TakeRecycledEmptiesOneMagazineOfTheDepot) {
  Rig4 rig(100);
  Rig4::Owner owner;
  UncachedCaller uncached;
  rig.Push(owner, rig.Pop(owner, 16));
  ASSERT_EQ(rig.InDepot(), 8u);
  std::vector<Word> taken;
  EXPECT_EQ(rig.list().TakeRecycled(
                uncached, [&](Word handle) { taken.push_back(handle); }),
            4u);
  EXPECT_EQ(taken.size(), 4u);
  EXPECT_TRUE(AreDistinct(taken));
  EXPECT_EQ(rig.InDepot(), 4u);
}

TEST(MagazineFreeListTest, MostInHandIsWhatEightUncachedCallersStrand) {
  EXPECT_EQ(Rig4(100).list().MostInHand(), 8u * 4);
  Rig<128> shrunk(1000, 4096);
  EXPECT_EQ(shrunk.list().MostInHand(), 8u * 2);
}

// A magazine that is filled or emptied beyond its end changes another's
// handles.
TEST(MagazineFreeListTest, CallersNeverGetAHandleThatIsOut) {
  Rig4 rig(100);
  std::deque<Rig4::Owner> owners(8);
  UncachedCaller uncached;
  std::vector<Word> out;
  std::set<Word> are_out;
  std::mt19937 random(1);
  for (int step = 0; step < 5000; ++step) {
    const unsigned who = random() % 9;
    const unsigned count = random() % 10;
    const bool pops = random() % 5 < 3 && out.size() < 500;
    for (unsigned i = 0; i < count; ++i) {
      if (pops) {
        const Word handle = who == 8 ? rig.Pop(uncached) : rig.Pop(owners[who]);
        if (handle == 0) break;
        ASSERT_TRUE(are_out.insert(handle).second) << step;
        out.push_back(handle);
      } else if (!out.empty()) {
        std::swap(out[random() % out.size()], out.back());
        are_out.erase(out.back());
        if (who == 8) {
          rig.Push(uncached, {out.back()});
        } else {
          rig.Push(owners[who], {out.back()});
        }
        out.pop_back();
      }
    }
  }
  // Each handle that was taken once is out, in a cache or in the depot.
  std::vector<Word> all = out;
  for (const Word handle : rig.Waiting()) all.push_back(handle);
  for (auto& owner : owners) {
    for (const Word handle : Rig4::Cached(owner)) all.push_back(handle);
  }
  EXPECT_EQ(Sorted(all), HandlesFrom(kFirstHandle, rig.high_water()));
}

TEST(MagazineFreeListTest, IsOkIfItHasAllItsMemory) {
  EXPECT_EQ(FailEachReservation([] {
              internal::FreshSlots fresh_slots(kFirstHandle, 4 * kSpare + 100);
              return BasicMagazineFreeList<4>(100, 8192, &fresh_slots).ok();
            }),
            4u + 3u)
      << "those of the depot and of the stack of single handles";
}

TEST(MagazineFreeListTest,
     UncachedCallersAndOwnersNeverRunOutOfEmptyMagazines) {
  Rig4 rig(10);
  Rig4::Owner owner;
  UncachedCaller uncached;
  std::vector<Word> handles = rig.PopAll(owner);
  ASSERT_TRUE(AreDistinct(handles));
  // Each round fills 1,500 magazines, which the uncached caller breaks up
  // again.
  for (int round = 0; round < 5; ++round) {
    rig.Push(owner, handles);
    handles = rig.PopAll(uncached);
    const std::vector<Word> cached = rig.PopAll(owner);
    handles.insert(handles.end(), cached.begin(), cached.end());
    ASSERT_EQ(handles.size(), rig.slots());
    ASSERT_TRUE(AreDistinct(handles));
  }
}

TEST(MagazineFreeListTest, LastMagazineOfFreshSlotsMayBeShort) {
  // 4 does not divide 1,537 × 4 + 3.
  Rig4 rig(7);
  Rig4::Owner owner;
  const std::vector<Word> handles = rig.PopAll(owner);
  EXPECT_EQ(handles.size(), 7 + 4 * kSpare);
  EXPECT_TRUE(AreDistinct(handles));
  EXPECT_EQ(rig.high_water(), rig.slots());
}

TEST(MagazineFreeListTest, FullChangesNothing) {
  Rig4 rig(7);
  Rig4::Owner owner;
  UncachedCaller uncached;
  const std::vector<Word> handles = rig.PopAll(owner);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(rig.Pop(owner), 0u);
    EXPECT_EQ(rig.Pop(uncached), 0u);
  }
  rig.Push(owner, {handles[5]});
  EXPECT_EQ(rig.Pop(owner), handles[5]);
  rig.Push(uncached, {handles[6]});
  EXPECT_EQ(rig.Pop(owner), handles[6]);
  rig.Push(uncached, {handles[5]});
  EXPECT_EQ(rig.Pop(uncached), handles[5]);
  EXPECT_EQ(rig.Pop(owner), 0u);
  EXPECT_EQ(rig.InDepot(), 0u);
}

// All caches but one keep as many handles as they can. The caller of that one
// still finds `capacity` handles, and so does an uncached caller.
template <typename Maker, typename AnyRig>
void ExpectCapacityInSpiteOfFullCaches(AnyRig& rig, std::size_t capacity,
                                       std::size_t magazine) {
  typename AnyRig::Owner first;
  std::vector<Word> all = rig.PopAll(first);
  ASSERT_EQ(all.size(), rig.slots());
  std::deque<typename AnyRig::Owner> others(kCaches - 1);
  for (auto& owner : others) {
    rig.Push(owner, {all.end() - 2 * magazine, all.end()});
    all.resize(all.size() - 2 * magazine);
    ASSERT_EQ(AnyRig::Cached(owner).size(), 2 * magazine);
  }
  rig.Push(first, all);
  Maker maker;
  const std::vector<Word> handles = rig.Pop(maker, capacity);
  EXPECT_EQ(handles.size(), capacity);
  EXPECT_TRUE(AreDistinct(handles));
}

TEST(MagazineFreeListTest, CapacityIsAvailableWhateverOtherCachesStrand) {
  Rig<1> ones(1000);
  ExpectCapacityInSpiteOfFullCaches<Rig<1>::Owner>(ones, 1000, 1);
  Rig<4> fours(1000);
  ExpectCapacityInSpiteOfFullCaches<Rig<4>::Owner>(fours, 1000, 4);
  Rig<4> for_uncached(1000);
  ExpectCapacityInSpiteOfFullCaches<UncachedCaller>(for_uncached, 1000, 4);
  Rig<128> shrunk(1000, 4096);
  ExpectCapacityInSpiteOfFullCaches<Rig<128>::Owner>(shrunk, 1000, 2);
}

// The depot has magazines for all handles, and for two empty ones in each cache
// besides. This would not end if there were fewer.
TEST(MagazineFreeListTest, EachCacheHasMagazinesWhileTheDepotHasAllHandles) {
  Rig<1> rig(kCaches);
  ASSERT_EQ(rig.slots(), internal::CeilPowerOfTwo(rig.slots()))
      << "otherwise the depot has more magazines than it needs";
  UncachedCaller uncached;
  const std::vector<Word> all = rig.PopAll(uncached);
  ASSERT_EQ(all.size(), rig.slots());
  std::deque<Rig<1>::Owner> owners(kCaches);
  for (auto& owner : owners) {
    rig.Push(owner, {all[0]});
    ASSERT_EQ(rig.Pop(owner), all[0]);
  }
  rig.Push(owners.back(), all);
  EXPECT_EQ(rig.InDepot(), all.size() - 2);
  EXPECT_EQ(rig.PopAll(owners.front()).size(), all.size() - 2);
}

TEST(MagazineFreeListTest, LayoutWithoutRoomHasNoMagazines) {
  Rig<128> rig(1000, 1000 + kSpare - 1);
  Rig<128>::Owner a, b;
  std::vector<Word> handles = rig.PopAll(a);
  EXPECT_EQ(handles.size(), 1000u);
  // Nothing is stranded: one pops the handles that the other pushes.
  rig.Push(a, handles);
  EXPECT_TRUE(Rig<128>::Cached(a).empty());
  EXPECT_EQ(rig.PopAll(b), Reversed(handles));
  EXPECT_EQ(rig.Pop(a), 0u);
}

// The bytes of each range that is populated, in the order of the calls.
std::vector<std::size_t> populated;

class MagazinePrepareTest : public ::testing::Test {
 protected:
  MagazinePrepareTest() {
    note_populated = [](void*, std::size_t bytes) {
      populated.push_back(bytes);
    };
  }
  ~MagazinePrepareTest() override { note_populated = nullptr; }
};

TEST_F(MagazinePrepareTest, PopulatesTheMagazinesOfTheExpectedHandles) {
  struct Case {
    std::size_t expected, magazines;
  };
  Rig4 rig(100);
  for (const Case& c : {Case{0, 3}, Case{1, 4}, Case{4, 4}, Case{5, 5}}) {
    Rig4::Owner owner;
    populated.clear();
    EXPECT_TRUE(rig.list().Prepare(owner, c.expected));
    ASSERT_FALSE(populated.empty());
    EXPECT_EQ(populated[0], c.magazines * 4 * sizeof(internal::MagazineEntry));
    EXPECT_EQ(owner.cache().size, 4u) << "the caller has its magazines";
  }
}

TEST_F(MagazinePrepareTest, PopulatesTheHandlesWhereThereAreNoMagazines) {
  Rig<128> rig(1000, 1000 + kSpare - 1);
  Rig<128>::Owner owner;
  populated.clear();
  EXPECT_TRUE(rig.list().Prepare(owner, 10));
  ASSERT_FALSE(populated.empty());
  EXPECT_EQ(populated.back(), 10 * sizeof(Word));
}

TEST(MagazineFreeListTest, MagazinesOfOneHandleAreExchanged) {
  Rig<1> rig(10);
  Rig<1>::Owner a, b;
  const std::vector<Word> handles = rig.Pop(a, 10);
  EXPECT_EQ(rig.high_water(), 10u);
  rig.Push(b, handles);
  EXPECT_EQ(rig.InDepot(), 8u);
  EXPECT_EQ(rig.Pop(a, 8).size(), 8u);
  EXPECT_EQ(rig.high_water(), 10u);
}

// The level of a full magazine fills its eight bits.
TEST(MagazineFreeListTest, LargestMagazineFits) {
  HandleTable<Word, TestTraits<BasicMagazineFreeList<255>>> table(2000);
  std::vector<Handle> handles;
  for (int round = 0; round < 3; ++round) {
    for (Word i = 0; i < 2000; ++i) {
      handles.push_back(table.New(i));
      ASSERT_NE(handles.back(), kNullHandle);
      if (i % 50 == 0) ExpectConservation(table);
    }
    for (Handle handle : handles) ASSERT_TRUE(table.Delete(handle).has_value());
    handles.clear();
    ExpectConservation(table);
  }
  EXPECT_LE(table.Stats().high_water, 2000u + 255);
}

// ---------------------------------------------------------------------------
// With real threads

using SmallTraits = TestTraits<BasicMagazineFreeList<4>>;

Word SlotOf(Handle handle) {
  return DefaultLayout::Index::Decode(static_cast<Word>(handle));
}

TEST(MagazineFreeListTest, NextOwnerOfAnIndexInheritsTheCache) {
  HandleTable<Word, SmallTraits> table(100);
  // This thread's index is another one.
  ASSERT_TRUE(table.Delete(table.New(0)).has_value());
  std::vector<Word> slots;
  std::thread([&] {
    Handle handles[6];
    ASSERT_EQ(table.NewBatch(std::vector<Word>(6).data(), 6, handles), 6u);
    for (Handle handle : handles) {
      slots.push_back(SlotOf(handle));
      ASSERT_TRUE(table.Delete(handle).has_value());
    }
  }).join();
  const std::size_t high_water = table.Stats().high_water;
  std::thread([&] {
    std::vector<Word> inherited;
    for (int i = 0; i < 6; ++i) inherited.push_back(SlotOf(table.New(0)));
    EXPECT_EQ(inherited, Reversed(slots));
  }).join();
  EXPECT_EQ(table.Stats().high_water, high_water);
  ExpectConservation(table);
}

TEST(MagazineFreeListTest, ThreadAfterItsExitHookStrandsNothing) {
  HandleTable<Word, SmallTraits> table(100);
  std::vector<Word> slots;
  std::thread([&] {
    internal::sync::ThisThread().exited.store(true, std::memory_order_relaxed);
    for (int i = 0; i < 5; ++i) {
      const Handle handle = table.New(1);
      slots.push_back(SlotOf(handle));
      ASSERT_TRUE(table.Delete(handle).has_value());
    }
  }).join();
  EXPECT_EQ(slots, std::vector<Word>(5, 0));
  EXPECT_EQ(SlotOf(table.New(1)), 0u);
  ExpectConservation(table);
}

// kThreads threads fill their caches with deleted handles and stay alive. Then
// this thread creates exactly `capacity` values.
template <typename Traits>
void ExpectCapacityBesideThreadsWithFullCaches(std::size_t capacity) {
  constexpr unsigned kThreads = 100;
  HandleTable<Word, Traits> table(capacity);
  std::vector<Handle> handles;
  while (const Handle handle = table.New(0)) handles.push_back(handle);
  ASSERT_GE(handles.size(), capacity);
  pthread_barrier_t all_full, all_done;
  pthread_barrier_init(&all_full, nullptr, kThreads + 1);
  pthread_barrier_init(&all_done, nullptr, kThreads + 1);
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t i = t; i < handles.size(); i += kThreads) {
        ASSERT_TRUE(table.Delete(handles[i]).has_value());
      }
      pthread_barrier_wait(&all_full);
      pthread_barrier_wait(&all_done);
    });
  }
  pthread_barrier_wait(&all_full);
  ExpectConservation(table);
  std::set<Handle> made;
  for (std::size_t i = 0; i < capacity; ++i) made.insert(table.New(i));
  EXPECT_EQ(made.size(), capacity);
  EXPECT_EQ(made.count(kNullHandle), 0u);
  EXPECT_EQ(table.Stats().live, capacity);
  ExpectConservation(table);
  pthread_barrier_wait(&all_done);
  for (std::thread& thread : threads) thread.join();
  pthread_barrier_destroy(&all_full);
  pthread_barrier_destroy(&all_done);
}

TEST(MagazineFreeListTest, CapacityIsAvailableBesideThreadsWithFullCaches) {
  using List = MagazineFreeList;
  using Layout12 = SmallLayout;
  ExpectCapacityBesideThreadsWithFullCaches<TestTraits<List>>(1000);
  ExpectCapacityBesideThreadsWithFullCaches<SmallTraits>(1000);
  // Magazines of 42, 2, 1 and no handles.
  using Layout16 = TestTraits<List, Layout32<16>>;
  ExpectCapacityBesideThreadsWithFullCaches<Layout16>(1000);
  using Shrunk = TestTraits<List, Layout12>;
  ExpectCapacityBesideThreadsWithFullCaches<Shrunk>(1000);
  ExpectCapacityBesideThreadsWithFullCaches<Shrunk>(4096 - kSpare);
  ExpectCapacityBesideThreadsWithFullCaches<Shrunk>(4096);
}

}  // namespace
}  // namespace haft::testing
