// Runs a workload once with all of its threads.

#ifndef HAFT_BENCH_WORKER_RUN_H_
#define HAFT_BENCH_WORKER_RUN_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bench/worker/cpus.h"
#include "bench/worker/histogram.h"
#include "bench/worker/process.h"
#include "bench/worker/request.h"
#include "bench/worker/tally.h"
#include "bench/worker/workload.h"

namespace haft::study {

struct ThreadResult {
  std::int64_t ns = 0;  // measured, by the thread's own clock
  Tally tally;          // during that time; wrong answers of the whole run
  SeenCpus cpus;
  std::vector<Histogram> latency;  // as Pacer::histograms
  std::vector<std::optional<std::uint64_t>> counters;
  std::string counters_error;
  std::optional<std::uint64_t> migrations;
};

struct RunResult {
  std::vector<ThreadResult> threads;
  Usage usage;                     // of the process while it was measured
  Memory memory;                   // at the end of that time
  std::optional<bool> huge_pages;  // likewise
  double think_ns = 0;
  Tally verified;  // wrong answers about the stock
};

// Errors    throws Refused if a thread cannot be bound to its CPUs
RunResult Run(const Request& request, Workload& workload);

}  // namespace haft::study

#endif  // HAFT_BENCH_WORKER_RUN_H_
