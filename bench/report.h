// Collects what was measured, keeps it as JSON and prints it as tables.

#ifndef HAFT_BENCH_REPORT_H_
#define HAFT_BENCH_REPORT_H_

#include <benchmark/benchmark.h>

#include <cstdint>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "bench/machine.h"

namespace haft::bench {

// A table of the report: a workload, with a row for each thing that was
// measured under it.
struct Block {
  std::string name;   // "churn"
  std::string title;  // what an operation is
  std::vector<std::string> rows;
  std::string yardstick;  // the row that others are divided by
};

class Report : public benchmark::BenchmarkReporter {
 public:
  // Exits with status 2 when `out` cannot be written.
  explicit Report(const std::string& out);

  void PrintHeader(const Facts& facts) const;
  void PrintBlock(const Block& block, const std::vector<int>& threads) const;

  // Ends the JSON. Returns how many operations gave an answer that no correct
  // table gives, after saying where.
  std::int64_t Finish();

  // Google Benchmark's side: once and again for each block.
  bool ReportContext(const Context& context) override;
  void ReportRuns(const std::vector<Run>& runs) override;

 private:
  struct Cell {
    std::vector<double> ns;
    std::int64_t failed = 0;
    std::int64_t wrong = 0;
  };
  // By "block/row" and threads.
  using Cells = std::map<std::string, std::map<int, Cell>>;

  const Cell* Find(const Block& block, const std::string& row,
                   int threads) const;
  std::string Text(const Block& block, const std::string& row,
                   int threads) const;

  std::ofstream file_;
  benchmark::JSONReporter json_;
  bool has_context_ = false;
  Cells cells_;
};

}  // namespace haft::bench

#endif  // HAFT_BENCH_REPORT_H_
