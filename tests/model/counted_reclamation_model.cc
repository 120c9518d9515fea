// Models of CountedReclamation: pins that are counted in the slot, against
// deletes.

#include <optional>

#include "gtest/gtest.h"
#include "haft/counted_reclamation.h"
#include "haft/handle.h"
#include "haft/object_table.h"
#include "haft/status.h"
#include "tests/model/model.h"
#include "tests/model/tracked.h"

namespace haft::model {
namespace {

struct CountedTraits : TrackedTraits {
  using Reclamation = CountedReclamation;
};
using Table = ObjectTable<Tracked, CountedTraits>;

using OneObject = OneObjectOf<Table>;
using TwoPinsAgainstDelete = TwoPinsAgainstDeleteOf<Table>;
using TwoUnpinsAgainstDelete = TwoUnpinsAgainstDeleteOf<Table>;

TEST(CountedReclamationModel, TwoPinsAgainstDelete) {
  Exploration().Bound(2).Random(50'000).Holds<TwoPinsAgainstDelete>();
}

TEST(CountedReclamationModel, TwoUnpinsAgainstDelete) {
  Exploration().Bound(2).Random(50'000).Holds<TwoUnpinsAgainstDelete>();
}

// A thread that finds its handle stale has held back the slot's present object
// for a moment, so it must destroy that object if it was the last.
struct StalePinAgainstSuccessor : OneObject {
  static constexpr unsigned kThreads = 2;
  Life second;

  void Thread(unsigned i) {
    const Call call(second);
    if (i == 1) {
      PinUseUnpin(table, handle, life);
      return;
    }
    Delete(table, handle, life);
    const Handle next = table.Emplace(second);
    if (next != kNullHandle) Delete(table, next, second);
  }
  void After() {
    Require(life.destroyed == 1, "deleted is destroyed");
    Require(second.destroyed == second.made, "and its successor");
  }
};
TEST(CountedReclamationModel, StalePinAgainstSuccessor) {
  Exploration().Bound(2).Random(50'000).Holds<StalePinAgainstSuccessor>();
}

struct DeleteUnlessPinnedAgainstPin : OneObject {
  static constexpr unsigned kThreads = 2;
  std::optional<Table::Pinned> pin;
  unsigned succeeded = 0;

  void Thread(unsigned i) {
    if (i == 1) {
      pin.emplace(Pin(table, handle, life));
    } else {
      succeeded += End(life, [&] { return table.DeleteUnlessPinned(handle); });
    }
  }
  void After() {
    Require(succeeded + (*pin ? 1 : 0) == 1, "either deleted or pinned");
    if (*pin) (*pin)->Use(life);
    Unpin(*pin, life);
    OneObject::After();
  }
};
TEST(CountedReclamationModel, DeleteUnlessPinnedAgainstPin) {
  Exploration().Bound(2).Random(50'000).Holds<DeleteUnlessPinnedAgainstPin>();
}

}  // namespace
}  // namespace haft::model
