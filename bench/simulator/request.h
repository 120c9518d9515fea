// The input and the output of the simulator's program, as JSON.

#ifndef HAFT_BENCH_SIMULATOR_REQUEST_H_
#define HAFT_BENCH_SIMULATOR_REQUEST_H_

#include <cstdint>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/simulator/arm.h"
#include "bench/simulator/machine.h"
#include "bench/simulator/measurement.h"
#include "bench/simulator/simulate.h"
#include "bench/simulator/workload.h"

namespace haft::simulator {

// Rows to be made: the product of the lists.
struct Study {
  Machine machine;
  std::vector<const ArmKind*> arms;
  std::vector<const Workload*> workloads;
  std::vector<unsigned> cores;
  std::vector<Time> holds;
  std::vector<std::uint64_t> seeds;
  Parameters parameters;
};

// Bad input. The message is a sentence that names the key.
class BadInput : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Throws BadInput.
Machine ReadMachine(const nlohmann::json& json);
Study ReadStudy(const nlohmann::json& json);

// The keys of a row that cannot be made, and of one that was made.
nlohmann::ordered_json RowWithout(const Study& study, const ArmKind& arm,
                                  const Workload& workload, unsigned cores,
                                  const std::string& missing);
nlohmann::ordered_json RowOf(const Study& study, const ArmKind& arm,
                             const Workload& workload, const Setting& setting,
                             const Result& result);

// All arms, workloads and parameters.
nlohmann::ordered_json List();

}  // namespace haft::simulator

#endif  // HAFT_BENCH_SIMULATOR_REQUEST_H_
