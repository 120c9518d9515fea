// The caches of a table, one for each thread: the thread's part of the free
// list and its counters, written by no other thread.

#ifndef HAFT_INTERNAL_THREAD_THREAD_CACHES_H_
#define HAFT_INTERNAL_THREAD_THREAD_CACHES_H_

#include <cstddef>
#include <cstdint>

#include "haft/internal/base/abi.h"
#include "haft/internal/base/reserved_array.h"
#include "haft/internal/base/sync.h"
#include "haft/internal/thread/thread_registry.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// The word that a thread writes when it leaves an entry:
//
//   [ ticks : 56 | level : 8 ]
//
// `level` is the number of handles that the free list keeps in this cache.
// `ticks` grows by one for each handle made or deleted, and by one for a call
// that did neither, so every call advances it. When a thread enters, it
// announces the next ticks; the entry is busy while `announced` is ahead of
// `word`.
//
// Entering and leaving, counters included, are therefore one store each. The
// number of stores matters: on x86 every store that is pending when Delete
// executes its compare-and-swap delays it.
struct CacheWord {
  static constexpr std::uint64_t kLevelMask = 0xff;
  static constexpr std::uint64_t kOneTick = kLevelMask + 1;

  // Returns the word that a thread announces if it has read `word`.
  static constexpr std::uint64_t After(std::uint64_t word) noexcept {
    return (word | kLevelMask) + 1;
  }
};

// One entry for each cache number. Only the thread with that number enters it.
//
// A thread announces its entering because of signal handlers. A handler that
// interrupts its own thread inside a call finds the entry busy, and is an
// *uncached caller*: it works without a cache. The same holds for a thread that
// has no cache number. A handler that runs between a thread's load of the word
// and its announcement leaves another word. The thread then loads and announces
// again, and what it announced before is already in the past.
//
// In the child of a fork, the entries of threads that were inside a call are
// busy for ever, because what is in them may be half written. A thread that
// gets such a number is an uncached caller of this table.
//
// A call enters through With, which passes a *cache access* (cache_access.h) to
// a function. It is a function and not an object that leaves in its destructor,
// because With compiles the function twice, for a thread with a cache and for
// an uncached caller. An object of one type for both must test at each use
// which of the two it is. Measured with g++ 12 -O2, a New and a Delete of
// HandleTable then take 15 more instructions and about a tenth more time.
template <typename Cache>
class ThreadCaches {
  // Used from reserved memory, all zero, without construction. Each entry has
  // cache lines of its own.
  struct alignas(128) Entry {
    sync::Atomic<std::uint64_t> announced;
    sync::Atomic<std::uint64_t> word;
    sync::Atomic<std::uint64_t> deleted;
    sync::Atomic<std::uint64_t> idle_ticks;  // of calls that changed nothing
    Cache cache;
  };

 public:
  static constexpr unsigned kMaxLevel = CacheWord::kLevelMask;

  ThreadCaches() noexcept
      : entries_(sync::kMaxCaches + 1),
        registry_(&ThreadRegistry::OfThisCopy()) {
    registry_->Prepare();
    // Number 0 belongs to threads without a number. Its entry is always busy,
    // so one test finds both kinds of uncached callers.
    if (entries_.ok()) {
      entries_[0].announced.store(CacheWord::After(0),
                                  std::memory_order_relaxed);
    }
  }

  bool ok() const noexcept { return entries_.ok(); }

  // Does what the calling thread's first call would do: claims its numbers, and
  // populates its entry. Later calls have nothing to do.
  //   Returns   false if the system lacks memory
  //   Progress  as ThreadRegistry::Claim
  bool Prepare() noexcept {
    registry_->Claim();
    return entries_.Populate(registry_->Cache(), 1);
  }

  // The cache access of a thread that is inside its entry. relaxed, all
  // accesses to the entry's atomics: no other thread writes them, and another
  // thread that reads the counters uses each by itself.
  class Owner {
   public:
    static constexpr bool kHasCache = true;

