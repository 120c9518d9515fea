// The runner of models, and the main program of each.

#include "tests/model/model.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <ostream>
#include <streambuf>
#include <string>
#include <utility>

#include "haft/internal/base/sync.h"

// Relacy replaces new and delete by inline functions, so that it sees leaks;
// but a program gets only those that some file uses, and not the sized ones.
// Either all or none must be replaced.
void operator delete(void* memory, std::size_t) noexcept {
  operator delete(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  operator delete[](memory);
}
[[gnu::used]] void* (*const kNew[])(
    std::size_t) = {operator new, operator new[] };
[[gnu::used]] void (*const kDelete[])(
    void*) = {operator delete, operator delete[] };

namespace haft::model {
namespace {

template <rl::thread_id_t kThreads>
struct HooksFor {
  using Thread = rl::thread_info<kThreads>;

  static Thread& Current() { return static_cast<Thread&>(*rl::ctx().threadx_); }
  static void AsOfTheBeginning(void (*f)(void*), void* argument) {
    Thread& thread = Current();
    const rl::timestamp_t own = std::exchange(thread.own_acq_rel_order_, 0);
    rl::timestamp_t released[kThreads] = {};
    std::swap(released, thread.release_fence_order_);
    f(argument);
    std::swap(released, thread.release_fence_order_);
    thread.own_acq_rel_order_ = own;
  }
  static void Fence(unsigned index) {
    rl::aligned<Thread>* const all =
        static_cast<rl::aligned<Thread>*>(&Current()) - rl::thread_index();
    all[index].atomic_thread_fence_seq_cst(rl::ctx().seq_cst_fence_order_);
  }
};

AnyModel current{};

// The current model, as Relacy sees it.
template <rl::thread_id_t kThreads>
struct Suite : rl::test_suite<Suite<kThreads>, kThreads> {
  void before() {
    internal::sync::relacy::BeginIteration();
    current.begin();
    internal::sync::relacy::outside_threads = false;
  }
  void thread(unsigned index) {
    if (index < current.threads) current.thread(index);
  }
  void after() {
    internal::sync::relacy::outside_threads = true;
    current.end();
    internal::sync::relacy::EndIteration();
  }
};

// Random schedules. Relacy's own switches threads at every other step, and so
// hardly ever lets one fall far behind; this one stays with a thread for 1, 2,
// 4, ... steps on average, a number for each schedule.
template <rl::thread_id_t kThreads>
class RandomScheduler
    : public rl::scheduler<RandomScheduler<kThreads>, rl::scheduler_thread_info,
                           kThreads> {
  using Base =
      rl::scheduler<RandomScheduler, rl::scheduler_thread_info, kThreads>;

 public:
  struct task_t {};

  RandomScheduler(rl::test_params& params,
                  typename Base::shared_context_t& shared,
                  rl::thread_id_t dynamic)
      : Base(params, shared, dynamic) {}

  rl::thread_id_t iteration_begin_impl() {
    random_.seed(this->iter_);
    stay_ = (1u << random_.rand() % 5) - 1;
    return AnyRunning();
  }
  bool iteration_end_impl() {
    return this->iter_ == this->params_.iteration_count;
  }

  rl::thread_id_t schedule_impl(rl::unpark_reason& reason, unsigned yield) {
    if (const int sleepers = this->timed_thread_count_;
        sleepers != 0 && (this->running_threads_count == 0 || OneIn(8))) {
      reason = rl::unpark_reason_timeout;
      return Wake(this->timed_threads_[random_.rand() % sleepers]->index_);
    }
    if (const int sleepers = this->spurious_thread_count_;
        sleepers != 0 && this->running_threads_count != 0 && OneIn(16)) {
      reason = rl::unpark_reason_spurious;
      return Wake(this->spurious_threads_[random_.rand() % sleepers]->index_);
    }
    reason = rl::unpark_reason_normal;
    if (yield == 0 && this->thread_->state_ == rl::thread_state_running &&
        (random_.rand() & stay_) != 0) {
      return this->thread_->index_;
    }
    return AnyRunning();
  }

  unsigned rand_impl(unsigned limit, rl::sched_type) {
    return random_.rand() % limit;
  }
  rl::iteration_t iteration_count_impl() {
    return this->params_.iteration_count;
  }
  void get_state_impl(std::ostream&) {}
  void set_state_impl(std::istream&) {}
  void on_thread_block(rl::thread_id_t, bool) {}

 private:
  bool OneIn(unsigned n) { return random_.rand() % n == 0; }
  rl::thread_id_t AnyRunning() {
    return this->running_threads[random_.rand() % this->running_threads_count];
  }
  rl::thread_id_t Wake(rl::thread_id_t thread) {
    this->unpark_thread(thread);
    return thread;
  }

  rl::random_generator random_;
  unsigned stay_ = 0;
};

// Where Relacy writes a trace. It does not use operator new, whose memory
// belongs to the model while a model exists. Output that does not fit is
// dropped.
class TraceBuffer : public std::streambuf {
 public:
  TraceBuffer() { setp(buffer_, buffer_ + sizeof(buffer_)); }

  // Returns the last 300 lines of the trace in the order of events. The
  // repetition by threads that follows them is left out.
  std::string Text() {
    std::string text(buffer_, pptr());
    text.resize(std::min(text.find("\nthread 0:"), text.size()));
    std::size_t begin = text.size();
    for (int line = 0; line < 300 && begin != 0 && begin != text.npos; ++line)
      begin = text.rfind('\n', begin - 1);
    return begin == text.npos ? text : text.substr(begin);
  }

 private:
  static inline char buffer_[1 << 20];
};

// A crash is reported like other findings, with a trace.
class CrashIsFailure {
 public:
  CrashIsFailure() {
    struct sigaction action {};
    action.sa_handler = [](int signal) {
      if (!rl::is_ctx() || rl::ctx().threadx_ == nullptr) {
        ::signal(signal, SIG_DFL);
        raise(signal);
        return;
      }
      rl::ctx().fail_test(signal == SIGABRT ? "abort" : "crash",
                          rl::test_result_user_assert_failed,
                          Where("signal handler"));
    };
    // It does not return.
    action.sa_flags = SA_NODEFER;
    for (int i = 0; i < kSignals; ++i)
      sigaction(kSignal[i], &action, &before_[i]);
  }
  ~CrashIsFailure() {
    for (int i = 0; i < kSignals; ++i)
      sigaction(kSignal[i], &before_[i], nullptr);
  }

 private:
  static constexpr int kSignals = 4;
  static constexpr int kSignal[kSignals] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE};
  struct sigaction before_[kSignals];
};

// The state that all runs of one exploration share.
struct Options {
  int bound;
  bool full;
  std::uint64_t random;
  bool must_hold;
};

template <typename Suite, typename Scheduler>
bool Run(rl::test_params params, const std::string& kind, bool must_hold) {
  TraceBuffer buffer;
  std::ostream trace(&buffer);
  std::ostream nowhere(nullptr);
  rl::ostringstream state;
  params.progress_stream = &nowhere;
  params.output_stream = &trace;
  params.execution_depth_limit = 10'000;
  const bool holds = rl::run_test<Suite, Scheduler>(params, state, false) ==
                     rl::test_result_success;
  const auto schedules = static_cast<unsigned long long>(params.stop_iteration);
  std::printf("             %s %s %llu schedules\n", kind.c_str(),
              holds ? "holds under" : "fails after", schedules);
  testing::Test::RecordProperty(kind, std::to_string(schedules));
  if (holds || !must_hold) return holds;
  // Runs the failing schedule alone once more, for the trace.
  params.initial_state = state.str();
  params.collect_history = true;
  rl::run_test<Suite, Scheduler>(params, state, true);
  std::printf("%s\n", buffer.Text().c_str());
  ADD_FAILURE() << "fails under schedule " << schedules << " (" << kind
                << "): the trace is above";
  return false;
}

template <rl::thread_id_t kThreads>
bool RunAll(const Options& options) {
  using Hooks = HooksFor<kThreads>;
  internal::sync::relacy::hooks = {&Hooks::AsOfTheBeginning, &Hooks::Fence};
  using Model = Suite<kThreads>;
  rl::test_params params;
  if (options.bound >= 0) {
    params.search_type = rl::fair_context_bound_scheduler_type;
    params.context_bound = static_cast<unsigned>(options.bound);
    if (!Run<Model, rl::context_bound_scheduler<kThreads>>(
            params, "bound " + std::to_string(options.bound),
            options.must_hold))
      return false;
  }
  if (options.full) {
    params.search_type = rl::fair_full_search_scheduler_type;
    if (!Run<Model, rl::full_search_scheduler<kThreads>>(params, "all",
                                                         options.must_hold))
      return false;
  }
  if (options.random > 0) {
    params.search_type = rl::random_scheduler_type;
    params.iteration_count = options.random;
    if (!Run<Model, RandomScheduler<kThreads>>(params, "random",
                                               options.must_hold))
      return false;
  }
  return true;
}

}  // namespace

bool Exploration::Explore(const AnyModel& model, bool must_hold) const {
  const CrashIsFailure crash_is_failure;
  internal::sync::has_heavy_barrier = heavy_barrier_;
  current = model;
  const Options options{bound_, full_, random_, must_hold};
  switch (model.threads) {
    case 1:  // and one that does nothing
    case 2:
      return RunAll<2>(options);
    case 3:
      return RunAll<3>(options);
    case 4:
      return RunAll<4>(options);
  }
  ADD_FAILURE() << "a model of " << model.threads << " threads";
  return false;
}

}  // namespace haft::model

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
