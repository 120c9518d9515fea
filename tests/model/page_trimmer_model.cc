// Models of Trim: pages are dropped beside New, Delete and Value, and the
// handles that it has collected can be stolen.

#include <cstddef>
#include <optional>

#include "haft/global_free_list.h"
#include "haft/handle.h"
#include "haft/handle_layout.h"
#include "haft/handle_table.h"
#include "haft/internal/free_list/collected_handles.h"
#include "haft/magazine_free_list.h"
#include "haft/status.h"
#include "haft/traits.h"
#include "tests/model/model.h"
#include "tests/support/inspector.h"

namespace haft {
namespace {

using internal::CollectedHandles;
using model::Exploration;
using model::Require;

using Layout = HandleLayout<2, 4>;

// ---- the handles that a Trim has collected

// Each slot's handle, in its first generation.
Word HandleOf(unsigned slot) { return Layout::Make(1, slot); }

// A trimmer passes two handles on, and a thread steals them. What the trimmer
// wrote before it put a handle is ordered before what the thief reads.
struct Stolen {
  static constexpr unsigned kThreads = 3;
  CollectedHandles collected{4};
  internal::sync::Plain<Word> written[4];
  unsigned taken[4] = {};

  void Thread(unsigned i) {
    if (i == 0) {
      Require(collected.Begin(), "nobody else trims");
      for (unsigned slot : {1u, 2u}) {
        written[slot].Write(HandleOf(slot));
        collected.Put(HandleOf(slot));
      }
      if (collected.Claim(1) != 0) {
        Require(written[1].Read() == HandleOf(1), "another slot's");
        written[1].Write(HandleOf(1));
        collected.Unclaim(1);
      }
      for (unsigned slot = 0; slot < 4; ++slot)
        if (const Word handle = collected.Take(slot)) Note(handle);
      collected.End();
    } else if (const Word handle = collected.Steal(collected.Epoch())) {
      Note(handle);
    }
  }
  void After() {
    Require(taken[1] == 1 && taken[2] == 1, "lost or taken twice");
    Require(taken[0] == 0 && taken[3] == 0, "from nowhere");
  }

