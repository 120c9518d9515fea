// A barrier on which threads do not sleep.

#ifndef HAFT_BENCH_BARRIER_H_
#define HAFT_BENCH_BARRIER_H_

#include <atomic>
#include <thread>

namespace haft::bench {

// Lets threads start at the same moment. A barrier on which threads sleep, as
// Google Benchmark's, wakes them one after the other.
class Barrier {
 public:
  void Wait(int threads) {
    const unsigned round = round_.load(std::memory_order_acquire);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == threads) {
      arrived_.store(0, std::memory_order_relaxed);
      round_.store(round + 1, std::memory_order_release);
      return;
    }
    while (round_.load(std::memory_order_acquire) == round)
      std::this_thread::yield();
  }

 private:
  std::atomic<int> arrived_{0};
  std::atomic<unsigned> round_{0};
};

}  // namespace haft::bench

#endif  // HAFT_BENCH_BARRIER_H_
