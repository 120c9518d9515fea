// The phases of a run, which all of its threads follow.

#ifndef HAFT_BENCH_WORKER_PHASE_H_
#define HAFT_BENCH_WORKER_PHASE_H_

namespace haft::study {

enum class Phase : unsigned { kWarmUp, kMeasure, kStop };

}  // namespace haft::study

#endif  // HAFT_BENCH_WORKER_PHASE_H_
