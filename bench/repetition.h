// One repetition of a workload as a function of Google Benchmark.

#ifndef HAFT_BENCH_REPETITION_H_
#define HAFT_BENCH_REPETITION_H_

#include <benchmark/benchmark.h>

#include <chrono>
#include <cstdint>
#include <memory>

#include "bench/barrier.h"
#include "bench/machine.h"

namespace haft::bench {

// The names of the counters that a repetition writes and the report reads.
inline constexpr char kNsPerOp[] = "ns_per_op";
inline constexpr char kFailed[] = "failed";
inline constexpr char kWrong[] = "wrong";
// Those of a workload that times each operation.
struct Percentile {
  const char* name;
  double quantile;
};
inline constexpr Percentile kPercentiles[] = {
    {"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}, {"worst", 1}};

// Keeps one workload for all its repetitions, at every number of threads.
template <typename Workload>
class Repetitions {
 public:
  void operator()(benchmark::State& state) {
    const int index = state.thread_index();
    const int threads = state.threads();
    PinThread(index, threads);
    if (index == 0) Prepare(threads);
    barrier_.Wait(threads);
    {
      typename Workload::Thread thread(*workload_, index);
      WarmUp(thread);
      thread.failed = 0;
      Measure(state, thread);
    }
    barrier_.Wait(threads);
    if (index == 0 && !Workload::kKeep) workload_.reset();
  }

 private:
  using Clock = std::chrono::steady_clock;

  void Prepare(int threads) {
    if (workload_ == nullptr) {
      workload_ = std::make_unique<Workload>(threads);
    } else {
      Redeal(*workload_, threads, 0);
    }
  }
  template <typename W>
  static auto Redeal(W& workload, int threads, int)
      -> decltype(workload.SetThreads(threads)) {
    workload.SetThreads(threads);
  }
  template <typename W>
  static void Redeal(W&, int, long) {}

  // A thread may have an AddTo that replaces and adds counters: one that times
  // a part of its operations only, or each of them.
  template <typename Thread>
  static auto AddOwn(Thread& thread, benchmark::UserCounters& counters, int)
      -> decltype(thread.AddTo(counters)) {
    thread.AddTo(counters);
  }
  template <typename Thread>
  static void AddOwn(Thread&, benchmark::UserCounters&, long) {}

  // A workload that is not kept is small, and warm after few operations. All
  // threads must do the same number of them, because some workloads let threads
  // wait for each other.
  template <typename Thread>
  static void WarmUp(Thread& thread) {
    constexpr auto kLongest = std::chrono::milliseconds(10);
    const Clock::time_point start = Clock::now();
    for (int i = 0; i < Workload::kWarmUpChunks; ++i) {
      if (Workload::kKeep && Clock::now() - start > kLongest) break;
      thread.Run();
    }
  }

  template <typename Thread>
  void Measure(benchmark::State& state, Thread& thread) {
    Clock::time_point start{};
    bool started = false;
    while (state.KeepRunningBatch(Workload::kChunk)) {
      if (!started) {
        started = true;
        state.PauseTiming();
        barrier_.Wait(state.threads());
        state.ResumeTiming();
        start = Clock::now();
      }
      thread.Run();
    }
    const std::chrono::duration<double, std::nano> took = Clock::now() - start;
    state.counters[kNsPerOp] = benchmark::Counter(
        took.count() / static_cast<double>(state.iterations()),
        benchmark::Counter::kAvgThreads);
    state.counters[kFailed] = static_cast<double>(thread.failed);
    state.counters[kWrong] = static_cast<double>(thread.wrong);
    AddOwn(thread, state.counters, 0);
  }

  Barrier barrier_;
  std::unique_ptr<Workload> workload_;
};

}  // namespace haft::bench

#endif  // HAFT_BENCH_REPETITION_H_
