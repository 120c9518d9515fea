// Models of pins.

#include <limits>

#include "gtest/gtest.h"
#include "haft/handle.h"
#include "haft/internal/base/sync.h"
#include "haft/object_table.h"
#include "haft/status.h"
#include "tests/model/model.h"
#include "tests/model/tracked.h"

namespace haft::model {
namespace {

using OneObject = OneObjectOf<TrackedTable>;

using PinAgainstDelete = PinAgainstDeleteOf<TrackedTable>;
TEST(PinnedModel, PinAgainstDelete) {
  Exploration().Bound(2).Random(50'000).Holds<PinAgainstDelete>();
}
TEST(PinnedModel, PinAgainstDeleteWithoutHeavyBarrier) {
  Exploration()
      .HeavyBarrier(false)
      .Bound(2)
      .Random(50'000)
      .Holds<PinAgainstDelete>();
}

// The pinning thread has used the object before.
struct NextPinAgainstDelete : PinAgainstDelete {
  NextPinAgainstDelete() {
    ActAs(1);
    PinUseUnpin(table, handle, life);
  }
};
TEST(PinnedModel, NextPinAgainstDelete) {
  Exploration().Bound(2).Random(50'000).Holds<NextPinAgainstDelete>();
}

using TwoPinsAgainstDelete = TwoPinsAgainstDeleteOf<TrackedTable>;
TEST(PinnedModel, TwoPinsAgainstDelete) {
  Exploration().Bound(1).Random(100'000).Holds<TwoPinsAgainstDelete>();
}

// Two threads that a user set cannot tell apart use the object for the first
// time, after a third one.
struct TwoPinsOfOneGroupAgainstDelete : OneObject {
  static constexpr unsigned kThreads = 3;

  TwoPinsOfOneGroupAgainstDelete() {
    PinUseUnpin(table, handle, life);
    constexpr unsigned kGroups = std::numeric_limits<Word>::digits / 2;
    auto& registry = internal::ThreadRegistry::OfThisCopy();
    const unsigned like = IndexOf(1) + kGroups;
    // The registry must reach so far.
    while (registry.Reach() < like) {
      internal::sync::ThisThread().index.store(0, std::memory_order_relaxed);
      internal::sync::ThisThread().registry = nullptr;
      registry.Claim();
    }
    internal::sync::thread_states[2].index.store(like,
                                                 std::memory_order_relaxed);
    ActAs(0);
  }
  static unsigned IndexOf(unsigned thread) {
    return internal::sync::thread_states[thread].index.load(
        std::memory_order_relaxed);
  }
  void Thread(unsigned i) {
    if (i == 0) {
      Require(Delete(table, handle, life), "the one Delete succeeds");
    } else {
      PinUseUnpin(table, handle, life);
    }
  }
};
TEST(PinnedModel, TwoPinsOfOneGroupAgainstDelete) {
  Exploration().Bound(1).Random(50'000).Holds<TwoPinsOfOneGroupAgainstDelete>();
}

using TwoUnpinsAgainstDelete = TwoUnpinsAgainstDeleteOf<TrackedTable>;
TEST(PinnedModel, TwoUnpinsAgainstDelete) {
  Exploration().Bound(1).Random(100'000).Holds<TwoUnpinsAgainstDelete>();
}
TEST(PinnedModel, TwoUnpinsAgainstDeleteWithoutHeavyBarrier) {
  Exploration()
      .HeavyBarrier(false)
      .Bound(1)
      .Random(100'000)
      .Holds<TwoUnpinsAgainstDelete>();
}

// The deleted object is already waiting for its pins.
struct TwoUnpinsOfARetiredObject : OneObject {
  static constexpr unsigned kThreads = 2;
  TrackedPin pins[2] = {Pin(table, handle, life), Pin(table, handle, life)};

  TwoUnpinsOfARetiredObject() { Delete(table, handle, life); }
  void Thread(unsigned i) {
    pins[i]->Use(life);
    Unpin(pins[i], life);
  }
};
TEST(PinnedModel, TwoUnpinsOfARetiredObject) {
  Exploration().Bound(2).Random(20'000).Holds<TwoUnpinsOfARetiredObject>();
}

// A pin that comes too late is still published for a moment.
struct LatePinAgainstUnpin : OneObject {
  static constexpr unsigned kThreads = 3;
  TrackedPin pin = Pin(table, handle, life);

  void Thread(unsigned i) {
    switch (i) {
      case 0:
        Require(Delete(table, handle, life), "the one Delete succeeds");
        break;
      case 1:
        Unpin(pin, life);
        break;
      case 2:
        PinUseUnpin(table, handle, life);
        break;
    }
  }
};
TEST(PinnedModel, LatePinAgainstUnpin) {
  Exploration().Bound(1).Random(100'000).Holds<LatePinAgainstUnpin>();
}
TEST(PinnedModel, LatePinAgainstUnpinWithoutHeavyBarrier) {
  Exploration()
      .HeavyBarrier(false)
      .Bound(1)
      .Random(100'000)
      .Holds<LatePinAgainstUnpin>();
}

struct TwoDeletesAndPin : OneObject {
  static constexpr unsigned kThreads = 3;
  unsigned succeeded = 0;

  void Thread(unsigned i) {
    if (i == 2) {
      PinUseUnpin(table, handle, life);
    } else {
      succeeded += Delete(table, handle, life);
    }
  }
  void After() {
    Require(succeeded == 1, "one of two Deletes succeeds");
    OneObject::After();
  }
};
TEST(PinnedModel, TwoDeletesAndPin) {
  Exploration().Bound(1).Random(50'000).Holds<TwoDeletesAndPin>();
}

// The slot is used again while a pin of its last handle may be under way, and
// the new handle reaches another thread without synchronisation.
struct PinsAgainstReuse : OneObject {
  static constexpr unsigned kThreads = 3;
  Life second;

  void Thread(unsigned i) {
    switch (i) {
      case 0:
        Delete(table, handle, life);
        // If the last pin is still destroying the object, the table is full.
        if (const Handle next = table.Emplace(second); next != kNullHandle)
          Require(next == Successor(handle), "the slot is used again");
        break;
      case 1:
        PinUseUnpin(table, handle, life);
        break;
      case 2:
        PinUseUnpin(table, Successor(handle), second);
        break;
    }
  }
  void After() {
    Require(life.destroyed == 1 && second.destroyed == 0, "each its own");
    if (second.made == 1) Delete(table, Successor(handle), second);
    Require(second.destroyed == second.made, "destroyed at once");
  }
};
TEST(PinnedModel, PinsAgainstReuse) {
  Exploration().Bound(1).Random(50'000).Holds<PinsAgainstReuse>();
}

// A thread that has used the slot's last object uses its next one for the first
// time.
struct PinAgainstDeleteOfSuccessor : OneObject {
  static constexpr unsigned kThreads = 2;
  Life second;

  PinAgainstDeleteOfSuccessor() {
    ActAs(1);
    PinUseUnpin(table, handle, life);
  }
  void Thread(unsigned i) {
    if (i == 1) {
      PinUseUnpin(table, Successor(handle), second);
      return;
    }
    Delete(table, handle, life);
    Require(table.Emplace(second) == Successor(handle), "used again");
    Delete(table, Successor(handle), second);
  }
  void After() {
    Require(life.destroyed == 1 && second.destroyed == 1, "both destroyed");
  }
};
TEST(PinnedModel, PinAgainstDeleteOfSuccessor) {
  Exploration().Bound(2).Random(50'000).Holds<PinAgainstDeleteOfSuccessor>();
}

// A late pin of the last handle does not hold back its successor's object.
struct LatePinAgainstSuccessor : OneObject {
  static constexpr unsigned kThreads = 2;
  Life second;

  void Thread(unsigned i) {
    if (i == 1) {
      PinUseUnpin(table, handle, life);
      return;
    }
    Delete(table, handle, life);
    const Handle next = table.Emplace(second);
    if (next == kNullHandle) return;
    Delete(table, next, second);
    Require(second.destroyed == 1, "no pin of this one: destroyed at once");
  }
  void After() {
    Require(life.destroyed == 1, "deleted is destroyed");
    Require(second.destroyed == second.made, "no later than Delete returns");
  }
};
TEST(PinnedModel, LatePinAgainstSuccessor) {
  Exploration().Bound(2).Random(50'000).Holds<LatePinAgainstSuccessor>();
}

// Generations start over, so a pin by a handle that was kept through a cycle
// may be published before the handle is issued again.
struct PinKeptThroughACycle : ThreadsWithIndices {
  static constexpr unsigned kThreads = 2;
  struct Traits : TrackedTraits {
    using Layout = HandleLayout<3, 2>;
    static constexpr Exhaustion kExhaustion = Exhaustion::kWrap;
  };
  ObjectTable<Tracked, Traits> table{1};
  Life earlier[3], life;
  Handle kept;

  PinKeptThroughACycle() {
    for (Life& one : earlier) {
      const Handle handle = table.Emplace(one);
      if (&one == earlier) kept = handle;
      Delete(table, handle, one);
    }
  }
  void Thread(unsigned i) {
    if (i == 1) {
      PinUseUnpin(table, kept, life);
      return;
    }
    Require(table.Emplace(life) == kept, "the cycle has another length");
    Require(Delete(table, kept, life), "the one Delete succeeds");
  }
  void After() { Require(life.destroyed == 1, "deleted is destroyed"); }
};
TEST(PinnedModel, PinKeptThroughACycle) {
  Exploration().Bound(3).Random(50'000).Holds<PinKeptThroughACycle>();
}

}  // namespace
}  // namespace haft::model
