#include "bench/driver.h"

#include <benchmark/benchmark.h>
#include <errno.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "bench/bystanders.h"
#include "bench/machine.h"
#include "bench/options.h"
#include "bench/peers/cds_tables.h"
#include "bench/report.h"
#include "haft/handle_table.h"

namespace haft::bench {
namespace {

// Google Benchmark gets its options from a command line of its own.
void Initialize(char* program, const Options& options) {
  std::string arguments[] = {
      "--benchmark_enable_random_interleaving=true",
      "--benchmark_repetitions=" + std::to_string(options.repetitions),
      "--benchmark_min_time=" + std::to_string(options.seconds),
  };
  std::vector<char*> argv = {program};
  for (std::string& argument : arguments) argv.push_back(argument.data());
  int argc = static_cast<int>(argv.size());
  benchmark::Initialize(&argc, argv.data());
}

// Returns the rows that a workload has with or without --full.
std::vector<std::string> RowsOf(const Study& study, bool full) {
  Options options{};  // no threads, so that nothing is registered
  options.full = full;
  Block block;
  block.name = study.name;
  block.title = study.title;
  Rows rows(options, &block);
  study.add(rows);
  return block.rows;
}

// Returns a line for each workload and for each of its rows.
std::string Titles(const Study* begin, const Study* end) {
  std::string lines;
  for (const Study* at = begin; at != end; ++at) {
    lines += std::string("  ") + at->name + ": " + at->title;
    lines += at->full_only ? " (--full)\n" : "\n";
    const std::vector<std::string> usual = RowsOf(*at, at->full_only);
    for (const std::string& row : RowsOf(*at, true)) {
      const bool is_usual =
          std::find(usual.begin(), usual.end(), row) != usual.end();
      lines += "      " + row + (is_usual ? "\n" : " (--full)\n");
    }
  }
  return lines;
}

}  // namespace

int RunStudies(int argc, char** argv, const Study* begin, const Study* end) {
  const Options options = ParseOptions(argc, argv, Titles(begin, end));
  Initialize(argv[0], options);
  // Before this thread uses a table.
  HandleTable<Word> used_by_bystanders(1);
  const Bystanders bystanders(
      static_cast<std::size_t>(options.bystanders),
      [&] { return used_by_bystanders.Delete(used_by_bystanders.New(0)); });
  int most = 0;
  for (const int threads : options.threads) most = std::max(most, threads);
  const CdsLibrary library(static_cast<std::size_t>(most) + 1);

  const Facts facts = DescribeRun(argc, argv);
  for (const auto& [name, fact] : facts)
    benchmark::AddCustomContext(name, fact);
  Report report(options.out);
  report.PrintHeader(facts);
  bool any = false;
  for (const Study* at = begin; at != end; ++at) {
    const Study& study = *at;
    if (study.full_only && !options.full) continue;
    Block block{study.name, study.title, {}, {}, false, {}};
    benchmark::ClearRegisteredBenchmarks();
    Rows rows(options, &block);
    study.add(rows);
    if (!rows.wanted()) continue;
    any = true;
    std::fprintf(stderr, "\r\033[Kmeasuring %s ...", study.name);
    benchmark::RunSpecifiedBenchmarks(&report);
    std::fprintf(stderr, "\r\033[K");
    report.PrintBlock(block, options.threads);
  }
  benchmark::ClearRegisteredBenchmarks();
  if (!any) {
    std::fprintf(stderr, "%s: --filter matches no workload and no row\n",
                 program_invocation_short_name);
    return 2;
  }
  if (report.is_empty()) {
    std::fprintf(stderr,
                 "%s: nothing was measured, because these rows need an even "
                 "number of threads; see --threads\n",
                 program_invocation_short_name);
    return 2;
  }
  const std::int64_t wrong = report.Finish();
  std::printf("\nEach repetition: %s\n", options.out.c_str());
  return wrong == 0 ? 0 : 1;
}

}  // namespace haft::bench
