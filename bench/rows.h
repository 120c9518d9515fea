// The rows of one block, and their registration with Google Benchmark.

#ifndef HAFT_BENCH_ROWS_H_
#define HAFT_BENCH_ROWS_H_

#include <benchmark/benchmark.h>

#include <memory>
#include <regex>
#include <string>

#include "bench/machine.h"
#include "bench/options.h"
#include "bench/repetition.h"
#include "bench/report.h"

namespace haft::bench {

class Rows {
 public:
  Rows(const Options& options, Block* block)
      : options_(options),
        block_(*block),
        filter_(options.filter, std::regex::icase) {}

  const Options& options() const { return options_; }

  // Adds a row if the filter matches it.
  template <typename Workload>
  void Add(const std::string& row) {
    if (!std::regex_search(block_.name + "/" + row, filter_)) return;
    wanted_ = true;
    Register<Workload>(row);
  }

  // Adds the row that the others are divided by.
  template <typename Workload>
  void AddYardstick(const std::string& row) {
    block_.yardstick = row;
    if (std::regex_search(block_.name + "/" + row, filter_)) wanted_ = true;
    Register<Workload>(row);
  }

  // Returns whether the filter has matched any row.
  bool wanted() const { return wanted_; }

  // Rows that are added from now on need an even number of threads.
  void PairThreads() { pairs_ = true; }

 private:
  template <typename Workload>
  void Register(const std::string& row) {
    block_.rows.push_back(row);
    // Lives as long as the registration, and so does the workload that it
    // keeps.
    const auto run = std::make_shared<Repetitions<Workload>>();
    for (const int threads : options_.threads) {
      if (pairs_ && threads % 2 != 0) continue;
      auto* const benchmark = benchmark::RegisterBenchmark(
          (block_.name + "/" + row).c_str(),
          [run](benchmark::State& state) { (*run)(state); });
      benchmark->Threads(threads)->UseRealTime();
      // Threads that share CPUs need several time slices each.
      constexpr double kSlices = 5;
      if (threads > CpuCount()) benchmark->MinTime(kSlices * options_.seconds);
    }
  }

  const Options& options_;
  Block& block_;
  const std::regex filter_;
  bool wanted_ = false;
  bool pairs_ = false;
};

}  // namespace haft::bench

#endif  // HAFT_BENCH_ROWS_H_
