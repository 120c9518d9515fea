#include "bench/simulator/simulate.h"

#include <memory>

#include "bench/simulator/simulation.h"

namespace haft::simulator {

std::string WhyNot(const ArmKind& arm, const Workload& workload,
                   unsigned cores) {
  if (!arm.Can(workload.needs)) return AbilityName(workload.needs);
  if (cores < workload.least_cores)
    return std::to_string(workload.least_cores) + " cores";
  if (workload.needs_even_cores && cores % 2 != 0)
    return "an even number of cores";
  return "";
}

Result Simulate(const Machine& machine, const ArmKind& arm,
                const Workload& workload, const Setting& setting) {
  const Parameters& parameters = setting.parameters;
  Simulation simulation(machine, setting.cores, setting.hold, setting.seed,
                        setting.faults);
  const std::unique_ptr<Arm> table =
      arm.make(simulation, workload.capacity(parameters, setting.cores));
  Measurement measurement(
      &simulation, setting.cores,
      parameters.share != 0 ? parameters.share : workload.share(parameters),
      workload.is_cold ? 0 : parameters.window, parameters.latest);
  const std::unique_ptr<Run> run =
      workload.make(&simulation, table.get(), parameters, &measurement);
  simulation.Run([&](CoreNumber core) { run->Work(core); });
  return measurement.Finish();
}

const ArmKind* FindArm(const std::string& name) {
  for (const ArmKind& arm : Arms())
    if (arm.name == name) return &arm;
  return nullptr;
}

const Workload* FindWorkload(const std::string& name) {
  for (const Workload& workload : Workloads())
    if (workload.name == name) return &workload;
  return nullptr;
}

}  // namespace haft::simulator
