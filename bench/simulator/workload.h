// Workloads: what the cores do with an arm.

#ifndef HAFT_BENCH_SIMULATOR_WORKLOAD_H_
#define HAFT_BENCH_SIMULATOR_WORKLOAD_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bench/simulator/arm.h"
#include "bench/simulator/machine.h"
#include "bench/simulator/measurement.h"
#include "bench/simulator/simulation.h"

namespace haft::simulator {

// The sizes of a workload. README.md explains them.
struct Parameters {
  std::size_t live = 1000;             // keys that are live all the time
  std::size_t burst = 256;             // keys of one burst
  std::size_t bystanders = 0;          // cores that only look up
  std::size_t thread_operations = 16;  // of a thread that comes and goes
  std::size_t finds = 8;               // look-ups of one read scope
  std::size_t share = 0;  // operations of each core before the window opens; 0:
                          // the workload's own number
  Time window = 20'000 * kNanosecond;
  Time latest = 10'000'000 * kNanosecond;  // when the window opens at last
};

// One run of a workload: its arm, the keys that were made before it begins, and
// what its cores share. Each core calls Work once.
class Run {
 public:
  Run(Simulation* simulation, Arm* arm, const Parameters& parameters,
      Measurement* measurement)
      : simulation_(*simulation),
        arm_(*arm),
        parameters_(parameters),
        measurement_(*measurement) {}
  virtual ~Run() = default;
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  virtual void Work(CoreNumber core) = 0;

 protected:
  // Calls operation() as long as the measurement goes on. It returns how many
  // operations it has made.
  template <typename F>
  void Repeat(CoreNumber core, F&& operation) {
    while (measurement_.GoesOn(core)) {
      const Time since = simulation_.now();
      const std::uint64_t made = operation();
      Loop();
      measurement_.Count(core, since, made);
    }
  }
  // What an operation takes besides its accesses. The jitter keeps cores from
  // running in step.
  void Loop() {
    const Machine& machine = simulation_.machine();
    simulation_.Advance(machine.loop +
                        simulation_.random().Below(machine.jitter + 1));
  }
  // Makes `count` keys before the simulation runs. Aborts if the table is full.
  std::vector<Key> Stock(std::size_t count);
  // Aborts, because an arm has given an answer that no correct table gives.
  static void Check(bool is_right);

  unsigned cores() const noexcept { return simulation_.cores(); }

  Simulation& simulation_;
  Arm& arm_;
  const Parameters& parameters_;
  Measurement& measurement_;
};

struct Workload {
  std::string name;
  const char* meaning;
  Ability needs;
  unsigned least_cores;
  bool needs_even_cores;
  // Operations of each core before the window opens.
  std::uint64_t (*share)(const Parameters&);
  bool is_cold;  // those are what is measured
  // How many keys are live at most.
  std::size_t (*capacity)(const Parameters&, unsigned cores);
  std::unique_ptr<Run> (*make)(Simulation*, Arm*, const Parameters&,
                               Measurement*);
};

// All workloads, in the order in which they are listed.
const std::vector<Workload>& Workloads();

}  // namespace haft::simulator

#endif  // HAFT_BENCH_SIMULATOR_WORKLOAD_H_
