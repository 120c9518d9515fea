// Workloads that only read.

#ifndef HAFT_BENCH_WORKER_WORKLOADS_LOOK_UPS_H_
#define HAFT_BENCH_WORKER_WORKLOADS_LOOK_UPS_H_

#include <cstddef>

#include "bench/worker/drawing_task.h"

namespace haft::study {

// Each step looks a handle up: any of the live ones, or any of as many deleted
// ones.
template <typename T, typename V, bool kStale>
class LookUps : public Drawing<T, V> {
 public:
  explicit LookUps(const Request& request)
      : Drawing<T, V>(request, Cells::kShared, 0, kStale) {}

  template <typename Observer>
  class Thread final : public DrawingTask<T, V, Observer> {
   public:
    using DrawingTask<T, V, Observer>::DrawingTask;

    void Run(std::size_t steps) override {
      auto calls = this->MakeCalls();
      Draws::Cursor draws = this->cursor();
      const Objects objects = this->stock().objects();
      const Key* const keys =
          kStale ? this->stock().stale().data() : this->stock().keys().data();
      for (std::size_t i = 0; i < steps; ++i) {
        const std::size_t cell = draws.Next().cell();
        if constexpr (kStale) {
          calls.FindStale(keys[cell]);
        } else {
          calls.Find({keys[cell], objects[cell]});
        }
      }
      this->set_cursor(draws);
      calls.tally().Attempted(kStale ? Kind::kStale : Kind::kFind, steps);
    }
  };
};

template <typename T, typename V>
using Find = LookUps<T, V, false>;
template <typename T, typename V>
using Stale = LookUps<T, V, true>;

}  // namespace haft::study

#endif  // HAFT_BENCH_WORKER_WORKLOADS_LOOK_UPS_H_
