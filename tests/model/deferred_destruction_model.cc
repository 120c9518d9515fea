// Models of destructors that are nested as deep as they may be, while signal
// handlers and other threads delete as well.

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

class Link;
struct LinkTraits : DefaultTraits {
  using Layout = HandleLayout<6, 3>;
  using FreeList = GlobalFreeList;
};
using LinkTable = ObjectTable<Link, LinkTraits>;

// What the destructors of one model share.
struct Links {
  LinkTable table{40};
  unsigned destroyed = 0;
  bool is_over = false;  // what is left is destroyed with the table
  // Called by the destructor at the limit, before and after it deletes one
  // object more.
  void (*before_leaving)(Links&) = nullptr;
  void (*after_leaving)() = nullptr;

  void Delete(Handle handle) {
    Require(table.Delete(handle) == Status::kOk, "each is deleted once");
  }
};

// An object that deletes `next` in its destructor, in the thread `thread`.
class Link {
 public:
  enum class Place { kInside, kLimit, kAlone };

  Link(Links& links, unsigned thread, Handle next, Place place)
      : links_(&links), thread_(thread), next_(next), place_(place) {}
  ~Link() {
    Require(links_->is_over || thread_ == rl::thread_index(),
            "destroyed by another thread");
    ++links_->destroyed;
    const bool is_limit = place_ == Place::kLimit;
    if (is_limit && links_->before_leaving != nullptr)
      links_->before_leaving(*links_);
    if (next_ != kNullHandle) links_->Delete(next_);
    if (is_limit && links_->after_leaving != nullptr) links_->after_leaving();
  }

 private:
  Links* links_;
  unsigned thread_;
  Handle next_;
  Place place_;
};

// Thread 0 deletes a chain of 33 objects, of which 32 use up the depth. The
// 33rd waits for the 32nd. Only these two are interesting, so that other
// threads do not pre-empt this one before.
struct AtTheLimit : Links {
  Handle chain = kNullHandle;
  Handle others[2];

  explicit AtTheLimit(unsigned thread_of_others) {
    chain = table.Emplace(*this, 0u, kNullHandle, Link::Place::kAlone);
    for (unsigned i = 0; i < 32; ++i) {
      chain =
          table.Emplace(*this, 0u, chain,
                        i == 0 ? Link::Place::kLimit : Link::Place::kInside);
    }
    for (Handle& other : others) {
      other = table.Emplace(*this, thread_of_others, kNullHandle,
                            Link::Place::kAlone);
    }
  }
  void DeleteChain() {
    rl::ctx().disable_preemption();
    Delete(chain);
    rl::ctx().enable_preemption();
  }
};

// Handlers delete two objects while the 32nd destructor is running or ends.
struct HandlersAtTheLimit : AtTheLimit {
  static constexpr unsigned kThreads = 1;
  bool has_handled = false;

  HandlersAtTheLimit() : AtTheLimit(0) {
    GiveIndices(1);
    before_leaving = [](Links& links) {
      RaiseSignal(
          [](void* self) {
            HandlersAtTheLimit& model =
                static_cast<HandlersAtTheLimit&>(*static_cast<Links*>(self));
            model.has_handled = true;
            for (Handle other : model.others) model.Delete(other);
          },
          &links);
    };
  }
  void Thread(unsigned) {
    DeleteChain();
    Require(destroyed == (has_handled ? 35 : 33), "something was forgotten");
  }
  void After() { is_over = true; }
};
TEST(DeferredDestructionModel, HandlersDeleteAtTheLimit) {
  Exploration().Bound(2).Random(20'000).Holds<HandlersAtTheLimit>();
}

// Another thread deletes two objects meanwhile: it sees to these and to nothing
// else. `kExited`: the exit hooks of both threads have run.
template <bool kExited>
struct ThreadsAtTheLimit : AtTheLimit {
  static constexpr unsigned kThreads = 2;

  ThreadsAtTheLimit() : AtTheLimit(1) {
    if (kExited) {
      for (unsigned i = 0; i < kThreads; ++i) MakeUncached(i);
    } else {
      GiveIndices(2);
    }
    after_leaving = [] {
      rl::ctx().enable_preemption();
      rl::ctx().sched();
      rl::ctx().disable_preemption();
    };
  }
  void Thread(unsigned i) {
    if (i == 0) return DeleteChain();
    for (Handle other : others) Delete(other);
  }
  void After() { Require(destroyed == 35, "something was forgotten"); }
};
TEST(DeferredDestructionModel, ThreadsDeleteAtTheLimit) {
  Exploration().Bound(1).Random(20'000).Holds<ThreadsAtTheLimit<false>>();
}
TEST(DeferredDestructionModel, ThreadsDeleteAtTheLimitAfterTheirExitHooks) {
  Exploration().Bound(1).Random(20'000).Holds<ThreadsAtTheLimit<true>>();
}

}  // namespace
}  // namespace haft::model
