// Models of the default free list: magazines that threads exchange, uncached
// callers that break them up, and the promise that "full" is true.

#include <cstddef>

#include "haft/handle.h"
#include "haft/handle_layout.h"
#include "haft/internal/free_list/fresh_slots.h"
#include "haft/internal/thread/thread_caches.h"
#include "haft/magazine_free_list.h"
#include "tests/model/model.h"

namespace haft {
namespace {

using model::EndThread;
using model::Exploration;
using model::Require;

using Layout = HandleLayout<10, 3>;

Word Next(Word handle) { return handle + Layout::Generation::kOne; }

// Makes the calling thread an uncached caller.
void BecomeUncached() {
  EndThread();
  internal::sync::ThisThread().exited.store(true, std::memory_order_relaxed);
}

// A free list with magazines of kSize handles, of which all but `slots` slots
// are gone. Their handles are lost, as if they were live forever.
template <unsigned kSize>
class Lists {
  using List = BasicMagazineFreeList<kSize>;
  static constexpr std::size_t kCapacity = 8;
  static constexpr std::size_t kLimit =
      kCapacity + 3 * internal::sync::kMaxCaches * kSize;

 public:
  explicit Lists(unsigned slots) : gone_(kLimit - slots) {
    (void)fresh_slots_.Take(gone_);
  }

  // Returns 0 if the list reports that it is empty.
  Word Pop() {
    const Word handle =
        caches_.With([this](auto& thread) { return list_.Pop(thread); });
    if (handle != 0) {
      internal::sync::Plain<Word>& pushed = pushed_[SlotOf(handle)];
      Require(pushed.Read() == 0 || pushed.Read() == handle,
              "not the handle that was pushed last");
      pushed.Write(handle);
    }
    return handle;
  }
  void Push(Word handle) {
    pushed_[SlotOf(handle)].Write(handle);
    caches_.With([this, handle](auto& thread) {
      list_.Push(thread, handle);
      return 0;
    });
  }

  // Requires that each slot's handle is in the list or in a cache, once, or was
  // never taken.
  void RequireAll(unsigned slots) const {
    unsigned seen = 0;
    const auto add = [&](Word handle) {
      const unsigned bit = 1u << SlotOf(handle);
      Require((seen & bit) == 0, "a handle twice");
      seen |= bit;
    };
    list_.ForEach(add);
    caches_.ForEach([&](const typename List::Cache& cache, unsigned level) {
      List::ForEachCached(cache, level, add);
    });
    const std::size_t untaken = kLimit - fresh_slots_.high_water();
    Require(static_cast<unsigned>(__builtin_popcount(seen)) + untaken == slots,
            "a handle is lost");
  }

 private:
  unsigned SlotOf(Word handle) const {
    return static_cast<unsigned>(Layout::Index::Decode(handle) - gone_);
  }

  const std::size_t gone_;
  internal::FreshSlots fresh_slots_{Layout::Make(1, 0), kLimit};
  List list_{kCapacity, Layout::kSlots, &fresh_slots_};
  internal::ThreadCaches<typename List::Cache> caches_;
  internal::sync::Plain<Word> pushed_[16];
};

// A thread whose cache has filled the depot goes on as an uncached caller and
// takes the last fresh slot. A thread that sees this must see the depot's
// contents.
struct LastFreshSlotIsTaken {
  static constexpr unsigned kThreads = 2;
  Lists<1> lists{4};
  Word handles[3];

