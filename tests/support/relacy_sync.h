// The backend of the seam for Relacy, a model checker. Every atomic operation
// and every access to Plain data is a point at which another thread may go on,
// loads may return overwritten values where the memory model lets them, and
// unordered accesses to Plain data are found. The headers of Haft are compiled
// with it unchanged. model.h explains how models are written.

#ifndef TESTS_SUPPORT_RELACY_SYNC_H_
#define TESTS_SUPPORT_RELACY_SYNC_H_

#include <relacy/base.hpp>

// Relacy's own generator has so few states that hundreds of thousands of
// iterations repeat some ten thousand schedules. SplitMix64 in its place.
#define RL_RANDOM_HPP
namespace rl {
struct random_generator {
  void seed(iteration_t iteration) {
    state_ = iteration * 0x9e3779b97f4a7c15u;
    rand();
  }
  unsigned rand() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return static_cast<unsigned>((z ^ (z >> 31)) >> 32);
  }

 private:
  std::uint64_t state_;
};
}  // namespace rl

// Not relacy.hpp, which also redefines new, malloc, assert, pthread_create and
// others as macros.
#include <relacy/atomic.hpp>
#include <relacy/context.hpp>
#include <relacy/context_base_impl.hpp>
#include <relacy/stdlib/condition_variable.hpp>
#include <relacy/stdlib/event.hpp>
#include <relacy/stdlib/mutex.hpp>
#include <relacy/stdlib/semaphore.hpp>
#include <relacy/test_suite.hpp>
#include <relacy/var.hpp>
#undef $

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <type_traits>

#include "tests/model/shadow.h"
#include "tests/support/sync_backend_base.h"

namespace haft::internal::sync {

using namespace simulated_sync;

// Relacy's atomic in the place of std::atomic. It is exactly as large, so that
// the layout of data is that of production, and all bytes 0 are a valid 0. The
// state that Relacy keeps is in its shadow, which the first write makes.
template <typename T>
class Atomic {
  using Shadow = relacy::Shadow<rl::atomic<T>>;

 public:
  Atomic() noexcept { Shadow::Forget(this); }
  Atomic(T value) noexcept : initial_(value) { Shadow::Forget(this); }
  Atomic(const Atomic&) = delete;
  Atomic& operator=(const Atomic&) = delete;

  T load(std::memory_order order, relacy::Where where = {}) const noexcept {
    relacy::MayInterrupt();
    rl::atomic<T>* atomic = Shadow::Find(this);
    if (atomic == nullptr) {
      // No thread has written it, so that only its first value can be seen.
      rl::ctx().sched();
      atomic = Shadow::Find(this);
      if (atomic == nullptr) {
        relacy::Log(where, "load of an atomic that no thread has written");
        return initial_;
      }
      rl::preemption_disabler has_been(rl::ctx());
      return atomic->load(relacy::Order(order), where);
    }
    return atomic->load(relacy::Order(order), where);
  }

  void store(T value, std::memory_order order,
             relacy::Where where = {}) noexcept {
    Own().store(value, relacy::Order(order), where);
  }

  bool compare_exchange_strong(T& expected, T desired, std::memory_order order,
                               std::memory_order failure,
                               relacy::Where where = {}) noexcept {
    return Own().compare_exchange(rl::bool_t<false>(), expected, desired,
                                  relacy::Order(order), relacy::Order(failure),
                                  where);
  }
  bool compare_exchange_weak(T& expected, T desired, std::memory_order order,
                             std::memory_order failure,
                             relacy::Where where = {}) noexcept {
    return Own().compare_exchange(rl::bool_t<true>(), expected, desired,
                                  relacy::Order(order), relacy::Order(failure),
                                  where);
  }

  T exchange(T value, std::memory_order order,
             relacy::Where where = {}) noexcept {
    return Own().exchange(value, relacy::Order(order), where);
  }
  T fetch_add(T value, std::memory_order order,
              relacy::Where where = {}) noexcept {
    return Own().fetch_add(value, relacy::Order(order), where);
  }
  T fetch_sub(T value, std::memory_order order,
              relacy::Where where = {}) noexcept {
    return Own().fetch_sub(value, relacy::Order(order), where);
  }
  T fetch_and(T value, std::memory_order order,
              relacy::Where where = {}) noexcept {
    return Own().fetch_and(value, relacy::Order(order), where);
  }
  T fetch_or(T value, std::memory_order order,
             relacy::Where where = {}) noexcept {
    return Own().fetch_or(value, relacy::Order(order), where);
  }

  // Returns the last value written. It is for the model only, and not a step.
  T Peek() const noexcept {
    rl::atomic<T>* const atomic = Shadow::Find(this);
    return atomic == nullptr ? initial_ : atomic->debug_value();
  }

 private:
  rl::atomic<T>& Own() noexcept {
    relacy::MayInterrupt();
    return *Shadow::FindOrMake(this, [this](void* place) {
      rl::atomic<T>* const atomic = new (place) rl::atomic<T>();
      atomic->store(initial_, rl::mo_relaxed, relacy::Where("first value"));
    });
  }

  T initial_{};
};

// Ordinary data. The model fails if an access is not ordered with another
// thread's write to it.
template <typename T>
class Plain {
  using Shadow = relacy::Shadow<rl::var<T>>;

