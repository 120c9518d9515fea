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

// The set of those of the numbers 1..kMax that are taken. The next owner of a
// number sees everything that the last owner wrote, so it inherits the data
// that is kept for the number, and nothing is lost when threads come and go.
template <unsigned kMax>
class ThreadIndexSet {
 public:
  // Claims the lowest free number and returns it, or 0 if all are taken.
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
        if (words_[w].compare_exchange_strong(
                taken, taken | std::uint64_t{1} << bit,
                std::memory_order_acquire, std::memory_order_relaxed)) {
          const unsigned number = w * 64 + bit + 1;
          RaiseReach(number);
          // relaxed: a count; see IsFull.
          taken_.fetch_add(1, std::memory_order_relaxed);
          return number;
        }
      }
    }
    return 0;
  }

  // Whether all numbers are taken, or were a moment ago: a Claim would look for
  // one in vain. One load.
  bool IsFull() const noexcept {
    return taken_.load(std::memory_order_relaxed) == kMax;
  }

  // Returns the highest number that was ever claimed. In the single order of
  // seq_cst operations, everything that a thread does with its number comes
  // after [T3].
  unsigned Reach() const noexcept {
    // [T4] seq_cst: partner of [T3]. The caller has ended a handle before, so a
    // thread that still found the handle live has a number up to this one.
    return reach_.load(std::memory_order_seq_cst);
  }

  // Gives `number` back. Wait-free; async-signal-safe.
  void Release(unsigned number) noexcept {
    const std::uint64_t bit = std::uint64_t{1} << (number - 1) % 64;
    // [T2] release: publishes what this owner wrote; synchronises with [T1].
    const std::uint64_t taken =
        words_[(number - 1) / 64].fetch_and(~bit, std::memory_order_release);
    HAFT_CHECK((taken & bit) != 0, "a thread's number was released twice");
    // relaxed: as in Claim.
    taken_.fetch_sub(1, std::memory_order_relaxed);
  }

  // Gives all numbers but `number` back, or all if that is 0. For the child of
  // a fork, in which no other thread is left.
  void ReleaseOthers(unsigned number) noexcept {
    for (unsigned w = 0; w < kWords; ++w) {
      const bool is_here = number != 0 && (number - 1) / 64 == w;
      // relaxed: the only thread.
      words_[w].store(is_here ? std::uint64_t{1} << (number - 1) % 64 : 0,
                      std::memory_order_relaxed);
    }
    taken_.store(number != 0, std::memory_order_relaxed);
  }

 private:
  static constexpr unsigned kWords = kMax / 64;
  static_assert(kMax % 64 == 0);

  void RaiseReach(unsigned number) noexcept {
    // [T3] seq_cst, also if it is high enough already: it comes before
    // everything that the thread does with its number. Partner of [T4].
    unsigned reach = reach_.load(std::memory_order_seq_cst);
    while (reach < number) {
      if (reach_.compare_exchange_strong(reach, number,
                                         std::memory_order_seq_cst,
                                         std::memory_order_relaxed))
        return;
    }
  }

  sync::Atomic<std::uint64_t> words_[kWords] = {};
  sync::Atomic<unsigned> reach_{0};
  sync::Atomic<unsigned> taken_{0};
};

// Gives the threads of the process their numbers. There are two, because they
// serve different ends:
//
//   index   1..kMaxThreads, the identity of a thread: its hazard cells, its
//           read scopes, its destructors that wait. Every thread has one,
//           unless more threads than that use tables at the same time.
//   cache   1..kMaxCaches, the thread's cache in each table. These are few,
//           because each cache holds free handles back. A thread without one is
//           an uncached caller.
//
// A thread claims both at its first call and keeps them until it ends.
//
// A process may contain several copies of Haft, which cannot see each other's
// symbols: a program and its plugins, if all of them use the headers. Each copy
// has a registry and a ThreadState for each thread. A table keeps the registry
// of the copy that has made it, and every caller uses its numbers in that
// registry, whichever copy contains the caller.
class ThreadRegistry {
 public:
  // The registry of the copy of Haft that contains the caller.
  static ThreadRegistry& OfThisCopy() noexcept { return of_this_copy_; }

  // Must be called once before a signal handler may call Claim. For the
  // registry of the caller's copy, which is never unloaded from then on,
  // because every thread that has a number calls it when it ends.
  void Prepare() noexcept {
    (void)hook_.Prepare(&OnThreadExit);
    fork_hook_.Prepare(&OnForkInChild);
  }

