// Models of HazardCells: pins beyond the cells of a thread's first block.

#include <optional>

#include "gtest/gtest.h"
#include "haft/handle.h"
#include "haft/internal/reclamation/hazard_cells.h"
#include "haft/object_table.h"
#include "tests/model/model.h"
#include "tests/model/tracked.h"

namespace haft::model {
namespace {

// Two objects. A block's worth of pins of the first object fills the block.
struct TwoObjects {
  TrackedTable table{2};
  Life other;
  Life life;
  Handle of_other;
  Handle handle;
  std::optional<TrackedPin> pins[14];

  TwoObjects() {
    GiveIndices(3);
    of_other = table.Emplace(other);
    handle = table.Emplace(life);
  }
  void FillBlock() {
    for (auto& pin : pins) pin.emplace(Pin(table, of_other, other));
  }
  void After() {
    if (pins[0])
      for (auto& pin : pins) Unpin(*pin, other);
    Require(life.destroyed == 1 && other.destroyed == 0, "each its own");
  }
};

struct FurtherPinAgainstDelete : TwoObjects {
  static constexpr unsigned kThreads = 2;
  FurtherPinAgainstDelete() {
    ActAs(1);
    FillBlock();
  }
  void Thread(unsigned i) {
    if (i == 0) {
      Require(Delete(table, handle, life), "the one Delete succeeds");
    } else {
      PinUseUnpin(table, handle, life);
    }
  }
};
TEST(HazardCellsModel, FurtherPinAgainstDelete) {
  Exploration().Bound(2).Random(50'000).Holds<FurtherPinAgainstDelete>();
}
TEST(HazardCellsModel, FurtherPinAgainstDeleteWithoutHeavyBarrier) {
  Exploration()
      .HeavyBarrier(false)
      .Bound(2)
      .Random(50'000)
      .Holds<FurtherPinAgainstDelete>();
}

// A signal handler pins as well. It claims the same cell, or chains a block to
// the same one, as the thread that it interrupts.
struct FurtherPinOfAHandlerAgainstDelete : FurtherPinAgainstDelete {
  std::optional<TrackedPin> of_handler;

  void Thread(unsigned i) {
    if (i == 0) return FurtherPinAgainstDelete::Thread(i);
    RaiseSignal(
        [](void* self) {
          auto& model = *static_cast<FurtherPinOfAHandlerAgainstDelete*>(self);
          model.of_handler.emplace(Pin(model.table, model.handle, model.life));
        },
        this);
    PinUseUnpin(table, handle, life);
    if (of_handler) Unpin(*of_handler, life);
  }
};
TEST(HazardCellsModel, FurtherPinOfAHandlerAgainstDelete) {
  Exploration()
      .Bound(1)
      .Random(50'000)
      .Holds<FurtherPinOfAHandlerAgainstDelete>();
}

// Threads whose exit hooks have run borrow an index for each pin.
struct FurtherPinsAfterExitAgainstDelete : TwoObjects {
  static constexpr unsigned kThreads = 3;
  FurtherPinsAfterExitAgainstDelete() {
    for (unsigned i = 1; i < 3; ++i) {
      new (&internal::sync::thread_states[i]) internal::sync::ThreadState();
      MakeUncached(i);
    }
  }
  void Thread(unsigned i) {
    if (i == 0) {
      Require(Delete(table, handle, life), "the one Delete succeeds");
    } else {
      PinUseUnpin(table, handle, life);
    }
  }
};
TEST(HazardCellsModel, FurtherPinsAfterExitAgainstDelete) {
  Exploration()
      .Bound(1)
      .Random(50'000)
      .Holds<FurtherPinsAfterExitAgainstDelete>();
}

}  // namespace
}  // namespace haft::model
