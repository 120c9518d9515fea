// A model of ObjectTable: a deleter that waits.

#include <chrono>

#include "gtest/gtest.h"
#include "haft/handle.h"
#include "haft/internal/base/sync.h"
#include "haft/object_table.h"
#include "haft/status.h"
#include "tests/model/model.h"
#include "tests/model/tracked.h"

namespace haft::model {
namespace {

constexpr auto kForEver = std::chrono::nanoseconds::max();

using OneObject = OneObjectOf<TrackedTable>;

// One thread deletes and waits for the pins of others.
struct DeleteAndWaitAgainstUnpins : OneObject {
  static constexpr unsigned kThreads = 3;
  TrackedPin pins[2] = {Pin(table, handle, life), Pin(table, handle, life)};

  void Thread(unsigned i) {
    if (i < 2) {
      pins[i]->Use(life);
      Unpin(pins[i], life);
      return;
    }
    Require(table.DeleteAndWait(handle, kForEver) == Status::kOk,
            "waits as long as it takes");
    life.deleted = true;
    Require(life.destroyed == 1, "waits until the object is destroyed");
    Require(life.epitaph.Read() == 1, "what the destructor did is visible");
  }
};
TEST(ObjectTableModel, DeleteAndWaitAgainstUnpins) {
  Exploration().Bound(1).Random(50'000).Holds<DeleteAndWaitAgainstUnpins>();
}

}  // namespace
}  // namespace haft::model
