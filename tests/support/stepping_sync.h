// The backend of the seam in which a test can stop a thread before any of its
// atomic operations.

#ifndef TESTS_SUPPORT_STEPPING_SYNC_H_
#define TESTS_SUPPORT_STEPPING_SYNC_H_

#include <atomic>
#include <functional>
#include <utility>

#include "tests/support/sync_backend_base.h"

namespace haft::testing {

// The one point at which the calling thread stops.
class Stop {
 public:
  // The thread calls f() before its `step`-th operation from now on.
  static void Before(unsigned step, std::function<void()> f) {
    steps_ = step;
    f_ = std::move(f);
  }
  // Removes the stop. Returns whether the thread had not reached it.
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

// What this namespace does not declare is the system's.
namespace haft::internal::sync {

using namespace system_sync;

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
