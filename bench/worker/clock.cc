#include "bench/worker/clock.h"

#include <algorithm>
#include <limits>

namespace haft::study {

ClockFacts MeasureClock() {
  constexpr int kRounds = 20;
  constexpr int kReadings = 1000;
  ClockFacts facts{std::numeric_limits<double>::max(),
                   std::numeric_limits<std::int64_t>::max()};
  for (int round = 0; round < kRounds; ++round) {
    const std::int64_t begin = NowNs();
    std::int64_t last = begin;
    for (int i = 0; i < kReadings; ++i) {
      const std::int64_t now = NowNs();
      if (now != last)
        facts.granularity_ns = std::min(facts.granularity_ns, now - last);
      last = now;
    }
    // The least: whatever disturbs the machine makes a round longer.
    facts.cost_ns =
        std::min(facts.cost_ns, static_cast<double>(last - begin) / kReadings);
  }
  return facts;
}

}  // namespace haft::study
