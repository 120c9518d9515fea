// Huge pages for the memory of this process.

#ifndef HAFT_BENCH_WORKER_HUGE_PAGES_H_
#define HAFT_BENCH_WORKER_HUGE_PAGES_H_

#include <optional>

namespace haft::study {

// Asks the kernel to use huge pages for all private writable memory that is
// mapped now.
void AdviseHugePages();

// Returns whether some of the process's memory is in huge pages; nothing if the
// kernel does not say.
std::optional<bool> HasHugePages();

}  // namespace haft::study

#endif  // HAFT_BENCH_WORKER_HUGE_PAGES_H_
