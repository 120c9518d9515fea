// Models of a tiny HandleTable, which exercise every layer below it at once.

#include <cstddef>
#include <optional>

#include "haft/global_free_list.h"
#include "haft/handle.h"
#include "haft/handle_layout.h"
#include "haft/handle_table.h"
#include "haft/magazine_free_list.h"
#include "haft/status.h"
#include "haft/striped_free_list.h"
#include "haft/traits.h"
#include "tests/model/model.h"
#include "tests/support/inspector.h"

namespace haft {
namespace {

using model::Exploration;
using model::Require;

struct Two {
  Word a, b;
};

// 4 slots of 3 generations. There is no room for magazines, so all handles pass
// through the stack of singles.
template <typename FreeListT, Exhaustion kExhaustionV = Exhaustion::kDropSlot>
struct Tiny : DefaultTraits {
  using Layout = HandleLayout<2, 2>;
  using FreeList = FreeListT;
  static constexpr Exhaustion kExhaustion = kExhaustionV;
};
// Magazines of one handle.
struct Magazines : DefaultTraits {
  using Layout = HandleLayout<8, 4>;
  using FreeList = BasicMagazineFreeList<1>;
  static constexpr Exhaustion kExhaustion = Exhaustion::kDropSlot;
};

// A value names its maker twice.
Two ValueOf(Word maker) { return {maker, ~maker}; }
Word MakerOf(const std::optional<Two>& value) {
  if (!value) return 0;
  Require(value->b == ~value->a, "parts of two values");
  return value->a;
}

template <typename Traits>
struct Tables {
  HandleTable<Two, Traits> table{2};