  void Note(Word handle) {
    const auto slot = static_cast<unsigned>(Layout::Index::Decode(handle));
    Require(written[slot].Read() == handle, "not the handle that was put");
    written[slot].Write(0);
    ++taken[slot];
  }
};
TEST(PageTrimmerModel, EachCollectedHandleIsTakenOnce) {
  Exploration().Bound(1).Random(60'000).Holds<Stolen>();
}

// One trimmer at a time, and each sees what the last one has left.
struct TwoTrimmers {
  static constexpr unsigned kThreads = 2;
  CollectedHandles collected{4};
  internal::sync::Plain<Word> inside;

  void Thread(unsigned) {
    for (int n = 0; n < 2; ++n) {
      if (!collected.Begin()) continue;
      inside.Write(inside.Read() + 1);
      collected.Put(HandleOf(1));
      Require(collected.Take(1) == HandleOf(1), "not what was put");
      collected.End();
    }
  }
  void After() { Require(inside.Read() >= 2, "nobody trims"); }
};
TEST(PageTrimmerModel, TrimmersFollowOneAnother) {
  Exploration().Bound(2).Random(30'000).Holds<TwoTrimmers>();
}

// ---- tables

// A page has two slots of two words and their state.
struct Two {
  Word a, b;
};
Two ValueOf(Word maker) { return {maker, ~maker}; }
Word MakerOf(const std::optional<Two>& value) {
  if (!value) return 0;
  Require(value->b == ~value->a, "parts of two values");
  return value->a;
}

// 4 slots, without magazines.
struct Tiny : DefaultTraits {
  using Layout = HandleLayout<2, 4>;
  using FreeList = GlobalFreeList;
  static constexpr Exhaustion kExhaustion = Exhaustion::kDropSlot;
};
// The same with single handles only, and with magazines of one.
struct Singles : Tiny {
  using FreeList = MagazineFreeList;
};
struct Magazines : Tiny {
  using Layout = HandleLayout<8, 4>;
  using FreeList = BasicMagazineFreeList<1>;
};

template <typename Traits>
struct Tables {
  static constexpr std::size_t kCapacity = 4;
  HandleTable<Two, Traits> table{kCapacity};
  Handle old[kCapacity];

  // All slots have been used, and deleted in this order.
  Tables() {
    for (Handle& handle : old) handle = table.New(ValueOf(1));
    for (Handle handle : old) (void)table.Delete(handle);
  }

  void RequireConservation() {
    std::size_t live = 0, free = 0;
    Word seen = 0;
    const auto note = [&](Handle handle) {
      const Word bit =
          Word{1} << Traits::Layout::Index::Decode(static_cast<Word>(handle));
      Require((seen & bit) == 0, "two handles of a slot");
      seen |= bit;
    };
    table.ForEach([&](Handle handle, Two) {
      Require(table.Check(handle) == Status::kOk, "live and refused");
      note(handle);
      ++live;
    });
    internal::Inspector::ForEachFree(table, [&](Handle handle) {
      Require(table.Check(handle) != Status::kOk, "free and live");
      note(handle);
      ++free;
    });
    const TableStats stats = table.Stats();
    Require(stats.live == live, "the count of live handles is wrong");
    Require(live + free + stats.exhausted_slots == stats.high_water,
            "slots lost or doubled");
  }
};

const Exploration kEach = Exploration().Bound(0).Random(20'000);

// Threads make and delete their handles beside a Trim. No page is dropped under
// a live slot, and what was deleted stays stale.
template <typename Traits>
struct NewAndDelete : Tables<Traits> {
  static constexpr unsigned kThreads = 2;

  void Thread(unsigned i) {
    if (i == 0) {
      (void)this->table.Trim();
      return;
    }
    Handle handles[2];
    for (Handle& handle : handles) {
      // A Trim that has a page of two slots in hand leaves two others.
      handle = this->table.New(ValueOf(7));
      Require(handle != kNullHandle, "full, though two handles are free");
    }
    for (Handle handle : handles) {
      Require(MakerOf(this->table.Value(handle)) == 7, "another value");
      Require(MakerOf(this->table.Delete(handle)) == 7, "another value");
      Require(this->table.Check(handle) == Status::kStale, "not stale");
    }
  }
  void After() {
    for (Handle handle : this->old)
      Require(this->table.Check(handle) == Status::kStale, "not stale");
    Require(this->table.Check(kNullHandle) == Status::kNull, "null");
    Require(!this->table.Value(kNullHandle), "the null handle is live");
    this->RequireConservation();
    Handle handles[4];
    for (Handle& handle : handles) {
      handle = this->table.New(ValueOf(9));
      Require(handle != kNullHandle, "a slot is lost");
    }
    for (Handle handle : handles)
      Require(MakerOf(this->table.Value(handle)) == 9, "another value");
  }
};
TEST(PageTrimmerModel, NoPageIsDroppedUnderALiveSlot) {
  kEach.Holds<NewAndDelete<Tiny>>();
  kEach.Holds<NewAndDelete<Singles>>();
  kEach.Holds<NewAndDelete<Magazines>>();
}

// A reader that began before the Delete reads while the slot's page is dropped,
// and finds the value or nothing.
struct ReadBeside {
  static constexpr unsigned kThreads = 2;
  Tables<Tiny> tables;
  // In the page that is dropped.
  Handle handle[2];

  ReadBeside() {
    Handle handles[4];
    for (Handle& each : handles) each = tables.table.New(ValueOf(3));
    for (Handle each : handles) {
      const Word slot = Layout::Index::Decode(static_cast<Word>(each));
      if (slot >= 2)
        handle[slot - 2] = each;
      else
        (void)tables.table.Delete(each);
    }
  }
  void Thread(unsigned i) {
    if (i == 0) {
      for (Handle each : handle) (void)tables.table.Delete(each);
      (void)tables.table.Trim();
    } else {
      for (Handle each : handle) {
        const Word maker = MakerOf(tables.table.Value(each));
        Require(maker == 0 || maker == 3, "another value");
        const Status status = tables.table.Check(each);
        Require(status == Status::kOk || status == Status::kStale,
                "a deleted handle counts as never issued");
      }
    }
  }
  void After() { tables.RequireConservation(); }
};
TEST(PageTrimmerModel, ReadersFindTheValueOrThatTheHandleIsStale) {
  Exploration().Bound(0).Random(40'000).Holds<ReadBeside>();
}

// All slots but two are live, and one of these two is in the first page, which
// Trim never claims as a whole. New must find it, wherever Trim has it.
template <typename Traits>
struct AtTheLimit : Tables<Traits> {
  static constexpr unsigned kThreads = 2;
  Handle live[2];

  AtTheLimit() {
    Handle handles[4];
    for (Handle& handle : handles) handle = this->table.New(ValueOf(1));
    for (Handle handle : handles) {
      const Word slot =
          Traits::Layout::Index::Decode(static_cast<Word>(handle));
      if (slot == 1 || slot == 2)
        (void)this->table.Delete(handle);
      else
        live[slot == 3] = handle;
    }
  }
  void Thread(unsigned i) {
    if (i == 0) {
      (void)this->table.Trim();
    } else {
      // One handle at a time may be in the hands of the Trim.
      for (Word n = 1; n <= 2; ++n) {
        const Handle handle = this->table.New(ValueOf(n));
        Require(handle != kNullHandle, "full, though a handle is free");
        Require(MakerOf(this->table.Delete(handle)) == n, "another value");
      }
    }
  }
  void After() {
    for (Handle handle : live)
      Require(MakerOf(this->table.Value(handle)) == 1, "a live slot is gone");
    this->RequireConservation();
  }
};
TEST(PageTrimmerModel, FullIsNotReportedForWhatIsCollected) {
  kEach.Holds<AtTheLimit<Tiny>>();
  kEach.Holds<AtTheLimit<Singles>>();
}

}  // namespace
}  // namespace haft
