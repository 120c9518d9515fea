// The seam for the deterministic scheduler: every access is one of its steps.

#ifndef TESTS_SUPPORT_SCHEDULER_SYNC_H_
#define TESTS_SUPPORT_SCHEDULER_SYNC_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "tests/interleaving/schedule/scheduler.h"

namespace haft::internal::sync {

using schedule::Access;
using schedule::BeforeAccess;

// The scheduler orders all accesses, whatever order they ask for.
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
  // Fails for no reason never: a schedule in which it does is, but for the
  // count of steps, one in which the thread was not chosen.
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

// A step too, so that one who hands data on too early is overtaken.
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

inline void SignalFence() noexcept {}

// Every step is a full barrier already. Both ways of unpinning are there to be
// tried.
inline bool has_heavy_barrier = true;
inline bool HasHeavyBarrier() noexcept { return has_heavy_barrier; }
inline void PrepareHeavyBarrier() noexcept {}
inline void HeavyBarrier() noexcept { BeforeAccess(Access::kPlain); }

// Returns at once, for no reason, but lets others go first.
inline void WaitWhileEqual(Atomic<std::uint32_t>&, std::uint32_t,
                           std::int64_t) noexcept {
  schedule::Yield();
}
inline void WakeAll(Atomic<std::uint32_t>&) noexcept {
  BeforeAccess(Access::kPlain);
}

inline void PrefetchForWrite(const void*) noexcept {}

inline constexpr unsigned kMaxThreads = 64;
inline constexpr unsigned kFurtherBlocks = 16;

struct ThreadState {
  Atomic<unsigned> index;
  Atomic<bool> exited;
};
inline ThreadState thread_states[schedule::kMostThreads + 1];
inline ThreadState& ThisThread() noexcept {
  return thread_states[schedule::ThreadNumber()];
}

// Runs at the end of a thread of the scheduler, as part of its schedule.
class ThreadExitHook {
 public:
  bool Prepare(void (*hook)(void*)) noexcept {
    hook_ = hook;
    return true;
  }
  bool Arm(void* cookie) noexcept {
    schedule::AtThreadExit(hook_, cookie);
    return true;
  }

 private:
  void (*hook_)(void*) = nullptr;
};

// Threads wander from CPU to CPU all the time.
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

inline std::uint32_t ThreadNumber() noexcept { return 1; }
inline std::uint32_t MonotonicSeconds() noexcept { return 0; }

inline std::uint64_t RandomWord() noexcept {
  static std::uint64_t state = 0;
  return state += 0x9e3779b97f4a7c15u;
}

}  // namespace haft::internal::sync

#endif  // TESTS_SUPPORT_SCHEDULER_SYNC_H_
