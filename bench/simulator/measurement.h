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

// Before the window, each counted core makes its share of operations and then
// waits for the others, so that it costs no time to simulate it meanwhile. Then
// all go on. The window opens as soon as each has made one more operation, and
// at `latest` in any case. It lasts for `length`, and for as many times that as
// are needed for four operations of each core, up to kMostLengths.
//
// If `length` is 0, everything is counted from time 0 on until the cores have
// made their shares.
class Measurement {
 public:
  static constexpr unsigned kMostLengths = 32;

  Measurement(Simulation* simulation, unsigned counted_cores,
              std::uint64_t share, Time length, Time latest);

  // For a core: whether it goes on with another operation. A core that is not
  // counted goes on as long as the window is not over.
  bool GoesOn(CoreNumber core) const noexcept {
    if (length_ == 0)
      return IsCounted(core) ? made_[core] < share_ : ready_ < counted_;
    return phase_ != Phase::kOver;
  }
  bool IsCounted(CoreNumber core) const noexcept { return counts_[core]; }
  // Which cores are counted; by default all.
  void CountOnly(const std::vector<bool>& counts);

  // The core that calls has made `operations` operations since `since`.
  void Count(CoreNumber core, Time since, std::uint64_t operations);
  // Waits until the cores have made their shares.
  void AwaitLead();

  // After the simulation has run.
  Result Finish();

 private:
  enum class Phase : unsigned char { kShares, kLead, kOpen, kOver };

  void Lead();
  void Open();
  void Close();
  void Collect();
  // Calls f() after all cores are ready, and so soon that none is far ahead.
  template <typename F>
  void Soon(F&& f) {
    simulation_.At(last_ready_ + simulation_.directory().LeastWay(), f);
  }

  Simulation& simulation_;
  const std::uint64_t share_;
  const Time length_;
  unsigned counted_;
  std::vector<bool> counts_;
  std::vector<std::uint64_t> made_;
  std::vector<std::uint64_t> due_;  // of each core, to end the phase
  std::vector<std::uint64_t> millionths_;
  Simulation::Meeting waiting_;
  Phase phase_ = Phase::kShares;
  unsigned ready_ = 0;
  Time last_ready_ = 0;  // the highest clock at which a core became so
  Time opened_ = 0;
  Time closes_ = 0;
  Result result_;
};

}  // namespace haft::simulator

#endif  // HAFT_BENCH_SIMULATOR_MEASUREMENT_H_
