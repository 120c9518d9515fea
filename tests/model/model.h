// Models: small programs of a few threads that use the unchanged headers of
// Haft. Relacy runs them under every schedule of a given kind.
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
// A model must do the same each time it is given the same schedule. It must not
// depend on clocks or addresses, and only internal::sync::Atomic may hold state
// that outlives it. Inside a model, use Require in place of GoogleTest's
// assertions, which do not work there.

#ifndef TESTS_MODEL_MODEL_H_
#define TESTS_MODEL_MODEL_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <new>

#include "haft/internal/base/sync.h"

namespace haft::model {

using internal::sync::relacy::Where;

// Fails the model unless `condition` holds.
inline void Require(bool condition, const char* sentence, Where where = {}) {
  if (!condition)
    rl::ctx().fail_test(sentence, rl::test_result_user_assert_failed, where);
}

// Returns any of the numbers 0..n-1. The exploration tries each.
inline unsigned Choose(unsigned n) { return rl::rand(n); }

// Raises a signal for the calling thread. Its handler runs between any two of
// the thread's following operations, or not at all.
inline void RaiseSignal(void (*handler)(void*), void* argument) {
  internal::sync::relacy::signals[rl::thread_index()] = {handler, argument};
}

// Ends the calling thread as the system does: its exit hook runs. The caller
// goes on as another thread, which has no index yet.
inline void EndThread() {
  const unsigned thread = internal::sync::relacy::CurrentThread();
  void* const cookie = internal::sync::relacy::exit_cookies[thread];
  internal::sync::relacy::exit_cookies[thread] = nullptr;
  if (cookie != nullptr) internal::sync::relacy::exit_hook(cookie);
  new (&internal::sync::thread_states[thread]) internal::sync::ThreadState();
}

// A model of any type.
struct AnyModel {
  unsigned threads;
  void (*begin)();  // constructs it
  void (*thread)(unsigned index);
  void (*end)();  // calls After and destroys it
};

template <typename Model>
class TheModel {
  alignas(Model) static inline unsigned char storage_[sizeof(Model)];
  static inline Model* model_;

 public:
  static AnyModel Any() {
    return {Model::kThreads, [] { model_ = new (storage_) Model(); },
            [](unsigned index) { model_->Thread(index); },
            [] {
              model_->After();
              model_->~Model();
            }};
  }
};

// The exploration of a model. Holds fails the current GoogleTest test, with a
// trace, at the first schedule under which the model fails. It reports how many
// schedules it has tried.
class Exploration {
 public:
  // Explores all schedules with at most `switches` switches away from a thread
  // that could have gone on. A load may return the last value or the one
  // before.
  Exploration& Bound(unsigned switches) {
    bound_ = static_cast<int>(switches);
    return *this;
  }
  // Explores all schedules, which is possible for models of very few steps.
  Exploration& Full() {
    full_ = true;
    return *this;
  }
  // Explores `schedules` random schedules. A load may return any of the last
  // three values.
  Exploration& Random(std::uint64_t schedules) {
    random_ = schedules;
    return *this;
  }
  // Sets whether the system has a heavy barrier. The default is that it has.
  Exploration& HeavyBarrier(bool has) {
    heavy_barrier_ = has;
    return *this;
  }

  template <typename Model>
  void Holds() const {
    Explore(TheModel<Model>::Any(), true);
  }

  // Expects that the model fails under some schedule, which shows that models
  // like it can fail.
  template <typename Model>
  void Fails() const {
    if (Explore(TheModel<Model>::Any(), false))
      ADD_FAILURE() << "holds under every schedule tried";
  }

 private:
  // Returns whether the model holds. If it must and does not, shows the trace.
  bool Explore(const AnyModel& model, bool must_hold) const;

  int bound_ = -1;
  bool full_ = false;
  std::uint64_t random_ = 0;
  bool heavy_barrier_ = true;
};

}  // namespace haft::model

#endif  // TESTS_MODEL_MODEL_H_
