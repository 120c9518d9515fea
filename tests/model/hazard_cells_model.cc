// Models of HazardCells: a signal handler claims cells as well.

#include <optional>

#include "gtest/gtest.h"
#include "haft/internal/reclamation/hazard_cells.h"
#include "haft/object_table.h"
#include "tests/model/model.h"
#include "tests/model/tracked.h"

namespace haft::model {
namespace {

// The handler pins the same object as the thread that it interrupts, and would
// take the same cell.
struct PinOfAHandlerAgainstDelete : OneObjectOf<TrackedTable> {
  static constexpr unsigned kThreads = 2;
  std::optional<TrackedPin> of_handler;

  void Thread(unsigned i) {
    if (i == 0) {
      Require(Delete(table, handle, life), "the one Delete succeeds");
      return;
    }
    RaiseSignal(
        [](void* self) {
          auto& model = *static_cast<PinOfAHandlerAgainstDelete*>(self);
          model.of_handler.emplace(Pin(model.table, model.handle, model.life));
        },
        this);
    PinUseUnpin(table, handle, life);
    if (of_handler) Unpin(*of_handler, life);
  }
};
TEST(HazardCellsModel, PinOfAHandlerAgainstDelete) {
  Exploration().Bound(1).Random(50'000).Holds<PinOfAHandlerAgainstDelete>();
}

// The same for a thread that has used the object before.
struct NextPinOfAHandlerAgainstDelete : PinOfAHandlerAgainstDelete {
  NextPinOfAHandlerAgainstDelete() {
    ActAs(1);
    PinUseUnpin(table, handle, life);
  }
};
TEST(HazardCellsModel, NextPinOfAHandlerAgainstDelete) {
  Exploration().Bound(1).Random(50'000).Holds<NextPinOfAHandlerAgainstDelete>();
}

}  // namespace
}  // namespace haft::model
