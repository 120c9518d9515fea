// The clock of all measurements.

#ifndef HAFT_BENCH_WORKER_CLOCK_H_
#define HAFT_BENCH_WORKER_CLOCK_H_

#include <chrono>
#include <cstdint>

namespace haft::study {

// Returns nanoseconds of std::chrono::steady_clock.
inline std::int64_t NowNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

struct ClockFacts {
  double cost_ns;               // of one reading
  std::int64_t granularity_ns;  // the least difference of two readings
};

// Measures the clock, which takes about a millisecond.
ClockFacts MeasureClock();

}  // namespace haft::study

#endif  // HAFT_BENCH_WORKER_CLOCK_H_
