#include "bench/worker/run.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "bench/barrier.h"
#include "bench/worker/clock.h"
#include "bench/worker/counters.h"
#include "bench/worker/huge_pages.h"
#include "bench/worker/phase.h"
#include "bench/worker/think.h"

namespace haft::study {
namespace {

// How many steps a thread does before it looks at the clock: enough to make
// that cheap, and so few that it notices the end in time.
class ChunkSize {
 public:
  std::size_t steps() const { return steps_; }
  void Adapt(std::int64_t took_ns) {
    if (took_ns < kLeastNs) {
      if (steps_ < kMostSteps) steps_ *= 2;
    } else if (took_ns > kMostNs && steps_ > 1) {
      steps_ /= 2;
    }
  }

 private:
  static constexpr std::int64_t kLeastNs = 50'000;
  static constexpr std::int64_t kMostNs = 500'000;
  static constexpr std::size_t kMostSteps = std::size_t{1} << 20U;
  std::size_t steps_ = 1;
};

// The state that all threads share.
class Running {
 public:
  Running(const Request& request, Workload& workload, RunResult& result)
      : request_(request),
        workload_(workload),
        result_(result),
        turn_ns_(MeasureTurn()),
        warm_up_ns_(workload.HasWarmUp() ? request.warm_up_ns : 0) {
    result_.threads.resize(request.threads);
  }

  // Runs thread `index`.
  void Thread(std::size_t index) {
    const std::unique_ptr<Worker> worker = Prepare(index);
    barrier_.Wait(static_cast<int>(request_.threads));
    if (worker == nullptr) return;
    ThreadResult& result = result_.threads[index];
    Measure(*worker, &result);
    worker->task.reset();
    result.tally.wrong = worker->context.tally.wrong;
    result.counters = worker->counters.Read();
    result.counters_error = worker->counters.error();
    result.migrations = worker->migrations.Read()[0];
    result.latency = worker->context.pacer.histograms();
  }

  // Throws what a thread has thrown.
  void Finish() {
    if (failure_) std::rethrow_exception(failure_);
    if (!is_stopped_) NoteStop();
  }

 private:
  // The things that belong to a thread, which makes them itself.
  struct Worker {
    Worker(const Running& of, std::size_t index)
        : context(of.request_, index, of.turn_ns_, of.phase_),
          counters(of.request_.counters),
          migrations({"cpu-migrations"}),
          task(of.workload_.NewTask(context)) {}

    ThreadContext context;
    Counters counters;
    Counters migrations;
    std::unique_ptr<Task> task;
  };

  // Returns null, and stops all, if the thread cannot run. It must not leave
  // the others waiting at the barrier.
  std::unique_ptr<Worker> Prepare(std::size_t index) {
    try {
      if (!request_.cpus.empty() && !BindThread(request_.cpus[index])) {
        throw Refused("cpus", "thread " + std::to_string(index) +
                                  " may not use the CPUs that it is given");
      }
      return std::make_unique<Worker>(*this, index);
    } catch (...) {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
      phase_.store(Phase::kStop, std::memory_order_relaxed);
      return nullptr;
    }
  }

  void Measure(Worker& worker, ThreadResult* thread) {
    ThreadContext& context = worker.context;
    Tally at_begin;
    std::int64_t begin = 0;
    bool measures = false;
    const auto start_measuring = [&](std::int64_t now) {
      measures = true;
      begin = now;
      at_begin = context.tally;
      thread->cpus = SeenCpus();
      thread->cpus.Look();
      context.pacer.Restart();
      worker.migrations.Start();
      worker.counters.Start();
    };

    ChunkSize chunk;
    std::int64_t last = NowNs();
    const std::int64_t warm_until = last + warm_up_ns_;
    if (warm_up_ns_ == 0) {
      BeginMeasuring(last);
      start_measuring(last);
    }
    for (;;) {
      worker.task->Run(chunk.steps());
      thread->cpus.Look();
      const std::int64_t now = NowNs();
      Phase phase = phase_.load(std::memory_order_acquire);
      if (phase == Phase::kWarmUp && now >= warm_until)
        phase = BeginMeasuring(now);
      if (phase == Phase::kMeasure && now >= stop_at_) phase = StopMeasuring();
      if (!measures && phase != Phase::kWarmUp) {
        start_measuring(now);
        // It did not run while the others were measured.
        if (phase == Phase::kStop) begin = std::min(now, measured_from_);
      }
      if (phase == Phase::kStop || worker.task->IsOver()) {
        worker.counters.Stop();
        worker.migrations.Stop();
        // A time of 0 would make everything infinitely fast.
        thread->ns = std::max<std::int64_t>(now - begin, 1);
        break;
      }
      chunk.Adapt(now - last);
      last = now;
    }
    thread->tally = context.tally;
    for (std::size_t i = 0; i < kKinds; ++i) {
      thread->tally.attempted[i] -= at_begin.attempted[i];
      thread->tally.failed[i] -= at_begin.failed[i];
    }
  }

  // Return the phase that is then current.
  Phase BeginMeasuring(std::int64_t now) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (phase_.load(std::memory_order_relaxed) == Phase::kWarmUp) {
      usage_at_begin_ = UsageNow();
      measured_from_ = now;
      stop_at_ = now + request_.measure_ns;
      // release: publishes the times.
      phase_.store(Phase::kMeasure, std::memory_order_release);
    }
    return phase_.load(std::memory_order_relaxed);
  }
  Phase StopMeasuring() {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (phase_.load(std::memory_order_relaxed) == Phase::kMeasure) {
      // release: as above, although the others need nothing more.
      phase_.store(Phase::kStop, std::memory_order_release);
      NoteStop();
    }
    return Phase::kStop;
  }
  void NoteStop() {
    is_stopped_ = true;
    result_.usage = UsageNow() - usage_at_begin_;
    result_.memory = MemoryNow();
    if (request_.huge_pages) result_.huge_pages = HasHugePages();
  }

  const Request& request_;
  Workload& workload_;
  RunResult& result_;
  const double turn_ns_;
  const std::int64_t warm_up_ns_;
  bench::Barrier barrier_;
  alignas(128) std::atomic<Phase> phase_{Phase::kWarmUp};
  // Written before the phase that needs them.
  std::int64_t measured_from_ = 0;
  std::int64_t stop_at_ = 0;
  alignas(128) std::mutex mutex_;
  Usage usage_at_begin_;
  bool is_stopped_ = false;
  std::exception_ptr failure_;
};

}  // namespace

RunResult Run(const Request& request, Workload& workload) {
  RunResult result;
  Running running(request, workload, result);
  std::vector<std::thread> threads;
  threads.reserve(request.threads);
  for (std::size_t i = 0; i < request.threads; ++i)
    threads.emplace_back([&running, i] { running.Thread(i); });
  for (std::thread& thread : threads) thread.join();
  running.Finish();
  if (request.think.kind != Think::Kind::kNone) {
    result.think_ns =
        Thinker(request.think, MeasureTurn(), request.seed, 0).MeasureMean();
  }
  workload.Verify(result.verified);
  return result;
}

}  // namespace haft::study
