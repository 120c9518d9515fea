// Models of HazardCells: a signal handler claims cells as well.

#include <atomic>
#include <optional>

#include "gtest/gtest.h"
#include "haft/internal/base/sync.h"
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

// Thread 2 uses an object by a pin of thread 1 and ends that. Thread 1 claims
// the cell for a second object, and thread 0 frees it once more, before it
// deletes the first object. The use must happen before the destruction all the
// same, although thread 0 sees no more of it than its own write.
struct CellThatAnotherThreadFreed : ThreadsWithIndices {
  static constexpr unsigned kThreads = 3;
  TrackedTable table{2};
  Life lives[2];
  const Handle handles[2] = {table.Emplace(lives[0]), table.Emplace(lives[1])};
  TrackedPin first = PinOfTheOwner();
  std::optional<TrackedPin> second;
  internal::sync::Atomic<unsigned> is_handed_over{0};

  TrackedPin PinOfTheOwner() {
    ActAs(1);
    TrackedPin pin = Pin(table, handles[0], lives[0]);
    ActAs(0);
    return pin;
  }
  void Thread(unsigned i) {
    switch (i) {
      case 0:
        if (is_handed_over.load(std::memory_order_acquire) != 0)
          Unpin(*second, lives[1]);
        Require(Delete(table, handles[0], lives[0]), "the one Delete succeeds");
        break;
      case 1:
        second.emplace(Pin(table, handles[1], lives[1]));
        is_handed_over.store(1, std::memory_order_release);
        break;
      case 2:
        first->Use(lives[0]);
        Unpin(first, lives[0]);
        break;
    }
  }
  void After() {
    Unpin(*second, lives[1]);
    Require(lives[0].destroyed == 1, "deleted is destroyed");
    Require(Delete(table, handles[1], lives[1]), "live is live");
  }
};
TEST(HazardCellsModel, CellThatAnotherThreadFreed) {
  Exploration().Bound(1).Random(50'000).Holds<CellThatAnotherThreadFreed>();
}

// The same if the owner of the cell has used the second object before.
struct NextPinInACellThatAnotherThreadFreed : CellThatAnotherThreadFreed {
  NextPinInACellThatAnotherThreadFreed() {
    ActAs(1);
    PinUseUnpin(table, handles[1], lives[1]);
    ActAs(0);
  }
};
TEST(HazardCellsModel, NextPinInACellThatAnotherThreadFreed) {
  Exploration()
      .Bound(1)
      .Random(50'000)
      .Holds<NextPinInACellThatAnotherThreadFreed>();
}

}  // namespace
}  // namespace haft::model
