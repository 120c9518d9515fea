// Workloads that read and replace handles, as often as the request's mix says.

#ifndef HAFT_BENCH_WORKER_WORKLOADS_MIXES_H_
#define HAFT_BENCH_WORKER_WORKLOADS_MIXES_H_

#include <atomic>
#include <cstddef>
#include <vector>

#include "bench/worker/drawing_task.h"

namespace haft::study {

// Stale look-ups need deleted keys, which not every arm refuses.
template <typename T>
bool WantsStaleKeys(const Request& request) {
  if (request.mix.stale == 0) return false;
  if (!RefusesStale<T>()) {
    throw Cannot("kRefusesStale",
                 "mix: the arm does not tell stale keys from live ones");
  }
  return true;
}

// Counts `steps` steps. `replaced` of the `updates` found room for a new
// handle.
inline void TallyMix(Tally& tally, std::size_t steps,
                     std::size_t stale_look_ups, std::size_t updates,
                     std::size_t replaced) {
  tally.Attempted(Kind::kFind, steps - updates - stale_look_ups);
  tally.Attempted(Kind::kStale, stale_look_ups);
  tally.Attempted(Kind::kNew, updates);
  tally.Attempted(Kind::kDelete, replaced);
}

// Each thread uses its own share of the live handles, so that no look-up may
// miss.
template <typename T, typename V>
class Mixed : public Drawing<T, V> {
 public:
  explicit Mixed(const Request& request)
      : Drawing<T, V>(request, Cells::kOwn, 1, WantsStaleKeys<T>(request)) {}

  template <typename Observer>
  class Thread : public DrawingTask<T, V, Observer> {
   public:
    using DrawingTask<T, V, Observer>::DrawingTask;

    void Run(std::size_t steps) override {
      auto calls = this->MakeCalls();
      Draws::Cursor draws = this->cursor();
      const Objects objects = this->stock().objects();
      Key* const keys = this->stock().keys().data();
      const Key* const stale = this->stock().stale().data();
      const std::size_t first = this->first_cell();
      std::size_t updates = 0;
      std::size_t stale_look_ups = 0;
      std::size_t replaced = 0;
      for (std::size_t i = 0; i < steps; ++i) {
        const Draw draw = draws.Next();
        const std::size_t cell = first + draw.cell();
        if (draw.step() == Step::kFind) {
          calls.Find({keys[cell], objects[cell]});
        } else if (draw.step() == Step::kStale) {
          ++stale_look_ups;
          calls.FindStale(stale[cell]);
        } else {
          ++updates;
          const Key key = calls.New(objects[cell]);
          if (__builtin_expect(key == kNoKey, 0)) continue;
          ++replaced;
          calls.Delete(keys[cell]);
          keys[cell] = key;
        }
      }
      this->set_cursor(draws);
      TallyMix(calls.tally(), steps, stale_look_ups, updates, replaced);
    }
  };
};

// Thread 0 asks for the figures of the table, and the others do as above.
template <typename T, typename V>
class StatsBesideMixed : public Mixed<T, V> {
 public:
  explicit StatsBesideMixed(const Request& request) : Mixed<T, V>(request) {}

  template <typename Observer>
  class Thread final : public Mixed<T, V>::template Thread<Observer> {
    using Base = typename Mixed<T, V>::template Thread<Observer>;

   public:
    using Base::Base;

    void Run(std::size_t steps) override {
      if (this->context().index != 0) return Base::Run(steps);
      auto calls = this->MakeCalls();
      for (std::size_t i = 0; i < steps; ++i) calls.Stats();
      calls.tally().Attempted(Kind::kStats, steps);
    }
  };
};

// All threads read and replace the same cells. A look-up may miss, because
// another thread may just have deleted the handle.
template <typename T, typename V>
class SharedMix : public Drawing<T, V> {
 public:
  explicit SharedMix(const Request& request)
      : Drawing<T, V>(request, Cells::kShared, 1, WantsStaleKeys<T>(request)),
        cells_(request.live) {
    for (std::size_t i = 0; i < cells_.size(); ++i)
      cells_[i].store(this->stock().keys()[i], std::memory_order_relaxed);
  }

  void Verify(Tally& tally) {
    for (std::size_t i = 0; i < cells_.size(); ++i)
      this->stock().keys()[i] = cells_[i].load(std::memory_order_relaxed);
    Drawing<T, V>::Verify(tally);
  }

  template <typename Observer>
  class Thread final : public DrawingTask<T, V, Observer> {
   public:
    Thread(SharedMix& shared, ThreadContext& context)
        : DrawingTask<T, V, Observer>(shared, context),
          cells_(shared.cells_.data()) {}

    void Run(std::size_t steps) override {
      auto calls = this->MakeCalls();
      Draws::Cursor draws = this->cursor();
      const Objects objects = this->stock().objects();
      std::atomic<Key>* const cells = cells_;
      const Key* const stale = this->stock().stale().data();
      std::size_t updates = 0;
      std::size_t stale_look_ups = 0;
      std::size_t replaced = 0;
      for (std::size_t i = 0; i < steps; ++i) {
        const Draw draw = draws.Next();
        const std::size_t cell = draw.cell();
        if (draw.step() == Step::kFind) {
          // acquire: the key's New happens before its look-up.
          calls.FindIfLive(
              {cells[cell].load(std::memory_order_acquire), objects[cell]});
        } else if (draw.step() == Step::kStale) {
          ++stale_look_ups;
          calls.FindStale(stale[cell]);
        } else {
          ++updates;
          const Key key = calls.New(objects[cell]);
          if (__builtin_expect(key == kNoKey, 0)) continue;
          ++replaced;
          // acq_rel: hands the new key over, and takes the old one, which no
          // other thread can delete.
          calls.Delete(cells[cell].exchange(key, std::memory_order_acq_rel));
        }
      }
      this->set_cursor(draws);
      TallyMix(calls.tally(), steps, stale_look_ups, updates, replaced);
    }

   private:
    std::atomic<Key>* const cells_;
  };

 private:
  std::vector<std::atomic<Key>> cells_;
};

}  // namespace haft::study

#endif  // HAFT_BENCH_WORKER_WORKLOADS_MIXES_H_
