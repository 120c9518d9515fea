// Thread indices: small numbers that threads claim lock-free at first use and
// give back when they end.

#ifndef HAFT_INTERNAL_THREAD_THREAD_REGISTRY_H_
#define HAFT_INTERNAL_THREAD_THREAD_REGISTRY_H_

#include <cstdint>

#include "haft/internal/base/abi.h"
#include "haft/internal/base/check.h"
#include "haft/internal/base/sync.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// The set of the indices 1..kMaxThreads that are taken. The next owner of an
// index sees everything that the last owner wrote, so it inherits the data that
// is kept for the index, and nothing is lost when threads come and go.
class ThreadIndexSet {
 public:
  // Claims the lowest free index and returns it, or 0 if all are taken.
  // Lock-free; async-signal-safe.
  unsigned Claim() noexcept {
    for (unsigned w = 0; w < kWords; ++w) {
      // relaxed: a hint; the CAS decides.
      std::uint64_t taken = words_[w].load(std::memory_order_relaxed);
      while (~taken != 0) {
        const unsigned bit = static_cast<unsigned>(__builtin_ctzll(~taken));
        // [T1] acquire: sees what the last owner wrote before [T2]. Mutant T1:
        // relaxed inherits a half-written cache. relaxed on failure: a hint
        // again.
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

  // Returns the highest index that was ever claimed. In the single order of
  // seq_cst operations, everything that a thread does with its index comes
  // after [T3].
  unsigned Reach() const noexcept {
    // [T4] seq_cst: partner of [T3]. The caller has ended a handle before, so a
    // thread that still found the handle live has an index up to this one.
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
    // [T3] seq_cst, also if it is high enough already: it comes before
    // everything that the thread does with its index. Partner of [T4].
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

// The set of thread indices of the process. A thread has at most one index and
// keeps it until the thread ends.
class ThreadRegistry {
 public:
  // Must be called once before a signal handler may call Claim.
  static void Prepare() noexcept { (void)hook_.Prepare(&OnThreadExit); }

  // Gives the calling thread an index, if it has none and may have one.
  // Afterwards sync::ThisThread().index is the index. It is 0 if all indices
  // are taken, if the thread's exit hook has run, or if the hook could not be
  // arranged. Lock-free; for signals see ThreadExitHook.
  [[gnu::cold, gnu::noinline]] static void Claim() noexcept {
    sync::ThreadState& thread = sync::ThisThread();
    // relaxed, all: these words are the thread's own; only its signal handlers
    // read them besides.
    if (thread.exited.load(std::memory_order_relaxed) ||
        thread.index.load(std::memory_order_relaxed) != 0)
      return;
    if (!hook_.Arm(&thread)) return;
    const unsigned index = indices_.Claim();
    if (index == 0) return;
    unsigned none = 0;
    // A signal handler may have claimed an index in between. Then the thread
    // keeps that one.
    if (!thread.index.compare_exchange_strong(none, index,
                                              std::memory_order_relaxed,
                                              std::memory_order_relaxed)) {
      indices_.Release(index);
    }
  }

  // See ThreadIndexSet.
  static unsigned Reach() noexcept { return indices_.Reach(); }

 private:
  // Destructors that run later in this thread may still use tables. They do so
  // without an index, as uncached callers.
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
