// The system's answers, good ones and bad ones: the linker puts the functions
// below before those of the C library (-Wl,--wrap).

#include "haft/internal/base/system_sync.h"

#include <dlfcn.h>
#include <errno.h>
#include <gtest/gtest.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <climits>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/in_child.h"
#include "tests/support/testing.h"

namespace {

// If one of these is set, it answers in place of the system.
struct Answers {
  std::function<long(long command, long flags, long cpu)> membarrier;
  std::function<long(void* word, int operation, std::uint32_t value,
                     const long* timeout)>
      futex;
  std::function<int()> sched_getcpu, getpid;
  std::function<long(int name)> sysconf;
  std::function<ssize_t(void* buffer, std::size_t size, unsigned flags)>
      getrandom;
  std::function<int(timespec* now)> clock_gettime;
  std::function<int(void* begin, std::size_t bytes, int advice)> madvise;
  std::function<int(pthread_key_t* key)> pthread_key_create;
  std::function<int(pthread_key_t key, const void* value)> pthread_setspecific;
  std::function<void(const char* name, int flags)> dlopen;
  std::function<void(const void* address)> dladdr;
  std::vector<pthread_key_t> deleted_keys;
  int atforks = 0;
};
Answers answers;

}  // namespace

extern "C" {

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...) {
  va_list list;
  va_start(list, number);
  long a[6];
  for (long& argument : a) argument = va_arg(list, long);
  va_end(list);
  if (number == SYS_membarrier && answers.membarrier)
    return answers.membarrier(a[0], a[1], a[2]);
  if (number == SYS_futex && answers.futex) {
    return answers.futex(reinterpret_cast<void*>(a[0]), static_cast<int>(a[1]),
                         static_cast<std::uint32_t>(a[2]),
                         reinterpret_cast<const long*>(a[3]));
  }
  return __real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

int __real_sched_getcpu();
int __wrap_sched_getcpu() {
  return answers.sched_getcpu ? answers.sched_getcpu() : __real_sched_getcpu();
}

pid_t __real_getpid();
pid_t __wrap_getpid() {
  return answers.getpid ? answers.getpid() : __real_getpid();
}

long __real_sysconf(int name);
long __wrap_sysconf(int name) {
  return answers.sysconf ? answers.sysconf(name) : __real_sysconf(name);
}

ssize_t __real_getrandom(void* buffer, std::size_t size, unsigned flags);
ssize_t __wrap_getrandom(void* buffer, std::size_t size, unsigned flags) {
  return answers.getrandom ? answers.getrandom(buffer, size, flags)
                           : __real_getrandom(buffer, size, flags);
}

int __real_madvise(void* begin, std::size_t bytes, int advice);
int __wrap_madvise(void* begin, std::size_t bytes, int advice) {
  return answers.madvise ? answers.madvise(begin, bytes, advice)
                         : __real_madvise(begin, bytes, advice);
}

int __real_clock_gettime(clockid_t clock, timespec* now);
int __wrap_clock_gettime(clockid_t clock, timespec* now) {
  return answers.clock_gettime ? answers.clock_gettime(now)
                               : __real_clock_gettime(clock, now);
}

int __real_pthread_key_create(pthread_key_t* key, void (*destroy)(void*));
int __wrap_pthread_key_create(pthread_key_t* key, void (*destroy)(void*)) {
  return answers.pthread_key_create ? answers.pthread_key_create(key)
                                    : __real_pthread_key_create(key, destroy);
}

int __real_pthread_key_delete(pthread_key_t key);
int __wrap_pthread_key_delete(pthread_key_t key) {
  answers.deleted_keys.push_back(key);
  return __real_pthread_key_delete(key);
}

int __real_pthread_setspecific(pthread_key_t key, const void* value);
int __wrap_pthread_setspecific(pthread_key_t key, const void* value) {
  return answers.pthread_setspecific ? answers.pthread_setspecific(key, value)
                                     : __real_pthread_setspecific(key, value);
}

int __real_pthread_atfork(void (*prepare)(), void (*parent)(), void (*child)());
int __wrap_pthread_atfork(void (*prepare)(), void (*parent)(),
                          void (*child)()) {
  ++answers.atforks;
  return __real_pthread_atfork(prepare, parent, child);
}

void* __real_dlopen(const char* name, int flags);
void* __wrap_dlopen(const char* name, int flags) {
  if (answers.dlopen) answers.dlopen(name, flags);
  return __real_dlopen(name, flags);
}

int __real_dladdr(const void* address, Dl_info* info);
int __wrap_dladdr(const void* address, Dl_info* info) {
  if (answers.dladdr) answers.dladdr(address);
  return __real_dladdr(address, info);
}

}  // extern "C"

