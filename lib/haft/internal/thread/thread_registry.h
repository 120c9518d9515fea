// Dense numbers for threads: claimed lock-free at first use, given back when
// the thread ends.

#ifndef HAFT_INTERNAL_THREAD_THREAD_REGISTRY_H_
#define HAFT_INTERNAL_THREAD_THREAD_REGISTRY_H_

#include <cstdint>

#include "haft/internal/base/abi.h"
#include "haft/internal/base/check.h"
#include "haft/internal/base/sync.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// Which of the indices 1..kMaxThreads are taken. The next owner of an index
// sees all that the last one wrote, so whatever is kept per index is inherited,
// and nothing is lost when threads come and go.
class ThreadIndexSet {
 public:
  // The lowest free index, or 0 when all are taken. Lock-free;
  // async-signal-safe.
  unsigned Claim() noexcept {
    for (unsigned w = 0; w < kWords; ++w) {
      // relaxed: a hint; the CAS decides.
      std::uint64_t taken = words_[w].load(std::memory_order_relaxed);
      while (~taken != 0) {
        const unsigned bit = static_cast<unsigned>(__builtin_ctzll(~taken));
        // [T1] acquire: sees what the last owner wrote before [T2]. Mutant T1:
        // inherits a half-written cache. relaxed on failure: a hint again.
        if (words_[w].compare_exchange_weak(
                taken, taken | std::uint64_t{1} << bit,
                std::memory_order_acquire, std::memory_order_relaxed)) {
          const unsigned index = w * 64 + bit + 1;
          RaiseReach(index);
          return index;
        }
      }
    }
    return 0;
  }

  // The highest index that was ever claimed. What a thread does with its own
  // index is after [T3] in the one order of seq_cst operations.
  unsigned Reach() const noexcept {
    // [T4] seq_cst: partner of [T3]: after the end of a handle, so that a
    // thread that still found it live is within reach.
    return reach_.load(std::memory_order_seq_cst);
  }

  // Gives `index` back. Wait-free; async-signal-safe.
  void Release(unsigned index) noexcept {
    const std::uint64_t bit = std::uint64_t{1} << (index - 1) % 64;
    // [T2] release: publishes what this owner wrote; synchronises with [T1].
    const std::uint64_t taken =
        words_[(index - 1) / 64].fetch_and(~bit, std::memory_order_release);
    HAFT_CHECK((taken & bit) != 0, "a thread index was released twice");
  }

 private:
  static constexpr unsigned kWords = sync::kMaxThreads / 64;
  static_assert(sync::kMaxThreads % 64 == 0);

  void RaiseReach(unsigned index) noexcept {
    // [T3] seq_cst, also where it is high enough already: before whatever the
    // thread does with its index; partner of [T4].
    unsigned reach = reach_.load(std::memory_order_seq_cst);
    while (reach < index) {
      if (reach_.compare_exchange_weak(reach, index, std::memory_order_seq_cst,
                                       std::memory_order_relaxed))
        return;
    }
  }

  sync::Atomic<std::uint64_t> words_[kWords] = {};
  sync::Atomic<unsigned> reach_{0};
};

// The process's one set of thread indices. A thread has at most one index, and
// keeps it until it ends.
class ThreadRegistry {
 public:
  // To be called once before Claim may be used in a signal handler.
  static void Prepare() noexcept { (void)hook_.Prepare(&OnThreadExit); }

  // Gives the calling thread an index, if it has none and may have one.
  // Afterwards sync::ThisThread().index is it, or 0: all are taken, the
  // thread's exit hook has run, or there can be no hook. Lock-free; for signals
  // see ThreadExitHook.
  [[gnu::cold, gnu::noinline]] static void Claim() noexcept {
    sync::ThreadState& thread = sync::ThisThread();
    // relaxed, all: these words are the thread's own; a signal handler is the
    // only other reader.
    if (thread.exited.load(std::memory_order_relaxed) ||
        thread.index.load(std::memory_order_relaxed) != 0)
      return;
    if (!hook_.Arm(&thread)) return;
    const unsigned index = indices_.Claim();
    if (index == 0) return;
    unsigned none = 0;
    // A signal handler may have claimed one in between; then that one stays.
    if (!thread.index.compare_exchange_strong(none, index,
                                              std::memory_order_relaxed,
                                              std::memory_order_relaxed)) {
      indices_.Release(index);
    }
  }

  // See ThreadIndexSet.
  static unsigned Reach() noexcept { return indices_.Reach(); }

 private:
  // Threads use tables in later destructors, too; they do so without an index
  // then.
  static void OnThreadExit(void*) noexcept {
    sync::ThreadState& thread = sync::ThisThread();
    // relaxed, both: as in Claim.
    thread.exited.store(true, std::memory_order_relaxed);
    if (const unsigned index =
            thread.index.exchange(0, std::memory_order_relaxed))
      indices_.Release(index);
  }

  [[gnu::visibility("default")]] static inline sync::ThreadExitHook hook_;
  [[gnu::visibility("default")]] static inline ThreadIndexSet indices_;
};

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_THREAD_THREAD_REGISTRY_H_
