// The time to the first handle of a process.

#ifndef HAFT_BENCH_FIRST_HANDLE_H_
#define HAFT_BENCH_FIRST_HANDLE_H_

#include <benchmark/benchmark.h>

#include <cstdint>

#include "bench/repetition.h"

namespace haft::bench {

// The ways to get the first handle.
enum class First {
  kNothing,         // two looks at the clock
  kC,               // haft_new
  kCBesideThreads,  // haft_new in a process with three more threads
  kWords,           // a HandleTable is made, and its New is called
  kObjects,         // an ObjectTable is made, and its Emplace is called
};

// Measures in a process of its own, which runs this program again.
//   Returns   nanoseconds; a negative number if there was no handle
double TimeOfFirst(First first);

// The part of that process.
//   Returns   the exit status; a negative number if the arguments are of a
//             process of another kind
int MaybeRunFirst(int argc, char** argv);

template <First kFirst>
class FirstHandle {
 public:
  static constexpr int kChunk = 1;
  static constexpr int kWarmUpChunks = 0;
  static constexpr bool kKeep = false;

  explicit FirstHandle(int /*threads*/) {}

  class Thread {
   public:
    Thread(FirstHandle&, int) {}
    void Run() {
      const double ns = TimeOfFirst(kFirst);
      if (ns < 0) ++wrong;
      ns_ += ns;
      ++made_;
    }
    void AddTo(benchmark::UserCounters& counters) const {
      counters[kNsPerOp] = ns_ / made_;
    }

    std::int64_t wrong = 0;
    std::int64_t failed = 0;

   private:
    double ns_ = 0;
    int made_ = 0;
  };
};

}  // namespace haft::bench

#endif  // HAFT_BENCH_FIRST_HANDLE_H_
