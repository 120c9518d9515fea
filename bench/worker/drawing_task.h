// The part that all workloads have in common whose steps are drawn.

#ifndef HAFT_BENCH_WORKER_DRAWING_TASK_H_
#define HAFT_BENCH_WORKER_DRAWING_TASK_H_

#include <cstddef>
#include <vector>

#include "bench/worker/draws.h"
#include "bench/worker/task_base.h"

namespace haft::study {

// Which cells a thread draws from.
enum class Cells {
  kShared,  // all
  kOwn,     // a run of as many as the others have, made one after the other
};

// The shared part of such a workload.
template <typename T, typename V>
class Drawing : public Stocked<T, V> {
 public:
  Drawing(const Request& request, Cells cells, std::size_t in_hand = 0,
          bool with_stale_keys = false)
      : Stocked<T, V>((Check(request, cells), request), in_hand,
                      with_stale_keys),
        per_thread_(PerThread(request, cells)),
        cells_(cells),
        distribution_(request.skew, per_thread_, request.seed) {}

  // Returns the first of the cells of a thread.
  std::size_t FirstCellOf(std::size_t thread) const {
    return cells_ == Cells::kShared ? 0 : thread * per_thread_;
  }
  Draws DrawsOf(const ThreadContext& context) const {
    return Draws(distribution_, per_thread_, context.request.mix,
                 context.request.seed, context.index);
  }

 private:
  static std::size_t PerThread(const Request& request, Cells cells) {
    return cells == Cells::kShared ? request.live
                                   : request.live / request.threads;
  }
  static void Check(const Request& request, Cells cells) {
    if (PerThread(request, cells) == 0) {
      throw Refused("live", cells == Cells::kShared
                                ? "this workload needs a live handle"
                                : "each thread needs a live handle");
    }
  }

  const std::size_t per_thread_;
  const Cells cells_;
  const KeyDistribution distribution_;
};

template <typename T, typename V, typename Observer>
class DrawingTask : public TaskBase<T, V, Observer> {
 public:
  DrawingTask(Drawing<T, V>& shared, ThreadContext& context)
      : TaskBase<T, V, Observer>(shared.stock(), context),
        first_cell_(shared.FirstCellOf(context.index)),
        draws_(shared.DrawsOf(context)),
        cursor_(draws_.Begin()) {}

 protected:
  std::size_t first_cell() const { return first_cell_; }
  Draws::Cursor cursor() const { return cursor_; }
  void set_cursor(const Draws::Cursor& cursor) { cursor_ = cursor; }

 private:
  const std::size_t first_cell_;
  const Draws draws_;
  Draws::Cursor cursor_;
};

}  // namespace haft::study

#endif  // HAFT_BENCH_WORKER_DRAWING_TASK_H_
