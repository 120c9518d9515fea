// What a Value without a pin may see, and the making of the process's table.

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

constexpr haft_type kOld = {"old", nullptr, nullptr};
constexpr haft_type kNew = {"new", nullptr, nullptr};

// A reader with the old handle, while the slot gets its next object.
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

struct Made {
  internal::sync::Plain<int> value;
};
// Two that ask for it at once.
struct TwoFirstCalls {
  static constexpr unsigned kThreads = 2;
  internal::LazyInstance<Made> once;
  Made* got[2] = {};

  void Thread(unsigned i) {
    got[i] = once.Get([] {
      auto made = std::make_unique<Made>();
      made->value.Write(7);
      return made;
    });
    Require(got[i]->value.Read() == 7, "seen as made");
  }
  void After() {
    Require(got[0] == got[1], "one for all");
    delete got[0];
  }
};
TEST(MadeOnceModel, TwoFirstCalls) {
  Exploration().Bound(3).Random(50'000).Holds<TwoFirstCalls>();
}

}  // namespace
}  // namespace haft::model
