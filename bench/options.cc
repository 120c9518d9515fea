#include "bench/options.h"

#include <errno.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <regex>
#include <string>
#include <vector>

#include "bench/machine.h"

namespace haft::bench {

namespace {

constexpr char kHelp[] =
    R"(Compares Haft with its peers.

usage: ./bazelw run -c opt //bench:%s -- [options]

  --threads=1,2,4     numbers of threads (default: powers of two up to twice the
                      number of CPUs); threads are pinned if each can have a CPU
  --bystanders=N      N other threads have used a table before and sleep (default:
                      0); beyond 512 the measured threads have no cache
  --filter=REGEX      only workloads or rows whose "workload/row" contains a match
                      of REGEX, ignoring case; the rows that others are divided by
                      are always included
  --full              more workloads, each of Haft's free lists also in workloads
                      that do not use it, 30 repetitions
  --smoke             tests only that everything works: the figures mean little
  --repetitions=N     repetitions of each figure (default: 10)
  --out=FILE          Google Benchmark's JSON of all repetitions
                      (default: bench/results/latest.json in the checkout)
  --help

workloads, with their rows:
%s)";

[[noreturn]] void Refuse(const std::string& argument) {
  std::fprintf(stderr, "%s: option %s is not understood; see --help\n",
               program_invocation_short_name, argument.c_str());
  std::exit(2);
}

// Returns the value of `argument` if it is --name=value.
bool Value(const std::string& argument, const std::string& name,
           std::string* value) {
  const std::string prefix = "--" + name + "=";
  if (argument.rfind(prefix, 0) != 0) return false;
  *value = argument.substr(prefix.size());
  return true;
}

int Number(const std::string& text, const std::string& argument) {
  constexpr int kMost = 100000;
  char* end = nullptr;
  const long number = std::strtol(text.c_str(), &end, 10);
  if (end == text.c_str() || *end != '\0' || number < 1 || number > kMost)
    Refuse(argument);
  return static_cast<int>(number);
}

std::vector<int> Numbers(const std::string& text, const std::string& argument) {
  std::vector<int> numbers;
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t comma = std::min(text.find(',', start), text.size());
    numbers.push_back(Number(text.substr(start, comma - start), argument));
    start = comma + 1;
  }
  return numbers;
}

}  // namespace

Options ParseOptions(int argc, char** argv, const std::string& workloads) {
  Options options{};
  options.repetitions = 10;
  options.seconds = 0.0015;
  options.out = Checkout() + "/bench/results/latest.json";
  for (int threads = 1; threads <= 2 * CpuCount(); threads *= 2)
    options.threads.push_back(threads);

  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    std::string value;
    if (argument == "--help" || argument == "-h") {
      std::printf(kHelp, program_invocation_short_name, workloads.c_str());
      std::exit(0);
    } else if (argument == "--smoke") {
      options.threads = {1, 2};
      options.repetitions = 2;
      options.seconds = 0.0005;
    } else if (argument == "--full") {
      options.full = true;
      options.repetitions = 30;
    } else if (Value(argument, "threads", &value)) {
      options.threads = Numbers(value, argument);
    } else if (Value(argument, "bystanders", &value)) {
      options.bystanders = Number(value, argument);
    } else if (Value(argument, "repetitions", &value)) {
      options.repetitions = Number(value, argument);
    } else if (Value(argument, "filter", &options.filter)) {
      try {
        (void)std::regex(options.filter);
      } catch (const std::regex_error&) {
        Refuse(argument);
      }
    } else if (!Value(argument, "out", &options.out)) {
      Refuse(argument);
    }
  }
  return options;
}

}  // namespace haft::bench
