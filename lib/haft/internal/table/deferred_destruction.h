// Destructors that run now, or after the destructors that are running already.

#ifndef HAFT_INTERNAL_TABLE_DEFERRED_DESTRUCTION_H_
#define HAFT_INTERNAL_TABLE_DEFERRED_DESTRUCTION_H_

#include <cstddef>

#include "haft/handle.h"
#include "haft/internal/base/abi.h"
#include "haft/internal/base/check.h"
#include "haft/internal/base/sync.h"
#include "haft/internal/free_list/handle_stack.h"
#include "haft/internal/thread/thread_caches.h"
#include "haft/internal/thread/thread_registry.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// How many destructors are running on a thread's stack. A part of the cache
// that each thread keeps for a table.
struct DestructionDepth {
  unsigned depth;
};

// A destructor may delete other objects, whose destructors delete others still.
// Beyond a depth of kMaxDepth on one stack such objects wait in a list, and the
// outermost destructor sees to them. Therefore a chain of any length needs
// bounded stack.
//
// CacheT is derived from DestructionDepth. Each function calls destroy(handle),
// which destroys the object of a handle and gives its slot back.
template <typename CacheT>
class DeferredDestruction {
 public:
  static constexpr unsigned kMaxDepth = 32;

  // For handles of `slots` slots, a power of two.
  explicit DeferredDestruction(std::size_t slots) noexcept
      : waiting_(slots, 1) {}

  bool ok() const noexcept { return waiting_.ok(); }

  // Calls destroy(handle) now, or leaves that to a destructor further up on
  // this stack. Inlined by force: the registers that a call saves are stores,
  // and the next compare-and-swap waits for those.
  template <typename F>
  [[gnu::always_inline]] void Run(ThreadCaches<CacheT>& caches, Word handle,
                                  F destroy) {
    CacheT* const cache = caches.Mine();
    if (__builtin_expect(cache == nullptr || cache->depth == kMaxDepth, 0))
      return RunElsewhere(caches, handle, destroy);
    RunIn(*cache, handle, destroy);
    if (__builtin_expect(cache->depth != 0, 0)) return;
    // A signal handler that ran before this point may have left something that
    // was nested too deep, and it is seen to here. A later handler finds depth
    // 0 and sees to its own.
    sync::SignalFence();
    if (const Word waiting = waiting_.PopFrom(0))
      RunWaiting(caches, waiting, destroy);
  }

 private:
  template <typename F>
  [[gnu::always_inline]] static void RunIn(CacheT& cache, Word handle,
                                           F& destroy) {
    ++cache.depth;
    destroy(handle);
    --cache.depth;
  }

  // The same in a thread's first call, without a cache, or nested too deep.
  template <typename F>
  [[gnu::cold, gnu::noinline]] void RunElsewhere(ThreadCaches<CacheT>& caches,
                                                 Word handle, F destroy) {
    if (caches.Mine() == nullptr) ThreadRegistry::Claim();
    CacheT* const cache = caches.Mine();
    if (cache == nullptr) return RunUncached(handle, destroy);
    if (cache->depth == kMaxDepth) return waiting_.Push(0, handle);
    Run(caches, handle, destroy);
  }

  // For the outermost destructor on its stack.
  template <typename F>
  [[gnu::cold, gnu::noinline]] void RunWaiting(ThreadCaches<CacheT>& caches,
                                               Word handle, F destroy) {
    CacheT* const cache = caches.Mine();
    do {
      RunIn(*cache, handle, destroy);
      sync::SignalFence();  // as in Run
      handle = waiting_.PopFrom(0);
    } while (handle != 0);
  }

  // Callers without a cache count their depth together. The last one to leave
  // sees to what waits.
  template <typename F>
  [[gnu::cold]] void RunUncached(Word handle, F destroy) {
    // [G1] acq_rel: one caller comes last, and by its own [G1] it sees what
    // those before it have left waiting.
    if (uncached_depth_.fetch_add(1, std::memory_order_acq_rel) >= kMaxDepth) {
      waiting_.Push(0, handle);
      handle = 0;
    }
    for (;;) {
      while (handle != 0) {
        destroy(handle);
        // relaxed: a hint; only a caller that is alone inside must look.
        handle = uncached_depth_.load(std::memory_order_relaxed) == 1
                     ? waiting_.PopFrom(0)
                     : 0;
      }
      // As [G1].
      if (uncached_depth_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
      handle = waiting_.PopFrom(0);
      if (handle == 0) return;
      uncached_depth_.fetch_add(1, std::memory_order_acq_rel);
    }
  }

  HandleStack waiting_;
  alignas(128) sync::Atomic<unsigned> uncached_depth_{0};
};

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_TABLE_DEFERRED_DESTRUCTION_H_