 public:
  Plain() noexcept { Shadow::Forget(this); }
  Plain(const Plain&) = delete;
  Plain& operator=(const Plain&) = delete;

  T Read(relacy::Where where = {}) const noexcept {
    Step();
    return (*Own())(where).load();
  }
  void Write(T value, relacy::Where where = {}) noexcept {
    Step();
    (*Own())(where).store(value);
  }

 private:
  // Relacy does not count an access to ordinary data as a step by itself.
  static void Step() noexcept {
    relacy::MayInterrupt();
    rl::ctx().sched();
  }
  rl::var<T>* Own() const noexcept {
    return Shadow::FindOrMake(
        this, [this](void* place) { new (place) rl::var<T>(initial_); });
  }

  T initial_{};
};

// A seq_cst fence in this thread, then one in each other thread, wherever that
// thread is and in any order, then another one in this thread. Threads may run
// in between.
inline void HeavyBarrier(relacy::Where where = {}) noexcept {
  if (!has_heavy_barrier) return;
  relacy::Log(where, "heavy barrier begins");
  rl::context& context = rl::ctx();
  const unsigned self = rl::thread_index();
  const unsigned count = static_cast<unsigned>(context.get_thread_count());
  relacy::MayInterrupt();
  context.sched();
  relacy::hooks.fence(self);
  const unsigned skip = count > 2 ? rl::rand(count - 1) : 0;
  for (unsigned i = 0; i < count - 1; ++i) {
    context.sched();
    relacy::hooks.fence((self + 1 + (skip + i) % (count - 1)) % count);
  }
  context.sched();
  relacy::hooks.fence(self);
  relacy::Log(where, "heavy barrier ends");
}

// Blocks, so that the model fails by deadlock if no thread wakes this one. If
// `timeout` is less than an hour, the wait may also end at any moment. A wake
// orders no memory accesses.
inline void WaitWhileEqual(Atomic<std::uint32_t>& word, std::uint32_t value,
                           std::int64_t nanoseconds,
                           relacy::Where where = {}) noexcept {
  constexpr std::int64_t kHour = 60 * 60 * std::int64_t{1'000'000'000};
  relacy::MayInterrupt();
  rl::ctx().sched();
  if (word.Peek() != value) {
    // A thread that asks again sees the new value in the end.
    rl::ctx().yield(1, where);
    return;
  }
  relacy::waits_for[rl::thread_index()] = &word;
  rl::ctx().park_current_thread(nanoseconds < kHour,
                                rl::ctx().is_random_sched(), false, where);
  relacy::waits_for[rl::thread_index()] = nullptr;
}
inline void WakeAll(Atomic<std::uint32_t>& word,
                    relacy::Where where = {}) noexcept {
  relacy::MayInterrupt();
  rl::ctx().sched();
  for (unsigned i = 0; i < relacy::kMaxModelThreads; ++i) {
    if (relacy::waits_for[i] != &word) continue;
    relacy::waits_for[i] = nullptr;
    rl::ctx().unpark_thread(static_cast<rl::thread_id_t>(i), false, where);
  }
}

using ThreadState = simulated_sync::ThreadState<Atomic>;
// One for each thread of a model and one for its set-up.
inline ThreadState thread_states[relacy::kMaxModelThreads + 1];
inline ThreadState& ThisThread() noexcept {
  return thread_states[relacy::CurrentThread()];
}

// Runs when a thread of the model calls EndThread.
class ThreadExitHook {
 public:
  bool Prepare(void (*hook)(void*)) noexcept {
    relacy::exit_hook = hook;
    return true;
  }
  bool Arm(void* cookie) noexcept {
    relacy::exit_cookies[relacy::CurrentThread()] = cookie;
    return true;
  }
  void* Cookie() const noexcept {
    return relacy::exit_cookies[relacy::CurrentThread()];
  }
};

// A thread may move to another CPU at any moment.
inline unsigned CpuCount() noexcept { return 2; }
inline unsigned CpuIndex() noexcept { return rl::rand(CpuCount()); }

// The bytes are zero, and their addresses have had no shadows.
template <typename T>
T* Reserve(std::size_t count) noexcept {
  static_assert(std::is_trivially_destructible_v<T>);
  if (count > SIZE_MAX / sizeof(T)) return nullptr;
  return static_cast<T*>(relacy::ReserveBytes(count * sizeof(T)));
}
template <typename T>
void Unreserve(T* objects, std::size_t count) noexcept {
  relacy::UnreserveBytes(const_cast<std::remove_const_t<T>*>(objects),
                         count * sizeof(T));
}

// Small, so that a tiny table has several pages. The pages consist of atomic
// words.
inline std::size_t PageSize() noexcept { return 64; }
inline bool DropPages(void* begin, std::size_t bytes) noexcept {
  auto* const words = static_cast<Atomic<std::uintptr_t>*>(begin);
  for (std::size_t i = 0; i < bytes / sizeof(*words); ++i)
    words[i].store(0, std::memory_order_release);
  return true;
}

// Every table of a model begins with the same generation.
inline std::uint64_t RandomWord() noexcept { return 0; }

}  // namespace haft::internal::sync

#endif  // TESTS_SUPPORT_RELACY_SYNC_H_
