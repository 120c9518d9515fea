// The operating system's implementation of the seam (sync.h), and so the one
// that is shipped: standard atomics, futexes, thread-specific data and mmap.
//
// A backend that replaces only some of these declarations takes the others from
// here (tests/support/sync_backend_base.h).

#ifndef HAFT_INTERNAL_BASE_SYSTEM_SYNC_H_
#define HAFT_INTERNAL_BASE_SYSTEM_SYNC_H_

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "haft/internal/base/abi.h"

namespace haft::internal::system_sync {
inline namespace HAFT_ABI {

template <typename T>
using Atomic = std::atomic<T>;

static_assert(std::atomic<std::uint64_t>::is_always_lock_free);
static_assert(std::atomic<std::uintptr_t>::is_always_lock_free);

// Ordinary data that one thread hands to another. Two threads never access it
// at the same time; the backend of a checker verifies that.
template <typename T>
class Plain {
 public:
  T Read() const noexcept { return value_; }
  void Write(T value) noexcept { value_ = value; }

 private:
  T value_;
};

// Keeps the compiler from moving memory accesses across it, as seen by a signal
// handler on the same thread. It is no instruction.
inline void SignalFence() noexcept {
  std::atomic_signal_fence(std::memory_order_seq_cst);
}

// Replaces the value `expected` of `word` by `desired`, with an order up to
// acq_rel. While the word has that value, no other thread may write it. The
// step cannot be divided by a signal handler of the calling thread. On x86,
// where each load acquires and each store releases, it is a compare-and-swap
// without the lock, which costs about as much as a store. ThreadSanitizer would
// not see that.
//   Returns   whether it has replaced it
template <typename T>
bool CompareExchangeInThread(Atomic<T>& word, T expected, T desired,
                             std::memory_order order) noexcept {
#if (defined(__x86_64__) || defined(__i386__)) && \
    !defined(HAFT_THREAD_SANITIZER)
  (void)order;
  static_assert(sizeof(T) == sizeof(void*));
  bool is_done;
  asm volatile("cmpxchg %[desired], %[word]"
               : "=@cce"(is_done), [word] "+m"(reinterpret_cast<T&>(word)),
                 "+a"(expected)
               : [desired] "r"(desired)
               : "memory");
  return is_done;
#else
  return word.compare_exchange_strong(expected, desired, order,
                                      std::memory_order_relaxed);
#endif
}

// Keeps `errno` as it was, for calls that are safe in a signal handler.
class ErrnoKeeper {
 public:
  ErrnoKeeper() noexcept : kept_(errno) {}
  ~ErrnoKeeper() { errno = kept_; }
  ErrnoKeeper(const ErrnoKeeper&) = delete;
  ErrnoKeeper& operator=(const ErrnoKeeper&) = delete;

 private:
  const int kept_;
};

// The heavy side of an asymmetric barrier. Before HeavyBarrier returns, every
// other running thread of the process passes a full barrier, so the light side
// needs no more than a SignalFence. PrepareHeavyBarrier is called once before
// either side. If the system has no such barrier, HasHeavyBarrier returns false
// from then on, and the light side must use a seq_cst operation instead.
//
// The light side only needs to know that the heavy side will be able to issue
// the barrier, which the system tells at once. The process must be registered
// before the first barrier. That takes milliseconds if it has several threads,
// so it is done at the first HeavyBarrier, unless RegisterHeavyBarrier has done
// it before.
[[gnu::visibility("default")]] inline Atomic<bool> has_heavy_barrier{false};
inline bool HasHeavyBarrier() noexcept {
  // relaxed: set before the first table exists, and never changes.
  return has_heavy_barrier.load(std::memory_order_relaxed);
}
inline void PrepareHeavyBarrier() noexcept {
  if (HasHeavyBarrier()) return;
  const ErrnoKeeper keeper;
  constexpr long kNeeded = MEMBARRIER_CMD_PRIVATE_EXPEDITED |
                           MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED;
  const long known = syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0);
  has_heavy_barrier.store(known >= 0 && (known & kNeeded) == kNeeded,
                          std::memory_order_relaxed);
}
inline bool TryHeavyBarrier() noexcept {
  return syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0;
}
// Returns whether the process is registered now. Once it is, so are the
// children that it forks, and further calls take no time.
inline bool RegisterHeavyBarrier() noexcept {
  const ErrnoKeeper keeper;
  return syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0,
                 0) == 0;
}
// If the system refuses what it has promised before (because a sandbox was
// closed), it counts as a system without the barrier from then on. Ordering
// lost at that moment is not repaired, so callers may rely on it only for
// progress, never for safety.
inline void HeavyBarrier() noexcept {
  const ErrnoKeeper keeper;
  // Also if this copy of Haft has no barrier. Another copy that uses the same
  // table may rely on one.
  if (TryHeavyBarrier()) return;
  if (RegisterHeavyBarrier() && TryHeavyBarrier()) return;
  has_heavy_barrier.store(false, std::memory_order_relaxed);
}

