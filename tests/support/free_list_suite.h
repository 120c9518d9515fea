// The contract of a free list, as suites of typed tests. Each implementation
// instantiates them in its own test, which adds what holds for it alone.
//
//   FreeListTest          holds for every free list and every kind of caller
//   ExactFreeListTest     holds if the list keeps no handles in caches, because
//                         it never does or because the layout has no room
//
// A suite is instantiated for cases (FreeListCase, below): a list, the kind of
// caller and the layout's number of slots.

#ifndef TESTS_SUPPORT_FREE_LIST_SUITE_H_
#define TESTS_SUPPORT_FREE_LIST_SUITE_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <thread>
#include <utility>
#include <vector>

#include "haft/handle_layout.h"
#include "haft/handle_table.h"
#include "haft/internal/base/power_of_two.h"
#include "haft/internal/free_list/fresh_slots.h"
#include "tests/support/testing.h"

namespace haft::testing {

// The handle of slot 0 in its first generation.
inline constexpr Word kFirstHandle = DefaultLayout::Make(1, 0);

// A caller with a thread cache, without a thread.
template <typename FreeList>
class CachedCaller {
 public:
  static constexpr bool kHasCache = true;

  typename FreeList::Cache& cache() { return cache_; }
  unsigned level() const { return level_; }
  void set_level(unsigned level) { level_ = level; }
  void RaiseLevel() { ++level_; }
  void LowerLevel() { --level_; }

  std::vector<Word> Cached() {
    std::vector<Word> handles;
    FreeList::ForEachCached(cache_, level_,
                            [&](Word handle) { handles.push_back(handle); });
    return handles;
  }
  template <typename, typename F>
  void ReplaceCached(F&& f) {
    FreeList::ReplaceCached(cache_, level_, f);
  }

 private:
  typename FreeList::Cache cache_{};
  unsigned level_ = 0;
};

// A caller without a thread cache: it interrupted another call, or no thread
// index was left for it.
struct UncachedCaller {
  static constexpr bool kHasCache = false;

  static std::vector<Word> Cached() { return {}; }
  // A cache that a list has for others, and in which this caller has nothing.
  template <typename FreeList, typename F>
  static void ReplaceCached(F&& f) {
    FreeList::ReplaceCached(typename FreeList::Cache{}, 0, f);
  }
};

// Runs the test as it is. A case can replace it, for example by a function that
// stays on one CPU.
struct RunHere {
  template <typename F>
  static void Run(F f) {
    f();
  }
};

// A case that a suite is instantiated for. kTableIsExact means that a table of
// the default layout holds its capacity and not one value more, because its
// list keeps no handles in caches.
template <typename FreeListT, typename CallerT, bool kTableIsExactV,
          typename PlaceT = RunHere,
          std::size_t kLimitV = DefaultLayout::kSlots>
struct FreeListCase {
  using FreeList = FreeListT;
  using Caller = CallerT;
  using Place = PlaceT;
  static constexpr bool kTableIsExact = kTableIsExactV;
  static constexpr std::size_t kLimit = kLimitV;  // slots that a layout has
};

// A free list over slots of its own.
template <typename FreeList>
class FreeListOverSlots {
 public:
  FreeListOverSlots(std::size_t capacity, std::size_t limit)
      : fresh_slots_(kFirstHandle, FreeList::SlotsFor(capacity, limit)),
        list_(capacity, internal::CeilPowerOfTwo(fresh_slots_.limit()),
              &fresh_slots_) {
    EXPECT_TRUE(list_.ok());
  }

  FreeList& list() { return list_; }

  template <typename Caller>
  Word Pop(Caller& caller) {
    return list_.Pop(caller);
  }
  // Pops until there are `count` handles or the list is empty.
  template <typename Caller>
  std::vector<Word> Pop(Caller& caller, std::size_t count) {
    std::vector<Word> handles;
    while (handles.size() < count) {
      const Word handle = list_.Pop(caller);
      if (handle == 0) break;
      handles.push_back(handle);
    }
    return handles;
  }
  template <typename Caller>
  std::vector<Word> PopAll(Caller& caller) {
    return Pop(caller, ~std::size_t{0});
  }
  template <typename Caller>
  void Push(Caller& caller, const std::vector<Word>& handles) {
    for (Word handle : handles) list_.Push(caller, handle);
  }