  // Returns the calling thread's numbers in this registry.
  //   Cost  one compare, unless the caller is in another copy of Haft
  [[gnu::always_inline]] sync::ThreadState& ThisThread() const noexcept {
    sync::ThreadState& thread = sync::ThisThread();
    return __builtin_expect(thread.registry == this, 1) ? thread
                                                        : ThisThreadElsewhere();
  }

  // Return the calling thread's numbers; 0 if it has none. relaxed, both: the
  // thread's own words.
  unsigned Index() const noexcept {
    return ThisThread().index.load(std::memory_order_relaxed);
  }
  unsigned Cache() const noexcept {
    return ThisThread().cache.load(std::memory_order_relaxed);
  }
  // The same, but also 0 if the caller is in another copy of Haft. For hot
  // paths: they contain no call, for which the caller would have to save
  // registers.
  [[gnu::always_inline]] unsigned IndexHere() const noexcept {
    const sync::ThreadState& thread = sync::ThisThread();
    if (__builtin_expect(thread.registry != this, 0)) return 0;
    // After `registry` has been found set, there is an index: see ClaimIndex.
    // Then there is no second test for 0.
    sync::SignalFence();
    // relaxed: the thread's own word.
    const unsigned index = thread.index.load(std::memory_order_relaxed);
    HAFT_DCHECK(index != 0, "the registry of a thread without an index is set");
    if (index == 0) __builtin_unreachable();
    return index;
  }
  [[gnu::always_inline]] unsigned CacheHere() const noexcept {
    const sync::ThreadState& thread = sync::ThisThread();
    if (__builtin_expect(thread.registry != this, 0)) return 0;
    // relaxed: the thread's own word.
    return thread.cache.load(std::memory_order_relaxed);
  }

  // Gives the calling thread those of its numbers that it does not have, if it
  // may have them. Afterwards ThisThread() shows them. A number is 0 if all are
  // taken, if the thread's exit hook has run, or if the hook could not be
  // arranged. Lock-free; for signals see ThreadExitHook.
  [[gnu::cold, gnu::noinline]] void Claim() noexcept {
    sync::ThreadState& thread = ThisThread();
    // relaxed, all: these words are the thread's own; only its signal handlers
    // read them besides.
    if (thread.exited.load(std::memory_order_relaxed)) return;
    if (thread.index.load(std::memory_order_relaxed) == 0) {
      if (!hook_.Arm(&thread) || !ClaimIndex(thread)) return;
    }
    if (thread.cache.load(std::memory_order_relaxed) == 0 && !caches_.IsFull())
      ClaimFrom(caches_, thread.cache);
  }

  // Whether Claim may give the calling thread a number that it does not have.
  // False is certain, and the answer for a thread beyond the last cache.
  bool CanClaim() const noexcept {
    const sync::ThreadState& thread = ThisThread();
    // relaxed, both: as in Claim.
    return thread.index.load(std::memory_order_relaxed) == 0 ||
           (thread.cache.load(std::memory_order_relaxed) == 0 &&
            !caches_.IsFull());
  }

  // For a thread that is to have no index any more because its exit hook has
  // run: its last destructors may still use tables, and no two threads share an
  // index. Lends it one until Return, which must be called as often.
  //   Returns   the thread's index, lent or its own; 0 if all are taken
  unsigned Borrow() noexcept {
    sync::ThreadState& thread = ThisThread();
    Claim();
    // relaxed, both: as in Claim.
    if (thread.index.load(std::memory_order_relaxed) == 0) {
      if (!ClaimIndex(thread)) return 0;
      thread.loans = 1;
    } else if (thread.loans != 0) {
      ++thread.loans;
    }
    return thread.index.load(std::memory_order_relaxed);
  }
  void Return() noexcept {
    sync::ThreadState& thread = ThisThread();
    if (thread.loans == 0) return;
    --thread.loans;
    if (thread.loans == 0) GiveIndexBack(thread);
  }
  class Loan {
   public:
    explicit Loan(ThreadRegistry& registry) noexcept
        : registry_(registry), index_(registry.Borrow()) {}
    ~Loan() { registry_.Return(); }
    Loan(const Loan&) = delete;
    Loan& operator=(const Loan&) = delete;
    unsigned index() const noexcept { return index_; }

   private:
    ThreadRegistry& registry_;
    const unsigned index_;
  };

  // Returns a number, never 0, by which IsAbsent knows the calling thread.
  std::uint64_t Identity() const noexcept {
    return (forks_.load(std::memory_order_relaxed) + 1) << kTagBits |
           TagOf(ThisThread());
  }
  // Whether a fork has left behind the thread that had this Identity: it is a
  // thread of an ancestor of this process. False if that is not certain.
  bool IsAbsent(std::uint64_t identity) const noexcept {
    // relaxed, both: they were written when this thread was the only one, or
    // before it began.
    return identity >> kTagBits != forks_.load(std::memory_order_relaxed) + 1 &&
           (identity & kTagMask) != forker_.load(std::memory_order_relaxed);
  }

