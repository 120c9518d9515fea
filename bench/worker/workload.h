// The interface between a workload, which is compiled for each arm, and the
// rest, which is compiled once.

#ifndef HAFT_BENCH_WORKER_WORKLOAD_H_
#define HAFT_BENCH_WORKER_WORKLOAD_H_

#include <atomic>
#include <cstddef>
#include <memory>

#include "bench/worker/pacer.h"
#include "bench/worker/phase.h"
#include "bench/worker/request.h"
#include "bench/worker/tally.h"

namespace haft::study {

// The things that a thread of a run has to itself.
struct ThreadContext {
  ThreadContext(const Request& run, std::size_t thread, double turn_ns,
                const std::atomic<Phase>& run_phase)
      : request(run),
        index(thread),
        phase(run_phase),
        pacer(run, turn_ns, thread, run_phase) {}

  // Whether the thread should give up waiting for others.
  bool ShouldStop() const {
    // relaxed: the flag alone; nothing is read because of it.
    return phase.load(std::memory_order_relaxed) == Phase::kStop;
  }

  const Request& request;
  const std::size_t index;
  const std::atomic<Phase>& phase;
  Pacer pacer;
  Tally tally;
};

// The part of one thread in a workload. It is made, run and destroyed by that
// thread.
class Task {
 public:
  virtual ~Task() = default;

  // Does a chunk of steps. This is the measured loop: there is one call of it
  // in tens of microseconds, and no indirect call inside.
  virtual void Run(std::size_t steps) = 0;

  // Whether there is nothing left to do.
  virtual bool IsOver() const { return false; }
};

// The part that the threads share.
class Workload {
 public:
  virtual ~Workload() = default;
  virtual std::unique_ptr<Task> NewTask(ThreadContext& context) = 0;

  // Whether operations may be done that are not counted.
  virtual bool HasWarmUp() const { return true; }

  // Checks, after all tasks are destroyed, that exactly those handles are live
  // that should be, and deletes them.
  virtual void Verify(Tally& tally) = 0;
};

// A workload as an arm has it.
struct WorkloadEntry {
  const char* name;
  const char* missing;  // the member without which the arm cannot do it
  // Throws Refused and Cannot. Null if a member is missing.
  std::unique_ptr<Workload> (*make)(const Request& request);
};

}  // namespace haft::study

#endif  // HAFT_BENCH_WORKER_WORKLOAD_H_
