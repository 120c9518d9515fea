// One row of the simulator's output: an arm under a workload on some cores.

#ifndef HAFT_BENCH_SIMULATOR_SIMULATE_H_
#define HAFT_BENCH_SIMULATOR_SIMULATE_H_

#include <cstdint>
#include <string>

#include "bench/simulator/arm.h"
#include "bench/simulator/machine.h"
#include "bench/simulator/measurement.h"
#include "bench/simulator/workload.h"

namespace haft::simulator {

struct Setting {
  unsigned cores = 1;
  Time hold = 0;
  std::uint64_t seed = 1;
  Parameters parameters;
  Faults faults;
};

// Returns why the arm cannot do the workload on so many cores; "" if it can.
std::string WhyNot(const ArmKind& arm, const Workload& workload,
                   unsigned cores);

// Runs a workload that the arm can do.
Result Simulate(const Machine& machine, const ArmKind& arm,
                const Workload& workload, const Setting& setting);

// Returns the arm, or workload, of that name; nullptr if there is none.
const ArmKind* FindArm(const std::string& name);
const Workload* FindWorkload(const std::string& name);

}  // namespace haft::simulator

#endif  // HAFT_BENCH_SIMULATOR_SIMULATE_H_
