// Pins that are counted in the slot, against what deletes.

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

struct OneObject {
  Table table{1};
  Life life;
  const Handle handle = Prepare();

  Handle Prepare() {
    GiveIndices(3);
    return table.Emplace(life);
  }
  void After() {
    Require(life.destroyed == (life.deleted ? 1 : 0), "deleted is destroyed");
    if (!life.deleted) Require(Delete(table, handle, life), "live is live");
    Require(life.destroyed == 1, "destroyed at once");
  }
};

struct TwoPinsAgainstDelete : OneObject {
  static constexpr unsigned kThreads = 3;
  void Thread(unsigned i) {
    if (i == 0) {
      Require(Delete(table, handle, life), "the one Delete succeeds");
    } else {
      PinUseUnpin(table, handle, life);
    }
  }
};
TEST(CountedReclamationModel, TwoPinsAgainstDelete) {
  Exploration().Bound(2).Random(50'000).Holds<TwoPinsAgainstDelete>();
}

struct TwoUnpinsAgainstDelete : OneObject {
  static constexpr unsigned kThreads = 3;
  Table::Pinned pins[2] = {Pin(table, handle, life), Pin(table, handle, life)};

  void Thread(unsigned i) {
    if (i == 2) {
      Require(Delete(table, handle, life), "the one Delete succeeds");
    } else {
      pins[i]->Use(life);
      Unpin(pins[i], life);
    }
  }
};
TEST(CountedReclamationModel, TwoUnpinsAgainstDelete) {
  Exploration().Bound(2).Random(50'000).Holds<TwoUnpinsAgainstDelete>();
}

// Who finds out that his handle is stale has then held back the slot's present
// object, and must see to it.
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