  // Requires I4, and that the counters agree.
  void RequireConservation() {
    std::size_t live = 0, free = 0;
    table.ForEach([&](Handle handle, Two) {
      Require(table.Check(handle) == Status::kOk, "live and refused");
      ++live;
    });
    internal::Inspector::ForEachFree(table, [&](Handle handle) {
      Require(table.Check(handle) == Status::kNeverIssued,
              "a free slot's next handle has been issued");
      ++free;
    });
    const TableStats stats = table.Stats();
    Require(stats.live == live, "the count of live handles is wrong");
    Require(live + free + stats.exhausted_slots == stats.high_water,
            "slots lost or doubled");
  }
};

const Exploration kEach = Exploration().Bound(0).Random(15'000);

// Each thread makes and deletes its own handles. At most two are live at once,
// which is the capacity.
template <typename Traits>
struct EachItsOwn : Tables<Traits> {
  static constexpr unsigned kThreads = 2;

  void Thread(unsigned i) {
    for (Word n = 1; n <= 2; ++n) {
      const Word maker = 10 * n + i;
      const Handle handle = this->table.New(ValueOf(maker));
      Require(handle != kNullHandle, "full, though it is not");
      Require(MakerOf(this->table.Value(handle)) == maker, "another value");
      Require(MakerOf(this->table.Delete(handle)) == maker, "another value");
      Require(!this->table.Value(handle), "found after its Delete");
      Require(this->table.Check(handle) == Status::kStale, "not stale");
    }
  }
  void After() { this->RequireConservation(); }
};
TEST(HandleTableModel, EachThreadItsOwn) {
  kEach.Holds<EachItsOwn<Tiny<GlobalFreeList>>>();
  kEach.Holds<EachItsOwn<Tiny<StripedFreeList>>>();
  kEach.Holds<EachItsOwn<Tiny<MagazineFreeList>>>();
  kEach.Holds<EachItsOwn<Magazines>>();
}

// Two threads delete one handle, of which one then makes another; a third
// thread looks the handle up.
template <typename Traits>
struct DeleteAndReuse : Tables<Traits> {
  static constexpr unsigned kThreads = 3;
  Handle old;
  unsigned deletes = 0;

  DeleteAndReuse() { old = this->table.New(ValueOf(1)); }
  void Thread(unsigned i) {
    if (i == 2) {
      const Word maker = MakerOf(this->table.Value(old));
      Require(maker == 0 || maker == 1, "another handle's value");
      return;
    }
    if (const Word maker = MakerOf(this->table.Delete(old))) {
      Require(maker == 1, "another handle's value");
      ++deletes;
    }
    if (i == 0) {
      const Handle handle = this->table.New(ValueOf(2));
      Require(handle != kNullHandle && handle != old, "not a new handle");
      Require(MakerOf(this->table.Value(handle)) == 2, "another value");
    }
  }
  void After() {
    Require(deletes == 1, "not one winner");
    this->RequireConservation();
  }
};
TEST(HandleTableModel, DeletesRaceAndTheSlotIsUsedAgain) {
  kEach.Holds<DeleteAndReuse<Tiny<GlobalFreeList>>>();
  kEach.Holds<DeleteAndReuse<Tiny<MagazineFreeList>>>();
}

// Handles travel without synchronisation; the other thread deletes them.
template <typename Traits>
struct RemoteDelete : Tables<Traits> {
  static constexpr unsigned kThreads = 2;
  internal::sync::Atomic<Word> passed{0};

  void Thread(unsigned i) {
    for (Word n = 1; n <= 2; ++n) {
      if (i == 0) {
        const Handle handle = this->table.New(ValueOf(n));
        Require(handle != kNullHandle, "full, though it is not");
        passed.store(static_cast<Word>(handle), std::memory_order_relaxed);
      } else if (const Handle handle{passed.load(std::memory_order_relaxed)}) {
        const Word found = MakerOf(this->table.Value(handle));
        const Word deleted = MakerOf(this->table.Delete(handle));
        Require(found == 0 || deleted == found, "two values of one handle");
      }
    }
  }
  void After() { this->RequireConservation(); }
};
TEST(HandleTableModel, HandlesThatCameUnorderedAreDeleted) {
  kEach.Holds<RemoteDelete<Tiny<GlobalFreeList>>>();
  kEach.Holds<RemoteDelete<Tiny<MagazineFreeList>>>();
}

// Two slots of three generations issue six handles in all. A thread may be
// refused earlier, while another holds the last one.
struct Exhausted {
  static constexpr unsigned kThreads = 2;
  struct Traits : Tiny<GlobalFreeList> {
    using Layout = HandleLayout<1, 2>;
  };
  Tables<Traits> tables;
  unsigned made = 0;

  void Thread(unsigned) {
    for (int n = 0; n < 4; ++n) Make();
  }
  void After() {
    while (Make()) {
    }
    const TableStats stats = tables.table.Stats();
    Require(made == 6, "not each handle once");
    Require(stats.exhausted_slots == 2 && stats.capacity == 0,
            "not all are exhausted");
    tables.RequireConservation();
  }

  bool Make() {
    const Handle handle = tables.table.New(ValueOf(1));
    if (handle == kNullHandle) return false;
    ++made;
    Require(tables.table.Delete(handle).has_value(), "nobody else deletes");
    return true;
  }
};
TEST(HandleTableModel, EachGenerationIsIssuedOnce) {
  Exploration().Random(20'000).Holds<Exhausted>();
}

using Wrapping = Tiny<GlobalFreeList, Exhaustion::kWrap>;

// The same where generations start over: the two slots are never exhausted.
struct StartsOver {
  static constexpr unsigned kThreads = 2;
  struct Traits : Wrapping {
    using Layout = HandleLayout<1, 2>;
  };
  Tables<Traits> tables;

  void Thread(unsigned i) {
    for (Word n = 1; n <= 4; ++n) {
      const Word maker = 10 * n + i;
      const Handle handle = tables.table.New(ValueOf(maker));
      Require(handle != kNullHandle, "full, though it is not");
      Require(tables.table.Check(handle) == Status::kOk, "refused while live");
      Require(MakerOf(tables.table.Value(handle)) == maker, "another value");
      Require(MakerOf(tables.table.Delete(handle)) == maker, "another value");
    }
  }
  void After() {
    const TableStats stats = tables.table.Stats();
    Require(stats.created == 8 && stats.deleted == 8, "counted wrong");
    Require(stats.exhausted_slots == 0 && stats.capacity == 2,
            "a slot is exhausted");
    tables.RequireConservation();
  }
};
TEST(HandleTableModel, GenerationsStartOver) { kEach.Holds<StartsOver>(); }

// One slot is free, and the other goes to rest before that one is taken. So a
// slot is free at every moment, though not always in the same place.
struct GoesToRest : Tables<Wrapping> {
  static constexpr unsigned kThreads = 2;
  Handle last;

  GoesToRest() {
    for (Word maker = 1; maker <= 3; ++maker) {
      if (maker != 1) table.Delete(last);
      last = table.New(ValueOf(maker));
    }
    table.Delete(table.New(ValueOf(4)));
  }
  void Thread(unsigned i) {
    if (i == 0) Require(table.Delete(last).has_value(), "nobody else deletes");
    Require(table.New(ValueOf(5 + i)) != kNullHandle, "full, though it is not");
  }
  void After() { RequireConservation(); }
};
TEST(HandleTableModel, FullIsNotReportedForWhatRests) {
  Exploration().Bound(2).Random(20'000).Holds<GoesToRest>();
}

// A handle that was kept through a cycle of generations belongs to the new
// life: it finds the new value, and one Delete wins.
struct KeptThroughACycle : Tables<Wrapping> {
  static constexpr unsigned kThreads = 2;
  Handle kept;
  unsigned deletes = 0;

  KeptThroughACycle() {
    (void)table.New(ValueOf(9));  // or the other slot would come first
    for (Word maker = 1; maker <= 3; ++maker) {
      const Handle handle = table.New(ValueOf(maker));
      if (maker == 1) kept = handle;
      table.Delete(handle);
    }
  }
  void Thread(unsigned i) {
    if (i == 0) {
      Require(table.New(ValueOf(4)) == kept, "the cycle has another length");
    } else {
      const Word maker = MakerOf(table.Value(kept));
      Require(maker == 0 || maker == 4, "the value of another life");
    }
    if (const Word maker = MakerOf(table.Delete(kept))) {
      Require(maker == 4, "the value of another life");
      ++deletes;
    }
  }
  void After() {
    Require(deletes == 1, "not one winner");
    RequireConservation();
  }
};
TEST(HandleTableModel, HandleKeptThroughACycle) {
  Exploration().Bound(2).Random(20'000).Holds<KeptThroughACycle>();
}

}  // namespace
}  // namespace haft
