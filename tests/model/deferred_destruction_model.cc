// Models of destruction by uncached callers, while destructors that delete are
// nested as deep as they may be.

#include <utility>

#include "gtest/gtest.h"
#include "haft/global_free_list.h"
#include "haft/handle.h"
#include "haft/handle_layout.h"
#include "haft/object_table.h"
#include "haft/status.h"
#include "haft/traits.h"
#include "tests/model/model.h"
#include "tests/model/tracked.h"

namespace haft::model {
namespace {

// An object that deletes `next` in its destructor. A chain of them uses up the
// depth. Only its two ends are interesting, so no thread pre-empts the others.
class Link;
struct LinkTraits : DefaultTraits {
  using Layout = HandleLayout<6, 3>;
  using FreeList = GlobalFreeList;
};
using LinkTable = ObjectTable<Link, LinkTraits>;

class Link {
 public:
  Link(LinkTable& table, unsigned& destroyed, Handle next, bool last,
       bool first)
      : table_(&table),
        destroyed_(&destroyed),
        next_(next),
        last_(last),
        first_(first) {}
  ~Link();

 private:
  LinkTable* table_;
  unsigned* destroyed_;
  Handle next_;
  bool last_;   // of the chain: the deepest
  bool first_;  // of the chain
};

Link::~Link() {
  ++*destroyed_;
  if (next_ != kNullHandle)
    Require(table_->Delete(next_) == Status::kOk, "each is deleted once");
  if (last_) {
    // Other threads run now, while this one is at the limit.
    rl::ctx().enable_preemption();
    rl::ctx().sched();
    rl::ctx().disable_preemption();
  }
  if (first_) rl::ctx().enable_preemption();
}

// `kOthers` threads delete while thread 0 is inside the chain, at the limit.
template <unsigned kOthers>
struct DeletesBelowTheLimit {
  static constexpr unsigned kThreads = kOthers + 1;
  static constexpr unsigned kDepth = 32;

  LinkTable table{kDepth + kOthers};
  unsigned destroyed = 0;
  Handle chain = kNullHandle;
  Handle others[kOthers];

  DeletesBelowTheLimit() {
    for (unsigned i = 0; i < kDepth; ++i)
      chain = table.Emplace(table, destroyed, chain, i == 0, i == kDepth - 1);
    for (Handle& other : others)
      other = table.Emplace(table, destroyed, kNullHandle, false, false);
    for (unsigned i = 0; i < kThreads; ++i) MakeUncached(i);
  }
  void Thread(unsigned i) {
    if (i == 0) {
      rl::ctx().disable_preemption();
      Require(table.Delete(chain) == Status::kOk, "deleted once");
    } else {
      Require(table.Delete(others[i - 1]) == Status::kOk, "deleted once");
    }
  }
  void After() {
    Require(destroyed == kDepth + kOthers, "nothing that waited is forgotten");
  }
};
TEST(DeferredDestructionModel, DeleteBelowTheLimit) {
  Exploration().Bound(1).Random(20'000).Holds<DeletesBelowTheLimit<1>>();
}
TEST(DeferredDestructionModel, TwoDeletesBelowTheLimit) {
  Exploration().Random(50'000).Holds<DeletesBelowTheLimit<2>>();
}

}  // namespace
}  // namespace haft::model