    Cache& cache() const noexcept { return entry_->cache; }
    unsigned level() const noexcept {
      return static_cast<unsigned>(word_ & CacheWord::kLevelMask);
    }
    void set_level(unsigned level) noexcept {
      word_ = (word_ & ~CacheWord::kLevelMask) | level;
    }
    void RaiseLevel() noexcept { ++word_; }
    void LowerLevel() noexcept { --word_; }

    void CountCreated(std::uint64_t n) noexcept {
      if (n != 0) AddTicks(n);
    }
    // For a handle that was counted as created, if its object's constructor has
    // thrown.
    void UncountCreated() noexcept { Add(entry_->idle_ticks, 1); }
    void CountDeleted(std::uint64_t n) noexcept {
      if (n == 0) return;
      Add(entry_->deleted, n);
      AddTicks(n);
    }

   private:
    friend class ThreadCaches;

    // For an entry whose `announced` is After(word).
    Owner(Entry* entry, std::uint64_t word) noexcept
        : entry_(entry), word_(word + CacheWord::kOneTick) {}
    ~Owner() {
      if (!has_counted_) Add(entry_->idle_ticks, 1);
      sync::SignalFence();
      entry_->word.store(word_, std::memory_order_relaxed);
    }

    void AddTicks(std::uint64_t n) noexcept {
      // The constructor has already added one tick for the first handle that
      // the call counts.
      word_ += (n - !has_counted_) * CacheWord::kOneTick;
      has_counted_ = true;
    }
    static void Add(sync::Atomic<std::uint64_t>& counter,
                    std::uint64_t n) noexcept {
      counter.store(counter.load(std::memory_order_relaxed) + n,
                    std::memory_order_relaxed);
    }

    Entry* const entry_;
    std::uint64_t word_;
    bool has_counted_ = false;
  };

  // The cache access of an uncached caller.
  class UncachedCaller {
   public:
    static constexpr bool kHasCache = false;

    // relaxed, all: counts, publishes nothing.
    void CountCreated(std::uint64_t n) noexcept {
      caches_->uncached_created_.fetch_add(n, std::memory_order_relaxed);
    }
    void UncountCreated() noexcept {
      caches_->uncached_created_.fetch_sub(1, std::memory_order_relaxed);
    }
    void CountDeleted(std::uint64_t n) noexcept {
      caches_->uncached_deleted_.fetch_add(n, std::memory_order_relaxed);
    }

   private:
    friend class ThreadCaches;
    explicit UncachedCaller(ThreadCaches* caches) noexcept : caches_(caches) {}

    ThreadCaches* const caches_;
  };

  // Enters the calling thread's entry and returns f(owner); for an uncached
  // caller, returns f(uncached). f is called exactly once and must not keep
  // its argument. A thread's first call claims its numbers (see
  // ThreadRegistry).
  //   Progress  wait-free but for f and, in a thread's first call, for
  //             ThreadRegistry::Claim; async-signal-safe
  template <typename F>
  [[gnu::always_inline]] auto With(F f) noexcept {
    return WithOr(
        f, [&]() __attribute__((always_inline)) {
          return WithClaimOrUncached(f);
        });
  }

  // Enters the calling thread's entry and returns f(owner). If the entry is
  // busy, the thread has no cache number or is in another copy of Haft, returns
  // otherwise().
  template <typename F, typename G>
  [[gnu::always_inline]] auto WithOr(F f, G otherwise) noexcept {
    Entry& entry = entries_[registry_->CacheHere()];
    std::uint64_t word;
    if (__builtin_expect(!Announce(entry, &word), 0)) return otherwise();
    Owner owner(&entry, word);
    return f(owner);
  }

