// The state that the Relacy backend keeps beside the atomics and data that it
// simulates. Only relacy_sync.h includes this header.

#ifndef TESTS_MODEL_SHADOW_H_
#define TESTS_MODEL_SHADOW_H_

#include <sys/mman.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

namespace haft::internal::sync::relacy {

inline constexpr unsigned kMaxModelThreads = 8;

// The place in the source that a trace names. The default is the place of the
// call whose argument it is.
class Where {
 public:
  Where(const char* function = __builtin_FUNCTION(),
        const char* file = __builtin_FILE(),
        unsigned line = __builtin_LINE()) noexcept
      : info_(function, file, line) {}
  operator rl::debug_info_param() const noexcept { return info_; }

 private:
  rl::debug_info info_;
};

// Adds a line to the trace, if there is one.
inline void Log(const Where& where, const char* message) noexcept {
  if (rl::ctx().collecting_history()) rl::ctx().exec_log_msg(where, message);
}

inline rl::memory_order Order(std::memory_order order) noexcept {
  switch (order) {
    case std::memory_order_relaxed:
      return rl::mo_relaxed;
    case std::memory_order_consume:
      return rl::mo_consume;
    case std::memory_order_acquire:
      return rl::mo_acquire;
    case std::memory_order_release:
      return rl::mo_release;
    case std::memory_order_acq_rel:
      return rl::mo_acq_rel;
    case std::memory_order_seq_cst:
      return rl::mo_seq_cst;
  }
  std::abort();
}

// Functions that depend on the model's number of threads. model.h sets them.
struct Hooks {
  // Calls f(argument) such that the calling thread's writes count as made
  // before all threads.
  void (*as_of_the_beginning)(void (*f)(void*), void* argument);
  // Performs a seq_cst fence in the thread of that index.
  void (*fence)(unsigned thread);
};
inline Hooks hooks;

// The number of the current iteration, counted over all models. State of an
// earlier iteration is void.
inline std::uint64_t iteration = 1;

// Shadows by address: a hash table with linear probing, empty again at the
// next iteration.
struct ShadowEntry {
  const void* address;  // nullptr: forgotten
  std::uint64_t iteration;
  void (*destroy)(void*);
  alignas(8) unsigned char object[64];
};
inline constexpr std::size_t kShadows = 1 << 13;
inline ShadowEntry shadows[kShadows];
inline std::uint32_t made[kShadows];
inline std::size_t made_count = 0;

inline ShadowEntry* FindEntry(const void* address) noexcept {
  std::size_t i =
      reinterpret_cast<std::uintptr_t>(address) * 0x9e3779b97f4a7c15u >> 51;
  for (;; i = (i + 1) % kShadows) {
    ShadowEntry& entry = shadows[i];
    if (entry.iteration != iteration || entry.address == address) return &entry;
  }
}

// The shadows of one type.
template <typename Object>
class Shadow {
  static_assert(sizeof(Object) <= sizeof(ShadowEntry::object));

 public:
  static Object* Find(const void* address) noexcept {
    ShadowEntry* const entry = FindEntry(address);
    return entry->iteration == iteration
               ? reinterpret_cast<Object*>(entry->object)
               : nullptr;
  }

  // make(place) must construct an Object with its first value there. The first
  // value counts as written before all threads began. This is not a step.
  template <typename F>
  static Object* FindOrMake(const void* address, F make) noexcept {
    ShadowEntry* const entry = FindEntry(address);
    if (entry->iteration != iteration) {
      if (made_count == kShadows / 2) {
        std::fputs("too many atomics in a model\n", stderr);
        std::abort();
      }
      entry->address = address;
      entry->iteration = iteration;
      entry->destroy = [](void* object) {
        static_cast<Object*>(object)->~Object();
      };
      made[made_count++] = static_cast<std::uint32_t>(entry - shadows);
      struct Call {
        F* make;
        void* place;
      } call{&make, entry->object};
      rl::preemption_disabler at_once(rl::ctx());
      hooks.as_of_the_beginning(
          [](void* argument) {
            Call* const it = static_cast<Call*>(argument);
            (*it->make)(it->place);
          },
          &call);
    }
    return reinterpret_cast<Object*>(entry->object);
  }

  // Must be called for a new object at an address where an old one may have
  // been.
  static void Forget(const void* address) noexcept {
    ShadowEntry* const entry = FindEntry(address);
    if (entry->iteration == iteration) entry->address = nullptr;
  }
};

// Ranges of memory, kept for the next iteration. A range given back is not
// handed out again in the same iteration: stale accesses to it find old values.
// Each range is cleared as a whole, so it should be small.
struct Range {
  char* begin;
  std::size_t size;
  std::uint64_t iteration;  // that last reserved it
};
inline Range ranges[256];
inline std::size_t range_count = 0;

inline void* ReserveBytes(std::size_t size) noexcept {
  for (std::size_t i = 0; i < range_count; ++i) {
    Range& range = ranges[i];
    if (range.size != size || range.iteration == iteration) continue;
    range.iteration = iteration;
    return std::memset(range.begin, 0, size);
  }
  if (range_count == sizeof(ranges) / sizeof(ranges[0])) {
    std::fputs("too many reserved ranges in the models of one program\n",
               stderr);
    std::abort();
  }
  void* const begin = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (begin == MAP_FAILED) return nullptr;
  ranges[range_count++] = {static_cast<char*>(begin), size, iteration};
  return begin;
}
inline void UnreserveBytes(void*, std::size_t) noexcept {}

// Returns whether the running code is a model's set-up or its end.
inline bool outside_threads = true;
inline unsigned CurrentThread() noexcept {
  return outside_threads ? kMaxModelThreads : rl::thread_index();
}

// The word that each thread sleeps on.
inline const void* waits_for[kMaxModelThreads];

// A signal that may interrupt a thread, once, before any of its operations.
struct Signal {
  void (*handler)(void*);
  void* argument;
};
inline Signal signals[kMaxModelThreads];

inline void MayInterrupt() noexcept {
  if (outside_threads) return;
  Signal& signal = signals[rl::thread_index()];
  if (signal.handler == nullptr) return;
  if (rl::rand(rl::ctx().is_random_sched() ? 8 : 2) != 0) return;
  const Signal raised = signal;
  signal.handler = nullptr;
  Log(Where(), "signal handler begins");
  raised.handler(raised.argument);
  Log(Where(), "signal handler ends");
}

inline void (*exit_hook)(void*);
inline void* exit_cookies[kMaxModelThreads + 1];

// Runs between iterations. Forgets the objects that a failed iteration left,
// without destroying them.
inline void BeginIteration() noexcept {
  ++iteration;
  made_count = 0;
  outside_threads = true;
  std::memset(waits_for, 0, sizeof(waits_for));
  std::memset(signals, 0, sizeof(signals));
  std::memset(exit_cookies, 0, sizeof(exit_cookies));
}
inline void EndIteration() noexcept {
  while (made_count > 0) {
    ShadowEntry& entry = shadows[made[--made_count]];
    entry.destroy(entry.object);
  }
}

}  // namespace haft::internal::sync::relacy

#endif  // TESTS_MODEL_SHADOW_H_
