// A backend of haft/sync.h: the production one, and a thread may be stopped
// before any of its atomic operations.

#ifndef TESTS_SUPPORT_STEPPING_SYNC_H_
#define TESTS_SUPPORT_STEPPING_SYNC_H_

// All that sync.h includes, before it is renamed: unistd.h has a sync(), too.
#include <limits.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <type_traits>
#include <utility>

#pragma push_macro("HAFT_SYNC_BACKEND")
#undef HAFT_SYNC_BACKEND
#undef HAFT_INTERNAL_BASE_SYNC_H_
#define sync production_sync
#include "haft/internal/base/sync.h"
#undef sync
#pragma pop_macro("HAFT_SYNC_BACKEND")

namespace haft::testing {

// Where the calling thread is to stop, once.
class Stop {
 public:
  // Before its `step`-th operation from now on it calls f().
  static void Before(unsigned step, std::function<void()> f) {
    steps_ = step;
    f_ = std::move(f);
  }
  // Whether it has not come so far; then it does not stop any more.
  static bool Cancel() { return std::exchange(steps_, 0) != 0; }

  // For the backend.
  static void Step() {
    if (steps_ != 0 && --steps_ == 0) f_();
  }

 private:
  static inline thread_local unsigned steps_ = 0;
  static inline thread_local std::function<void()> f_;
};

}  // namespace haft::testing

// What is not declared here is the production backend's.
namespace haft::internal::sync {

using namespace production_sync;

template <typename T>
class Atomic : public std::atomic<T> {
  using Base = std::atomic<T>;
  using Order = std::memory_order;

 public:
  using Base::Base;

  T load(Order order) const noexcept { return Stepped().load(order); }
  void store(T value, Order order) noexcept { Stepped().store(value, order); }
  T exchange(T value, Order order) noexcept {
    return Stepped().exchange(value, order);
  }
  bool compare_exchange_weak(T& expected, T desired, Order success,
                             Order failure) noexcept {
    return Stepped().compare_exchange_weak(expected, desired, success, failure);
  }
  bool compare_exchange_strong(T& expected, T desired, Order success,
                               Order failure) noexcept {
    return Stepped().compare_exchange_strong(expected, desired, success,
                                             failure);
  }
  T fetch_add(T value, Order order) noexcept {
    return Stepped().fetch_add(value, order);
  }
  T fetch_sub(T value, Order order) noexcept {
    return Stepped().fetch_sub(value, order);
  }
  T fetch_and(T value, Order order) noexcept {
    return Stepped().fetch_and(value, order);
  }

 private:
  const Base& Stepped() const noexcept {
    testing::Stop::Step();
    return *this;
  }
  Base& Stepped() noexcept {
    testing::Stop::Step();
    return *this;
  }
};

}  // namespace haft::internal::sync

#endif  // TESTS_SUPPORT_STEPPING_SYNC_H_
