// The report: collects the measurements, writes them as JSON and prints them as
// tables.

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

// A table of the report: a workload, with a row for each table or other thing
// that was measured.
struct Block {
  std::string name;   // "churn"
  std::string title;  // describes one operation
  std::vector<std::string> rows;
  std::string yardstick;         // the row that others are divided by
  bool has_percentiles = false;  // of latencies, which are shown in place of a
                                 // mean
  std::string note;              // a line below the title, or empty
};

class Report : public benchmark::BenchmarkReporter {
 public:
  // Exits with status 2 if `out` cannot be written.
  explicit Report(const std::string& out);
  ~Report() override;

  void PrintHeader(const Facts& facts) const;
  void PrintBlock(const Block& block, const std::vector<int>& threads) const;

  // Returns whether nothing has been measured yet. Then Finish must not be
  // called: there is no JSON.
  bool is_empty() const { return !has_context_; }

  // Ends the JSON, prints where answers were wrong, and returns how many
  // operations gave an answer that no correct table gives.
  std::int64_t Finish();

  // Called by Google Benchmark, again for each block.
  bool ReportContext(const Context& context) override;
  void ReportRuns(const std::vector<Run>& runs) override;

 private:
  struct Cell {
    std::vector<double> ns;
    std::map<std::string, std::vector<double>> percentiles;
    std::int64_t failed = 0;
    std::int64_t wrong = 0;
  };
  // The key is "block/row", then the number of threads.
  using Cells = std::map<std::string, std::map<int, Cell>>;

  void PrintMeans(const Block& block, const std::vector<int>& threads) const;
  void PrintPercentiles(const Block& block,
                        const std::vector<int>& threads) const;
  const Cell* Find(const Block& block, const std::string& row,
                   int threads) const;
  std::string Text(const Block& block, const std::string& row,
                   int threads) const;

  // A run that is interrupted, or measures nothing, leaves what `out_` had.
  const std::string out_;
  const std::string part_;
  std::ofstream file_;
  benchmark::JSONReporter json_;
  bool has_context_ = false;
  Cells cells_;
};

}  // namespace haft::bench

#endif  // HAFT_BENCH_REPORT_H_
