// Facts about this process, from the kernel and the C library.

#ifndef HAFT_BENCH_WORKER_PROCESS_H_
#define HAFT_BENCH_WORKER_PROCESS_H_

#include <cstdint>
#include <string>

namespace haft::study {

struct Memory {
  std::uint64_t resident_bytes = 0;  // Rss of smaps_rollup, or VmRSS
  std::uint64_t peak_bytes = 0;      // VmHWM
};
Memory MemoryNow();

// Counts of all threads.
struct Usage {
  std::int64_t minor_faults = 0;
  std::int64_t major_faults = 0;
  std::int64_t voluntary_switches = 0;
  std::int64_t involuntary_switches = 0;
};
Usage UsageNow();
Usage operator-(const Usage& end, const Usage& begin);

// Returns the path of the file that malloc comes from.
std::string AllocatorPath();

// Returns the version of the C library that is loaded.
std::string LibcVersion();

}  // namespace haft::study

#endif  // HAFT_BENCH_WORKER_PROCESS_H_
