// The options of the command line.

#ifndef HAFT_BENCH_OPTIONS_H_
#define HAFT_BENCH_OPTIONS_H_

#include <string>
#include <vector>

namespace haft::bench {

struct Options {
  std::vector<int> threads;
  int bystanders;  // threads that have used a table and sleep
  int repetitions;
  double seconds;  // that one repetition lasts at least
  bool full;
  std::string filter;
  std::string out;
};

// Exits with status 0 after --help, which names the `workloads` and rows line
// by line, and with status 2 after an option that it does not understand.
Options ParseOptions(int argc, char** argv, const std::string& workloads);

}  // namespace haft::bench

#endif  // HAFT_BENCH_OPTIONS_H_
