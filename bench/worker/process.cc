#include "bench/worker/process.h"

#include <dlfcn.h>
#include <gnu/libc-version.h>
#include <sys/resource.h>

#include <cstdio>
#include <fstream>

namespace haft::study {

Memory MemoryNow() {
  Memory memory;
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    unsigned long kilobytes;
    if (std::sscanf(line.c_str(), "VmRSS: %lu kB", &kilobytes) == 1)
      memory.resident_bytes = std::uint64_t{1024} * kilobytes;
    if (std::sscanf(line.c_str(), "VmHWM: %lu kB", &kilobytes) == 1)
      memory.peak_bytes = std::uint64_t{1024} * kilobytes;
  }
  // It counts pages, and replaces a sum that may be off by some hundred.
  std::ifstream rollup("/proc/self/smaps_rollup");
  for (std::string line; std::getline(rollup, line);) {
    unsigned long kilobytes;
    if (std::sscanf(line.c_str(), "Rss: %lu kB", &kilobytes) == 1)
      memory.resident_bytes = std::uint64_t{1024} * kilobytes;
  }
  return memory;
}

Usage UsageNow() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return {usage.ru_minflt, usage.ru_majflt, usage.ru_nvcsw, usage.ru_nivcsw};
}

Usage operator-(const Usage& end, const Usage& begin) {
  return {end.minor_faults - begin.minor_faults,
          end.major_faults - begin.major_faults,
          end.voluntary_switches - begin.voluntary_switches,
          end.involuntary_switches - begin.involuntary_switches};
}

std::string AllocatorPath() {
  // The address of malloc as this program sees it may be a stub of its own.
  void* const function = dlsym(RTLD_DEFAULT, "malloc");
  Dl_info info;
  if (function == nullptr || dladdr(function, &info) == 0) return "unknown";
  return info.dli_fname;
}

std::string LibcVersion() { return gnu_get_libc_version(); }

}  // namespace haft::study
