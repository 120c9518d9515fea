// The backend of the seam for the deterministic scheduler
// (tests/interleaving/schedule/scheduler.h). Every access is a step of it.

#ifndef TESTS_SUPPORT_SCHEDULER_SYNC_H_
#define TESTS_SUPPORT_SCHEDULER_SYNC_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "tests/interleaving/schedule/scheduler.h"
#include "tests/support/sync_backend_base.h"

namespace haft::internal::sync {

using namespace simulated_sync;

using schedule::Access;
using schedule::BeforeAccess;

// The scheduler orders all accesses, so that their memory orders do not matter.
template <typename T>
class Atomic {
 public:
  Atomic() noexcept = default;
  constexpr Atomic(T value) noexcept : value_(value) {}
  Atomic(const Atomic&) = delete;
  Atomic& operator=(const Atomic&) = delete;

  T load(std::memory_order) const noexcept {
    BeforeAccess(Access::kLoad);
    return Get();
  }
  void store(T value, std::memory_order) noexcept {
    BeforeAccess(Access::kStore);
    Set(value);
  }
  T exchange(T value, std::memory_order) noexcept {
    return Modify([=](T) { return value; });
  }
  T fetch_add(T n, std::memory_order) noexcept {
    return Modify([=](T value) { return static_cast<T>(value + n); });
  }
  T fetch_sub(T n, std::memory_order) noexcept {
    return Modify([=](T value) { return static_cast<T>(value - n); });
  }
  T fetch_and(T n, std::memory_order) noexcept {
    return Modify([=](T value) { return static_cast<T>(value & n); });
  }
  T fetch_or(T n, std::memory_order) noexcept {
    return Modify([=](T value) { return static_cast<T>(value | n); });
  }
  bool compare_exchange_strong(T& expected, T desired, std::memory_order,
                               std::memory_order) noexcept {
    BeforeAccess(Access::kReadModifyWrite);
    const T found = Get();
    if (found != expected) {
      expected = found;
      return false;
    }
    if (schedule::faults.torn_compare_and_swap)
      BeforeAccess(Access::kReadModifyWrite);
    Set(desired);
    return true;
  }
  // Never fails spuriously: except for the count of steps, a schedule in which
  // it does equals one in which the thread was not chosen.
  bool compare_exchange_weak(T& expected, T desired, std::memory_order success,
                             std::memory_order failure) noexcept {
    return compare_exchange_strong(expected, desired, success, failure);
  }

 private:
  T Get() const noexcept { return value_.load(std::memory_order_relaxed); }
  void Set(T value) noexcept { value_.store(value, std::memory_order_relaxed); }
  template <typename F>
  T Modify(F f) noexcept {
    BeforeAccess(Access::kReadModifyWrite);
    const T before = Get();
    if (schedule::faults.torn_addition) BeforeAccess(Access::kReadModifyWrite);
    Set(f(before));
    return before;
  }

  std::atomic<T> value_;
};

// Each access is a step, so that a thread which hands data on too early can be
// overtaken.
template <typename T>
class Plain {
 public:
  T Read() const noexcept {
    BeforeAccess(Access::kPlain);
    return value_;
  }
  void Write(T value) noexcept {
    BeforeAccess(Access::kPlain);
    value_ = value;
  }

 private:
  T value_;
};

// Every step is a full barrier already.
inline void HeavyBarrier() noexcept { BeforeAccess(Access::kPlain); }

// Returns spuriously and at once, but lets other threads go first.
inline void WaitWhileEqual(Atomic<std::uint32_t>&, std::uint32_t,
                           std::int64_t) noexcept {
  schedule::Yield();
}
inline void WakeAll(Atomic<std::uint32_t>&) noexcept {
  BeforeAccess(Access::kPlain);
}

using ThreadState = simulated_sync::ThreadState<Atomic>;
inline ThreadState thread_states[schedule::kMostThreads + 1];
inline ThreadState& ThisThread() noexcept {
  return thread_states[schedule::ThreadNumber()];
}

// Runs at the end of a scheduled thread, as part of its schedule.
class ThreadExitHook {
 public:
  bool Prepare(void (*hook)(void*)) noexcept {
    hook_ = hook;
    return true;
  }
  bool Arm(void* cookie) noexcept {
    schedule::AtThreadExit(hook_, cookie);
    cookies_[schedule::ThreadNumber()] = cookie;
    return true;
  }
  void* Cookie() const noexcept { return cookies_[schedule::ThreadNumber()]; }

 private:
  void (*hook_)(void*) = nullptr;
  void* cookies_[schedule::kMostThreads + 1] = {};
};

// A thread may run on another CPU at each call.
inline unsigned CpuCount() noexcept { return 4; }
inline unsigned CpuIndex() noexcept { return schedule::Choose(CpuCount()); }

template <typename T>
T* Reserve(std::size_t count) noexcept {
  static_assert(std::is_trivially_destructible_v<T>);
  return static_cast<T*>(schedule::ReserveBytes(count * sizeof(T)));
}
template <typename T>
void Unreserve(T*, std::size_t) noexcept {
  schedule::UnreserveBytes();
}

// Small, so that a tiny table has several pages. The pages consist of atomic
// words.
inline std::size_t PageSize() noexcept { return 64; }
// The system drops pages whose bytes AddressSanitizer lets nobody use.
[[gnu::no_sanitize_address, gnu::noinline]] inline void DropWord(
    std::uintptr_t* word) noexcept {
  __atomic_store_n(word, 0, __ATOMIC_RELAXED);
}
inline bool DropPages(void* begin, std::size_t bytes) noexcept {
  auto* const words = static_cast<std::uintptr_t*>(begin);
  for (std::size_t i = 0; i < bytes / sizeof(*words); ++i) {
    BeforeAccess(Access::kStore);
    DropWord(&words[i]);
  }
  return true;
}

inline std::uint64_t RandomWord() noexcept {
  static std::uint64_t state = 0;
  return state += 0x9e3779b97f4a7c15u;
}

}  // namespace haft::internal::sync

#endif  // TESTS_SUPPORT_SCHEDULER_SYNC_H_
