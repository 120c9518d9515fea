// The backend of the seam (haft/internal/base/sync.h) for the simulator: each
// access costs simulated time. Outside of Simulation::Run, while a table is
// made and filled, accesses are free.

#ifndef HAFT_BENCH_SIMULATOR_SIMULATOR_SYNC_H_
#define HAFT_BENCH_SIMULATOR_SIMULATOR_SYNC_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "bench/simulator/simulation.h"
#include "haft/internal/base/system_sync.h"

namespace haft::internal::sync {

using simulator::Simulation;

// An object of at most 8 bytes to which simulated cores have access.
template <typename T>
class Cell {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= 8);

 public:
  T Load() const noexcept {
    Simulation* const simulation = Simulation::running();
    return simulation == nullptr
               ? value
               : FromBits(simulation->Load(address(), sizeof(T)));
  }
  void Store(T desired) noexcept {
    Simulation* const simulation = Simulation::running();
    if (simulation == nullptr) {
      value = desired;
    } else {
      simulation->Store(address(), sizeof(T), ToBits(desired));
    }
  }
  // Replaces the value by f(value) in one step. Returns the old one.
  template <typename F>
  T Modify(F&& f) noexcept {
    Simulation* const simulation = Simulation::running();
    if (simulation != nullptr) simulation->BeginModify(address());
    const T before = value;
    value = f(before);
    if (simulation != nullptr) simulation->FinishModify(address());
    return before;
  }

  const void* address() const noexcept {
    return static_cast<const void*>(&value);
  }
  void* address() noexcept { return static_cast<void*>(&value); }
  static std::uint64_t ToBits(T from) noexcept {
    std::uint64_t bits = 0;
    std::memcpy(&bits, &from, sizeof(T));
    return bits;
  }

  T value;

 private:
  static T FromBits(std::uint64_t bits) noexcept {
    T to;
    std::memcpy(static_cast<void*>(&to), &bits, sizeof(T));
    return to;
  }
};

// Loads and stores of all orders cost the same, except that a seq_cst store is
// an exchange, as on x86.
template <typename T>
class Atomic {
 public:
  Atomic() noexcept { NoteConstruction(); }
  explicit Atomic(T value) noexcept {
    cell_.value = value;
    NoteConstruction();
  }
  Atomic(const Atomic&) = delete;
  Atomic& operator=(const Atomic&) = delete;

  T load(std::memory_order) const noexcept { return cell_.Load(); }
  void store(T value, std::memory_order order) noexcept {
    if (order == std::memory_order_seq_cst) {
      exchange(value, order);
    } else {
      cell_.Store(value);
    }
  }
  T exchange(T value, std::memory_order) noexcept {
    return cell_.Modify([=](T) { return value; });
  }
  T fetch_add(T n, std::memory_order) noexcept {
    return cell_.Modify([=](T value) { return static_cast<T>(value + n); });
  }
  T fetch_sub(T n, std::memory_order) noexcept {
    return cell_.Modify([=](T value) { return static_cast<T>(value - n); });
  }
  T fetch_and(T n, std::memory_order) noexcept {
    return cell_.Modify([=](T value) { return static_cast<T>(value & n); });
  }
  T fetch_or(T n, std::memory_order) noexcept {
    return cell_.Modify([=](T value) { return static_cast<T>(value | n); });
  }
  bool compare_exchange_strong(T& expected, T desired, std::memory_order,
                               std::memory_order) noexcept {
    const T before = cell_.Modify(
        [&](T value) { return value == expected ? desired : value; });
    if (before == expected) return true;
    expected = before;
    if (Simulation* const simulation = Simulation::running())
      simulation->CountFailedCompareAndSwap();
    return false;
  }
  bool compare_exchange_weak(T& expected, T desired, std::memory_order success,
                             std::memory_order failure) noexcept {
    return compare_exchange_strong(expected, desired, success, failure);
  }

  // For arms that are written for the simulator.

  // Waits until the value differs from `value`, and returns it.
  T SpinWhileEqual(T value) noexcept {
    if (Simulation* const simulation = Simulation::running()) {
      simulation->SpinWhileEqual(cell_.address(), sizeof(T),
                                 Cell<T>::ToBits(value));
    }
    return cell_.Load();
  }
  void WaitWhileEqual(T value) noexcept {
    if (Simulation* const simulation = Simulation::running()) {
      simulation->FutexWait(cell_.address(), sizeof(T), Cell<T>::ToBits(value));
    }
  }
  void Wake(unsigned most) noexcept {
    if (Simulation* const simulation = Simulation::running())
      simulation->FutexWake(cell_.address(), most);
  }

