// The common base of the backends of the seam (haft/internal/base/sync.h).
//
// A backend is the header that HAFT_SYNC_BACKEND names. It declares in
// haft::internal::sync the names that it replaces, and takes the others by a
// using-directive from one of two namespaces:
//
//   system_sync     the operating system's (haft/internal/base/system_sync.h),
//                   for a backend that disturbs real threads: fault_sync.h and
//                   stepping_sync.h
//   simulated_sync  the parts of a machine that does not exist, declared below,
//                   for a backend that simulates threads and memory:
//                   relacy_sync.h and scheduler_sync.h
//
// A simulated backend takes nothing from the system: a name that it forgets
// does not compile.

#ifndef TESTS_SUPPORT_SYNC_BACKEND_BASE_H_
#define TESTS_SUPPORT_SYNC_BACKEND_BASE_H_

#include <cstddef>
#include <cstdint>

#include "haft/internal/base/system_sync.h"

namespace haft::internal::simulated_sync {

// All threads of a simulation run in one thread of the system, so that neither
// the compiler nor the cache is between them.
inline void SignalFence() noexcept {}
inline void PrefetchForWrite(const void*) noexcept {}

// One step, as it is towards a signal handler of the thread. `Word` is an
// atomic word of the backend.
template <typename Word, typename T>
bool CompareExchangeInThread(Word& word, T expected, T desired,
                             std::memory_order order) noexcept {
  return word.compare_exchange_strong(expected, desired, order,
                                      std::memory_order_relaxed);
}

// Whether the machine has a heavy barrier. A test may change it, because both
// ways of unpinning are to be tried.
inline bool has_heavy_barrier = true;
inline bool HasHeavyBarrier() noexcept { return has_heavy_barrier; }
inline void PrepareHeavyBarrier() noexcept {}
inline bool RegisterHeavyBarrier() noexcept { return has_heavy_barrier; }

// Simulations have no page faults.
inline constexpr bool kPopulates = false;
inline bool PopulatePages(void*, std::size_t) noexcept { return true; }
inline bool PopulateOrTouchPages(void*, std::size_t) noexcept { return true; }

// Nor do they fork.
inline constexpr bool kForks = false;
class ForkHook {
 public:
  void Prepare(void (*)()) noexcept {}
};

// Each simulated thread has a stack of its own.
using system_sync::StackPointer;

// The smallest number that ThreadIndexSet allows.
inline constexpr unsigned kMaxThreads = 64;
inline constexpr unsigned kMaxCaches = 64;

// The state of each of the machine's threads.
template <template <typename> class Atomic>
struct ThreadState {
  void* registry;
  Atomic<unsigned> index;
  Atomic<unsigned> cache;
  Atomic<bool> exited;
  bool holds_interns;
  unsigned loans;
  std::uint64_t tag;
};

// Messages of a simulation are the same in every run.
inline std::uint32_t ThreadNumber() noexcept { return 1; }
inline std::uint32_t MonotonicSeconds() noexcept { return 0; }

}  // namespace haft::internal::simulated_sync

#endif  // TESTS_SUPPORT_SYNC_BACKEND_BASE_H_
