// Compare-and-swaps that an arm counts itself.

#ifndef HAFT_BENCH_WORKER_CAS_COUNTS_H_
#define HAFT_BENCH_WORKER_CAS_COUNTS_H_

#include <cstdint>

namespace haft::study {

struct CasCounts {
  std::uint64_t attempted = 0;
  std::uint64_t failed = 0;
};
// Those of the calling thread.
inline thread_local CasCounts cas_counts;

// Whether the arms of this program count.
inline bool counts_cas = false;

}  // namespace haft::study

#endif  // HAFT_BENCH_WORKER_CAS_COUNTS_H_
