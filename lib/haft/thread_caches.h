// What each thread keeps for a table: its part of the free list and its
// counters, touched by no other thread.

#ifndef HAFT_THREAD_CACHES_H_
#define HAFT_THREAD_CACHES_H_

#include <cstdint>

#include "haft/reserved_array.h"
#include "haft/sync.h"
#include "haft/thread_registry.h"

namespace haft::internal {

// The word a thread writes when it enters and when it leaves:
//
//   [ created : 56 | level : 8 ]     level: how many handles the free list has
//   at hand here; 255: the thread is inside
//
// The busy mark, the level and a counter share it because every store that is
// pending when Delete comes to its compare-and-swap delays that one, and each
// call stores the word twice anyway.
struct CacheWord {
  static constexpr std::uint64_t kLevelMask = 0xff;
  static constexpr std::uint64_t kBusy = kLevelMask;
  static constexpr std::uint64_t kOneCreated = kLevelMask + 1;
};

// One entry for each thread index, entered by its thread alone.
//
// The busy mark makes this safe in signal handlers: a handler that interrupts
// its own thread inside a call finds the entry busy, and does without one as a
// guest. So does a thread that has no index.
template <typename Cache>
class ThreadCaches {
  // Used all zero from reserved memory, without construction. On cache lines of
  // its own.
  struct alignas(128) Entry {
    sync::Atomic<std::uint64_t> word;
    sync::Atomic<std::uint64_t> deleted;
    Cache cache;
  };

 public:
  static constexpr unsigned kMaxLevel = CacheWord::kLevelMask - 1;

  ThreadCaches() noexcept : entries_(sync::kMaxThreads + 1) {
    ThreadRegistry::Prepare();
    // Index 0 is that of threads without one: always busy, so that one test
    // tells both cases.
    if (entries_.ok())
      entries_[0].word.store(CacheWord::kBusy, std::memory_order_relaxed);
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
      word_ += n * CacheWord::kOneCreated;
    }
    void CountDeleted(std::uint64_t n) noexcept {
      entry_->deleted.store(entry_->deleted.load(std::memory_order_relaxed) + n,
                            std::memory_order_relaxed);
    }

   private:
    friend class ThreadCaches;
    Owner(Entry* entry, std::uint64_t word) noexcept
        : entry_(entry), word_(word) {
      entry_->word.store(word | CacheWord::kBusy, std::memory_order_relaxed);
      sync::SignalFence();
    }
    ~Owner() {
      sync::SignalFence();
      entry_->word.store(word_, std::memory_order_relaxed);
    }

    Entry* const entry_;
    std::uint64_t word_;
  };

  // Stands in for an entry that the caller cannot have.
  class Guest {
   public:
    static constexpr bool kHasCache = false;

    // relaxed, both: counts, publishes nothing.
    void CountCreated(std::uint64_t n) noexcept {
      caches_->guest_created_.fetch_add(n, std::memory_order_relaxed);
    }
    void CountDeleted(std::uint64_t n) noexcept {
      caches_->guest_deleted_.fetch_add(n, std::memory_order_relaxed);
    }

   private:
    friend class ThreadCaches;
    explicit Guest(ThreadCaches* caches) noexcept : caches_(caches) {}

    ThreadCaches* const caches_;
  };

  // Returns f(owner) inside the calling thread's entry, or f(guest). Adds no
  // waiting of its own; a thread's first call claims its index (see
  // ThreadRegistry).
  template <typename F>
  auto With(F f) noexcept {
    Entry& entry = Current();
    const std::uint64_t word = entry.word.load(std::memory_order_relaxed);
    if (__builtin_expect((word & CacheWord::kLevelMask) == CacheWord::kBusy, 0))
      return WithClaimOrAsGuest(f);
    Owner owner(&entry, word);
    return f(owner);
  }

  // Sums over all threads; exact when no other thread is inside a call.
  std::uint64_t created() const noexcept {
    std::uint64_t sum = guest_created_.load(std::memory_order_relaxed);
    for (unsigned i = 1; i <= sync::kMaxThreads; ++i) {
      sum += entries_[i].word.load(std::memory_order_relaxed) /
             CacheWord::kOneCreated;
    }
    return sum;
  }
  std::uint64_t deleted() const noexcept {
    std::uint64_t sum = guest_deleted_.load(std::memory_order_relaxed);
    for (unsigned i = 1; i <= sync::kMaxThreads; ++i)
      sum += entries_[i].deleted.load(std::memory_order_relaxed);
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

  template <typename F>
  [[gnu::cold, gnu::noinline]] auto WithClaimOrAsGuest(F f) noexcept {
    ThreadRegistry::Claim();
    Entry& entry = Current();
    const std::uint64_t word = entry.word.load(std::memory_order_relaxed);
    if ((word & CacheWord::kLevelMask) == CacheWord::kBusy) {
      Guest guest(this);
      return f(guest);
    }
    Owner owner(&entry, word);
    return f(owner);
  }

  ReservedArray<Entry> entries_;
  alignas(128) sync::Atomic<std::uint64_t> guest_created_{0};
  sync::Atomic<std::uint64_t> guest_deleted_{0};
};

}  // namespace haft::internal

#endif  // HAFT_THREAD_CACHES_H_
