// Models of PinCounts: pins of threads that have no free hazard cell.

#include <new>
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

// Takes the indices of threads 1 and 2 away, and so their cells: their pins are
// counted. (A signal handler cannot tell, because a count belongs to no
// thread.)
template <typename Model>
struct WithoutCells : Model {
  WithoutCells() {
    for (unsigned i = 1; i < 3; ++i) {
      new (&internal::sync::thread_states[i]) internal::sync::ThreadState();
      MakeUncached(i);
    }
  }
};

using CountedPinAgainstDelete = WithoutCells<PinAgainstDeleteOf<TrackedTable>>;
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

using TwoCountedPinsAgainstDelete =
    WithoutCells<TwoPinsAgainstDeleteOf<TrackedTable>>;
TEST(PinCountsModel, TwoCountedPinsAgainstDelete) {
  Exploration().Bound(1).Random(100'000).Holds<TwoCountedPinsAgainstDelete>();
}

// The pin that the other thread holds in a cell does not hide the counted one.
struct CountedPinAndCellAgainstDelete : CountedPinAgainstDelete {
  std::optional<TrackedPin> in_cell;
  CountedPinAndCellAgainstDelete() {
    in_cell.emplace(Pin(table, handle, life));
  }
  void Thread(unsigned i) {
    CountedPinAgainstDelete::Thread(i);
    if (i == 0) Unpin(*in_cell, life);
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
struct CountedPinAgainstConditionalDelete
    : WithoutCells<OneObjectOf<TrackedTable>> {
  static constexpr unsigned kThreads = 2;
  void Thread(unsigned i) {
    if (i == 0) {
      (void)End(life, [&] { return table.DeleteUnlessPinned(handle); });
    } else {
      PinUseUnpin(table, handle, life);
    }
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