  // Sums over all threads. They are exact if no other thread is inside a call;
  // otherwise each is a little old.
  std::uint64_t created() const noexcept {
    std::uint64_t sum = uncached_created_.load(std::memory_order_relaxed);
    for (unsigned i = 1; i <= sync::kMaxCaches; ++i) {
      const Entry& entry = entries_[i];
      sum += entry.word.load(std::memory_order_relaxed) / CacheWord::kOneTick;
      sum -= entry.deleted.load(std::memory_order_relaxed) +
             entry.idle_ticks.load(std::memory_order_relaxed);
    }
    // A call that is under way may have counted and not yet stored its ticks.
    return static_cast<std::int64_t>(sum) < 0 ? 0 : sum;
  }
  std::uint64_t deleted() const noexcept {
    std::uint64_t sum = uncached_deleted_.load(std::memory_order_relaxed);
    for (unsigned i = 1; i <= sync::kMaxCaches; ++i) {
      sum += entries_[i].deleted.load(std::memory_order_relaxed);
    }
    return sum;
  }

  // Returns how many entries are busy. If no thread is inside a call, they are
  // those that a fork has left so.
  std::size_t busy() const noexcept {
    std::size_t busy = 0;
    for (unsigned i = 1; i <= sync::kMaxCaches; ++i) {
      busy += IsBusy(entries_[i]);
    }
    return busy;
  }

  // Calls f(cache, level) for each entry, including those that were never used.
  // No thread may be inside a call.
  template <typename F>
  void ForEach(F&& f) const {
    for (unsigned i = 1; i <= sync::kMaxCaches; ++i) {
      const std::uint64_t word =
          entries_[i].word.load(std::memory_order_relaxed);
      f(entries_[i].cache, static_cast<unsigned>(word & CacheWord::kLevelMask));
    }
  }

  // The same for each entry that is not busy and may have been used. For the
  // child of a fork, before it has threads.
  template <typename F>
  void ForEachIdle(F&& f) noexcept {
    for (unsigned i = 1; i <= registry_->CacheReach(); ++i) {
      Entry& entry = entries_[i];
      if (IsBusy(entry)) continue;
      // relaxed: the only thread.
      const std::uint64_t word = entry.word.load(std::memory_order_relaxed);
      f(entry.cache, static_cast<unsigned>(word & CacheWord::kLevelMask));
    }
  }

 private:
  // For a thread that is not the owner: whether the owner was inside the entry
  // a moment ago.
  static bool IsBusy(const Entry& entry) noexcept {
    // relaxed, both: no thread concludes anything about other memory.
    const std::uint64_t word = entry.word.load(std::memory_order_relaxed);
    return entry.announced.load(std::memory_order_relaxed) ==
           CacheWord::After(word);
  }

  // Enters the entry and stores its word in `*word`. Returns false if the entry
  // is busy.
  [[gnu::always_inline]] static bool Announce(Entry& entry,
                                              std::uint64_t* word) noexcept {
    *word = entry.word.load(std::memory_order_relaxed);
    for (;;) {
      const std::uint64_t after = CacheWord::After(*word);
      if (entry.announced.load(std::memory_order_relaxed) == after)
        return false;
      entry.announced.store(after, std::memory_order_relaxed);
      sync::SignalFence();
      const std::uint64_t now = entry.word.load(std::memory_order_relaxed);
      if (__builtin_expect(now == *word, 1)) return true;
      *word = now;
    }
  }

  // A thread beyond the last cache, and a caller in another copy of Haft, come
  // here with each of their calls.
  template <typename F>
  [[gnu::cold, gnu::noinline]] auto WithClaimOrUncached(F f) noexcept {
    if (registry_->CanClaim()) registry_->Claim();
    Entry& entry = entries_[registry_->Cache()];
    std::uint64_t word;
    if (Announce(entry, &word)) {
      Owner owner(&entry, word);
      return f(owner);
    }
    UncachedCaller uncached(this);
    return f(uncached);
  }

  ReservedArray<Entry> entries_;
  ThreadRegistry* const registry_;
  alignas(128) sync::Atomic<std::uint64_t> uncached_created_{0};
  sync::Atomic<std::uint64_t> uncached_deleted_{0};
};

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_THREAD_THREAD_CACHES_H_
