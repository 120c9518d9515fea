// Workloads that make handles and delete them, while others are live.

#ifndef HAFT_BENCH_WORKER_WORKLOADS_UPDATES_H_
#define HAFT_BENCH_WORKER_WORKLOADS_UPDATES_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "bench/worker/task_base.h"

namespace haft::study {

enum class Ending { kDelete, kDeleteUnlessPinned };

// Each step is a New and a Delete of one handle, with a look-up between them if
// `kFind`. Nobody pins.
template <typename T, typename V, bool kFind, Ending kEnding = Ending::kDelete>
class ChurnOf : public Stocked<T, V> {
 public:
  explicit ChurnOf(const Request& request) : Stocked<T, V>(request, 1) {}

  template <typename Observer>
  class Thread final : public TaskBase<T, V, Observer> {
   public:
    Thread(ChurnOf& shared, ThreadContext& context)
        : TaskBase<T, V, Observer>(shared.stock(), context) {}

    void Run(std::size_t steps) override {
      auto calls = this->MakeCalls();
      const std::uintptr_t object =
          this->stock().ObjectsInHand(this->context().index)[0];
      std::size_t made = 0;
      for (std::size_t i = 0; i < steps; ++i) {
        const Key key = calls.New(object);
        if (__builtin_expect(key == kNoKey, 0)) continue;
        ++made;
        if constexpr (kFind) calls.Find({key, object});
        if constexpr (kEnding == Ending::kDelete) {
          calls.Delete(key);
        } else {
          calls.DeleteUnlessPinned(key);
        }
      }
      calls.tally().Attempted(Kind::kNew, steps);
      if constexpr (kFind) calls.tally().Attempted(Kind::kFind, made);
      calls.tally().Attempted(Kind::kDelete, made);
    }
  };
};

template <typename T, typename V>
using Churn = ChurnOf<T, V, false>;
template <typename T, typename V>
using ChurnFind = ChurnOf<T, V, true>;
template <typename T, typename V>
using ChurnUnlessPinned = ChurnOf<T, V, false, Ending::kDeleteUnlessPinned>;

// Each step is `burst` times New, then Delete of these handles.
template <typename T, typename V>
class Burst : public Stocked<T, V> {
 public:
  explicit Burst(const Request& request)
      : Stocked<T, V>(request, request.burst) {}

  template <typename Observer>
  class Thread final : public TaskBase<T, V, Observer> {
   public:
    Thread(Burst& shared, ThreadContext& context)
        : TaskBase<T, V, Observer>(shared.stock(), context),
          keys_(context.request.burst) {}

    void Run(std::size_t steps) override {
      auto calls = this->MakeCalls();
      const Objects objects =
          this->stock().ObjectsInHand(this->context().index);
      Key* const keys = keys_.data();
      const std::size_t burst = keys_.size();
      std::size_t made = 0;
      for (std::size_t step = 0; step < steps; ++step) {
        for (std::size_t i = 0; i < burst; ++i) keys[i] = calls.New(objects[i]);
        for (std::size_t i = 0; i < burst; ++i) {
          if (__builtin_expect(keys[i] == kNoKey, 0)) continue;
          ++made;
          calls.Delete(keys[i]);
        }
      }
      calls.tally().Attempted(Kind::kNew, steps * burst);
      calls.tally().Attempted(Kind::kDelete, made);
    }

   private:
    std::vector<Key> keys_;
  };
};

// Each step is a NewBatch and a DeleteBatch. Each handle counts as an
// operation; a batch is timed as one.
template <typename T, typename V>
class Batch : public Stocked<T, V> {
 public:
  explicit Batch(const Request& request)
      : Stocked<T, V>(request, request.batch) {}

  template <typename Observer>
  class Thread final : public TaskBase<T, V, Observer> {
   public:
    Thread(Batch& shared, ThreadContext& context)
        : TaskBase<T, V, Observer>(shared.stock(), context),
          keys_(context.request.batch) {
      const Objects objects = shared.stock().ObjectsInHand(context.index);
      for (std::size_t i = 0; i < keys_.size(); ++i)
        values_.push_back(MakeValue<V>(objects[i]));
    }

    void Run(std::size_t steps) override {
      auto calls = this->MakeCalls();
      const std::size_t batch = keys_.size();
      std::size_t made = 0;
      for (std::size_t step = 0; step < steps; ++step)
        made += calls.Batch(values_.data(), batch, keys_.data());
      calls.tally().Attempted(Kind::kNew, steps * batch);
      calls.tally().Failed(Kind::kNew, steps * batch - made);
      calls.tally().Attempted(Kind::kDelete, made);
    }

   private:
    std::vector<Key> keys_;
    std::vector<V> values_;
  };
};

}  // namespace haft::study

#endif  // HAFT_BENCH_WORKER_WORKLOADS_UPDATES_H_