  // See ThreadIndexSet.
  unsigned Reach() const noexcept { return indices_.Reach(); }
  unsigned CacheReach() const noexcept { return caches_.Reach(); }

 private:
  // Destructors that run later in this thread may still use tables. They do so
  // as uncached callers, with an index that they borrow.
  static void OnThreadExit(void*) noexcept {
    sync::ThreadState& thread = sync::ThisThread();
    // relaxed: as in Claim.
    thread.exited.store(true, std::memory_order_relaxed);
    of_this_copy_.GiveIndexBack(thread);
    GiveBack(of_this_copy_.caches_, thread.cache);
  }

  // Threads that begin in the child inherit what the threads that it does not
  // have were keeping, as they do when a thread ends.
  static void OnForkInChild() noexcept {
    const sync::ThreadState& thread = sync::ThisThread();
    // relaxed, both: as in Claim.
    of_this_copy_.indices_.ReleaseOthers(
        thread.index.load(std::memory_order_relaxed));
    of_this_copy_.caches_.ReleaseOthers(
        thread.cache.load(std::memory_order_relaxed));
    // relaxed, both: the only thread.
    of_this_copy_.forks_.fetch_add(1, std::memory_order_relaxed);
    of_this_copy_.forker_.store(TagOf(thread), std::memory_order_relaxed);
  }

  // Returns whether the thread, which had no index, has one now.
  bool ClaimIndex(sync::ThreadState& thread) noexcept {
    ClaimFrom(indices_, thread.index);
    // relaxed: as in Claim.
    if (thread.index.load(std::memory_order_relaxed) == 0) return false;
    // Tells the thread from those that had its index before. relaxed: a number,
    // which publishes nothing.
    thread.tag = tags_.fetch_add(1, std::memory_order_relaxed) + 1;
    // Set after the index and reset before it, for signal handlers.
    sync::SignalFence();
    thread.registry = this;
    return true;
  }
  void GiveIndexBack(sync::ThreadState& thread) noexcept {
    thread.registry = nullptr;
    sync::SignalFence();
    GiveBack(indices_, thread.index);
  }
  template <typename Set, typename Number>
  static void ClaimFrom(Set& set, Number& mine) noexcept {
    const unsigned number = set.Claim();
    if (number == 0) return;
    unsigned none = 0;
    // A signal handler may have claimed a number in between. Then the thread
    // keeps that one. relaxed: as in Claim.
    if (!mine.compare_exchange_strong(none, number, std::memory_order_relaxed,
                                      std::memory_order_relaxed)) {
      set.Release(number);
    }
  }
  template <typename Set, typename Number>
  static void GiveBack(Set& set, Number& mine) noexcept {
    // relaxed: as in Claim.
    if (const unsigned number = mine.exchange(0, std::memory_order_relaxed))
      set.Release(number);
  }

  static constexpr unsigned kTagBits = 40;
  static constexpr std::uint64_t kTagMask = (std::uint64_t{1} << kTagBits) - 1;
  static std::uint64_t TagOf(const sync::ThreadState& thread) noexcept {
    return thread.tag & kTagMask;
  }

  // For a thread that has no numbers in this registry yet, or whose caller is
  // in another copy of Haft: asks the copy that the registry belongs to.
  [[gnu::cold, gnu::noinline]] sync::ThreadState& ThisThreadElsewhere()
      const noexcept {
    sync::ThreadState& thread = (*this_thread_of_its_copy_)();
    HAFT_CHECK(thread.registry == nullptr || thread.registry == this,
               "two copies of Haft share the numbers of their threads, but not "
               "the registry");
    return thread;
  }

  [[gnu::visibility("default")]] static ThreadRegistry of_this_copy_;

  sync::ThreadState& (*const this_thread_of_its_copy_)() = &sync::ThisThread;
  sync::ThreadExitHook hook_;
  sync::ForkHook fork_hook_;
  ThreadIndexSet<sync::kMaxThreads> indices_;
  ThreadIndexSet<sync::kMaxCaches> caches_;
  sync::Atomic<std::uint64_t> tags_{0};
  // How many forks lie between this process and its first ancestor with Haft,
  // and the tag of the thread that made the last one.
  sync::Atomic<std::uint64_t> forks_{0};
  sync::Atomic<std::uint64_t> forker_{0};
};

inline ThreadRegistry ThreadRegistry::of_this_copy_;

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_THREAD_THREAD_REGISTRY_H_
