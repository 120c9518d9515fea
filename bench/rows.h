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
  // They are measured with one thread only.
  void OneThread() { one_thread_ = true; }
  // They are measured with as many threads only as can have a CPU each.
  void OneCpuEach() { one_cpu_each_ = true; }
  // They time each operation, and last `factor` times as long.
  void ShowPercentiles(double factor) {
    block_.has_percentiles = true;
    factor_ = factor;
  }

  // Adds a line below the title.
  void Note(const std::string& note) { block_.note = note; }

 private:
  template <typename Workload>
  void Register(const std::string& row) {
    block_.rows.push_back(row);
    // Lives as long as the registration, and so does the workload that it
    // keeps.
    const auto run = std::make_shared<Repetitions<Workload>>();
    for (const int threads : options_.threads) {
      if (pairs_ && threads % 2 != 0) continue;
      if (one_thread_ && threads != 1) continue;
      if (one_cpu_each_ && threads > CpuCount()) continue;
      auto* const benchmark = benchmark::RegisterBenchmark(
          (block_.name + "/" + row).c_str(),
          [run](benchmark::State& state) { (*run)(state); });
      benchmark->Threads(threads)->UseRealTime();
      // Threads that share CPUs need several time slices each.
      constexpr double kSlices = 5;
      const double seconds = factor_ * options_.seconds;
      benchmark->MinTime(threads > CpuCount() ? kSlices * seconds : seconds);
    }
  }

  const Options& options_;
  Block& block_;
  const std::regex filter_;
  bool wanted_ = false;
  bool pairs_ = false;
  bool one_thread_ = false;
  bool one_cpu_each_ = false;
  double factor_ = 1;
};

}  // namespace haft::bench

#endif  // HAFT_BENCH_ROWS_H_