// If `word` equals `value`, sleeps until WakeAll(word), for `nanoseconds` at
// most. May also return without a reason.
inline void WaitWhileEqual(Atomic<std::uint32_t>& word, std::uint32_t value,
                           std::int64_t nanoseconds) noexcept {
  constexpr std::int64_t kSecond = 1'000'000'000;
  // A 32-bit system takes 32 bits of seconds.
  constexpr std::int64_t kLongest = kSecond * 60 * 60 * 24;
  if (nanoseconds > kLongest) nanoseconds = kLongest;
  // The system call's own structure, whatever the C library's timespec is.
  const struct {
    long seconds;
    long nanoseconds;
  } relative{static_cast<long>(nanoseconds / kSecond),
             static_cast<long>(nanoseconds % kSecond)};
  syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, value, &relative, nullptr, 0);
}
inline void WakeAll(Atomic<std::uint32_t>& word) noexcept {
  syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
}

// Asks the processor for the cache line of `address`, in a state that can be
// written.
inline void PrefetchForWrite(const void* address) noexcept {
  __builtin_prefetch(address, 1);
}

// Threads that may hold an index at the same time, and those of them that may
// have a cache in each table.
inline constexpr unsigned kMaxThreads = sizeof(void*) == 8 ? 1 << 15 : 1 << 12;
inline constexpr unsigned kMaxCaches = 512;

// The state of a thread. Each member has a constant initial value, so that the
// state needs no initialisation at run time: reading it is one load also inside
// a shared library, and a signal handler that interrupts a thread's first call
// does not lose what it claims. It has default visibility, so that the shared
// objects of one process share it.
struct ThreadState {
  void* registry = nullptr;    // the numbers' ThreadRegistry; null: has none
  Atomic<unsigned> index{0};   // 1..kMaxThreads; 0: has none
  Atomic<unsigned> cache{0};   // 1..kMaxCaches; 0: has none
  Atomic<bool> exited{false};  // its exit hook has run; it owns no index now
  bool holds_interns = false;  // it is forking, with the InternTable locked
  unsigned loans = 0;          // how often the index is lent; 0: it is not
  std::uint64_t tag = 0;       // differs from those of the index's other owners
};
[[gnu::visibility("default")]] inline thread_local ThreadState thread_state
    [[gnu::tls_model("initial-exec")]];
// Hidden, so that each shared object that uses the address of this function
// gets its own.
[[gnu::visibility("hidden")]] inline ThreadState& ThisThread() noexcept {
  return thread_state;
}

// The dynamic linker's functions; null in a program that is linked statically,
// into which these references do not draw them.
[[gnu::weakref("dladdr")]] static int WeakDladdr(const void*, Dl_info*);
[[gnu::weakref("dlopen")]] static void* WeakDlopen(const char*, int);