namespace haft::internal::system_sync {
namespace {

class SystemSyncTest : public ::testing::Test {
 protected:
  ~SystemSyncTest() override { answers = {}; }
};

// Whether the page has memory.
bool IsPopulated(void* page) {
  unsigned char is_in_core = 0;
  EXPECT_EQ(mincore(page, 1, &is_in_core), 0);
  return (is_in_core & 1) != 0;
}

// Before anything has asked the system.
const bool lacked_populate_at_first = lacks_populate.load();

class PopulateTest : public SystemSyncTest {
 protected:
  PopulateTest() { lacks_populate.store(false); }
  ~PopulateTest() override {
    EXPECT_EQ(errno, kErrno) << "calls in a signal handler must keep it";
    lacks_populate.store(false);
    Unreserve(pages_, 4 * page_);
  }

  static constexpr int kErrno = 12345;
  const std::size_t page_ = PageSize();
  char* const pages_ = Reserve<char>(4 * page_);
};

TEST_F(PopulateTest, TheSystemIsAskedAtFirst) {
  static_assert(kPopulates);
  EXPECT_FALSE(lacked_populate_at_first);
  errno = kErrno;
}

TEST_F(PopulateTest, OneCallPopulatesAllPages) {
  int calls = 0;
  answers.madvise = [&](void* begin, std::size_t bytes, int advice) {
    ++calls;
    EXPECT_EQ(begin, pages_ + page_);
    EXPECT_EQ(bytes, 2 * page_);
    EXPECT_EQ(advice, 23);
    return 0;
  };
  errno = kErrno;
  EXPECT_TRUE(PopulatePages(pages_ + page_, 2 * page_));
  EXPECT_TRUE(PopulatePages(pages_, 0));
  EXPECT_EQ(calls, 1) << "nothing needs no call";
  EXPECT_TRUE(PopulateOrTouchPages(pages_ + page_, 2 * page_));
  EXPECT_EQ(calls, 2);
  EXPECT_FALSE(IsPopulated(pages_ + page_));
}

TEST_F(PopulateTest, PagesKeepWhatIsInThem) {
  pages_[2 * page_ - 1] = 'x';
  errno = kErrno;
  const bool populated = PopulatePages(pages_ + page_, 2 * page_);
  EXPECT_EQ(populated, !lacks_populate.load());
  EXPECT_TRUE(PopulateOrTouchPages(pages_ + page_, 2 * page_));
  EXPECT_FALSE(IsPopulated(pages_));
  EXPECT_FALSE(IsPopulated(pages_ + 3 * page_));
  EXPECT_EQ(pages_[2 * page_ - 1], 'x');
  EXPECT_EQ(pages_[2 * page_], 0);
}

TEST_F(PopulateTest, WhetherTheSystemLacksItIsRemembered) {
  for (const int error : {EINVAL, ENOSYS, EPERM}) {
    int calls = 0;
    answers.madvise = [&](void*, std::size_t, int) {
      ++calls;
      errno = error;
      return -1;
    };
    errno = kErrno;
    lacks_populate.store(false);
    EXPECT_FALSE(PopulatePages(pages_, page_));
    EXPECT_FALSE(PopulatePages(pages_, page_));
    EXPECT_EQ(calls, 1);
    EXPECT_FALSE(IsPopulated(pages_));
  }
}

TEST_F(PopulateTest, LackOfMemoryIsNotRemembered) {
  for (const int error : {ENOMEM, EFAULT, EAGAIN, EINTR}) {
    int calls = 0;
    answers.madvise = [&](void*, std::size_t, int) {
      ++calls;
      errno = error;
      return -1;
    };
    errno = kErrno;
    EXPECT_FALSE(PopulatePages(pages_, page_));
    EXPECT_FALSE(PopulateOrTouchPages(pages_, page_));
    EXPECT_EQ(calls, 2);
    EXPECT_FALSE(IsPopulated(pages_)) << "touching it could end the process";
  }
}

TEST_F(PopulateTest, PagesAreTouchedIfTheSystemLacksIt) {
  answers.madvise = [](void*, std::size_t, int) {
    errno = EINVAL;
    return -1;
  };
  pages_[page_] = 'x';
  errno = kErrno;
  EXPECT_TRUE(PopulateOrTouchPages(pages_ + page_, page_));
  EXPECT_FALSE(IsPopulated(pages_ + 2 * page_));
  EXPECT_TRUE(PopulateOrTouchPages(pages_ + page_, page_ + 1));
  EXPECT_FALSE(IsPopulated(pages_));
  EXPECT_TRUE(IsPopulated(pages_ + page_));
  EXPECT_TRUE(IsPopulated(pages_ + 2 * page_));
  EXPECT_FALSE(IsPopulated(pages_ + 3 * page_));
  EXPECT_EQ(pages_[page_], 'x');
  EXPECT_EQ(pages_[2 * page_], 0);
}

long PageFaults() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_minflt;
}

// A page that was only read would cost another page fault.
TEST_F(PopulateTest, WhatWasTouchedCanBeWritten) {
  if (testing::kSanitized) GTEST_SKIP() << "a sanitizer has page faults, too";
  PageFaults();  // the call itself may cause one
  lacks_populate.store(true);
  errno = kErrno;
  EXPECT_TRUE(PopulateOrTouchPages(pages_, 4 * page_));
  volatile char* const pages = pages_;
  const long before = PageFaults();
  for (std::size_t page = 0; page < 4; ++page) pages[page * page_] = 'x';
  EXPECT_EQ(PageFaults(), before);
}

// --- The heavy barrier ------------------------------------------------------

class HeavyBarrierTest : public SystemSyncTest {
 protected:
  HeavyBarrierTest() {
    before_ = has_heavy_barrier.load();
    has_heavy_barrier.store(false);
    errno = kErrno;
    answers.membarrier = [this](long command, long flags, long cpu) -> long {
      EXPECT_EQ(flags, 0);
      EXPECT_EQ(cpu, 0);
      errno = EPERM;
      if (command == MEMBARRIER_CMD_QUERY) {
        ++queries_;
        return known_;
      }
      if (command == MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) {
        ++registrations_;
        is_granted_ |= grants_;
        return grants_ ? 0 : -1;
      }
      EXPECT_EQ(command, MEMBARRIER_CMD_PRIVATE_EXPEDITED);
      ++barriers_;
      return is_granted_ ? 0 : -1;
    };
  }
  ~HeavyBarrierTest() override {
    EXPECT_EQ(errno, kErrno) << "calls in a signal handler must keep it";
    has_heavy_barrier.store(before_);
  }

