#include "haft/internal/table/slot_allocator.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <new>
#include <optional>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "haft/haft.h"
#include "haft/handle.h"
#include "haft/handle_table.h"
#include "haft/internal/base/sync.h"
#include "haft/internal/slot/word_slot.h"
#include "haft/object_table.h"
#include "haft/table_stats.h"
#include "tests/support/in_child.h"
#include "tests/support/inspector.h"
#include "tests/support/testing.h"

namespace haft::internal {
namespace {

using testing::kWordBits;
using testing::TestTraits;
using testing::TinyLayout;

// 4 slots of 3 generations each.
template <Exhaustion kExhaustion>
using TinyAllocator =
    SlotAllocator<WordSlot<Word>,
                  TestTraits<GlobalFreeList, TinyLayout, kExhaustion>>;
using Dropping = TinyAllocator<Exhaustion::kDropSlot>;
using Wrapping = TinyAllocator<Exhaustion::kWrap>;

// With generations to spare, and no handles in caches.
using Roomy = SlotAllocator<WordSlot<Word>, TestTraits<GlobalFreeList>>;

template <typename Allocator>
Word New(Allocator& allocator) {
  return allocator.caches().With([&](auto& thread) {
    const Word handle = allocator.Allocate(thread);
    if (handle != 0) allocator[handle].Publish(handle, 0);
    thread.CountCreated(handle != 0);
    return handle;
  });
}
template <typename Allocator>
bool Delete(Allocator& allocator, Word handle) {
  return allocator.caches().With([&](auto& thread) {
    const bool ended = allocator[handle].End(handle, Allocator::EndOf(handle));
    if (ended) allocator.Free(thread, Allocator::NextOf(handle));
    thread.CountDeleted(ended);
    return ended;
  });
}

struct SettingAside
    : TestTraits<GlobalFreeList, HandleLayout<11, kWordBits - 12>> {
  static constexpr std::size_t kSlotsSetAside = 100;
};

TEST(SlotAllocatorTest, AnEighthOfTheOtherSlotsIsSetAsideAtMost) {
  using Allocator = SlotAllocator<WordSlot<Word>, SettingAside>;
  constexpr std::size_t kMost = 2048;
  static_assert(Allocator::kMaxCapacity == kMost);
  EXPECT_EQ(Allocator::SetAside(0), 100u);
  EXPECT_EQ(Allocator::SetAside(kMost - 8 * 100), 100u);
  EXPECT_EQ(Allocator::SetAside(kMost - 8 * 100 + 1), 99u);
  EXPECT_EQ(Allocator::SetAside(kMost - 8), 1u);
  EXPECT_EQ(Allocator::SetAside(kMost - 7), 0u);
  EXPECT_EQ(Allocator::SetAside(kMost), 0u);
  EXPECT_EQ(Roomy::SetAside(0), 0u);
  EXPECT_EQ(Allocator(1000, 2).set_aside(), 100u);
}

TEST(SlotAllocatorTest, FreedSlotComesBackWithItsNextHandle) {
  Dropping allocator(1, 2);
  ASSERT_TRUE(allocator.ok());
  const Word first = New(allocator);
  ASSERT_NE(first, 0u);
  EXPECT_EQ(New(allocator), 0u) << "full";
  EXPECT_TRUE(Delete(allocator, first));
  EXPECT_FALSE(Delete(allocator, first));
  EXPECT_EQ(New(allocator), Dropping::NextOf(first));
}

TEST(SlotAllocatorTest, LastGenerationIsFollowedByExhaustion) {
  const Word last = TinyLayout::Make(3, 2), before = TinyLayout::Make(2, 2);
  EXPECT_EQ(Dropping::NextOf(before), last);
  EXPECT_EQ(Dropping::NextOf(last), 0u);
  EXPECT_EQ(Dropping::EndOf(before), Dropping::State::Free(last));
  EXPECT_EQ(Dropping::EndOf(last), Dropping::State::Exhausted(last));
}

TEST(SlotAllocatorTest, LastGenerationIsFollowedByTheFirstIfGenerationsWrap) {
  const Word last = TinyLayout::Make(3, 2), first = TinyLayout::Make(1, 2);
  EXPECT_EQ(Wrapping::NextOf(TinyLayout::Make(2, 2)), last);
  EXPECT_EQ(Wrapping::NextOf(last), first);
  EXPECT_EQ(Wrapping::EndOf(last), Wrapping::State::Free(first));
}

TEST(SlotAllocatorTest, ExhaustedSlotIsCountedAndNotAllocatedAgain) {
  Dropping allocator(2, 2);
  const Word other = New(allocator);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(Delete(allocator, New(allocator)));
  EXPECT_EQ(New(allocator), 0u);
  const TableStats stats = allocator.Stats();
  EXPECT_EQ(stats.live, 1u);
  EXPECT_EQ(stats.created, 4u);
  EXPECT_EQ(stats.deleted, 3u);
  EXPECT_EQ(stats.exhausted_slots, 1u);
  EXPECT_EQ(stats.high_water, 2u);
  EXPECT_EQ(stats.capacity, 1u);
  EXPECT_TRUE(Delete(allocator, other));
  std::set<Handle> free;
  allocator.ForEachFree([&](Handle handle) { free.insert(handle); });
  EXPECT_EQ(free, std::set<Handle>{Handle(Dropping::NextOf(other))});
}

// Allocates as tables do.
template <typename Allocator>
Word NewOrElsewhere(Allocator& allocator) {
  if (const Word handle = New(allocator)) return handle;
  const Word handle = allocator.AllocateElsewhere();
  if (handle != 0) allocator[handle].Publish(handle, 0);
  return handle;
}

TEST(SlotAllocatorRestTest, SlotThatStartsOverRestsUntilNoOtherIsFree) {
  Wrapping allocator(2, 2);
  const Word first = NewOrElsewhere(allocator);
  Word handle = first;
  for (int life = 1; life < 3; ++life) {
    EXPECT_TRUE(Delete(allocator, handle));
    const Word next = Wrapping::NextOf(handle);
    handle = NewOrElsewhere(allocator);
    EXPECT_EQ(handle, next);
  }
  EXPECT_TRUE(Delete(allocator, handle));
  // It is free, and not in the free list.
  std::set<Handle> free;
  allocator.ForEachFree([&](Handle each) { free.insert(each); });
  EXPECT_EQ(free, std::set<Handle>{Handle(first)});
  const Word other = NewOrElsewhere(allocator);
  EXPECT_NE(TinyLayout::Index::Decode(other), TinyLayout::Index::Decode(first));
  EXPECT_EQ(New(allocator), 0u);
  EXPECT_EQ(NewOrElsewhere(allocator), first);
  EXPECT_EQ(NewOrElsewhere(allocator), 0u) << "full";
  const TableStats stats = allocator.Stats();
  EXPECT_EQ(stats.live, 2u);
  EXPECT_EQ(stats.created, 5u);
  EXPECT_EQ(stats.exhausted_slots, 0u);
  EXPECT_EQ(stats.capacity, 2u);
}

TEST(SlotAllocatorRestTest, DroppedSlotsDoNotComeBack) {
  Dropping allocator(1, 2);
  for (int i = 0; i < 3; ++i)
    EXPECT_TRUE(Delete(allocator, NewOrElsewhere(allocator)));
  EXPECT_EQ(NewOrElsewhere(allocator), 0u);
}

// The promise of Exhaustion::kWrap, by three ways to choose what is deleted:
// the oldest handle, the youngest, or any.
TEST(SlotAllocatorRestTest, SoManyHandlesAreIssuedBeforeOneIsIssuedAgain) {
  using Layout = HandleLayout<6, 4>;
  constexpr Word kSlots = Layout::kSlots, kLives = Layout::Generation::kMax;
  using Allocator =
      SlotAllocator<WordSlot<Word>,
                    TestTraits<GlobalFreeList, Layout, Exhaustion::kWrap>>;
  for (const Word most : {1u, 5u, 25u, 31u}) {
    for (const unsigned way : {0u, 1u, 2u}) {
      Allocator allocator(kSlots, 2);
      std::vector<Word> live;
      std::map<Word, Word> issued;  // when
      std::minstd_rand random(most);
      Word now = 0, least = ~Word{0};
      while (now < 20 * kSlots * kLives) {
        // Grows to its limit and shrinks to nothing now and then, so that all
        // slots that may circulate do.
        const bool grows = now / 64 % 2 == 0;
        if (live.size() < most && (grows || live.empty())) {
          const Word handle = NewOrElsewhere(allocator);
          ASSERT_NE(handle, 0u);
          live.push_back(handle);
          const auto [at, is_new] = issued.emplace(handle, now);
          if (!is_new)
            least = std::min(least, now - std::exchange(at->second, now) - 1);
          ++now;
          if (live.size() < most) continue;
        }
        const std::size_t i = way == 0   ? 0
                              : way == 1 ? live.size() - 1
                                         : random() % live.size();
        ASSERT_TRUE(Delete(allocator, live[i]));
        live.erase(live.begin() + static_cast<std::ptrdiff_t>(i));
      }
      EXPECT_LT(least, ~Word{0}) << "no handle was issued again";
      EXPECT_GE(least, (kSlots - 2 * most - 1) * kLives / 2)
          << most << " at once, way " << way;
      EXPECT_GE(least, kLives - 1);
    }
  }
}

TEST(SlotAllocatorTest, HandleThatIsNotUsedGoesBack) {
  Dropping allocator(1, 2);
  Word handle = 0;
  allocator.caches().With([&](auto& thread) {
    handle = allocator.Allocate(thread);
    allocator.Free(thread, handle);
    return true;
  });
  EXPECT_EQ(TinyLayout::Generation::Decode(handle), 1u);
  EXPECT_EQ(New(allocator), handle);
}

TEST(SlotAllocatorTest, AllocateElsewhereCountsWhatItFindsInTheFreeList) {
  Wrapping allocator(1, 2);
  EXPECT_NE(allocator.AllocateElsewhere(), 0u);
  EXPECT_EQ(allocator.AllocateElsewhere(), 0u);
  EXPECT_EQ(allocator.Stats().created, 1u);
}

TEST(SlotAllocatorTest, NoTableIsNotOk) {
  EXPECT_EQ(TableIfOk<HandleTable<int>>(nullptr), nullptr);
}

TEST(SlotAllocatorTest, CacheThatIsInUseCountsAsLost) {
  Dropping allocator(1, 2);
  EXPECT_EQ(allocator.Stats().lost_caches, 0u);
  allocator.caches().With([&](auto&) {
    EXPECT_EQ(allocator.Stats().lost_caches, 1u);
    return true;
  });
  EXPECT_EQ(allocator.Stats().lost_caches, 0u);
}

// ---- what a Trim has collected, and the child of a fork

template <typename Allocator>
std::set<Word> FreeOf(const Allocator& allocator) {
  std::set<Word> free;
  allocator.ForEachFree([&](Handle handle) {
    EXPECT_TRUE(free.insert(static_cast<Word>(handle)).second);
  });
  return free;
}

// Expects the handles `after` to be later ones of the same slots as `before`,
// with less than a quarter of the generations used up that were left.
template <typename Layout>
void ExpectLater(const std::set<Word>& before, const std::set<Word>& after) {
  using Generation = typename Layout::Generation;
  std::map<Word, Word> generations;
  for (const Word handle : after)
    generations[Layout::Index::Decode(handle)] = Generation::Decode(handle);
  EXPECT_EQ(after.size(), before.size());
  for (const Word handle : before) {
    const Word old = Generation::Decode(handle);
    const Word now = generations[Layout::Index::Decode(handle)];
    EXPECT_GT(now, old);
    EXPECT_LE(now, old + 1 + (Generation::kMax - old) / 4);
  }
}

// Calls a function of the test whenever a Trim has taken handles.
struct HookedList : GlobalFreeList {
  using GlobalFreeList::GlobalFreeList;
  template <typename Thread, typename F>
  std::size_t TakeRecycled(Thread& thread, F&& f) noexcept {
    const std::size_t count = GlobalFreeList::TakeRecycled(thread, f);
    if (count != 0) hook();
    return count;
  }
  static inline std::function<void()> hook;
};

TEST(SlotAllocatorTrimTest, HandlesThatATrimHasCollectedAreFree) {
  using Traits = TestTraits<HookedList>;
  SlotAllocator<WordSlot<Word>, Traits> allocator(10, 2);
  std::vector<Word> handles;
  for (int i = 0; i < 10; ++i) handles.push_back(New(allocator));
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(Delete(allocator, handles[i]));
  const std::set<Word> free = FreeOf(allocator);
  ASSERT_EQ(free.size(), 5u);
  int calls = 0;
  HookedList::hook = [&] {
    ++calls;
    EXPECT_EQ(FreeOf(allocator), free);
    testing::InChild(
        [&] { ExpectLater<DefaultLayout>(free, FreeOf(allocator)); });
    std::thread([&] {
      EXPECT_EQ(New(allocator), 0u);
      const Word handle = NewOrElsewhere(allocator);
      EXPECT_EQ(free.count(handle), 1u);
      EXPECT_EQ(allocator.Stats().created, 11u);
    }).join();
  };
  (void)allocator.Trim();
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(FreeOf(allocator).size(), 4u);
  EXPECT_EQ(allocator.Stats().live, 6u);
}

template <typename FreeList>
class SlotAllocatorForkTest : public ::testing::Test {};
using FreeLists =
    ::testing::Types<GlobalFreeList, StripedFreeList, BasicMagazineFreeList<4>>;
TYPED_TEST_SUITE(SlotAllocatorForkTest, FreeLists);

TYPED_TEST(SlotAllocatorForkTest, ChildHasLaterHandlesOfTheSameSlots) {
  using Allocator = SlotAllocator<WordSlot<Word>, TestTraits<TypeParam>>;
  Allocator allocator(100, 2);
  std::vector<Word> handles;
  for (int i = 0; i < 100; ++i) handles.push_back(New(allocator));
  const Word first = DefaultLayout::Generation::Decode(handles[0]);
  // Some of them by an uncached caller.
  std::thread([&] {
    sync::ThisThread().exited.store(true, std::memory_order_relaxed);
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(Delete(allocator, handles[i]));
  }).join();
  for (int i = 10; i < 60; ++i) EXPECT_TRUE(Delete(allocator, handles[i]));
  const std::set<Word> free = FreeOf(allocator);
  const std::size_t high_water = allocator.Stats().high_water;
  testing::InChild([&] {
    const std::set<Word> now = FreeOf(allocator);
    ExpectLater<DefaultLayout>(free, now);
    for (int i = 60; i < 100; ++i)
      EXPECT_EQ(allocator[handles[i]].state(), handles[i]);
    std::set<Word> made;
    for (;;) {
      const Word handle = New(allocator);
      if (handle == 0) break;
      EXPECT_TRUE(made.insert(handle).second);
      if (DefaultLayout::Index::Decode(handle) >= high_water) {
        EXPECT_GT(DefaultLayout::Generation::Decode(handle), first)
            << "of a fresh slot";
      }
    }
    for (const Word handle : now) EXPECT_EQ(made.count(handle), 1u);
    for (const Word handle : made) EXPECT_TRUE(Delete(allocator, handle));
  });
  EXPECT_EQ(FreeOf(allocator), free);
}

TEST(SlotAllocatorForkTest, SlotOfTheLastGenerationKeepsItsHandle) {
  Dropping allocator(4, 2);
  const Word first = New(allocator), second = New(allocator);
  const Word live = New(allocator);
  EXPECT_TRUE(Delete(allocator, second));
  EXPECT_EQ(New(allocator), Dropping::NextOf(second));
  EXPECT_TRUE(Delete(allocator, Dropping::NextOf(second)));
  EXPECT_TRUE(Delete(allocator, first));
  testing::InChild([&] {
    // Of three generations the first slot loses one.
    EXPECT_EQ(New(allocator), TinyLayout::Make(3, 0));
    EXPECT_EQ(New(allocator), TinyLayout::Make(3, 1));
    EXPECT_EQ(New(allocator), TinyLayout::Make(2, 3));
    EXPECT_EQ(allocator[live].state(), live);
  });
}

TEST(SlotAllocatorForkTest, SlotThatRestsHasALaterHandleToo) {
  Wrapping allocator(1, 2);
  for (int life = 0; life < 3; ++life)
    EXPECT_TRUE(Delete(allocator, NewOrElsewhere(allocator)));
  testing::InChild([&] {
    EXPECT_EQ(FreeOf(allocator), std::set<Word>{TinyLayout::Make(2, 0)});
  });
}

TEST(SlotAllocatorDeathTest, WordBeyondTheSlotsIsReportedWithoutOne) {
  using Layout = testing::SmallLayout;
  SlotAllocator<WordSlot<Word>, TestTraits<GlobalFreeList, Layout>> allocator(
      2, 2);
  ASSERT_EQ(allocator.slots().size(), 2u);
  EXPECT_DEATH(allocator.FatalHandle("MustDelete", &allocator,
                                     Handle(Layout::Make(1, 2))),
               "the table has no such slot");
  EXPECT_DEATH(allocator.FatalHandle("MustDelete", &allocator,
                                     Handle(Layout::Make(1, 1))),
               "that slot is now untouched");
}

#ifndef NDEBUG
// (The child in which it dies is that of a fork, and so has new handles.)
TEST(SlotAllocatorDeathTest, LiveSlotIsNotGivenBack) {
  Roomy allocator(2, 2);
  const Word live = New(allocator);
  const auto free = [&](Word handle) {
    allocator.caches().With([&](auto& thread) {
      allocator.Free(thread, handle);
      return true;
    });
  };
  EXPECT_DEATH(free(live), "I4: a slot is given back");
  EXPECT_DEATH(free(Roomy::NextOf(live)), "I4: a slot is given back");
}
#endif

// 2^30 slots of a megabyte each, which no system has address space for.
struct Megabyte {
  char bytes[1 << 20];
};
using HugeTraits =
    TestTraits<GlobalFreeList, HandleLayout<30, kWordBits == 64 ? 33 : 1>>;

template <typename Table>
void TestConstruction() {
  EXPECT_THROW(Table(Table::kMaxCapacity + 1), std::length_error);
  EXPECT_EQ(Table::Create(Table::kMaxCapacity + 1), nullptr);
}
TEST(SlotAllocatorErrorTest, CapacityBeyondTheLayoutIsALengthError) {
  TestConstruction<HandleTable<int>>();
  TestConstruction<ObjectTable<int>>();
}
TEST(SlotAllocatorErrorTest, LackOfAddressSpaceIsABadAlloc) {
  using Table = ObjectTable<Megabyte, HugeTraits>;
  EXPECT_THROW(Table table(Table::kMaxCapacity), std::bad_alloc);
  EXPECT_EQ(Table::Create(Table::kMaxCapacity), nullptr);
}

TEST(SlotAllocatorBatchTest, NewBatchStopsAtTheFirstNullHandle) {
  Handle handles[4] = {};
  int calls = 0;
  EXPECT_EQ(Dropping::NewBatch(4, handles,
                               [&](std::size_t i) {
                                 ++calls;
                                 return i < 2 ? Handle(2 * i + 1) : kNullHandle;
                               }),
            2u);
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(handles[0], Handle(1));
  EXPECT_EQ(handles[1], Handle(3));
  EXPECT_EQ(handles[2], kNullHandle);
}

// More than it fetches ahead, each handle twice, and words of no slot.
TEST(SlotAllocatorBatchTest, DeleteBatchEndsEachOfManyOnce) {
  using Allocator = SlotAllocator<WordSlot<Word>, TestTraits<GlobalFreeList>>;
  for (const std::size_t count : {1u, 15u, 16u, 17u, 100u}) {
    Allocator allocator(100, 2);
    std::vector<Handle> batch;
    for (std::size_t i = 0; i < count; ++i) {
      const Handle handle(New(allocator));
      batch.insert(batch.end(), {handle, Handle(~Word{0}), handle});
    }
    std::size_t next = 0;
    EXPECT_EQ(allocator.DeleteBatch(
                  batch.data(), batch.size(),
                  [&](std::size_t i) {
                    EXPECT_EQ(i, next++) << "not in order";
                    return Delete(allocator, static_cast<Word>(batch[i]));
                  }),
              count);
    EXPECT_EQ(next, batch.size());
    EXPECT_EQ(allocator.Stats().live, 0u);
    EXPECT_EQ(allocator.Stats().deleted, count);
  }
}

// A thread that has not counted its deletion yet has given the slot to another
// thread, which has counted its handle: the counters show two live handles of
// the only slot.
TEST(SlotAllocatorStatsTest, LiveIsAtMostTheHighWaterMark) {
  Roomy allocator(10, 2);
  const Word first = New(allocator);
  Word second = 0;
  allocator.caches().With([&](auto& thread) {
    EXPECT_TRUE(allocator[first].End(first, Roomy::EndOf(first)));
    allocator.Free(thread, Roomy::NextOf(first));
    std::thread([&] {
      second = New(allocator);
      const TableStats stats = allocator.Stats();
      EXPECT_EQ(stats.high_water, 1u);
      EXPECT_EQ(stats.live, 1u);
      EXPECT_EQ(stats.created, 2u);
      EXPECT_EQ(stats.deleted, 0u);
    }).join();
    thread.CountDeleted(1);
    return true;
  });
  EXPECT_EQ(second, Roomy::NextOf(first));
  const TableStats stats = allocator.Stats();
  EXPECT_EQ(stats.live, 1u);
  EXPECT_EQ(stats.created, 2u);
  EXPECT_EQ(stats.deleted, 1u);
}

// A thread that has not counted its handle yet has published it, and another
// thread has deleted it and counted that.
TEST(SlotAllocatorStatsTest, DeletedIsAtMostCreated) {
  Roomy allocator(10, 2);
  allocator.caches().With([&](auto& thread) {
    const Word handle = allocator.Allocate(thread);
    allocator[handle].Publish(handle, 0);
    std::thread([&] {
      EXPECT_TRUE(Delete(allocator, handle));
      const TableStats stats = allocator.Stats();
      EXPECT_EQ(stats.live, 0u);
      EXPECT_EQ(stats.deleted, 1u);
      EXPECT_EQ(stats.created, 1u);
    }).join();
    thread.CountCreated(1);
    return true;
  });
  const TableStats stats = allocator.Stats();
  EXPECT_EQ(stats.created, 1u);
  EXPECT_EQ(stats.deleted, 1u);
  EXPECT_EQ(stats.live, 0u);
}

// Figures that are read while other threads make and delete.

constexpr unsigned kThreads = 3;
constexpr std::size_t kLive = 8;  // that each thread has at most

// Runs work(&made, &ended) again and again in threads, which adds how many
// handles it has made and ended, and checks each of many read() meanwhile.
template <typename Work, typename Stats>
void TestStatsMeanwhile(std::size_t slots, Work work, Stats read) {
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> made{0}, ended{0};
  std::thread workers([&] {
    testing::RunThreads(kThreads, [&](unsigned t) {
      // One of the threads is an uncached caller.
      if (t == 0)
        sync::ThisThread().exited.store(true, std::memory_order_relaxed);
      std::uint64_t my_made = 0, my_ended = 0;
      while (!stop.load(std::memory_order_relaxed)) work(&my_made, &my_ended);
      made += my_made;
      ended += my_ended;
    });
  });
  const auto end =
      std::chrono::steady_clock::now() + std::chrono::milliseconds(300);
  std::size_t reads = 0;
  while (std::chrono::steady_clock::now() < end || reads < 100) {
    const auto stats = read();
    ++reads;
    EXPECT_LE(stats.live, stats.high_water);
    EXPECT_LE(stats.high_water, slots);
    EXPECT_LE(stats.deleted, stats.created);
    EXPECT_GE(stats.created - stats.deleted, stats.live);
    if (::testing::Test::HasFailure()) break;
  }
  stop = true;
  workers.join();
  const auto stats = read();
  EXPECT_EQ(stats.created, made.load());
  EXPECT_EQ(stats.deleted, ended.load());
  EXPECT_EQ(stats.live, made.load() - ended.load());
  EXPECT_GT(ended.load(), 0u);
}

template <typename Table>
std::size_t SlotsOf(const Table& table) {
  return Inspector::AllocatorOf(table).slots().size();
}

TEST(StatsMeanwhileTest, HandleTable) {
  HandleTable<int> table(1000);
  TestStatsMeanwhile(
      SlotsOf(table),
      [&](std::uint64_t* made, std::uint64_t* ended) {
        Handle handles[kLive];
        int values[kLive] = {};
        const std::size_t count = table.NewBatch(values, kLive, handles);
        *made += count;
        for (std::size_t i = 0; i < count / 2; ++i)
          *ended += table.Delete(handles[i]).has_value();
        *ended += table.DeleteBatch(handles, count);
      },
      [&] { return table.Stats(); });
}

TEST(StatsMeanwhileTest, ObjectTable) {
  ObjectTable<int> table(1000);
  TestStatsMeanwhile(
      SlotsOf(table),
      [&](std::uint64_t* made, std::uint64_t* ended) {
        const Handle a = table.Emplace(1), b = table.Emplace(2);
        *made += (a != kNullHandle) + (b != kNullHandle);
        *ended += table.Delete(a) == Status::kOk;
        *ended += table.DeleteUnlessPinned(b) == Status::kOk;
      },
      [&] { return table.Stats(); });
}

TEST(StatsMeanwhileTest, TableOfTheCApi) {
  haft_table* table;
  ASSERT_EQ(haft_table_create(1000, &table), HAFT_OK);
  static const haft_type type = {"test", nullptr, nullptr, 0, 0};
  int object;
  TestStatsMeanwhile(
      SlotsOf(ObjectTable<int>(1000)),
      [&](std::uint64_t* made, std::uint64_t* ended) {
        haft_handle handle;
        if (haft_table_new(table, &object, &type, &handle) != HAFT_OK) return;
        ++*made;
        *ended += haft_table_delete(table, handle, &type) == HAFT_OK;
      },
      [&] {
        haft_stats stats;
        EXPECT_EQ(haft_table_stats(table, &stats), HAFT_OK);
        return stats;
      });
  haft_table_destroy(table);
}

// --- Prepare ----------------------------------------------------------------

template <typename Traits>
class PrepareTest : public ::testing::Test {};
TYPED_TEST_SUITE(PrepareTest, testing::AllTraits);

TYPED_TEST(PrepareTest, TakesAnyNumberUpToTheCapacity) {
  constexpr std::size_t kCapacity = 1000;
  testing::TableOf<Word, TypeParam> table(kCapacity);
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(table.Prepare(0), Status::kOk);
    EXPECT_EQ(table.Prepare(kCapacity), Status::kOk);
    EXPECT_EQ(table.Prepare(kCapacity + 1), Status::kFull);
    EXPECT_EQ(table.Prepare(~std::size_t{0}), Status::kFull);
  }
  const TableStats stats = table.Stats();
  EXPECT_EQ(stats.created, 0u);
  EXPECT_EQ(stats.deleted, 0u);
  EXPECT_EQ(stats.high_water, 0u) << "no slot is taken";
  std::vector<Handle> handles;
  for (std::size_t i = 0; i < kCapacity; ++i) {
    handles.push_back(table.New(i));
    ASSERT_NE(handles.back(), kNullHandle);
  }
  EXPECT_EQ(table.Prepare(kCapacity), Status::kOk);
  for (std::size_t i = 0; i < kCapacity; ++i)
    ASSERT_EQ(table.Delete(handles[i]), i);
  testing::ExpectConservation(table);
}

TYPED_TEST(PrepareTest, MayBeCalledByManyThreadsBesideOthers) {
  testing::TableOf<Word, TypeParam> table(1000);
  testing::RunThreads(4, [&](unsigned t) {
    for (Word i = 0; i < 100; ++i) {
      ASSERT_EQ(table.Prepare(t % 2 == 0 ? 1000 : i), Status::kOk);
      const Handle handle = table.New(i);
      ASSERT_NE(handle, kNullHandle);
      ASSERT_EQ(table.Delete(handle), i);
    }
  });
  testing::ExpectConservation(table);
}

TYPED_TEST(PrepareTest, WorksInTheChildOfAFork) {
  testing::TableOf<Word, TypeParam> table(1000);
  const Handle handle = table.New(5);
  ASSERT_EQ(table.Prepare(500), Status::kOk);
  testing::InChild([&] {
    EXPECT_EQ(table.Prepare(1000), Status::kOk);
    EXPECT_EQ(table.Value(handle), Word{5});
    EXPECT_NE(table.New(6), kNullHandle);
  });
  EXPECT_EQ(table.Value(handle), Word{5});
}

TEST(PrepareLimitsTest, ExhaustedSlotsCount) {
  HandleTable<Word, TestTraits<GlobalFreeList, TinyLayout>> table(3);
  EXPECT_EQ(table.Prepare(3), Status::kOk);
  while (table.Stats().exhausted_slots == 0)
    ASSERT_NE(table.Delete(table.New(1)), std::nullopt);
  EXPECT_EQ(table.Stats().capacity, 2u);
  EXPECT_EQ(table.Prepare(3), Status::kFull);
  EXPECT_EQ(table.Prepare(2), Status::kOk);
  while (table.Stats().exhausted_slots != 3)
    ASSERT_NE(table.Delete(table.New(1)), std::nullopt);
  EXPECT_EQ(table.Prepare(1), Status::kFull);
  EXPECT_EQ(table.Prepare(0), Status::kOk);
}

TEST(PrepareLimitsTest, ATableOfTheGreatestCapacity) {
  HandleTable<Word, TestTraits<MagazineFreeList, TinyLayout>> tiny(4);
  EXPECT_EQ(tiny.Prepare(4), Status::kOk);
  EXPECT_EQ(tiny.Prepare(5), Status::kFull);
}

TEST(PrepareLimitsTest, AThreadThatHasEnded) {
  HandleTable<Word> table(1000);
  struct Late {
    ~Late() {
      *status = table->Prepare(1000);
      *made = table->Delete(table->New(1)).has_value();
    }
    HandleTable<Word>* table = nullptr;
    Status* status = nullptr;
    bool* made = nullptr;
  };
  Status status = Status::kFull;
  bool made = false;
  std::thread([&] {
    thread_local Late late;
    late.table = &table, late.status = &status, late.made = &made;
    // Haft's exit hook is armed after this, and runs before or after it.
    EXPECT_EQ(table.Prepare(0), Status::kOk);
  }).join();
  EXPECT_EQ(status, Status::kOk);
  EXPECT_TRUE(made);
}

long PageFaults() {
  rusage usage{};
  EXPECT_EQ(getrusage(RUSAGE_SELF, &usage), 0);
  return usage.ru_minflt;
}

// Calls make() often enough to fill `count` slots, as the first calls of a
// thread.
//   Returns   how many page faults the calls took
template <typename F>
long FaultsOf(std::size_t count, F make) {
  long faults = 0;
  std::thread([&] {
    const long before = PageFaults();
    for (std::size_t i = 0; i < count; ++i) make();
    faults = PageFaults() - before;
  }).join();
  return faults;
}

// Without Prepare each page of slots is a fault, or is populated when the calls
// reach it, which the system counts as one.
constexpr std::size_t kMany = 20000;

template <typename Table, typename Make, typename Use>
void ExpectFewFaultsAfterPrepare(std::size_t slot, Make make, Use use) {
  if (testing::kSanitized) GTEST_SKIP() << "a sanitizer has pages of its own";
  {
    // The code has its pages from now on, and the thread's stack.
    Table table(2 * kMany);
    EXPECT_GE(FaultsOf(kMany, [&] { use(make(table), table); }), 1);
    EXPECT_GE(FaultsOf(kMany, [&] { make(table); }),
              static_cast<long>(kMany * slot / sync::PageSize() * 9 / 10));
  }
  Table table(kMany);
  long faults = 0;
  std::thread([&] {
    EXPECT_EQ(table.Prepare(kMany), Status::kOk);
    const long before = PageFaults();
    for (std::size_t i = 0; i < kMany; ++i) use(make(table), table);
    faults = PageFaults() - before;
  }).join();
  EXPECT_LE(faults, 3);
}

TEST(PrepareFaultsTest, HandleTable) {
  using Table = HandleTable<Word>;
  ExpectFewFaultsAfterPrepare<Table>(
      2 * sizeof(Word), [](Table& table) { return table.New(1); },
      [](Handle handle, Table&) { EXPECT_NE(handle, kNullHandle); });
}
TEST(PrepareFaultsTest, HandleTableOfStripes) {
  using Table = HandleTable<Word, TestTraits<StripedFreeList>>;
  ExpectFewFaultsAfterPrepare<Table>(
      2 * sizeof(Word), [](Table& table) { return table.New(1); },
      [](Handle handle, Table&) { EXPECT_NE(handle, kNullHandle); });
}
TEST(PrepareFaultsTest, ObjectTableWithItsPins) {
  using Table = ObjectTable<std::string>;
  ExpectFewFaultsAfterPrepare<Table>(
      sizeof(std::string), [](Table& table) { return table.Emplace("x"); },
      [](Handle handle, Table& table) {
        if (static_cast<Word>(handle) / 2 % 2 == 0) return;
        EXPECT_TRUE(table.Pin(handle));
        EXPECT_EQ(table.Delete(handle), Status::kOk);
      });
}

}  // namespace
}  // namespace haft::internal
