// Hardware and software counters of the calling thread.

#ifndef HAFT_BENCH_WORKER_COUNTERS_H_
#define HAFT_BENCH_WORKER_COUNTERS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace haft::study {

// Returns whether there is an event of that name. The names are those of
// `perf list`, and of what an arm counts itself (cas_counts.h).
bool IsCounter(const std::string& name);
// Returns all names, separated by ", ".
std::string CounterNames();

struct CounterEvent;

// Counts between Start and Stop.
class Counters {
 public:
  explicit Counters(const std::vector<std::string>& names);
  ~Counters();
  Counters(const Counters&) = delete;
  Counters& operator=(const Counters&) = delete;

  void Start();
  void Stop();

  // Return the counts, in the order of the names; nothing for those that the
  // kernel refuses, or the arm does not count. If an event had to share its
  // counter with others, the count is extrapolated.
  std::vector<std::optional<std::uint64_t>> Read() const;
  // Returns why a count is missing or extrapolated; empty if none is.
  const std::string& error() const { return error_; }

 private:
  struct Counted {
    const CounterEvent& event;
    int file;              // -1: refused, or not the kernel's
    std::uint64_t of_arm;  // what the arm has counted
  };
  std::vector<Counted> counted_;
  mutable std::string error_;
};

}  // namespace haft::study

#endif  // HAFT_BENCH_WORKER_COUNTERS_H_
