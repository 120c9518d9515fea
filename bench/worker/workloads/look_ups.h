// Workloads that only read.

#ifndef HAFT_BENCH_WORKER_WORKLOADS_LOOK_UPS_H_
#define HAFT_BENCH_WORKER_WORKLOADS_LOOK_UPS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include "bench/worker/drawing_task.h"
#include "bench/worker/random.h"

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

// Each step looks up a live handle that the thread has not looked up before, in
// a random order of its own. A thread ends when it has looked up all.
template <typename T, typename V>
class FindFirst : public Stocked<T, V> {
 public:
  explicit FindFirst(const Request& request) : Stocked<T, V>(request) {
    if (request.live == 0)
      throw Refused("live", "this workload needs a live handle");
  }

  // There would be nothing left to measure.
  bool HasWarmUp() const { return false; }

  template <typename Observer>
  class Thread final : public TaskBase<T, V, Observer> {
   public:
    Thread(FindFirst& shared, ThreadContext& context)
        : TaskBase<T, V, Observer>(shared.stock(), context),
          order_(context.request.live) {
      std::iota(order_.begin(), order_.end(), 0U);
      Random(context.request.seed, context.index).Shuffle(order_);
    }

    void Run(std::size_t steps) override {
      auto calls = this->MakeCalls();
      const Objects objects = this->stock().objects();
      const Key* const keys = this->stock().keys().data();
      const std::size_t end = std::min(order_.size(), at_ + steps);
      for (std::size_t i = at_; i < end; ++i) {
        const std::size_t cell = order_[i];
        calls.Find({keys[cell], objects[cell]});
      }
      calls.tally().Attempted(Kind::kFind, end - at_);
      at_ = end;
    }
    bool IsOver() const override { return at_ == order_.size(); }

   private:
    std::vector<std::uint32_t> order_;
    std::size_t at_ = 0;
  };
};

}  // namespace haft::study

#endif  // HAFT_BENCH_WORKER_WORKLOADS_LOOK_UPS_H_