  // The handles that ForEach shows, in its order.
  std::vector<Word> Waiting() const {
    std::vector<Word> handles;
    list_.ForEach([&](Word handle) { handles.push_back(handle); });
    return handles;
  }
  std::size_t slots() const { return fresh_slots_.limit(); }
  std::size_t high_water() const { return fresh_slots_.high_water(); }

 private:
  internal::FreshSlots fresh_slots_;
  FreeList list_;
};

inline std::vector<Word> Sorted(std::vector<Word> handles) {
  std::sort(handles.begin(), handles.end());
  return handles;
}
inline std::vector<Word> Reversed(std::vector<Word> handles) {
  std::reverse(handles.begin(), handles.end());
  return handles;
}
inline bool AreDistinct(std::vector<Word> handles) {
  handles = Sorted(std::move(handles));
  return std::adjacent_find(handles.begin(), handles.end()) == handles.end();
}
// The handles of `count` slots in a row in one generation.
inline std::vector<Word> HandlesFrom(Word first, std::size_t count) {
  std::vector<Word> handles;
  for (std::size_t i = 0; i < count; ++i) handles.push_back(first + 2 * i);
  return handles;
}

// Creates values in `table` until it has `capacity` of them. If the table is
// exact, then no more can be created.
template <typename Table>
std::vector<Handle> Fill(Table& table, std::size_t capacity, bool is_exact) {
  std::vector<Handle> handles;
  for (std::size_t i = 0; i < capacity; ++i) {
    handles.push_back(table.New(1));
    EXPECT_NE(handles.back(), kNullHandle) << i;
  }
  if (is_exact) {
    EXPECT_EQ(table.New(1), kNullHandle);
  }
  return handles;
}

template <typename Case>
class FreeListTest : public ::testing::Test {
 protected:
  static constexpr std::size_t kCapacity = 6;

  Word Pop() { return list_.Pop(caller_); }
  std::vector<Word> Pop(std::size_t count) { return list_.Pop(caller_, count); }
  std::vector<Word> PopAll() { return list_.PopAll(caller_); }
  void Push(const std::vector<Word>& handles) { list_.Push(caller_, handles); }
  // Every handle that waits in the list or in the caller's cache.
  std::vector<Word> Waiting() {
    std::vector<Word> handles = list_.Waiting();
    for (Word handle : caller_.Cached()) handles.push_back(handle);
    return Sorted(std::move(handles));
  }

