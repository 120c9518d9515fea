// Models of the life of one compact slot, and of whole compact tables.

#include <cstddef>
#include <optional>

#include "haft/global_free_list.h"
#include "haft/handle.h"
#include "haft/handle_layout.h"
#include "haft/handle_table.h"
#include "haft/internal/slot/compact_slot.h"
#include "haft/internal/slot/slot_array.h"
#include "haft/magazine_free_list.h"
#include "haft/status.h"
#include "haft/traits.h"
#include "tests/model/model.h"
#include "tests/support/inspector.h"

namespace haft {
namespace {

using model::Exploration;
using model::Require;

// Nothing points to it: a pointer stands for a small number.
struct alignas(8) Pointee;
Pointee* At(Word number) { return reinterpret_cast<Pointee*>(number * 8); }

using Layout = HandleLayout<2, 3>;
using Slots =
    internal::SlotArray<internal::CompactSlot<Pointee*, Layout, 8>, Layout>;
using State = Slots::State;

// Slot 0's first two handles; the value of each is its generation, doubled.
constexpr Word kFirst = Layout::Make(1, 0);
constexpr Word kSecond = State::Next(kFirst);
Pointee* ValueOf(Word handle) {
  return At(2 * Layout::Generation::Decode(handle));
}

struct Slot0 {
  Slots slots{4, kFirst};