  static constexpr int kErrno = 12345;
  static constexpr long kAll = MEMBARRIER_CMD_PRIVATE_EXPEDITED |
                               MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED;

  bool before_;
  long known_ = kAll | MEMBARRIER_CMD_GLOBAL;  // the commands that there are
  bool grants_ = true;       // what the system answers to a registration
  bool is_granted_ = false;  // the process is registered
  int queries_ = 0, registrations_ = 0, barriers_ = 0;
};

TEST_F(HeavyBarrierTest, IsThereIfTheSystemKnowsIt) {
  EXPECT_FALSE(before_) << "nothing has asked for it";
  EXPECT_FALSE(HasHeavyBarrier());
  PrepareHeavyBarrier();
  EXPECT_TRUE(HasHeavyBarrier());
  PrepareHeavyBarrier();
  EXPECT_EQ(queries_, 1);
  EXPECT_EQ(registrations_, 0) << "that takes long, and may not be needed";
}

TEST_F(HeavyBarrierTest, RegistersAtItsFirstUse) {
  PrepareHeavyBarrier();
  HeavyBarrier();
  EXPECT_EQ(registrations_, 1);
  EXPECT_EQ(barriers_, 2) << "the first is refused";
  HeavyBarrier();
  EXPECT_EQ(barriers_, 3);
  EXPECT_TRUE(HasHeavyBarrier());
  EXPECT_EQ(registrations_, 1);
}

TEST_F(HeavyBarrierTest, MayBeRegisteredBefore) {
  PrepareHeavyBarrier();
  EXPECT_TRUE(RegisterHeavyBarrier());
  EXPECT_EQ(registrations_, 1);
  HeavyBarrier();
  EXPECT_EQ(registrations_, 1);
  EXPECT_EQ(barriers_, 1);
  grants_ = false;
  EXPECT_FALSE(RegisterHeavyBarrier());
}

TEST_F(HeavyBarrierTest, IsNotThereIfTheSystemLacksAPartOfIt) {
  for (const long known : {-1L, 0L, long{MEMBARRIER_CMD_GLOBAL},
                           long{MEMBARRIER_CMD_PRIVATE_EXPEDITED},
                           long{MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED}}) {
    known_ = known;
    PrepareHeavyBarrier();
    EXPECT_FALSE(HasHeavyBarrier()) << known;
  }
  EXPECT_EQ(queries_, 5);
  known_ = kAll;
  PrepareHeavyBarrier();
  EXPECT_TRUE(HasHeavyBarrier());
}

TEST_F(HeavyBarrierTest, IsExecutedForAnotherCopyOfHaft) {
  HeavyBarrier();
  EXPECT_EQ(barriers_, 2) << "that copy may not have been registered";
  EXPECT_EQ(registrations_, 1);
  HeavyBarrier();
  EXPECT_EQ(barriers_, 3);
  EXPECT_EQ(registrations_, 1);
  EXPECT_FALSE(HasHeavyBarrier()) << "this copy does not rely on it";
}

TEST_F(HeavyBarrierTest, IsGivenUpIfItIsRefused) {
  PrepareHeavyBarrier();
  grants_ = false;
  HeavyBarrier();
  EXPECT_FALSE(HasHeavyBarrier());
  EXPECT_EQ(registrations_, 1);
  EXPECT_EQ(barriers_, 1);
}

TEST_F(HeavyBarrierTest, IsGivenUpIfItIsGrantedAndRefused) {
  has_heavy_barrier.store(true);
  int barriers = 0;
  answers.membarrier = [&](long command, long, long) -> long {
    if (command == MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) return 0;
    ++barriers;
    return -1;
  };
  HeavyBarrier();
  EXPECT_FALSE(HasHeavyBarrier());
  EXPECT_EQ(barriers, 2);
}

// --- Sleeping ---------------------------------------------------------------

TEST_F(SystemSyncTest, AStepOfOneThreadReplacesTheExpectedValueOnly) {
  constexpr std::uintptr_t kMost = ~std::uintptr_t{0};
  Atomic<std::uintptr_t> words[3] = {Atomic<std::uintptr_t>(1),
                                     Atomic<std::uintptr_t>(0),
                                     Atomic<std::uintptr_t>(2)};
  const auto replace = [&](std::uintptr_t expected, std::uintptr_t desired) {
    return CompareExchangeInThread(words[1], expected, desired,
                                   std::memory_order_acquire);
  };
  EXPECT_FALSE(replace(kMost, 5));
  EXPECT_EQ(words[1].load(), 0u);
  EXPECT_TRUE(replace(0, kMost));
  EXPECT_EQ(words[1].load(), kMost);
  EXPECT_FALSE(replace(kMost - 1, 5));
  EXPECT_EQ(words[1].load(), kMost);
  EXPECT_TRUE(replace(kMost, 0));
  EXPECT_EQ(words[1].load(), 0u);
  EXPECT_EQ(words[0].load(), 1u) << "its neighbours are as they were";
  EXPECT_EQ(words[2].load(), 2u);
}

TEST_F(SystemSyncTest, AWaitHandsItsTimeOver) {
  Atomic<std::uint32_t> word{5};
  long seconds = -1, nanoseconds = -1;
  answers.futex = [&](void* at, int operation, std::uint32_t value,
                      const long* timeout) -> long {
    EXPECT_EQ(at, &word);
    EXPECT_EQ(operation, FUTEX_WAIT_PRIVATE);
    EXPECT_EQ(value, 7u);
    seconds = timeout[0];
    nanoseconds = timeout[1];
    return -1;
  };
  WaitWhileEqual(word, 7, 3'000'000'012);
  EXPECT_EQ(seconds, 3);
  EXPECT_EQ(nanoseconds, 12);
  WaitWhileEqual(word, 7, 999'999'999);
  EXPECT_EQ(seconds, 0);
  EXPECT_EQ(nanoseconds, 999'999'999);
  // A day, which a 32-bit system can count.
  WaitWhileEqual(word, 7, INT64_MAX);
  EXPECT_EQ(seconds, 24 * 60 * 60);
  EXPECT_EQ(nanoseconds, 0);
}

TEST_F(SystemSyncTest, AWaitForAnotherValueReturns) {
  Atomic<std::uint32_t> word{5};
  WaitWhileEqual(word, 6, INT64_MAX);
}

TEST_F(SystemSyncTest, WakeAllWakesAll) {
  Atomic<std::uint32_t> word{5};
  int calls = 0;
  answers.futex = [&](void* at, int operation, std::uint32_t count,
                      const long*) -> long {
    ++calls;
    EXPECT_EQ(at, &word);
    EXPECT_EQ(operation, FUTEX_WAKE_PRIVATE);
    EXPECT_EQ(count, static_cast<std::uint32_t>(INT_MAX));
    return 0;
  };
  WakeAll(word);
  EXPECT_EQ(calls, 1);
}

// --- Threads ----------------------------------------------------------------

TEST_F(SystemSyncTest, ANewThreadHasNothing) {
  std::thread([] {
    const ThreadState& thread = ThisThread();
    EXPECT_EQ(thread.registry, nullptr);
    EXPECT_EQ(thread.index.load(), 0u);
    EXPECT_EQ(thread.cache.load(), 0u);
    EXPECT_FALSE(thread.exited.load());
    EXPECT_FALSE(thread.holds_interns);
    EXPECT_EQ(thread.loans, 0u);
    EXPECT_EQ(thread.tag, 0u);
  }).join();
}

TEST_F(SystemSyncTest, ALibraryIsKeptLoadedAndTheProgramNeedsNothing) {
  std::vector<std::pair<std::string, int>> opened;
  answers.dlopen = [&](const char* name, int flags) {
    opened.emplace_back(name, flags);
  };
  PreventUnloading(reinterpret_cast<const void*>(&__wrap_getpid));
  EXPECT_TRUE(opened.empty()) << "this program";
  const int on_the_stack = 0;
  PreventUnloading(&on_the_stack);
  EXPECT_TRUE(opened.empty()) << "no object";
  const void* const in_libc = dlsym(RTLD_DEFAULT, "gnu_get_libc_version");
  ASSERT_NE(in_libc, nullptr);
  PreventUnloading(in_libc);
  ASSERT_EQ(opened.size(), 1u);
  Dl_info libc;
  ASSERT_NE(dladdr(in_libc, &libc), 0);
  EXPECT_EQ(opened[0].first, libc.dli_fname);
  EXPECT_EQ(opened[0].second, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}

void* ended_with = nullptr;
void NoteEnd(void* cookie) { ended_with = cookie; }

TEST_F(SystemSyncTest, AThreadsEndCallsTheHookWithItsLastCookie) {
  ThreadExitHook hook;
  EXPECT_FALSE(hook.Arm(&hook)) << "it is not prepared";
  EXPECT_EQ(hook.Cookie(), nullptr);
  std::set<const void*> kept;
  answers.dladdr = [&](const void* address) { kept.insert(address); };
  EXPECT_TRUE(hook.Prepare(&NoteEnd));
  EXPECT_EQ(kept.count(&hook), 1u);
  EXPECT_EQ(kept.count(reinterpret_cast<const void*>(&NoteEnd)), 1u);
  int first = 0, last = 0;
  ended_with = nullptr;
  std::thread([&] {
    EXPECT_EQ(hook.Cookie(), nullptr);
    EXPECT_TRUE(hook.Arm(&first));
    EXPECT_EQ(hook.Cookie(), &first);
    EXPECT_TRUE(hook.Arm(&last));
    EXPECT_EQ(hook.Cookie(), &last);
  }).join();
  EXPECT_EQ(hook.Cookie(), nullptr) << "another thread's";
  EXPECT_EQ(ended_with, &last);
  EXPECT_TRUE(answers.deleted_keys.empty());
}

TEST_F(SystemSyncTest, AHookIsPreparedOnce) {
  ThreadExitHook hook;
  ASSERT_TRUE(hook.Prepare(&NoteEnd));
  answers.pthread_key_create = [](pthread_key_t*) {
    ADD_FAILURE() << "it has a key";
    return EAGAIN;
  };
  EXPECT_TRUE(hook.Prepare(&NoteEnd));
}

TEST_F(SystemSyncTest, WithoutAKeyThereIsNoHook) {
  ThreadExitHook hook;
  answers.pthread_key_create = [](pthread_key_t*) { return EAGAIN; };
  EXPECT_FALSE(hook.Prepare(&NoteEnd));
  EXPECT_FALSE(hook.Arm(&hook));
}

TEST_F(SystemSyncTest, TheKeyMayHaveTheNumber0) {
  ThreadExitHook hook;
  answers.pthread_key_create = [](pthread_key_t* key) {
    *key = 0;
    return 0;
  };
  ASSERT_TRUE(hook.Prepare(&NoteEnd));
  // The real key 0 is GoogleTest's, or a sanitizer's, which needs its value.
  void* const value = pthread_getspecific(0);
  if (value == nullptr) {
    ASSERT_EQ(pthread_setspecific(0, &hook), 0);
    EXPECT_EQ(hook.Cookie(), &hook);
    ASSERT_EQ(pthread_setspecific(0, nullptr), 0);
  }
  EXPECT_EQ(hook.Cookie(), value);
  int armed = 0;
  answers.pthread_setspecific = [&](pthread_key_t key, const void* cookie) {
    EXPECT_EQ(key, 0u);
    EXPECT_EQ(cookie, &hook);
    ++armed;
    return 0;
  };
  EXPECT_TRUE(hook.Arm(&hook));
  EXPECT_EQ(armed, 1);
  answers.pthread_setspecific = [](pthread_key_t, const void*) {
    return ENOMEM;
  };
  EXPECT_FALSE(hook.Arm(&hook));
}

// Another thread is faster: here, inside the call that makes the key.
TEST_F(SystemSyncTest, OfTwoKeysOneIsUsedAndTheOtherDeleted) {
  ThreadExitHook hook;
  pthread_key_t late = 0;
  answers.pthread_key_create = [&](pthread_key_t* key) {
    answers.pthread_key_create = nullptr;
    EXPECT_TRUE(hook.Prepare(&NoteEnd));
    const int result = __real_pthread_key_create(key, nullptr);
    late = *key;
    return result;
  };
  EXPECT_TRUE(hook.Prepare(&NoteEnd));
  EXPECT_EQ(answers.deleted_keys, std::vector<pthread_key_t>{late});
  ended_with = nullptr;
  std::thread([&] { EXPECT_TRUE(hook.Arm(&hook)); }).join();
  EXPECT_EQ(ended_with, &hook);
}

int forks = 0;

TEST_F(SystemSyncTest, AForkHookRunsOnceInTheChild) {
  static ForkHook hook;
  const int before = answers.atforks;
  hook.Prepare([] { ++forks; });
  hook.Prepare([] { forks += 100; });
  EXPECT_EQ(answers.atforks, before + 1);
  haft::testing::InChild([] { EXPECT_EQ(forks, 1); });
  EXPECT_EQ(forks, 0);
}

TEST_F(SystemSyncTest, ThreadNumberIsTheSystems) {
  EXPECT_EQ(ThreadNumber(), static_cast<std::uint32_t>(gettid()));
  std::thread([] {
    EXPECT_EQ(ThreadNumber(), static_cast<std::uint32_t>(gettid()));
  }).join();
}

// --- Numbers of the system --------------------------------------------------

TEST_F(SystemSyncTest, AnUnknownCpuIsTheFirst) {
  int answer = -1;
  answers.sched_getcpu = [&] { return answer; };
  EXPECT_EQ(CpuIndex(), 0u);
  for (answer = 0; answer < 3; ++answer)
    EXPECT_EQ(CpuIndex(), static_cast<unsigned>(answer));
}

TEST_F(SystemSyncTest, ThereIsOneCpuAtLeast) {
  long answer = -1;
  answers.sysconf = [&](int name) {
    EXPECT_EQ(name, _SC_NPROCESSORS_CONF);
    return answer;
  };
  EXPECT_EQ(CpuCount(), 1u);
  answer = 0;
  EXPECT_EQ(CpuCount(), 1u);
  for (answer = 1; answer < 4; ++answer)
    EXPECT_EQ(CpuCount(), static_cast<unsigned>(answer));
}

TEST_F(SystemSyncTest, AnUnknownPageSizeIsTheUsualOne) {
  long answer = -1;
  answers.sysconf = [&](int name) {
    EXPECT_EQ(name, _SC_PAGESIZE);
    return answer;
  };
  EXPECT_EQ(PageSize(), 4096u);
  answer = 0;
  EXPECT_EQ(PageSize(), 4096u);
  answer = 65536;
  EXPECT_EQ(PageSize(), 65536u);
}

TEST_F(SystemSyncTest, MonotonicSecondsAreTheClocks) {
  timespec before, after;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &before);
  const std::uint32_t seconds = MonotonicSeconds();
  clock_gettime(CLOCK_MONOTONIC_COARSE, &after);
  EXPECT_GE(seconds, static_cast<std::uint32_t>(before.tv_sec));
  EXPECT_LE(seconds, static_cast<std::uint32_t>(after.tv_sec));
  answers.clock_gettime = [](timespec* now) {
    *now = {1234, 5};
    return 0;
  };
  EXPECT_EQ(MonotonicSeconds(), 1234u);
}

// --- Memory -----------------------------------------------------------------

TEST_F(SystemSyncTest, AReservedRangeIsZeroAndIsGivenBackWhole) {
  using Word = std::uint64_t;
  const std::size_t page = PageSize(), count = 8 * page / sizeof(Word);
  Word* const words = Reserve<Word>(count);
  ASSERT_NE(words, nullptr);
  for (std::size_t i = 0; i < count; i += page / sizeof(Word)) {
    EXPECT_EQ(words[i], 0u);
    words[i] = 1;
  }
  unsigned char is_resident[8];
  EXPECT_EQ(mincore(words, 8 * page, is_resident), 0);
  Unreserve(words, count);
  for (std::size_t i = 0; i < 8; ++i) {
    EXPECT_EQ(mincore(words + i * page / sizeof(Word), page, is_resident), -1)
        << "page " << i;
  }
}

TEST_F(SystemSyncTest, ARangeThatCannotBeHadIsNull) {
  using Word = std::uint64_t;
  EXPECT_EQ(Reserve<Word>(SIZE_MAX / sizeof(Word) + 1), nullptr);
  EXPECT_EQ(Reserve<Word>(SIZE_MAX / sizeof(Word) + 3), nullptr);
  EXPECT_EQ(Reserve<Word>(SIZE_MAX / sizeof(Word)), nullptr);
}

TEST_F(SystemSyncTest, DroppedPagesAreZeroAndLockedOnesAreRefused) {
  const std::size_t page = PageSize();
  char* const bytes = Reserve<char>(2 * page);
  ASSERT_NE(bytes, nullptr);
  std::memset(bytes, 1, 2 * page);
  EXPECT_TRUE(DropPages(bytes, page));
  EXPECT_EQ(bytes[0], 0);
  EXPECT_EQ(bytes[page - 1], 0);
  EXPECT_EQ(bytes[page], 1) << "the next page";
  // Not by mlock, which sanitizers leave out.
  if (__real_syscall(SYS_mlock, bytes + page, page) == 0) {
    EXPECT_FALSE(DropPages(bytes + page, page));
    EXPECT_EQ(bytes[page], 1);
    EXPECT_EQ(munlock(bytes + page, page), 0);
  }
  Unreserve(bytes, 2 * page);
}

// --- Chance -----------------------------------------------------------------

TEST_F(SystemSyncTest, ARandomWordIsTheSystems) {
  static constexpr std::uint64_t kGiven = 0x123456789abcdef0u;
  answers.getrandom = [](void* buffer, std::size_t size, unsigned flags) {
    EXPECT_EQ(size, sizeof(kGiven));
    EXPECT_EQ(flags, unsigned{GRND_NONBLOCK});
    std::memcpy(buffer, &kGiven, sizeof(kGiven));
    return static_cast<ssize_t>(sizeof(kGiven));
  };
  EXPECT_EQ(RandomWord(), kGiven);
}

class WithoutRandomTest : public SystemSyncTest {
 protected:
  WithoutRandomTest() {
    answers.getrandom = [](void*, std::size_t, unsigned) {
      return ssize_t{-1};
    };
    answers.clock_gettime = [this](timespec* now) {
      *now = {0, nanoseconds_};
      return 0;
    };
    answers.getpid = [this] { return process_; };
  }

  // Returns the words that two processes get in equal calls, after f() in one.
  template <typename F>
  std::pair<std::uint64_t, std::uint64_t> InTwoProcesses(F f) {
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    haft::testing::InChild([&] {
      f();
      const std::uint64_t word = RandomWord();
      EXPECT_EQ(write(ends[1], &word, sizeof(word)),
                static_cast<ssize_t>(sizeof(word)));
    });
    std::uint64_t other = 0;
    EXPECT_EQ(read(ends[0], &other, sizeof(other)),
              static_cast<ssize_t>(sizeof(other)));
    close(ends[0]);
    close(ends[1]);
    return {RandomWord(), other};
  }

  long nanoseconds_ = 123456789;
  int process_ = 4321;
};

TEST_F(WithoutRandomTest, WordsDifferFromCallToCall) {
  std::set<std::uint64_t> words;
  for (int i = 0; i < 100; ++i) words.insert(RandomWord());
  EXPECT_EQ(words.size(), 100u);
}

TEST_F(WithoutRandomTest, WordsDifferFromProcessToProcess) {
  const auto of_another_number = InTwoProcesses([&] { ++process_; });
  EXPECT_NE(of_another_number.first, of_another_number.second);
  const auto at_another_time = InTwoProcesses([&] { ++nanoseconds_; });
  EXPECT_NE(at_another_time.first, at_another_time.second);
}

TEST_F(WithoutRandomTest, AShortAnswerIsNone) {
  answers.getrandom = [](void* buffer, std::size_t, unsigned) {
    std::memset(buffer, 0, 4);
    return ssize_t{4};
  };
  EXPECT_NE(RandomWord(), RandomWord());
}

}  // namespace
}  // namespace haft::internal::system_sync
