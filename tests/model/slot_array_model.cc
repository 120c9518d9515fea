// Models of the life of one slot: the values that a thread may see, however it
// got the handle.

#include <optional>

#include "haft/handle.h"
#include "haft/handle_layout.h"
#include "haft/internal/free_list/handle_stack.h"
#include "haft/internal/slot/slot_array.h"
#include "haft/internal/slot/word_slot.h"
#include "tests/model/model.h"

namespace haft {
namespace {

using model::Exploration;
using model::Require;

// Two words, so that a value can be torn.
struct Two {
  Word a, b;
};
bool operator==(Two x, Two y) { return x.a == y.a && x.b == y.b; }

using Layout = HandleLayout<2, 3>;
using Slots = internal::SlotArray<internal::WordSlot<Two>, Layout>;
using State = Slots::State;

// Slot 0's first two handles, and their values.
constexpr Word kFirst = Layout::Make(1, 0);
constexpr Word kSecond = State::Next(kFirst);
constexpr Two kFirstValue{11, 12};
constexpr Two kSecondValue{21, 22};

struct Slot0 {
  Slots slots{4, kFirst};

  void Publish(Word handle) {
    slots[handle].Publish(handle,
                          handle == kFirst ? kFirstValue : kSecondValue);
  }
  // Returns whether the handle was live, and requires that its value is its
  // own.
  bool Read(Word handle) const {
    const std::optional<Two> found = slots[handle].Read(handle);
    if (found)
      Require(*found == (handle == kFirst ? kFirstValue : kSecondValue),
              "another handle's value, or parts of two");
    return found.has_value();
  }
  bool End(Word handle) {
    if (!slots[handle].End(handle, State::Free(State::Next(handle))))
      return false;
    Require(slots[handle].ReadOwned().Value() ==
                (handle == kFirst ? kFirstValue : kSecondValue),
            "the winner gets another value");
    return true;
  }
};

const Exploration kEach = Exploration().Bound(3).Random(40'000);

// All threads know the live handle from before.
struct RacingDeletes : Slot0 {
  static constexpr unsigned kThreads = 3;
  unsigned winners = 0;

  RacingDeletes() { Publish(kFirst); }
  void Thread(unsigned i) {
    if (i < 2) {
      winners += End(kFirst);
      Require(!Read(kFirst), "found after a Delete");
    } else if (!Read(kFirst)) {
      Require(!Read(kFirst), "found again after it was refused");
    }
  }
  void After() {
    Require(winners == 1, "not one winner");
    Require(!Read(kFirst), "live after its Delete");
  }
};
TEST(SlotArrayModel, OneOfRacingDeletesWins) { kEach.Holds<RacingDeletes>(); }

// The thread that deletes uses the slot again at once. One reader had the old
// handle before, the other guesses the new one.
struct DeleteAndReuse : Slot0 {
  static constexpr unsigned kThreads = 3;

  DeleteAndReuse() { Publish(kFirst); }
  void Thread(unsigned i) {
    if (i == 0) {
      Require(End(kFirst), "nobody else deletes");
      Publish(kSecond);
    } else {
      const bool found = Read(i == 1 ? kFirst : kSecond);
      Require(!found || i == 2 || !Read(kSecond) || !Read(kFirst),
              "live again after its successor was");
    }
  }
  void After() {
    Require(!Read(kFirst), "live after its Delete");
    Require(Read(kSecond), "not live after its New");
  }
};
TEST(SlotArrayModel, AHandleGivesItsOwnValueOrNone) {
  kEach.Holds<DeleteAndReuse>();
}

// The same where one thread deletes and another, to whom the free list hands
// the next handle, publishes it; the reader has the old one.
struct ReuseByAnother : Slot0 {
  static constexpr unsigned kThreads = 3;
  internal::HandleStack free{4, 1};

  ReuseByAnother() { Publish(kFirst); }
  void Thread(unsigned i) {
    if (i == 0) {
      Require(End(kFirst), "nobody else deletes");
      free.Push(0, kSecond);
    } else if (i == 1) {
      if (const Word handle = free.PopFrom(0)) Publish(handle);
    } else {
      Read(kFirst);
    }
  }
  void After() { Require(!Read(kFirst), "live after its Delete"); }
};
TEST(SlotArrayModel, AnOldHandleNeverGivesAnothersThreadsNewValue) {
  kEach.Holds<ReuseByAnother>();
}

// The handle comes to a reader and to a deleter without synchronisation.
struct HandleCameUnordered : Slot0 {
  static constexpr unsigned kThreads = 3;
  internal::sync::Atomic<Word> passed{0};

  void Thread(unsigned i) {
    if (i == 0) {
      Publish(kFirst);
      passed.store(kFirst, std::memory_order_relaxed);
      return;
    }
    const Word handle = passed.load(std::memory_order_relaxed);
    if (handle == 0) return;
    if (i == 1) {
      Read(handle);
    } else {
      Require(End(handle), "nobody else deletes");
    }
  }
  void After() {}
};
TEST(SlotArrayModel, AHandleThatCameUnorderedGivesItsValue) {
  kEach.Holds<HandleCameUnordered>();
}

// The same for the second handle: the slot still holds the first one's value.
struct SecondHandleCameUnordered : Slot0 {
  static constexpr unsigned kThreads = 3;
  internal::sync::Atomic<Word> passed{0};

  SecondHandleCameUnordered() { Publish(kFirst); }
  void Thread(unsigned i) {
    if (i == 0) {
      Require(End(kFirst), "nobody else deletes");
      Publish(kSecond);
      passed.store(kSecond, std::memory_order_relaxed);
    } else if (const Word handle = passed.load(std::memory_order_relaxed)) {
      if (i == 1) {
        Read(handle);
      } else {
        Require(End(handle), "nobody else deletes");
      }
    }
  }
  void After() {}
};
TEST(SlotArrayModel, AHandleThatCameUnorderedNeverGivesTheLastValue) {
  kEach.Holds<SecondHandleCameUnordered>();
}

// What came before New happens before what follows a Value, and what came
// before a Delete happens before the next New: as the documentation promises.
struct HappensBefore : Slot0 {
  static constexpr unsigned kThreads = 3;
  internal::sync::Plain<Word> before_new;

  void Thread(unsigned i) {
    if (i == 0) {
      before_new.Write(1);
      Publish(kFirst);
    } else if (i == 1 ? Read(kFirst) : End(kFirst)) {
      Require(before_new.Read() == 1, "what came before New is not seen");
    }
  }
  void After() {}
};
TEST(SlotArrayModel, NewHappensBeforeWhatFollowsValueAndDelete) {
  kEach.Holds<HappensBefore>();
}

// The word 0 selects slot 0, which may be untouched; nobody finds it there.
struct NullHandle : Slot0 {
  static constexpr unsigned kThreads = 2;
  void Thread(unsigned i) {
    if (i == 0) {
      Publish(kFirst);
      End(kFirst);
    } else {
      Require(!slots[0].Read(0) && !slots[0].End(0, 1), "null is live");
    }
  }
  void After() {}
};
TEST(SlotArrayModel, NullIsNeverLive) { kEach.Holds<NullHandle>(); }

}  // namespace
}  // namespace haft