// Sees to it that the shared library that contains `address`, if it is in one,
// stays loaded until the process ends, even if it was linked without
// `-z nodelete`. Takes the dynamic linker's lock.
inline void PreventUnloading(const void* address) noexcept {
  if (&WeakDladdr == nullptr || &WeakDlopen == nullptr) return;
  Dl_info object;
  if (WeakDladdr(address, &object) == 0) return;
  // A program's headers stand at its beginning.
  constexpr std::uintptr_t kPage = 4096;
  const bool is_program =
      getauxval(AT_PHDR) - reinterpret_cast<std::uintptr_t>(object.dli_fbase) <
      kPage;
  // The result is never closed.
  if (!is_program)
    (void)WeakDlopen(object.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}

// Arranges a call hook(cookie) for the moment when the calling thread ends.
// Only the first hook, and the last cookie of each thread, are used. The shared
// libraries that contain this object and the hook are never unloaded.
//   Returns   whether it is arranged: false if the process has run out of keys
//             or memory
//   Progress  wait-free. Prepare is not async-signal-safe. Arm is, unless the
//             first 32 thread-specific keys of the process were taken before:
//             then a thread's first call may allocate
class ThreadExitHook {
 public:
  bool Prepare(void (*hook)(void*)) noexcept {
    if (key_.load(std::memory_order_relaxed) != 0) return true;
    PreventUnloading(this);
    PreventUnloading(reinterpret_cast<const void*>(hook));
    pthread_key_t key;
    if (pthread_key_create(&key, hook) != 0) return false;
    std::uint32_t expected = 0;
    // relaxed: a key is a number, and valid in every thread once it exists.
    if (!key_.compare_exchange_strong(expected, key + 1,
                                      std::memory_order_relaxed,
                                      std::memory_order_relaxed)) {
      pthread_key_delete(key);
    }
    return true;
  }
  bool Arm(void* cookie) noexcept {
    const std::uint32_t key = key_.load(std::memory_order_relaxed);
    return key != 0 && pthread_setspecific(key - 1, cookie) == 0;
  }
  // Returns the calling thread's last cookie; null if it has none, and once its
  // hook runs.
  void* Cookie() const noexcept {
    const std::uint32_t key = key_.load(std::memory_order_relaxed);
    return key == 0 ? nullptr : pthread_getspecific(key - 1);
  }

 private:
  Atomic<std::uint32_t> key_{0};  // the key plus one; 0: no key yet
};

// Whether a process may fork.
inline constexpr bool kForks = true;

// Arranges a call hook() in each child of fork, before fork returns there. Not
// async-signal-safe.
class ForkHook {
 public:
  // Only the first hook is used. If there is no memory for it, it is never
  // called.
  void Prepare(void (*hook)()) noexcept {
    // relaxed: the hook may be registered twice, which does no harm.
    if (is_prepared_.load(std::memory_order_relaxed)) return;
    is_prepared_.store(true, std::memory_order_relaxed);
    (void)pthread_atfork(nullptr, nullptr, hook);
  }

 private:
  Atomic<bool> is_prepared_{false};
};

// Where the calling thread's stack ends at the moment.
[[gnu::always_inline]] inline std::uintptr_t StackPointer() noexcept {
#if defined(__x86_64__)
  std::uintptr_t address;
  asm("mov %%rsp, %0" : "=r"(address));
  return address;
#else
  return reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
#endif
}

// The CPU on which the caller runs (it may be moved at any time), and the
// number of CPUs that the system can have.
inline unsigned CpuIndex() noexcept {
  const int cpu = sched_getcpu();
  return cpu < 0 ? 0 : static_cast<unsigned>(cpu);
}
inline unsigned CpuCount() noexcept {
  const long count = sysconf(_SC_NPROCESSORS_CONF);
  return count < 1 ? 1 : static_cast<unsigned>(count);
}

// The system's number of the calling thread, and a clock. Both are for
// messages.
inline std::uint32_t ThreadNumber() noexcept {
  return static_cast<std::uint32_t>(syscall(SYS_gettid));
}
inline std::uint32_t MonotonicSeconds() noexcept {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return static_cast<std::uint32_t>(now.tv_sec);
}

// Reserves `count` objects, all bytes 0. Only pages that are touched take
// memory.
//   Returns   nullptr if the address range cannot be had
template <typename T>
T* Reserve(std::size_t count) noexcept {
  static_assert(std::is_trivially_destructible_v<T>);
  if (count > SIZE_MAX / sizeof(T)) return nullptr;
  void* range = mmap(nullptr, count * sizeof(T), PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return range == MAP_FAILED ? nullptr : static_cast<T*>(range);
}
template <typename T>
void Unreserve(T* objects, std::size_t count) noexcept {
  munmap(const_cast<std::remove_const_t<T>*>(objects), count * sizeof(T));
}

inline std::size_t PageSize() noexcept {
  const long size = sysconf(_SC_PAGESIZE);
  return size < 1 ? 4096 : static_cast<std::size_t>(size);
}
// Gives back the memory of whole pages of a reserved range, which stays
// reserved: all bytes are 0 afterwards. It works as if it stored 0 to each word
// with release order. If another thread writes to the pages meanwhile, its
// writes are kept or lost.
//   Returns   false if the system refuses, because the pages are locked, say.
//             Each page is then as it was, or all 0
inline bool DropPages(void* begin, std::size_t bytes) noexcept {
  return madvise(begin, bytes, MADV_DONTNEED) == 0;
}

// Whether pages can be given memory before they are written.
inline constexpr bool kPopulates = true;

// Whether the system has been found not to offer MADV_POPULATE_WRITE, which
// Linux has since 5.14.
[[gnu::visibility("default")]] inline Atomic<bool> lacks_populate{false};

// Gives all pages of a reserved range memory in one system call, as if each was
// written. Their contents stay, whatever other threads do meanwhile.
//   Returns   false if the system cannot do that or lacks memory. Some pages
//             may have memory then
inline bool PopulatePages(void* begin, std::size_t bytes) noexcept {
  constexpr int kPopulateWrite = 23;  // older C libraries have no name for it
  // relaxed, both: a hint.
  if (lacks_populate.load(std::memory_order_relaxed)) return false;
  const ErrnoKeeper keeper;
  if (bytes == 0 || madvise(begin, bytes, kPopulateWrite) == 0) return true;
  // The last two are the answers of sandboxes.
  if (errno == EINVAL || errno == ENOSYS || errno == EPERM)
    lacks_populate.store(true, std::memory_order_relaxed);
  return false;
}
// The same page by page: writes to a byte of each what is there, in one atomic
// step, so that no other thread's write is lost.
[[gnu::noinline, gnu::no_sanitize_address, gnu::no_sanitize_thread]] inline void
TouchPages(void* begin, std::size_t bytes) noexcept {
  char* const first = static_cast<char*>(begin);
  const std::size_t page = PageSize();
  for (std::size_t i = 0; i < bytes; i += page) {
    // Not an addition of 0, which compilers replace by a fence.
    char byte = __atomic_load_n(first + i, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(first + i, &byte, byte, false,
                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    }
  }
}
// Populates the pages in one of these ways.
//   Returns   false if the system lacks memory. (If it lacks the call, it ends
//             a process for which it has no memory.)
inline bool PopulateOrTouchPages(void* begin, std::size_t bytes) noexcept {
  if (PopulatePages(begin, bytes)) return true;
  if (!lacks_populate.load(std::memory_order_relaxed)) return false;
  TouchPages(begin, bytes);
  return true;
}

// Returns a word that differs from call to call and from process to process. It
// is not for cryptography.
inline std::uint64_t RandomWord() noexcept {
  std::uint64_t word = 0;
  if (getrandom(&word, sizeof(word), GRND_NONBLOCK) ==
      static_cast<ssize_t>(sizeof(word)))
    return word;
  static Atomic<std::uint64_t> calls{0};
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  word = static_cast<std::uint64_t>(now.tv_nsec) ^
         (static_cast<std::uint64_t>(getpid()) << 32);
  return (word + calls.fetch_add(1, std::memory_order_relaxed)) *
         0x9e3779b97f4a7c15u;
}

}  // namespace HAFT_ABI
}  // namespace haft::internal::system_sync

#endif  // HAFT_INTERNAL_BASE_SYSTEM_SYNC_H_