 private:
  void NoteConstruction() noexcept {
    if (Simulation* const simulation = Simulation::existing())
      simulation->memory().NoteAtomic(this);
  }

  Cell<T> cell_;
};

template <typename T>
class Plain {
 public:
  T Read() const noexcept { return cell_.Load(); }
  void Write(T value) noexcept { cell_.Store(value); }

 private:
  Cell<T> cell_;
};

// All cores run in one thread of the system, so that the compiler is not
// between them.
inline void SignalFence() noexcept {}

// Costs a load and a store, and there are no signal handlers.
template <typename T>
bool CompareExchangeInThread(Atomic<T>& word, T expected, T desired,
                             std::memory_order) noexcept {
  if (word.load(std::memory_order_relaxed) != expected) return false;
  word.store(desired, std::memory_order_relaxed);
  return true;
}

// False: a system that has none.
inline bool has_heavy_barrier = true;
inline bool HasHeavyBarrier() noexcept { return has_heavy_barrier; }
inline void PrepareHeavyBarrier() noexcept {}
inline bool RegisterHeavyBarrier() noexcept { return true; }
inline void HeavyBarrier() noexcept {
  if (!has_heavy_barrier) return;
  if (Simulation* const simulation = Simulation::running())
    simulation->HeavyBarrier();
}

// No workload waits with a timeout: the timeouts of the library are those of a
// real clock.
inline void WaitWhileEqual(Atomic<std::uint32_t>& word, std::uint32_t value,
                           std::int64_t /*nanoseconds*/) noexcept {
  word.WaitWhileEqual(value);
}
inline void WakeAll(Atomic<std::uint32_t>& word) noexcept { word.Wake(~0u); }

inline void PrefetchForWrite(const void* address) noexcept {
  if (Simulation* const simulation = Simulation::running())
    simulation->Prefetch(address);
}

// As in production.
using system_sync::kMaxCaches;
using system_sync::kMaxThreads;

// The state of the thread that runs on a core. Each has a line of its own, and
// so has the thread outside of the simulation, which fills the tables.
struct alignas(simulator::kLineSize) ThreadState {
  void* registry;
  Atomic<unsigned> index;
  Atomic<unsigned> cache;
  Atomic<bool> exited;
  bool holds_interns;
  unsigned loans;
  std::uint64_t tag;
  void* exit_cookie;  // of ThreadExitHook
};
// An array of kMostCores + 1; see library.h.
inline ThreadState* thread_states = nullptr;
// The thread that runs outside of the simulation.
inline ThreadState* outside_thread = nullptr;
inline ThreadState& ThisThread() noexcept {
  const simulator::CoreNumber core = Simulation::existing()->core();
  return core == simulator::kMostCores ? *outside_thread : thread_states[core];
}

// Its hook runs when a workload ends a thread, in simulated time.
inline void (*exit_hook)(void*) = nullptr;
class ThreadExitHook {
 public:
  bool Prepare(void (*hook)(void*)) noexcept {
    exit_hook = hook;
    return true;
  }
  bool Arm(void* cookie) noexcept {
    ThisThread().exit_cookie = cookie;
    return true;
  }
};

// Simulations do not fork.
inline constexpr bool kForks = false;
class ForkHook {
 public:
  void Prepare(void (*)()) noexcept {}
};

using system_sync::StackPointer;

// Threads stay on their core.
inline unsigned CpuCount() noexcept { return Simulation::existing()->cores(); }
inline unsigned CpuIndex() noexcept { return Simulation::existing()->core(); }

inline std::uint32_t ThreadNumber() noexcept { return 1; }
inline std::uint32_t MonotonicSeconds() noexcept { return 0; }

template <typename T>
T* Reserve(std::size_t count) noexcept {
  static_assert(std::is_trivially_destructible_v<T>);
  return static_cast<T*>(
      Simulation::existing()->memory().Allocate(sizeof(T), count));
}
template <typename T>
void Unreserve(T*, std::size_t) noexcept {}

// The system takes no page back: Trim is not simulated.
inline std::size_t PageSize() noexcept { return 4096; }
inline bool DropPages(void*, std::size_t) noexcept { return false; }
// Nor are page faults.
inline constexpr bool kPopulates = false;
inline bool PopulatePages(void*, std::size_t) noexcept { return true; }
inline bool PopulateOrTouchPages(void*, std::size_t) noexcept { return true; }

// Every table begins with the same generation.
inline std::uint64_t RandomWord() noexcept { return 0; }

}  // namespace haft::internal::sync

#endif  // HAFT_BENCH_SIMULATOR_SIMULATOR_SYNC_H_
