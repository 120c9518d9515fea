// Counts the operations of the cores within a window of simulated time.

#ifndef HAFT_BENCH_SIMULATOR_MEASUREMENT_H_
#define HAFT_BENCH_SIMULATOR_MEASUREMENT_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "bench/simulator/directory.h"
#include "bench/simulator/machine.h"
#include "bench/simulator/simulation.h"

namespace haft::simulator {

// The words that cost most, and for how long cores have waited for them.
struct CostlyWord {
  std::string name;
  Time stall;
};

struct Result {
  Time window = 0;
  unsigned counted_cores = 0;
  // In millionths. An operation that lies in the window in part counts in part.
  std::uint64_t millionths = 0;
  // How long the operations that ended in the window took, and how many these
  // were.
  Time duration = 0;
  std::uint64_t ended = 0;
  double jain = 0;
  Traffic traffic;
  std::vector<CostlyWord> costly;
  Time stall = 0;  // at all words

  // Below this, cores have had so unequal shares that another window might
  // show another throughput.
  static constexpr double kSettled = 0.9;
  bool settled() const { return jain >= kSettled; }
};

// The window opens as soon as each counted core has made its share of
// operations, and at `latest` in any case. Then it lasts for `length`.
//
// If `length` is 0, everything is counted from time 0 on until the cores have
// made their shares.
class Measurement {
 public:
  Measurement(Simulation* simulation, unsigned counted_cores,
              std::uint64_t share, Time length, Time latest);

  // For a core: whether it goes on with another operation. A core that is not
  // counted goes on as long as the window is not over.
  bool GoesOn(CoreNumber core) const noexcept {
    if (length_ == 0)
      return IsCounted(core) ? made_[core] < share_ : ready_ < counted_;
    return !is_over_;
  }
  bool IsCounted(CoreNumber core) const noexcept { return counts_[core]; }
  // Which cores are counted; by default all.
  void CountOnly(const std::vector<bool>& counts);

  // The core has made `operations` operations since `since`.
  void Count(CoreNumber core, Time since, std::uint64_t operations);

  // After the simulation has run.
  Result Finish();

 private:
  void Open();
  void Close();
  void Collect();

  Simulation& simulation_;
  const std::uint64_t share_;
  const Time length_;
  unsigned counted_;
  std::vector<bool> counts_;
  std::vector<std::uint64_t> made_;
  std::vector<std::uint64_t> millionths_;
  unsigned ready_ = 0;
  Time all_ready_ = 0;  // the time of the last core that is
  bool is_open_ = false;
  bool is_over_ = false;
  Time opened_ = 0;
  Time closes_ = 0;
  Result result_;
};

}  // namespace haft::simulator

#endif  // HAFT_BENCH_SIMULATOR_MEASUREMENT_H_
