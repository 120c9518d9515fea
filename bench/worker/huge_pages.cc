#include "bench/worker/huge_pages.h"

#include <sys/mman.h>

#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>

namespace haft::study {

void AdviseHugePages() {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    std::uintptr_t begin;
    std::uintptr_t end;
    char permissions[5];
    std::uint64_t inode;
    if (std::sscanf(line.c_str(),
                    "%" SCNxPTR "-%" SCNxPTR " %4s %*x %*s %" SCNu64, &begin,
                    &end, permissions, &inode) != 4)
      continue;
    if (inode != 0 || std::string(permissions) != "rw-p") continue;
    // An error is no harm: HasHugePages says what has come of it.
    (void)madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
  }
}

std::optional<bool> HasHugePages() {
  std::ifstream rollup("/proc/self/smaps_rollup");
  for (std::string line; std::getline(rollup, line);) {
    unsigned long kilobytes;
    if (std::sscanf(line.c_str(), "AnonHugePages: %lu kB", &kilobytes) == 1)
      return kilobytes != 0;
  }
  return std::nullopt;
}

}  // namespace haft::study
