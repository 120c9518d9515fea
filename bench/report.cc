#include "bench/report.h"

#include <errno.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "bench/repetition.h"

namespace haft::bench {

namespace {

constexpr std::size_t kColumns = 3;  // numbers of threads side by side

// Returns the value below which the fraction `q` of `values` lies.
double Quantile(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  const double at = q * static_cast<double>(values.size() - 1);
  const std::size_t below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, values.size() - 1);
  const double part = at - static_cast<double>(below);
  return values[below] * (1 - part) + values[above] * part;
}

double Median(const std::vector<double>& values) {
  return Quantile(values, 0.5);
}

std::string Format(const char* format, double value) {
  char text[64];
  std::snprintf(text, sizeof(text), format, value);
  return text;
}

std::string Short(double value) {
  return Format(value < 99.95 ? "%.2f" : "%.0f", value);
}

// The columns of the names: those of the longest, and of the mark before it.
std::size_t NameWidth(const Block& block) {
  std::size_t width = 0;
  for (const std::string& row : block.rows) width = std::max(width, row.size());
  return width + 2;
}

// A row's name with its mark, `*` if the others are divided by it.
std::string Marked(const Block& block, const std::string& row) {
  std::string name = (row == block.yardstick ? "* " : "  ") + row;
  name.resize(NameWidth(block), ' ');
  return name;
}

std::string PadLeft(const std::string& text, std::size_t width) {
  return text.size() < width ? std::string(width - text.size(), ' ') + text
                             : text;
}

}  // namespace

Report::Report(const std::string& out) : out_(out), part_(out + ".part") {
  const std::filesystem::path folder = std::filesystem::path(out).parent_path();
  std::error_code ignored;  // opening the file reports it
  if (!folder.empty()) std::filesystem::create_directories(folder, ignored);
  file_.open(part_);
  if (!file_) {
    std::fprintf(stderr, "%s: cannot write %s; see --out\n",
                 program_invocation_short_name, part_.c_str());
    std::exit(2);
  }
  json_.SetOutputStream(&file_);
  json_.SetErrorStream(&file_);
}

Report::~Report() {
  std::error_code ignored;  // after Finish it does not exist
  std::filesystem::remove(part_, ignored);
}

void Report::PrintHeader(const Facts& facts) const {
  for (const auto& [name, fact] : facts)
    std::printf("%-9s %s\n", name.c_str(), fact.c_str());
  if (!IsOptimised()) {
    std::printf(
        "\n*** NOT OPTIMISED: these figures mean nothing. Build with -c opt. "
        "***\n");
  }
  if (LoadAverage() > 0.5) {
    std::printf(
        "\nOther programs have kept CPUs busy during the last minute: trust "
        "ratios, not times.\n");
  }
  std::printf(
      "\nNanoseconds per operation and thread: the median of the repetitions; "
      "(x) is the ratio to the yardstick *,\nmeasured in turns with it; ~ is "
      "half the interquartile range. Threads are pinned if each can have a "
      "CPU.\nMaps get their keys from an atomic counter, in blocks of 1,024 "
      "for "
      "a thread, and are reserved to their\nfinal size.\n");
  std::fflush(stdout);
}

void Report::PrintBlock(const Block& block,
                        const std::vector<int>& threads) const {
  std::printf("\n%s: %s\n", block.name.c_str(), block.title.c_str());
  if (!block.note.empty()) std::printf("%s\n", block.note.c_str());
  if (block.has_percentiles) {
    PrintPercentiles(block, threads);
  } else {
    PrintMeans(block, threads);
  }
  std::fflush(stdout);
}

void Report::PrintMeans(const Block& block,
                        const std::vector<int>& threads) const {
  for (std::size_t from = 0; from < threads.size(); from += kColumns) {
    const std::size_t to = std::min(from + kColumns, threads.size());
    std::printf("%s", std::string(NameWidth(block), ' ').c_str());
    for (std::size_t i = from; i < to; ++i) {
      std::printf("  %22s", (std::to_string(threads[i]) +
                             (threads[i] == 1 ? " thread" : " threads"))
                                .c_str());
    }
    std::printf("\n");
    for (const std::string& row : block.rows) {
      std::string line;
      std::int64_t failed = 0;
      for (std::size_t i = from; i < to; ++i) {
        line += "  " + Text(block, row, threads[i]);
        if (const Cell* cell = Find(block, row, threads[i]))
          failed += cell->failed;
      }
      if (failed != 0) line += "  failed: " + std::to_string(failed);
      std::printf("%s%s\n", Marked(block, row).c_str(), line.c_str());
    }
  }
}

