// What the command line asks for.

#ifndef HAFT_BENCH_OPTIONS_H_
#define HAFT_BENCH_OPTIONS_H_

#include <string>
#include <vector>

namespace haft::bench {

struct Options {
  std::vector<int> threads;
  int repetitions;
  double seconds;  // of one repetition, at least
  bool full;
  std::string filter;
  std::string out;
};

// Exits after --help, and with status 2 after what it does not understand.
Options ParseOptions(int argc, char** argv);

}  // namespace haft::bench

#endif  // HAFT_BENCH_OPTIONS_H_
