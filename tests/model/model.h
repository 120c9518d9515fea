// Models: small programs for a few threads that use the unchanged headers of
// Haft and are run under every schedule of a kind, by Relacy.
//
//   struct PopPop {
//     static constexpr unsigned kThreads = 2;
//     PopPop() { ... }                       // before the threads begin
//     void Thread(unsigned i) { ... }        // thread i = 0..kThreads-1
//     void After() { Require(..., "..."); }  // when all have ended
//   };
//   TEST(StackModel, NoElementTwice) {
//     Exploration().Bound(2).Random(20'000).Holds<PopPop>();
//   }
//
// A model must do the same each time it is given the same schedule: no clocks,
// no addresses, no state that outlives it but in sync::Atomic. GoogleTest's
// assertions do not work inside; Require does.

#ifndef HAFT_TESTS_MODEL_MODEL_H_
#define HAFT_TESTS_MODEL_MODEL_H_

#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <new>
#include <ostream>
#include <streambuf>
#include <string>
#include <utility>

#include "haft/sync.h"

namespace haft::model {

using sync::relacy::Where;

// Fails the model unless `condition` holds.
inline void Require(bool condition, const char* sentence, Where where = {}) {
  if (!condition)
    rl::ctx().fail_test(sentence, rl::test_result_user_assert_failed, where);
}

// Any of the numbers 0..n-1: each is tried.
inline unsigned Choose(unsigned n) { return rl::rand(n); }

// Raises a signal for the calling thread: its handler runs between any two of
// the thread's coming operations, or not at all.
inline void RaiseSignal(void (*handler)(void*), void* argument) {
  sync::relacy::signals[rl::thread_index()] = {handler, argument};
}

// What the system does when a thread ends: its exit hook runs. The caller goes
// on as another thread, which has no index yet.
inline void EndThread() {
  const unsigned thread = sync::relacy::CurrentThread();
  void* const cookie = sync::relacy::exit_cookies[thread];
  sync::relacy::exit_cookies[thread] = nullptr;
  if (cookie != nullptr) sync::relacy::exit_hook(cookie);
  new (&sync::thread_states[thread]) sync::ThreadState();
}

namespace internal {

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

template <typename Model>
struct Suite : rl::test_suite<Suite<Model>, Model::kThreads> {
  static_assert(Model::kThreads <= sync::relacy::kMaxModelThreads);

  void before() {
    sync::relacy::BeginIteration();
    model = new (storage) Model();
    sync::relacy::outside_threads = false;
  }
  void thread(unsigned index) { model->Thread(index); }
  void after() {
    sync::relacy::outside_threads = true;
    model->After();
    model->~Model();
    sync::relacy::EndIteration();
  }

  alignas(Model) static inline unsigned char storage[sizeof(Model)];
  static inline Model* model;
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

// Where Relacy writes a trace. Not memory from operator new, which is the
// model's while a model exists. What does not fit is dropped.
class TraceBuffer : public std::streambuf {
 public:
  TraceBuffer() { setp(buffer_, buffer_ + sizeof(buffer_)); }

  // What happened, in the order in which it did: the last 300 lines. Without
  // what follows, the same by threads.
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

// A crash is a finding like others, with a trace.
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

}  // namespace internal

// How a model is explored. Holds fails the current GoogleTest test, with a
// trace, at the first schedule under which the model fails; and says how many
// schedules it has tried.
class Exploration {
 public:
  // All schedules with at most `switches` switches away from a thread that
  // could have gone on. A load may return the last value or the one before.
  Exploration& Bound(unsigned switches) {
    bound_ = static_cast<int>(switches);
    return *this;
  }
  // All schedules. For models of very few steps.
  Exploration& Full() {
    full_ = true;
    return *this;
  }
  // `schedules` random ones. A load may return any of the last three values.
  Exploration& Random(std::uint64_t schedules) {
    random_ = schedules;
    return *this;
  }
  // Whether the system has a heavy barrier; it has unless told otherwise.
  Exploration& HeavyBarrier(bool has) {
    heavy_barrier_ = has;
    return *this;
  }

  template <typename Model>
  void Holds() const {
    Explore<Model>(true);
  }

  // Expects that the model fails under some schedule: shows that the models
  // like it can fail.
  template <typename Model>
  void Fails() const {
    if (Explore<Model>(false))
      ADD_FAILURE() << "holds under every schedule tried";
  }

 private:
  template <typename Model>
  bool Explore(bool must_hold) const {
    using Suite = internal::Suite<Model>;
    constexpr rl::thread_id_t kThreads = Model::kThreads;
    using Hooks = internal::HooksFor<kThreads>;
    sync::relacy::hooks = {&Hooks::AsOfTheBeginning, &Hooks::Fence};
    sync::has_heavy_barrier = heavy_barrier_;
    const internal::CrashIsFailure crash_is_failure;
    rl::test_params params;
    if (bound_ >= 0) {
      params.search_type = rl::fair_context_bound_scheduler_type;
      params.context_bound = static_cast<unsigned>(bound_);
      if (!Run<Suite, rl::context_bound_scheduler<kThreads>>(
              params, "bound " + std::to_string(bound_), must_hold))
        return false;
    }
    if (full_) {
      params.search_type = rl::fair_full_search_scheduler_type;
      if (!Run<Suite, rl::full_search_scheduler<kThreads>>(params, "all",
                                                           must_hold))
        return false;
    }
    if (random_ > 0) {
      params.search_type = rl::random_scheduler_type;
      params.iteration_count = random_;
      if (!Run<Suite, internal::RandomScheduler<kThreads>>(params, "random",
                                                           must_hold))
        return false;
    }
    return true;
  }

  template <typename Suite, typename Scheduler>
  static bool Run(rl::test_params params, const std::string& kind,
                  bool must_hold) {
    internal::TraceBuffer buffer;
    std::ostream trace(&buffer);
    std::ostream nowhere(nullptr);
    rl::ostringstream state;
    params.progress_stream = &nowhere;
    params.output_stream = &trace;
    params.execution_depth_limit = 10'000;
    const bool holds = rl::run_test<Suite, Scheduler>(params, state, false) ==
                       rl::test_result_success;
    const auto schedules =
        static_cast<unsigned long long>(params.stop_iteration);
    std::printf("             %s %s %llu schedules\n", kind.c_str(),
                holds ? "holds under" : "fails after", schedules);
    ::testing::Test::RecordProperty(kind, std::to_string(schedules));
    if (holds || !must_hold) return holds;
    // Once more, the failing schedule alone, for the trace.
    params.initial_state = state.str();
    params.collect_history = true;
    rl::run_test<Suite, Scheduler>(params, state, true);
    std::printf("%s\n", buffer.Text().c_str());
    ADD_FAILURE() << "fails under schedule " << schedules << " (" << kind
                  << "): the trace is above";
    return false;
  }

  int bound_ = -1;
  bool full_ = false;
  std::uint64_t random_ = 0;
  bool heavy_barrier_ = true;
};

}  // namespace haft::model

#endif  // HAFT_TESTS_MODEL_MODEL_H_
