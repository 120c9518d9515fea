// When a thread's operations begin, and which of them are timed.

#ifndef HAFT_BENCH_WORKER_PACER_H_
#define HAFT_BENCH_WORKER_PACER_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "bench/worker/clock.h"
#include "bench/worker/histogram.h"
#include "bench/worker/phase.h"
#include "bench/worker/random.h"
#include "bench/worker/request.h"
#include "bench/worker/tally.h"
#include "bench/worker/think.h"

namespace haft::study {

// Lets the thread think before each operation, or wait until the operation is
// due, and times a sample of the operations.
class Pacer {
 public:
  Pacer(const Request& request, double turn_ns, std::size_t thread,
        const std::atomic<Phase>& phase)
      : thinks_(request.think.kind != Think::Kind::kNone),
        thinker_(request.think, turn_ns, request.seed, thread),
        interval_ns_(request.rate == 0 ? 0 : 1e9 / request.rate),
        sample_(request.latency),
        random_(request.seed, thread + kStream),
        phase_(phase),
        histograms_(request.latency == 0 ? 0 : kKinds) {
    Restart();
  }

  // Forgets what has been timed, and counts arrivals from now on.
  void Restart() {
    for (Histogram& histogram : histograms_) histogram.Clear();
    due_ns_ = static_cast<double>(NowNs());
    countdown_ = NextGap();
  }

  // Called before each operation.
  //   Returns   the time to count from; kNotTimed
  [[gnu::always_inline]] std::int64_t Begin() {
    if (thinks_) thinker_();
    if (--countdown_ != 0) return kNotTimed;
    return BeginTimed();
  }
  // Called after each operation, with what Begin has returned.
  [[gnu::always_inline]] void End(std::int64_t begin, Kind kind) {
    if (begin == kNotTimed) return;
    Record(NowNs() - begin, kind);
  }

  // Returns one for each kind; none if no operation is timed.
  const std::vector<Histogram>& histograms() const { return histograms_; }

 private:
  static constexpr std::int64_t kNotTimed = -1;
  static constexpr std::uint64_t kStream = std::uint64_t{1} << 32U;

  // Not inlined, because a workload has several copies of the calls.
  [[gnu::noinline]] std::int64_t BeginTimed() {
    countdown_ = NextGap();
    return interval_ns_ == 0 ? NowNs() : WaitUntilDue();
  }
  [[gnu::noinline]] void Record(std::int64_t ns, Kind kind) {
    histograms_[static_cast<std::size_t>(kind)].Record(ns);
  }

  // An operation that begins late is timed from when it was due, so that the
  // ones that wait behind a slow one are not forgotten (coordinated omission).
  std::int64_t WaitUntilDue() {
    const auto due = static_cast<std::int64_t>(due_ns_);
    due_ns_ += interval_ns_;
    while (NowNs() < due) {
      // relaxed: the flag alone; nothing is read because of it.
      if (phase_.load(std::memory_order_relaxed) == Phase::kStop)
        return kNotTimed;
    }
    return sample_ == 0 ? kNotTimed : due;
  }

  // Operations follow each other in patterns, and so may slow ones. A fixed gap
  // could hit always or never the same place of the pattern.
  std::uint64_t NextGap() {
    if (interval_ns_ != 0) return 1;  // each operation has to wait
    if (sample_ == 0) return std::numeric_limits<std::uint64_t>::max();
    return 1 + random_.Below(2 * sample_ - 1);
  }

  const bool thinks_;
  Thinker thinker_;
  const double interval_ns_;
  const std::size_t sample_;
  Random random_;
  const std::atomic<Phase>& phase_;
  std::vector<Histogram> histograms_;
  double due_ns_ = 0;
  std::uint64_t countdown_ = 0;
};

// Observers of operations. The loop of a plain workload has none.
struct Unobserved {
  explicit Unobserved(Pacer&) {}
  static int Begin() { return 0; }
  static void End(int, Kind) {}
};
class Observed {
 public:
  explicit Observed(Pacer& pacer) : pacer_(pacer) {}
  [[gnu::always_inline]] std::int64_t Begin() { return pacer_.Begin(); }
  [[gnu::always_inline]] void End(std::int64_t begin, Kind kind) {
    pacer_.End(begin, kind);
  }

 private:
  Pacer& pacer_;
};

}  // namespace haft::study

#endif  // HAFT_BENCH_WORKER_PACER_H_
