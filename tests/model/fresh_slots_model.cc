// Models of FreshSlots: each slot is taken once and none beyond the limit, even
// when threads race for the last ones.

#include <cstddef>

#include "haft/handle.h"
#include "haft/handle_layout.h"
#include "haft/internal/free_list/fresh_slots.h"
#include "tests/model/model.h"

namespace haft {
namespace {

using model::Exploration;
using model::Require;

using Layout = HandleLayout<3, 3>;

// Threads take past the end, each in runs of its own length.
struct TakeAtTheEnd {
  static constexpr unsigned kThreads = 3;
  static constexpr std::size_t kLimit = 4;
  internal::FreshSlots fresh_slots{Layout::Make(1, 0), kLimit};
  unsigned taken = 0;

  void Thread(unsigned i) {
    for (;;) {
      const internal::HandleRun run = fresh_slots.Take(1 + i);
      if (run.count == 0) break;
      for (std::size_t n = 0; n < run.count; ++n) {
        const unsigned bit = 1u << Layout::Index::Decode(run[n]);
        Require(run[n] == Layout::Make(1, Layout::Index::Decode(run[n])) &&
                    bit < 1u << kLimit,
                "not a first handle below the limit");
        Require((taken & bit) == 0, "taken twice");
        taken |= bit;
      }
    }
    Require(fresh_slots.high_water() == kLimit, "taken and not counted");
    Require(fresh_slots.Take(1).count == 0, "taken beyond the end");
  }
  void After() { Require(taken == (1u << kLimit) - 1, "a slot is lost"); }
};
TEST(FreshSlotsModel, EachSlotIsTakenOnce) {
  Exploration().Bound(3).Random(100'000).Holds<TakeAtTheEnd>();
}

// However often a thread asks when all slots are taken, the mark does not run
// on; otherwise it would wrap around in the end.
struct AskAgain {
  static constexpr unsigned kThreads = 2;
  static constexpr std::size_t kMany = std::size_t{1} << 62;
  internal::FreshSlots fresh_slots{Layout::Make(1, 0), 4};

  void Thread(unsigned) {
    for (int n = 0; n < 5; ++n) (void)fresh_slots.Take(kMany);
    Require(fresh_slots.high_water() == 4, "began anew");
  }
  void After() { Require(fresh_slots.Take(1).count == 0, "began anew"); }
};
TEST(FreshSlotsModel, TheMarkDoesNotRunOn) {
  Exploration().Bound(2).Random(10'000).Holds<AskAgain>();
}

}  // namespace
}  // namespace haft
