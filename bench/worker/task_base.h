// The parts that the workloads have in common.

#ifndef HAFT_BENCH_WORKER_TASK_BASE_H_
#define HAFT_BENCH_WORKER_TASK_BASE_H_

#include <cstddef>

#include "bench/worker/calls.h"
#include "bench/worker/members.h"
#include "bench/worker/stock.h"
#include "bench/worker/workload.h"

namespace haft::study {

// The shared part of a workload that has a stock of live handles.
template <typename T, typename V>
class Stocked {
 public:
  // As Stock.
  explicit Stocked(const Request& request, std::size_t in_hand = 0,
                   bool with_stale_keys = false)
      : stock_(request, in_hand, with_stale_keys) {}

  bool HasWarmUp() const { return true; }
  void Verify(Tally& tally) { stock_.Verify(tally); }
  Stock<T, V>& stock() { return stock_; }

 private:
  Stock<T, V> stock_;
};

// A thread with a session of its own.
template <typename T, typename V, typename Observer>
class TaskBase : public Task {
 protected:
  TaskBase(Stock<T, V>& stock, ThreadContext& context)
      : stock_(stock), context_(context), session_(stock.table()) {}

  // For a local variable of Run.
  [[gnu::always_inline]] Calls<T, V, Observer> MakeCalls() {
    return Calls<T, V, Observer>(stock_.table(), session_, context_);
  }

  Stock<T, V>& stock() { return stock_; }
  ThreadContext& context() { return context_; }
  SessionOf<T>& session() { return session_; }

 private:
  Stock<T, V>& stock_;
  ThreadContext& context_;
  SessionOf<T> session_;
};

}  // namespace haft::study

#endif  // HAFT_BENCH_WORKER_TASK_BASE_H_
