// Models of PinCounts: pins of threads that have no free hazard cell.

#include <optional>

#include "gtest/gtest.h"
#include "haft/handle.h"
#include "haft/internal/base/sync.h"
#include "haft/internal/reclamation/hazard_cells.h"
#include "haft/internal/reclamation/pin_counts.h"
#include "haft/object_table.h"
#include "tests/model/model.h"
#include "tests/model/tracked.h"

namespace haft::model {
namespace {

// Threads 1 and 2 have no index, and so no cells: their pins are counted. (A
// signal handler cannot tell, because a count belongs to no thread.)
struct CountedPins {
  TrackedTable table{2};
  Life life;
  Handle handle;

  CountedPins() {
    GiveIndices(1);
    MakeUncached(1);
    MakeUncached(2);
    handle = table.Emplace(life);
  }
  void After() { Require(life.destroyed == 1, "destroyed once"); }
};

struct CountedPinAgainstDelete : CountedPins {
  static constexpr unsigned kThreads = 2;
  void Thread(unsigned i) {
    if (i == 0) {
      Require(Delete(table, handle, life), "the one Delete succeeds");
    } else {
      PinUseUnpin(table, handle, life);
    }
  }
};
TEST(PinCountsModel, CountedPinAgainstDelete) {
  Exploration().Bound(3).Random(50'000).Holds<CountedPinAgainstDelete>();
}
TEST(PinCountsModel, CountedPinAgainstDeleteWithoutHeavyBarrier) {
  Exploration()
      .HeavyBarrier(false)
      .Bound(2)
      .Random(50'000)
      .Holds<CountedPinAgainstDelete>();
}

struct TwoCountedPinsAgainstDelete : CountedPinAgainstDelete {
  static constexpr unsigned kThreads = 3;
};
TEST(PinCountsModel, TwoCountedPinsAgainstDelete) {
  Exploration().Bound(1).Random(100'000).Holds<TwoCountedPinsAgainstDelete>();
}

// The pin that the other thread holds in a cell does not hide the counted one.
struct CountedPinAndCellAgainstDelete : CountedPins {
  static constexpr unsigned kThreads = 2;
  std::optional<TrackedPin> in_cell;
  CountedPinAndCellAgainstDelete() {
    in_cell.emplace(Pin(table, handle, life));
  }
  void Thread(unsigned i) {
    if (i == 0) {
      Require(Delete(table, handle, life), "the one Delete succeeds");
      Unpin(*in_cell, life);
    } else {
      PinUseUnpin(table, handle, life);
    }
  }
};
TEST(PinCountsModel, CountedPinAndCellAgainstDelete) {
  Exploration().Bound(2).Random(50'000).Holds<CountedPinAndCellAgainstDelete>();
}

// A thread counts a pin of a handle that has just ended, while another thread
// counts one of the slot's next handle, and deletes that while it is pinned.
struct LateCountAgainstSuccessor {
  static constexpr unsigned kThreads = 2;
  TrackedTable table{1};
  Life life, next_life;
  Handle handle;

  LateCountAgainstSuccessor() {
    handle = table.Emplace(life);
    // Has the handle counted once before.
    std::optional<TrackedPin> pins[internal::HazardCells::kCells + 1];
    for (auto& pin : pins) pin.emplace(Pin(table, handle, life));
    for (auto& pin : pins) Unpin(*pin, life);
    MakeUncached(0);
    MakeUncached(1);
  }
  void Thread(unsigned i) {
    if (i == 1) {
      PinUseUnpin(table, handle, life);
      return;
    }
    Require(Delete(table, handle, life), "the one Delete succeeds");
    // A late attempt may keep the object, and so the slot, a little longer.
    const Handle next = table.Emplace(next_life);
    if (next == kNullHandle) return;
    TrackedPin pin = Pin(table, next, next_life);
    Require(static_cast<bool>(pin), "the next handle is live");
    Require(Delete(table, next, next_life), "the second Delete succeeds");
    pin->Use(next_life);
    Unpin(pin, next_life);
    Require(next_life.destroyed == 1, "the second object is destroyed");
  }
  void After() {
    Require(life.destroyed == 1, "the first object is destroyed");
  }
};
TEST(PinCountsModel, LateCountAgainstSuccessor) {
  Exploration().Bound(1).Random(150'000).Holds<LateCountAgainstSuccessor>();
}

// A conditional delete neither fails because of another handle's pins nor
// overlooks its own.
struct CountedPinAgainstConditionalDelete : CountedPins {
  static constexpr unsigned kThreads = 2;
  bool is_deleted = false;
  void Thread(unsigned i) {
    if (i == 0) {
      is_deleted = End(life, [&] { return table.DeleteUnlessPinned(handle); });
    } else {
      PinUseUnpin(table, handle, life);
    }
  }
  void After() {
    if (!is_deleted) Require(Delete(table, handle, life), "it is live");
    CountedPins::After();
  }
};
TEST(PinCountsModel, CountedPinAgainstConditionalDelete) {
  Exploration()
      .Bound(3)
      .Random(50'000)
      .Holds<CountedPinAgainstConditionalDelete>();
}

}  // namespace
}  // namespace haft::model
