// Value without a pin against the end of its handle, and the creation of the
// process-wide table.

#include <memory>

#include "gtest/gtest.h"
#include "haft/global_free_list.h"
#include "haft/handle_layout.h"
#include "haft/internal/base/lazy_instance.h"
#include "haft/internal/base/sync.h"
#include "haft/internal/process/any_table.h"
#include "haft/status.h"
#include "tests/model/model.h"
#include "tests/model/tracked.h"

namespace haft::model {
namespace {

struct SmallTraits : internal::AnyTraits {
  using Layout = HandleLayout<3, 3>;
  using FreeList = GlobalFreeList;
};
using Table = internal::BasicAnyTable<SmallTraits>;

constexpr haft_type kOld = {"old", nullptr, nullptr, 0, 0};
constexpr haft_type kNew = {"new", nullptr, nullptr, 0, 0};

// A thread reads by the old handle while the slot gets its next object.
struct ValueAgainstDeleteAndNew {
  static constexpr unsigned kThreads = 2;
  Table table{1};
  int objects[2] = {};
  Handle old;

  ValueAgainstDeleteAndNew() {
    GiveIndices(2);
    old = table.Emplace(&objects[0], &kOld, nullptr, nullptr);
  }
  void Thread(unsigned i) {
    if (i == 0) {
      Require(table.Delete(old) == Status::kOk, "the one Delete succeeds");
      Require(
          table.Emplace(&objects[1], &kNew, nullptr, nullptr) != kNullHandle,
          "there is room");
      return;
    }
    void* found = nullptr;
    const Status status = internal::AnyValue(table, old, &kOld, &found);
    Require(status == Status::kOk || status == Status::kStale,
            "of its own type, or stale");
    if (status == Status::kOk)
      Require(found == &objects[0], "another handle's object");
  }
  void After() {}
};
TEST(AnyTableModel, ValueAgainstDeleteAndNew) {
  Exploration().Bound(2).Random(50'000).Holds<ValueAgainstDeleteAndNew>();
}

struct Created {
  internal::sync::Plain<int> value;
};
// Two threads ask for the instance at the same time.
struct TwoFirstCalls {
  static constexpr unsigned kThreads = 2;
  internal::LazyInstance<Created> once;
  Created* got[2] = {};

  void Thread(unsigned i) {
    got[i] = once.Get([] {
      auto created = std::make_unique<Created>();
      created->value.Write(7);
      return created;
    });
    Require(got[i]->value.Read() == 7, "not seen as it was created");
  }
  void After() {
    Require(got[0] == got[1], "two instances");
    delete got[0];
  }
};
TEST(LazyInstanceModel, TwoFirstCalls) {
  Exploration().Bound(3).Random(50'000).Holds<TwoFirstCalls>();
}

}  // namespace
}  // namespace haft::model
