// The simulator's program. It reads one JSON object from the standard input and
// prints one JSON object a line, a row, for each arm, workload, number of
// cores, hold and seed. README.md describes both.

#include <cstdio>
#include <cstring>
#include <iostream>

#include "bench/simulator/request.h"
#include "bench/simulator/simulate.h"

namespace haft::simulator {
namespace {

constexpr int kBadInput = 2;

void Print(const nlohmann::ordered_json& json) {
  // A reader follows the rows as they come.
  std::cout << json.dump() << '\n' << std::flush;
}

void RunStudy(const Study& study) {
  for (const ArmKind* arm : study.arms) {
    for (const Workload* workload : study.workloads) {
      for (const unsigned cores : study.cores) {
        const std::string missing = WhyNot(*arm, *workload, cores);
        if (!missing.empty()) {
          Print(RowWithout(study, *arm, *workload, cores, missing));
          continue;
        }
        for (const Time hold : study.holds) {
          for (const std::uint64_t seed : study.seeds) {
            const Setting setting = {cores, hold, seed, study.parameters, {}};
            const Result result =
                Simulate(study.machine, *arm, *workload, setting);
            Print(RowOf(study, *arm, *workload, setting, result));
          }
        }
      }
    }
  }
}

int Main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "--list") == 0) {
    Print(List());
    return 0;
  }
  try {
    if (argc != 1) {
      throw BadInput(
          "the only flag is --list; without it, a JSON object is read from the "
          "standard input");
    }
    RunStudy(ReadStudy(nlohmann::json::parse(std::cin)));
  } catch (const BadInput& bad) {
    std::cerr << "simulator: " << bad.what() << ".\n";
    return kBadInput;
  } catch (const nlohmann::json::exception& bad) {
    std::cerr << "simulator: the input is not JSON: " << bad.what() << ".\n";
    return kBadInput;
  }
  return 0;
}

}  // namespace
}  // namespace haft::simulator

int main(int argc, char** argv) { return haft::simulator::Main(argc, argv); }