// The worst is the worst of all repetitions, and of the others it is the
// median.
void Report::PrintPercentiles(const Block& block,
                              const std::vector<int>& threads) const {
  std::printf("%s  %7s", std::string(NameWidth(block), ' ').c_str(), "threads");
  for (const Percentile& percentile : kPercentiles)
    std::printf("  %9s", percentile.name);
  std::printf("\n");
  for (const std::string& row : block.rows) {
    for (const int count : threads) {
      const Cell* const cell = Find(block, row, count);
      if (cell == nullptr) continue;
      std::printf("%s  %7d", Marked(block, row).c_str(), count);
      for (const Percentile& percentile : kPercentiles) {
        const std::vector<double>& ns = cell->percentiles.at(percentile.name);
        const double shown = percentile.quantile == 1
                                 ? *std::max_element(ns.begin(), ns.end())
                                 : Median(ns);
        std::printf("  %9s",
                    cell->wrong != 0 ? "WRONG" : Format("%.0f", shown).c_str());
      }
      std::printf("%s\n",
                  cell->failed == 0
                      ? ""
                      : ("  failed: " + std::to_string(cell->failed)).c_str());
    }
  }
}

std::int64_t Report::Finish() {
  json_.Finalize();
  file_.close();
  std::error_code error;
  std::filesystem::rename(part_, out_, error);
  if (!file_ || error) {
    std::fprintf(stderr, "%s: cannot write %s; see --out\n",
                 program_invocation_short_name, out_.c_str());
    std::exit(2);
  }
  std::int64_t all = 0;
  for (const auto& [name, by_threads] : cells_) {
    for (const auto& [threads, cell] : by_threads) {
      if (cell.wrong == 0) continue;
      all += cell.wrong;
      std::printf("\n*** WRONG ANSWERS: %s, threads: %d, how many: %lld ***\n",
                  name.c_str(), threads, static_cast<long long>(cell.wrong));
    }
  }
  return all;
}

bool Report::ReportContext(const Context& context) {
  if (!has_context_) json_.ReportContext(context);
  has_context_ = true;
  return true;
}

void Report::ReportRuns(const std::vector<Run>& runs) {
  json_.ReportRuns(runs);
  for (const Run& run : runs) {
    if (run.run_type != Run::RT_Iteration) continue;
    Cell& cell =
        cells_[run.run_name.function_name][static_cast<int>(run.threads)];
    const auto counter = [&](const char* name) {
      const auto found = run.counters.find(name);
      return found == run.counters.end() ? 0.0 : double{found->second};
    };
    cell.ns.push_back(counter(kNsPerOp));
    cell.failed += static_cast<std::int64_t>(counter(kFailed));
    cell.wrong += static_cast<std::int64_t>(counter(kWrong));
    for (const Percentile& percentile : kPercentiles) {
      if (run.counters.count(percentile.name) == 0) continue;
      cell.percentiles[percentile.name].push_back(counter(percentile.name));
    }
  }
}

const Report::Cell* Report::Find(const Block& block, const std::string& row,
                                 int threads) const {
  const auto by_threads = cells_.find(block.name + "/" + row);
  if (by_threads == cells_.end()) return nullptr;
  const auto cell = by_threads->second.find(threads);
  return cell == by_threads->second.end() ? nullptr : &cell->second;
}

std::string Report::Text(const Block& block, const std::string& row,
                         int threads) const {
  const Cell* const cell = Find(block, row, threads);
  if (cell == nullptr) return PadLeft("-", 22);
  if (cell->wrong != 0) return PadLeft("WRONG", 22);
  const double median = Median(cell->ns);
  const double spread =
      (Quantile(cell->ns, 0.75) - Quantile(cell->ns, 0.25)) / 2 / median;
  const Cell* const yardstick = Find(block, block.yardstick, threads);
  const std::string ratio =
      yardstick == nullptr ? ""
                           : "(" + Short(median / Median(yardstick->ns)) + ")";
  return PadLeft(Short(median), 7) + " " + PadLeft(ratio, 9) + " ~" +
         PadLeft(Format("%.0f%%", 100 * spread), 3);
}

}  // namespace haft::bench
