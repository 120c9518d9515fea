// Time that passes between operations without any access to memory.

#ifndef HAFT_BENCH_WORKER_THINK_H_
#define HAFT_BENCH_WORKER_THINK_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "bench/worker/request.h"

namespace haft::study {

// Spends `turns` turns of a loop whose turns depend on each other.
[[gnu::always_inline]] inline void Spin(std::uint32_t turns) {
  std::uint64_t x = turns;
  for (std::uint32_t i = 0; i < turns; ++i) {
    x *= 0x9e3779b97f4a7c15U;
    // Keeps the loop as it is.
    asm volatile("" : "+r"(x));
  }
}

// Returns the least time that a turn has taken, in nanoseconds.
double MeasureTurn();

// The thinking of one thread, drawn ahead.
class Thinker {
 public:
  Thinker(const Think& think, double turn_ns, std::uint64_t seed,
          std::uint64_t stream);

  [[gnu::always_inline]] void operator()() {
    at_ = (at_ + 1) & (turns_.size() - 1);
    Spin(turns_[at_]);
  }

  // Returns how long a call takes on average, in nanoseconds.
  double MeasureMean();

 private:
  std::vector<std::uint32_t> turns_;
  std::size_t at_ = 0;
};

}  // namespace haft::study

#endif  // HAFT_BENCH_WORKER_THINK_H_
