#include "haft/handle_layout.h"
#include "haft/slot_array.h"
#include "tests/model/model.h"

namespace haft {
namespace {
using model::Exploration;
using model::Require;
struct Two {
  Word a, b;
};
using Layout = HandleLayout<2, 3>;
using Array = internal::SlotArray<internal::WordSlot<Two>, Layout>;
using State = Array::State;

struct TwoDeletersAndReader {
  static constexpr unsigned kThreads = 3;
  static constexpr Word kFirst = Layout::Make(1, 0);
  Array slots{4, kFirst};
  unsigned winners = 0;
  sync::Plain<Word> handed;
  TwoDeletersAndReader() { slots[kFirst].Publish(kFirst, {1, 1}); }
  void Thread(unsigned i) {
    if (i == 2) {
      auto v = slots[kFirst].Find(kFirst);
      if (v) Require(v->a == 1 && v->b == 1, "reads another value");
      return;
    }
    if (slots[kFirst].Close(kFirst, State::Free(State::Next(kFirst)))) {
      ++winners;
      slots[kFirst].Publish(State::Next(kFirst), {2, 2});
    }
  }
  void After() { Require(winners == 1, "one wins"); }
};
TEST(SlotModel, X) {
  Exploration().Bound(2).Random(100000).Holds<TwoDeletersAndReader>();
}
}  // namespace
}  // namespace haft