  void Publish(Word handle) { slots[handle].Publish(handle, ValueOf(handle)); }
  // Returns whether the handle was live, and requires that its value is its
  // own.
  bool Read(Word handle) const {
    const std::optional<Pointee*> found = slots[handle].Read(handle);
    if (found) Require(*found == ValueOf(handle), "another handle's value");
    return found.has_value();
  }
  bool End(Word handle) {
    const Word ended =
        slots[handle].End(handle, State::Free(State::Next(handle)));
    if (ended == 0) return false;
    Require(slots[handle].ReadOwned(ended).Value() == ValueOf(handle),
            "the winner gets another value");
    return true;
  }
};

const Exploration kEach = Exploration().Bound(3).Random(40'000);

// All threads know the live handle from before.
struct RacingDeletes : Slot0 {
  static constexpr unsigned kThreads = 3;
  unsigned winners = 0;

  RacingDeletes() { Publish(kFirst); }
  void Thread(unsigned i) {
    if (i < 2) {
      winners += End(kFirst);
      Require(!Read(kFirst), "found after a Delete");
    } else if (!Read(kFirst)) {
      Require(!Read(kFirst), "found again after it was refused");
    }
  }
  void After() {
    Require(winners == 1, "not one winner");
    Require(!Read(kFirst), "live after its Delete");
    Require(slots.Status(kFirst) == Status::kStale, "not stale");
  }
};
TEST(CompactSlotModel, OneOfRacingDeletesWins) { kEach.Holds<RacingDeletes>(); }

// The thread that deletes uses the slot again at once. Another one deletes the
// old handle, too, and a third looks for both, of which it guesses one.
struct DeleteAndReuse : Slot0 {
  static constexpr unsigned kThreads = 3;
  unsigned winners = 0;

  DeleteAndReuse() { Publish(kFirst); }
  void Thread(unsigned i) {
    if (i == 0) {
      if (!End(kFirst)) return;
      ++winners;
      Publish(kSecond);
    } else if (i == 1) {
      // If it wins, nobody publishes the next handle.
      winners += End(kFirst);
    } else if (Read(kSecond)) {
      Require(!Read(kFirst), "live again after its successor was");
    }
  }
  void After() {
    Require(winners == 1, "not one winner");
    Require(!Read(kFirst), "live after its Delete");
  }
};
TEST(CompactSlotModel, AHandleGivesItsOwnValueOrNone) {
  kEach.Holds<DeleteAndReuse>();
}

// The handle comes to a reader and to a deleter without synchronisation. What
// came before New happens before what follows a Value and a Delete, as the
// documentation promises.
struct HandleCameUnordered : Slot0 {
  static constexpr unsigned kThreads = 3;
  internal::sync::Plain<Word> before_new;
  internal::sync::Atomic<Word> passed{0};

  void Thread(unsigned i) { i == 0 ? MakeAndPass(kFirst) : Receive(i); }
  void MakeAndPass(Word handle) {
    before_new.Write(1);
    Publish(handle);
    passed.store(handle, std::memory_order_relaxed);
  }
  void Receive(unsigned i) {
    const Word handle = passed.load(std::memory_order_relaxed);
    if (handle == 0) return;
    if (i == 1 ? Read(handle) : End(handle))
      Require(before_new.Read() == 1, "what came before New is not seen");
  }
  void After() {}
};
TEST(CompactSlotModel, NewHappensBeforeWhatFollowsValueAndDelete) {
  kEach.Holds<HandleCameUnordered>();
}

// The same for the second handle, while the slot may still have the first one.
struct SecondHandleCameUnordered : HandleCameUnordered {
  SecondHandleCameUnordered() { Publish(kFirst); }
  void Thread(unsigned i) {
    if (i != 0) return Receive(i);
    Require(End(kFirst), "nobody else deletes");
    MakeAndPass(kSecond);
  }
};
TEST(CompactSlotModel, AHandleThatCameUnorderedNeverGivesTheLastValue) {
  kEach.Holds<SecondHandleCameUnordered>();
}

// A thread that finds the page of a slot dropped knows that its old handles are
// stale. A page of the model has eight slots.
struct DroppedPage {
  static constexpr unsigned kThreads = 2;
  static constexpr std::size_t kPage = 64;
  using Wide = HandleLayout<4, 3>;
  using WideState = internal::SlotState<Wide>;
  static constexpr Word kOld = Wide::Make(1, 15);
  static constexpr Word kNext = WideState::Next(kOld);
  internal::SlotArray<internal::CompactSlot<Pointee*, Wide, 8>, Wide> slots{
      16, Wide::Make(1, 0)};

  DroppedPage() {
    slots[kOld].Publish(kOld, At(1));
    Require(slots[kOld].End(kOld, WideState::Free(kNext)) != 0, "not live");
  }
  void Thread(unsigned i) {
    if (i == 0) {
      slots.NoteDropped(kNext);
      Require(slots.DropPages(1, 2, kPage), "not dropped");
    } else {
      Require(slots.Status(kOld) == Status::kStale, "not stale");
    }
  }
  void After() {
    Require(slots.StateOf(kOld) == 0, "not dropped");
    Require(slots.Status(kOld) == Status::kStale, "not stale");
  }
};
TEST(CompactSlotModel, OldHandlesOfADroppedPageAreStale) {
  kEach.Holds<DroppedPage>();
}

// ---- whole tables

template <typename FreeListT, unsigned kIndexBits,
          Exhaustion kExhaustionV = Exhaustion::kDropSlot>
struct Compact : DefaultTraits {
  using Layout = HandleLayout<kIndexBits, 2>;
  using FreeList = FreeListT;
  static constexpr Exhaustion kExhaustion = kExhaustionV;
  static constexpr std::size_t kCompactAlignment = 8;
};
// 0 stands for no value.
Word NumberOf(const std::optional<Pointee*>& value) {
  return value ? reinterpret_cast<Word>(*value) / 8 : 0;
}

template <typename Traits>
struct Tables {
  HandleTable<Pointee*, Traits> table;

  explicit Tables(std::size_t capacity) : table(capacity) {}

  // Requires I4, and that the counters agree.
  void RequireConservation() {
    std::size_t live = 0, free = 0;
    table.ForEach([&](Handle handle, Pointee*) {
      Require(table.Check(handle) == Status::kOk, "live and refused");
      ++live;
    });
    internal::Inspector::ForEachFree(table, [&](Handle handle) {
      Require(table.Check(handle) != Status::kOk, "free and live");
      ++free;
    });
    const TableStats stats = table.Stats();
    Require(stats.live == live, "the count of live handles is wrong");
    Require(live + free + stats.exhausted_slots == stats.high_water,
            "slots lost or doubled");
  }
};

// Each thread makes and deletes its own handles, until the slots are exhausted
// or start over.
template <typename Traits>
struct EachItsOwn : Tables<Traits> {
  static constexpr unsigned kThreads = 2;

  EachItsOwn() : Tables<Traits>(2) {}
  void Thread(unsigned i) {
    for (Word n = 1; n <= 4; ++n) {
      const Word number = 10 * n + i;
      const Handle handle = this->table.New(At(number));
      if (handle == kNullHandle) {
        // The other thread has used up the slots, or has the last one.
        Require(Traits::kExhaustion == Exhaustion::kDropSlot,
                "full, though it is not");
        return;
      }
      Require(NumberOf(this->table.Value(handle)) == number, "another value");
      Require(NumberOf(this->table.Delete(handle)) == number, "another value");
      Require(this->table.Check(handle) != Status::kOk, "live");
    }
  }
  void After() { this->RequireConservation(); }
};
TEST(CompactSlotModel, EachThreadItsOwnHandlesOfATable) {
  const Exploration each = Exploration().Bound(0).Random(10'000);
  each.Holds<EachItsOwn<Compact<GlobalFreeList, 1>>>();
  each.Holds<EachItsOwn<Compact<MagazineFreeList, 1>>>();
  each.Holds<EachItsOwn<Compact<GlobalFreeList, 1, Exhaustion::kWrap>>>();
}

// A handle that was kept through a cycle of generations belongs to the new
// life: it finds the new value, and one Delete wins.
struct KeptThroughACycle
    : Tables<Compact<GlobalFreeList, 1, Exhaustion::kWrap>> {
  static constexpr unsigned kThreads = 2;
  Handle kept;
  unsigned deletes = 0;

  KeptThroughACycle() : Tables(2) {
    (void)table.New(At(9));  // or the other slot would come first
    for (Word number = 1; number <= 3; ++number) {
      const Handle handle = table.New(At(number));
      if (number == 1) kept = handle;
      table.Delete(handle);
    }
  }
  void Thread(unsigned i) {
    if (i == 0) {
      Require(table.New(At(4)) == kept, "the cycle has another length");
    } else {
      const Word number = NumberOf(table.Value(kept));
      Require(number == 0 || number == 4, "the value of another life");
    }
    if (const Word number = NumberOf(table.Delete(kept))) {
      Require(number == 4, "the value of another life");
      ++deletes;
    }
  }
  void After() {
    Require(deletes == 1, "not one winner");
    RequireConservation();
  }
};
TEST(CompactSlotModel, HandleKeptThroughACycle) {
  Exploration().Bound(1).Random(20'000).Holds<KeptThroughACycle>();
}

// A reader that began before the Delete reads while the slot's page is dropped,
// and finds the value or nothing. A page of the model has eight slots.
struct ReadBesideTrim : Tables<Compact<GlobalFreeList, 4>> {
  static constexpr unsigned kThreads = 2;
  static constexpr std::size_t kSlots = 16;
  Handle handle;  // in the page that is dropped

  ReadBesideTrim() : Tables(kSlots) {
    Handle handles[kSlots];
    for (Handle& each : handles) each = table.New(At(3));
    for (std::size_t i = 0; i + 1 < kSlots; ++i) (void)table.Delete(handles[i]);
    handle = handles[kSlots - 1];
  }
  void Thread(unsigned i) {
    if (i == 0) {
      (void)table.Delete(handle);
      (void)table.Trim();
    } else {
      const Word number = NumberOf(table.Value(handle));
      Require(number == 0 || number == 3, "another value");
      const Status status = table.Check(handle);
      Require(status == Status::kOk || status == Status::kStale,
              "a deleted handle counts as never issued");
    }
  }
  void After() {
    Require(!table.Value(handle), "live after its Delete");
    RequireConservation();
  }
};
TEST(CompactSlotModel, ReadersBesideATrimFindTheValueOrThatTheHandleIsStale) {
  Exploration().Random(4'000).Holds<ReadBesideTrim>();
}

}  // namespace
}  // namespace haft
