// The arms of this program, as HAFT_STUDY_ARM registers them.

#ifndef HAFT_BENCH_WORKER_ARM_ENTRY_H_
#define HAFT_BENCH_WORKER_ARM_ENTRY_H_

#include <cstddef>
#include <vector>

#include "bench/worker/workload.h"

namespace haft::study {

// How a source file was compiled.
struct Build {
  const char* compiler;
  bool optimized;
  bool assertions;
  const char* sanitizer;  // null: none
};

// The workloads of an arm for values of so many words.
struct ValueEntry {
  std::size_t words;
  std::vector<WorkloadEntry> workloads;
};

struct ArmEntry {
  const char* name;
  const char* unavailable;  // the missing package; null: the arm can be run
  const char* version;      // null: none is known; so are the others
  const char* progress;
  std::size_t max_threads;   // 0: no limit is known
  std::size_t max_capacity;  // likewise
  Build build;
  std::vector<ValueEntry> values;
};

// Returns the arms in the order in which they were registered.
std::vector<ArmEntry>& Arms();

// Registers an arm when it is constructed. If an arm of this name is there and
// has values of other sizes only, the sizes are added to it.
struct Registration {
  explicit Registration(ArmEntry entry);
};

}  // namespace haft::study

#endif  // HAFT_BENCH_WORKER_ARM_ENTRY_H_
