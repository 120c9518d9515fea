// What each thread keeps for a table: its part of the free list and its
// counters, touched by no other thread.

#ifndef HAFT_INTERNAL_THREAD_THREAD_CACHES_H_
#define HAFT_INTERNAL_THREAD_THREAD_CACHES_H_

#include <cstdint>

#include "haft/internal/base/abi.h"
#include "haft/internal/base/reserved_array.h"
#include "haft/internal/base/sync.h"
#include "haft/internal/thread/thread_registry.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// The word a thread writes when it leaves an entry:
//
//   [ ticks : 56 | level : 8 ]
//
// level: how many handles the free list has at hand here. ticks: one for each
// handle made or deleted, and one for a call that did neither, so that every
// call advances them. When it enters, a thread announces the ticks it is about
// to reach: the entry is busy while they have been announced and have not come.
//
// So entering and leaving are one store each, counting and all. That is worth
// some thought: on x86 every store that is pending when Delete comes to its
// compare-and-swap delays that one.
struct CacheWord {
  static constexpr std::uint64_t kLevelMask = 0xff;
  static constexpr std::uint64_t kOneTick = kLevelMask + 1;

  // What a thread announces that has found `word`.
  static constexpr std::uint64_t After(std::uint64_t word) noexcept {
    return (word | kLevelMask) + 1;
  }
};

// One entry for each thread index, entered by its thread alone.
//
// Signal handlers are why it is announced: a handler that interrupts its own
// thread inside a call finds the entry busy, and does without one as a guest.
// So does a thread that has no index. A handler that comes between a thread's
// look at the word and its announcement leaves another word: the thread then
// looks and announces anew, and what it has announced is in the past.
template <typename Cache>
class ThreadCaches {
  // Used all zero from reserved memory, without construction. On cache lines of
  // its own.
  struct alignas(128) Entry {
    sync::Atomic<std::uint64_t> announced;
    sync::Atomic<std::uint64_t> word;
    sync::Atomic<std::uint64_t> deleted;
    sync::Atomic<std::uint64_t> idle_ticks;  // of calls that changed nothing
    Cache cache;
  };

 public:
  static constexpr unsigned kMaxLevel = CacheWord::kLevelMask;

  ThreadCaches() noexcept : entries_(sync::kMaxThreads + 1) {
    ThreadRegistry::Prepare();
    // Index 0 is that of threads without one: always busy, so that one test
    // tells both cases.
    if (entries_.ok()) {
      entries_[0].announced.store(CacheWord::After(0),
                                  std::memory_order_relaxed);
    }
  }

  bool ok() const noexcept { return entries_.ok(); }

  // The calling thread's entry while it is inside. All accesses to the entry's
  // atomics are relaxed: no other thread writes them, and for others that read
  // the counters each is good by itself.
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
    // For one that was counted as created and has not come to be.
    void UncountCreated() noexcept { Add(entry_->idle_ticks, 1); }
    void CountDeleted(std::uint64_t n) noexcept {
      if (n == 0) return;
      Add(entry_->deleted, n);
      AddTicks(n);
    }

   private:
    friend class ThreadCaches;

    // For an entry that has been announced as After(word).
    Owner(Entry* entry, std::uint64_t word) noexcept
        : entry_(entry), word_(word + CacheWord::kOneTick) {}
    ~Owner() {
      if (!has_counted_) Add(entry_->idle_ticks, 1);
      sync::SignalFence();
      entry_->word.store(word_, std::memory_order_relaxed);
    }

    void AddTicks(std::uint64_t n) noexcept {
      // The one of the call is there already, for the first that it counts.
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

  // Stands in for an entry that the caller cannot have.
  class UncachedCaller {
   public:
    static constexpr bool kHasCache = false;

    // relaxed, both: counts, publishes nothing.
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

  // Returns f(owner) inside the calling thread's entry, or f(guest). Adds no
  // waiting of its own; a thread's first call claims its index (see
  // ThreadRegistry).
  template <typename F>
  [[gnu::always_inline]] auto With(F f) noexcept {
    return WithOr(
        f, [&]() __attribute__((always_inline)) {
          return WithClaimOrUncached(f);
        });
  }

  // Returns f(owner) if the entry can be had at once, else otherwise().
  template <typename F, typename G>
  [[gnu::always_inline]] auto WithOr(F f, G otherwise) noexcept {
    Entry& entry = Current();
    std::uint64_t word;
    if (__builtin_expect(!Announce(entry, &word), 0)) return otherwise();
    Owner owner(&entry, word);
    return f(owner);
  }

  // The calling thread's cache, also while it is inside; nullptr if it has
  // none.
  Cache* Mine() noexcept {
    Entry& entry = Current();
    return &entry == &entries_[0] ? nullptr : &entry.cache;
  }

  // Sums over all threads; exact when no other thread is inside a call, else
  // each is a little old.
  std::uint64_t created() const noexcept {
    std::uint64_t sum = uncached_created_.load(std::memory_order_relaxed);
    for (unsigned i = 1; i <= sync::kMaxThreads; ++i) {
      const Entry& entry = entries_[i];
      sum += entry.word.load(std::memory_order_relaxed) / CacheWord::kOneTick;
      sum -= entry.deleted.load(std::memory_order_relaxed) +
             entry.idle_ticks.load(std::memory_order_relaxed);
    }
    // Calls that are under way may have counted without their ticks.
    return static_cast<std::int64_t>(sum) < 0 ? 0 : sum;
  }
  std::uint64_t deleted() const noexcept {
    std::uint64_t sum = uncached_deleted_.load(std::memory_order_relaxed);
    for (unsigned i = 1; i <= sync::kMaxThreads; ++i) {
      sum += entries_[i].deleted.load(std::memory_order_relaxed);
    }
    return sum;
  }

  // Calls f(cache, level) for each index, those never used included. No thread
  // may be inside a call.
  template <typename F>
  void ForEach(F&& f) const {
    for (unsigned i = 1; i <= sync::kMaxThreads; ++i) {
      const std::uint64_t word =
          entries_[i].word.load(std::memory_order_relaxed);
      f(entries_[i].cache, static_cast<unsigned>(word & CacheWord::kLevelMask));
    }
  }

 private:
  // relaxed: the thread's own word.
  Entry& Current() noexcept {
    return entries_[sync::ThisThread().index.load(std::memory_order_relaxed)];
  }

  // Enters the entry, unless it is busy; `*word` is then its word.
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

  template <typename F>
  [[gnu::cold, gnu::noinline]] auto WithClaimOrUncached(F f) noexcept {
    ThreadRegistry::Claim();
    return WithOr(
        f, [&]() __attribute__((always_inline)) {
          UncachedCaller guest(this);
          return f(guest);
        });
  }

  ReservedArray<Entry> entries_;
  alignas(128) sync::Atomic<std::uint64_t> uncached_created_{0};
  sync::Atomic<std::uint64_t> uncached_deleted_{0};
};

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_THREAD_THREAD_CACHES_H_