  typename Case::Caller caller_;
  FreeListOverSlots<typename Case::FreeList> list_{kCapacity, Case::kLimit};
};
TYPED_TEST_SUITE_P(FreeListTest);

TYPED_TEST_P(FreeListTest, HasAtLeastAsManySlotsAsTheCapacity) {
  EXPECT_TRUE(this->list_.list().ok());
  EXPECT_GE(this->list_.slots(), this->kCapacity);
  EXPECT_LE(this->list_.slots(), TypeParam::kLimit);
}

TYPED_TEST_P(FreeListTest, FreshSlotsComeOnceEachInTheOrderOfAddresses) {
  EXPECT_EQ(this->PopAll(), HandlesFrom(kFirstHandle, this->list_.slots()));
  for (int i = 0; i < 2; ++i) EXPECT_EQ(this->Pop(), 0u);
  EXPECT_EQ(this->list_.high_water(), this->list_.slots());
}

TYPED_TEST_P(FreeListTest, LastPushedIsPoppedFirst) {
  TypeParam::Place::Run([this] {
    const std::vector<Word> handles = this->Pop(3);
    const std::size_t high_water = this->list_.high_water();
    this->Push(handles);
    EXPECT_EQ(this->Pop(3), Reversed(handles));
    EXPECT_EQ(this->list_.high_water(), high_water);
  });
}

TYPED_TEST_P(FreeListTest, NextGenerationsOfAFullTableComeBackLastFirst) {
  TypeParam::Place::Run([this] {
    (void)this->PopAll();
    const Word next = DefaultLayout::Make(2, 0);
    const std::vector<Word> handles = {next + 2 * 4, next + 2 * 1,
                                       next + 2 * 3};
    this->Push(handles);
    EXPECT_EQ(this->Pop(3), Reversed(handles));
    EXPECT_EQ(this->Pop(), 0u);
  });
}

TYPED_TEST_P(FreeListTest, PushedHandlesGoBeforeFreshSlots) {
  const Word handle = this->Pop();
  const std::size_t high_water = this->list_.high_water();
  this->Push({handle});
  EXPECT_EQ(this->Pop(), kFirstHandle);
  EXPECT_EQ(this->list_.high_water(), high_water);
}

TYPED_TEST_P(FreeListTest, EveryTakenSlotIsOutOrShownOnce) {
  const std::vector<Word> handles = this->Pop(3);
  this->Push({handles[0], handles[2]});
  const std::vector<Word> waiting = this->Waiting();
  EXPECT_TRUE(AreDistinct(waiting));
  EXPECT_EQ(waiting.size(), this->list_.high_water() - 1);
  for (int i : {0, 1, 2}) {
    EXPECT_EQ(std::count(waiting.begin(), waiting.end(), handles[i]), i != 1);
  }
}

TYPED_TEST_P(FreeListTest, ForEachLeavesTheListAsItWas) {
  TypeParam::Place::Run([this] {
    (void)this->PopAll();
    const std::vector<Word> handles = HandlesFrom(kFirstHandle, 4);
    this->Push(handles);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(this->Waiting(), handles);
    EXPECT_EQ(this->Pop(4), Reversed(handles));
    EXPECT_TRUE(this->Waiting().empty());
  });
}

// A list may keep state in its nodes, as libcds does a reference count: a node
// that was shown must be as usable as one that was popped.
TYPED_TEST_P(FreeListTest, NodesStayUsableThroughAnyMixOfForEachPopAndPush) {
  std::vector<Word> out = this->PopAll();
  for (unsigned i = 0; i < 1000; ++i) {
    if (i % 3 == 0) {
      ASSERT_EQ(this->Waiting().size(), this->list_.slots() - out.size());
    } else if (i * 7 % 5 < 3 && !out.empty()) {
      this->Push({out.back()});
      out.pop_back();
    } else if (const Word handle = this->Pop()) {
      ASSERT_EQ(std::count(out.begin(), out.end(), handle), 0);
      out.push_back(handle);
    } else {
      ASSERT_EQ(out.size(), this->list_.slots());
    }
  }
}

TYPED_TEST_P(FreeListTest, TakeRecycledGivesWhatWaitsAndNoFreshSlot) {
  this->Push(this->Pop(3));
  const std::vector<Word> waiting = this->Waiting();
  const std::size_t high_water = this->list_.high_water();
  std::vector<Word> taken;
  for (std::size_t end = 0;; end = taken.size()) {
    const std::size_t n = this->list_.list().TakeRecycled(
        this->caller_, [&](Word handle) { taken.push_back(handle); });
    ASSERT_EQ(taken.size(), end + n);
    if (n == 0) break;
  }
  EXPECT_EQ(Sorted(taken), waiting);
  EXPECT_TRUE(this->Waiting().empty());
  EXPECT_EQ(this->list_.high_water(), high_water);
  this->Push(taken);
  EXPECT_EQ(Sorted(this->PopAll()),
            HandlesFrom(kFirstHandle, this->list_.slots()));
}

TYPED_TEST_P(FreeListTest, OneCallerCanKeepMostInHandAndTheCapacityIsThere) {
  EXPECT_LE(this->list_.list().MostInHand(),
            this->list_.slots() - this->kCapacity);
}

TYPED_TEST_P(FreeListTest, ReplaceChangesEveryHandleThatWaitsAndNothingElse) {
  constexpr Word kNextGeneration = DefaultLayout::Make(2, 0) - kFirstHandle;
  const auto next = [](Word handle) { return handle + kNextGeneration; };
  this->Push(this->Pop(3));
  std::vector<Word> handles = this->Waiting();
  this->list_.list().Replace(next);
  this->caller_.template ReplaceCached<typename TypeParam::FreeList>(next);
  for (Word& handle : handles) handle = next(handle);
  EXPECT_EQ(this->Waiting(), handles);
  EXPECT_EQ(Sorted(this->Pop(handles.size())), handles);
}

// LeakSanitizer and AddressSanitizer look at the destructor.
TYPED_TEST_P(FreeListTest, DestructionWithHandlesWaitingIsClean) {
  this->Push(this->Pop(3));
  EXPECT_GE(this->Waiting().size(), 3u);
}

TYPED_TEST_P(FreeListTest, TableHoldsItsCapacityAfterAnotherThreadsDeletes) {
  HandleTable<Word, TestTraits<typename TypeParam::FreeList>> table(
      this->kCapacity);
  std::vector<Handle> handles;
  while (const Handle handle = table.New(1)) handles.push_back(handle);
  EXPECT_GE(handles.size(), this->kCapacity);
  if (TypeParam::kTableIsExact) {
    EXPECT_EQ(handles.size(), this->kCapacity);
  }
  std::thread([&] {
    for (Handle handle : handles) EXPECT_EQ(table.Delete(handle), Word{1});
  }).join();
  Fill(table, this->kCapacity, TypeParam::kTableIsExact);
  ExpectConservation(table);
}

// While Deletes are in progress, New may report a full table too early. At rest
// it may not.
TYPED_TEST_P(FreeListTest, TableHoldsItsCapacityAgainAfterContention) {
  constexpr unsigned kThreads = 4;
  // Wraps, because 32-bit handles have fewer generations than this takes.
  HandleTable<Word, TestTraits<typename TypeParam::FreeList, DefaultLayout,
                               Exhaustion::kWrap>>
      table(kThreads);
  std::atomic<unsigned> early{0};
  for (int round = 0; round < 20; ++round) {
    RunThreads(kThreads, [&](unsigned t) {
      for (int i = 0; i < 500; ++i) {
        if (const Handle handle = table.New(t)) {
          ASSERT_EQ(table.Delete(handle), Word{t});
        } else {
          ++early;
        }
      }
    });
    const std::vector<Handle> handles =
        Fill(table, kThreads, TypeParam::kTableIsExact);
    ExpectConservation(table);
    for (Handle handle : handles) ASSERT_EQ(table.Delete(handle), Word{1});
  }
  ::testing::Test::RecordProperty("early_full", early);
}

REGISTER_TYPED_TEST_SUITE_P(FreeListTest, HasAtLeastAsManySlotsAsTheCapacity,
                            FreshSlotsComeOnceEachInTheOrderOfAddresses,
                            LastPushedIsPoppedFirst,
                            NextGenerationsOfAFullTableComeBackLastFirst,
                            PushedHandlesGoBeforeFreshSlots,
                            EveryTakenSlotIsOutOrShownOnce,
                            ForEachLeavesTheListAsItWas,
                            NodesStayUsableThroughAnyMixOfForEachPopAndPush,
                            TakeRecycledGivesWhatWaitsAndNoFreshSlot,
                            OneCallerCanKeepMostInHandAndTheCapacityIsThere,
                            ReplaceChangesEveryHandleThatWaitsAndNothingElse,
                            DestructionWithHandlesWaitingIsClean,
                            TableHoldsItsCapacityAfterAnotherThreadsDeletes,
                            TableHoldsItsCapacityAgainAfterContention);

template <typename Case>
class ExactFreeListTest : public FreeListTest<Case> {};
TYPED_TEST_SUITE_P(ExactFreeListTest);

TYPED_TEST_P(ExactFreeListTest, NeedsAsManySlotsAsTheCapacity) {
  EXPECT_EQ(this->list_.slots(), this->kCapacity);
}

TYPED_TEST_P(ExactFreeListTest, TakesOneFreshSlotAtATimeUpToTheCapacity) {
  for (std::size_t i = 0; i < this->kCapacity; ++i) {
    EXPECT_EQ(this->Pop(), kFirstHandle + 2 * i);
    EXPECT_EQ(this->list_.high_water(), i + 1);
  }
  EXPECT_EQ(this->Pop(), 0u);
  EXPECT_EQ(this->Pop(), 0u);
  EXPECT_EQ(this->list_.high_water(), this->kCapacity);
}

TYPED_TEST_P(ExactFreeListTest, ForEachShowsThePushedHandlesAndNoOthers) {
  const std::vector<Word> handles = this->Pop(3);
  this->Push({handles[0], handles[2]});
  EXPECT_EQ(this->Waiting(), (std::vector<Word>{handles[0], handles[2]}));
}

REGISTER_TYPED_TEST_SUITE_P(ExactFreeListTest, NeedsAsManySlotsAsTheCapacity,
                            TakesOneFreshSlotAtATimeUpToTheCapacity,
                            ForEachShowsThePushedHandlesAndNoOthers);

}  // namespace haft::testing

#endif  // TESTS_SUPPORT_FREE_LIST_SUITE_H_