  LastFreshSlotIsTaken() {
    BecomeUncached();
    for (Word& handle : handles) handle = lists.Pop();
  }
  void Thread(unsigned i) {
    if (i == 0) {
      // Two stay in the cache, one goes to the depot.
      for (const Word handle : handles) lists.Push(Next(handle));
      BecomeUncached();
      Require(lists.Pop() != 0, "full, though a slot is untaken");
    } else {
      BecomeUncached();
      // One slot is fresh, or else a handle is in the depot.
      Require(lists.Pop() != 0, "full, though a magazine is");
    }
  }
  void After() {}
};
TEST(MagazineFreeListModel, FullIsNotReportedForTheLastFreshSlot) {
  Exploration().Bound(1).Random(60'000).Holds<LastFreshSlotIsTaken>();
}

// Threads take handles and give them back; some are uncached callers.
template <unsigned kSize, unsigned kUncachedCallers>
struct TakeAndGive {
  static constexpr unsigned kThreads = 2;
  static constexpr unsigned kSlots = 7;
  Lists<kSize> lists{kSlots};

  void Thread(unsigned i) {
    if (i < kUncachedCallers) BecomeUncached();
    Word handles[3];
    for (Word& handle : handles) handle = lists.Pop();
    for (const Word handle : handles)
      if (handle != 0) lists.Push(Next(handle));
    if (const Word handle = lists.Pop()) lists.Push(Next(handle));
  }
  void After() { lists.RequireAll(kSlots); }
};
TEST(MagazineFreeListModel, NoHandleTwiceAndNoneLost) {
  Exploration().Random(30'000).Holds<TakeAndGive<1, 0>>();
  Exploration().Random(30'000).Holds<TakeAndGive<2, 0>>();
}
TEST(MagazineFreeListModel, FullIsNotReportedTooEarlyBesideUncachedCallers) {
  Exploration().Random(30'000).Holds<TakeAndGive<1, 1>>();
  Exploration().Random(30'000).Holds<TakeAndGive<2, 2>>();
}

// All slots are taken. Their handles are in another thread's cache, except for
// three full magazines, which uncached callers break up.
template <unsigned kUncachedCallers>
struct BreakUp {
  static constexpr unsigned kThreads = 2;
  static constexpr unsigned kSlots = 10;
  Lists<2> lists{kSlots};

  BreakUp() {
    Word handles[kSlots];
    for (Word& handle : handles) handle = lists.Pop();
    for (const Word handle : handles) lists.Push(Next(handle));
  }
  void Thread(unsigned i) {
    if (i < kUncachedCallers) {
      BecomeUncached();
      for (int n = 0; n < 2; ++n) {
        const Word handle = lists.Pop();
        if (handle != 0) lists.Push(Next(handle));
      }
    } else {
      Word handles[3];
      for (Word& handle : handles) handle = lists.Pop();
      Require(handles[1] != 0, "full, though more than one is free");
      for (const Word handle : handles)
        if (handle != 0) lists.Push(Next(handle));
    }
  }
  void After() { lists.RequireAll(kSlots); }
};
TEST(MagazineFreeListModel,
     FullIsNotReportedWhileUncachedCallersBreakUpMagazines) {
  Exploration().Bound(0).Random(30'000).Holds<BreakUp<1>>();
  Exploration().Bound(0).Random(30'000).Holds<BreakUp<2>>();
}

// Threads end with handles in their caches, and others inherit them. Two
// magazines of two can be in each of two caches, for which there is room.
struct ComeAndGo {
  static constexpr unsigned kThreads = 2;
  static constexpr unsigned kSlots = 12;
  Lists<2> lists{kSlots};

  void Thread(unsigned i) {
    for (unsigned n = 0; n < 2; ++n) {
      const Word a = lists.Pop(), b = lists.Pop();
      Require(a != 0 && b != 0, "full of what ended threads had");
      lists.Push(Next(a));
      if (i == n) EndThread();
      lists.Push(Next(b));
    }
    EndThread();
  }
  void After() { lists.RequireAll(kSlots); }
};
TEST(MagazineFreeListModel, HandlesOfEndedThreadsAreInherited) {
  Exploration().Bound(1).Random(30'000).Holds<ComeAndGo>();
}

// With slots for one handle for each of two threads and for two magazines of
// one in each cache, no thread is ever refused. All handles are taken and
// single.
template <unsigned kUncachedCallers>
struct NeverFull {
  static constexpr unsigned kThreads = 2;
  static constexpr unsigned kSlots =
      2 + 2 * (2 - kUncachedCallers) + kUncachedCallers;
  Lists<1> lists{kSlots};

  NeverFull() {
    BecomeUncached();
    Word handles[kSlots];
    for (Word& handle : handles) handle = lists.Pop();
    for (const Word handle : handles) lists.Push(Next(handle));
  }

  void Thread(unsigned i) {
    if (i < kUncachedCallers) BecomeUncached();
    for (unsigned n = 0; n < 3; ++n) {
      const Word handle = lists.Pop();
      Require(handle != 0, "full, though a handle was free");
      lists.Push(Next(handle));
    }
  }
  void After() {}
};
TEST(MagazineFreeListModel, FullIsNotSaidWhileAHandleIsFree) {
  Exploration().Bound(0).Random(30'000).Holds<NeverFull<0>>();
  Exploration().Bound(1).Random(30'000).Holds<NeverFull<1>>();
  Exploration().Bound(1).Random(30'000).Holds<NeverFull<2>>();
}

}  // namespace
}  // namespace haft
