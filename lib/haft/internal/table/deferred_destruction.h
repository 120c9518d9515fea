// Destructors that run now, or after the destructors that are running already.

#ifndef HAFT_INTERNAL_TABLE_DEFERRED_DESTRUCTION_H_
#define HAFT_INTERNAL_TABLE_DEFERRED_DESTRUCTION_H_

#include <cstddef>
#include <cstdint>

#include "haft/handle.h"
#include "haft/internal/base/abi.h"
#include "haft/internal/base/reserved_array.h"
#include "haft/internal/base/sync.h"
#include "haft/internal/thread/thread_registry.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// A destructor may delete other objects, whose destructors delete others still.
// Beyond a depth of kMaxDepth on one stack such objects wait in a list of their
// thread, and the innermost destructor that is running sees to them when it
// ends. Therefore a chain of any length needs bounded stack, and no destructor
// runs in another thread than the one that asked for it.
//
// A destructor that runs is a *frame*, known by its address on the stack. It
// may never end, because its thread was cancelled or has left it by longjmp.
// Only frames that may still exist count: those of the thread that has the
// index now, further up on the stack than the caller. (A frame that was left
// counts until the stack is as short again as it was. A signal handler on a
// stack of its own, or a fibre, may take the frames of another stack for gone;
// destructors then nest deeper, by 32 at most each time.)
class DeferredDestruction {
 public:
  static constexpr unsigned kMaxDepth = 32;

  // For handles of `slots` slots, a power of two.
  explicit DeferredDestruction(std::size_t slots) noexcept
      : threads_(sync::kMaxThreads + 1),
        registry_(&ThreadRegistry::OfThisCopy()),
        next_(slots) {}

  bool ok() const noexcept { return threads_.ok() && next_.ok(); }

  // Calls destroy(handle), which destroys the object of a handle and gives its
  // slot back; or leaves that to a destructor further up on this stack. Inlined
  // by force: the registers that a call saves are stores, and the next
  // compare-and-swap waits for those.
  //   Returns   whether it has called it
  template <typename F>
  [[gnu::always_inline]] bool Run(Word handle, F destroy) {
    // relaxed, all accesses to a thread's own data: only its signal handlers
    // use them besides. A handler runs to its end in between, and the fences
    // keep the compiler from moving an access past the point where it may have
    // run. Objects that it leaves waiting are for a frame that it interrupted.
    const unsigned index = registry_->IndexHere();
    Thread& mine = threads_[index];
    if (__builtin_expect(index == 0 || mine.outermost != 0, 0))
      return RunNested(handle, destroy);
    const sync::ThreadState& thread = sync::ThisThread();
    RunOutermost(thread, mine, handle, destroy);
    if (__builtin_expect(mine.waiting.load(std::memory_order_relaxed) != 0, 0))
      RunWaiting(thread, mine, destroy);
    return true;
  }

  // Populates what the calling thread needs; see ReservedArray.
  bool Prepare() noexcept { return threads_.Populate(registry_->Index(), 1); }

 private:
  // The data of a thread index. All bytes are 0 at first.
  struct alignas(128) Thread {
    std::uint64_t outermost;     // its frame; 0: none is running
    sync::Atomic<Word> waiting;  // the last handle that was left
    unsigned nested;             // how many frames follow
    std::uint64_t frames[kMaxDepth - 1];
  };

  // [ tag of the thread : 20 | address of the stack / 16 : 44 ]
  static constexpr unsigned kAddressBits = 44;
  static constexpr std::uint64_t kAddressMask =
      (std::uint64_t{1} << kAddressBits) - 1;

  static std::uint64_t FrameHere(const sync::ThreadState& thread) noexcept {
    return thread.tag << kAddressBits |
           (sync::StackPointer() / 16 & kAddressMask);
  }
  // Whether `frame` may still exist, now that the stack has grown to `here`.
  static bool MayExist(std::uint64_t frame, std::uint64_t here) noexcept {
    return (frame ^ here) <= kAddressMask && frame > here;
  }

  template <typename F>
  [[gnu::always_inline]] static void RunOutermost(
      const sync::ThreadState& thread, Thread& mine, Word handle, F& destroy) {
    mine.outermost = FrameHere(thread);
    sync::SignalFence();
    destroy(handle);
    sync::SignalFence();
    mine.outermost = 0;
    sync::SignalFence();
  }

  // Run in a thread's first call, if the caller is in another copy of Haft, or
  // if a destructor may be running.
  template <typename F>
  [[gnu::cold, gnu::noinline]] bool RunNested(Word handle, F& destroy) {
    const sync::ThreadState& thread = registry_->ThisThread();
    if (thread.index.load(std::memory_order_relaxed) == 0) {
      const ThreadRegistry::Loan loan(*registry_);
      if (loan.index() != 0) return RunNested(handle, destroy);
      // More threads than there are indices: nothing is known about this
      // stack.
      destroy(handle);
      return true;
    }
    Thread& mine = threads_[thread.index.load(std::memory_order_relaxed)];
    const std::uint64_t here = FrameHere(thread);
    unsigned depth = mine.nested;
    if (!MayExist(mine.outermost, here)) {
      mine.nested = 0;
      RunOutermost(thread, mine, handle, destroy);
      RunWaiting(thread, mine, destroy);
      return true;
    }
    while (depth != 0 && !MayExist(mine.frames[depth - 1], here)) --depth;
    if (depth == kMaxDepth - 1) {
      Leave(mine, handle);
      return false;
    }
    do {
      // In this order, because a handler may use the next frame.
      mine.nested = depth + 1;
      sync::SignalFence();
      mine.frames[depth] = here;
      sync::SignalFence();
      destroy(handle);
      sync::SignalFence();
      mine.nested = depth;
      handle = TakeOne(mine);
    } while (handle != 0);
    return true;
  }

  // Sees to what is left if the frames that should have done so never ended.
  template <typename F>
  [[gnu::cold, gnu::noinline]] void RunWaiting(const sync::ThreadState& thread,
                                               Thread& mine, F& destroy) {
    while (const Word handle = TakeOne(mine))
      RunOutermost(thread, mine, handle, destroy);
  }

  void Leave(Thread& mine, Word handle) noexcept {
    Word head = mine.waiting.load(std::memory_order_relaxed);
    do {
      next_[NodeOf(handle)].store(head, std::memory_order_relaxed);
    } while (!mine.waiting.compare_exchange_strong(
        head, handle, std::memory_order_relaxed, std::memory_order_relaxed));
  }
  Word TakeOne(Thread& mine) noexcept {
    Word head = mine.waiting.load(std::memory_order_relaxed);
    while (head != 0 &&
           !mine.waiting.compare_exchange_strong(
               head, next_[NodeOf(head)].load(std::memory_order_relaxed),
               std::memory_order_relaxed, std::memory_order_relaxed)) {
    }
    return head;
  }

  std::size_t NodeOf(Word handle) const noexcept {
    return handle >> 1 & (next_.size() - 1);
  }

  ReservedArray<Thread> threads_;
  ThreadRegistry* const registry_;
  ReservedArray<sync::Atomic<Word>> next_;  // of each handle that waits
};

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_TABLE_DEFERRED_DESTRUCTION_H_
