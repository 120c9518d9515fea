// Models of RestingSlots: a slot is in one hand at a time, its data goes with
// it, none is lost when a Pop passes the place of a Push, and a Pop that stops
// at any step hides none from the others.

#include <cstddef>

#include "haft/handle.h"
#include "haft/internal/base/sync.h"
#include "haft/internal/free_list/resting_slots.h"
#include "tests/model/model.h"

namespace haft {
namespace {

using internal::RestingSlots;
using model::Exploration;
using model::Require;

// Each thread takes a slot, writes to it and gives it back, twice. There are as
// many slots as places.
template <unsigned kThreadsV, Word kSlots>
struct TakeAndGiveBack {
  static constexpr unsigned kThreads = kThreadsV;
  RestingSlots resting{2};
  internal::sync::Plain<unsigned> uses[kSlots];
  unsigned taken = 0;

  TakeAndGiveBack() {
    for (Word slot = 0; slot < kSlots; ++slot) resting.Push(2 * slot + 1);
  }
  void Thread(unsigned) {
    for (int n = 0; n < 2; ++n) {
      const Word handle = resting.Pop();
      if (handle == 0) {
        Require(kSlots < kThreads, "empty, though each thread has one");
        continue;
      }
      ++taken;
      auto& count = uses[handle / 2];
      count.Write(count.Read() + 1);
      resting.Push(handle);
    }
  }
  void After() {
    unsigned sum = 0;
    Word left = 0;
    while (const Word handle = resting.Pop()) {
      ++left;
      sum += uses[handle / 2].Read();
    }
    Require(left == kSlots, "a slot is lost, or twice there");
    Require(sum == taken, "a use is lost");
  }
};
TEST(RestingSlotsModel, ASlotIsInOneHandAtATime) {
  Exploration().Bound(2).Random(50'000).Holds<TakeAndGiveBack<2, 1>>();
  Exploration().Bound(2).Random(50'000).Holds<TakeAndGiveBack<2, 2>>();
  Exploration().Bound(1).Random(100'000).Holds<TakeAndGiveBack<3, 2>>();
}

// A thread that pushes, and one that finds nothing or takes what is there.
struct PushAgainstPop {
  static constexpr unsigned kThreads = 2;
  RestingSlots resting{2};
  Word popped = 0;

  void Thread(unsigned i) {
    if (i == 0)
      resting.Push(1);
    else
      popped = resting.Pop();
  }
  void After() {
    Require(popped != 0 || resting.Pop() == 1, "the slot is lost");
    Require(resting.Pop() == 0, "the slot is there twice");
  }
};
TEST(RestingSlotsModel, PushAgainstPop) {
  Exploration().Bound(3).Random(20'000).Holds<PushAgainstPop>();
}

}  // namespace
}  // namespace haft
