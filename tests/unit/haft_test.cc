// The C ABI with threads and processes. tests/consumer/c/smoke.c tests it as a
// C program sees it.

#include "haft/haft.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "haft/internal/base/sanitizer.h"
#include "haft/internal/base/sync.h"
#include "haft/internal/process/any_table.h"
#include "tests/support/in_child.h"
#include "tests/support/testing.h"

namespace {

constexpr haft_type kBorrowed = {"borrowed", nullptr, nullptr, 0, 0};

// A child has no process-wide table if its parent has not created one. So the
// tests that need that come first.
using haft::testing::InChild;

TEST(ProcessTableTest, RacingFirstCallsCreateOneTable) {
  for (int round = 0; round < 20; ++round) {
    InChild([] {
      // Each thread may create a table, and an emulator has no room for so many
      // large ones.
      setenv("HAFT_CAPACITY", "1000", 1);
      constexpr unsigned kThreads = 8;
      haft::testing::Barrier start(kThreads);
      haft_handle handles[kThreads] = {};
      haft::testing::RunThreads(kThreads, [&](unsigned t) {
        start.Wait();
        EXPECT_EQ(haft_new(&handles[t], &kBorrowed, &handles[t]), HAFT_OK);
      });
      for (haft_handle& handle : handles) {
        void* object = nullptr;
        EXPECT_EQ(haft_value(handle, &kBorrowed, &object), HAFT_OK);
        EXPECT_EQ(object, &handle);
      }
      haft_stats stats;
      EXPECT_EQ(haft_table_stats(nullptr, &stats), HAFT_OK);
      EXPECT_EQ(stats.live, kThreads);
    });
  }
}

bool IsRegisteredForTheBarrier() {
  return syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0;
}

TEST(ProcessTableTest, NothingIsRegisteredBeforeItIsNeeded) {
  InChild([] {
    int object = 0;
    haft_handle handles[2];
    for (haft_handle& handle : handles)
      ASSERT_EQ(haft_new(&object, &kBorrowed, &handle), HAFT_OK);
    EXPECT_EQ(haft_delete(handles[0], nullptr), HAFT_OK);
    EXPECT_FALSE(IsRegisteredForTheBarrier()) << "no object was pinned";
    haft_pin pin;
    void* found = nullptr;
    ASSERT_EQ(haft_pin_object(handles[1], nullptr, &pin, &found), HAFT_OK);
    EXPECT_EQ(haft_delete(handles[1], nullptr), HAFT_OK);
    haft_unpin(&pin);
    EXPECT_EQ(haft::internal::sync::HasHeavyBarrier(),
              IsRegisteredForTheBarrier());
  });
}

TEST(ProcessTableTest, PrepareDoesWhatTheFirstCallsWouldDo) {
  InChild([] {
    constexpr std::size_t kMany = 20000;
    const auto faults = [] {
      rusage usage{};
      EXPECT_EQ(getrusage(RUSAGE_SELF, &usage), 0);
      return usage.ru_minflt;
    };
    EXPECT_EQ(haft_prepare(kMany), HAFT_OK);
    EXPECT_EQ(haft::internal::sync::HasHeavyBarrier(),
              IsRegisteredForTheBarrier());
    haft_stats stats;
    ASSERT_EQ(haft_table_stats(nullptr, &stats), HAFT_OK);
    EXPECT_EQ(stats.created, 0u);
    EXPECT_EQ(stats.high_water, 0u);
    int object = 0;
    haft_handle handle = 0;
    // The function's own pages.
    ASSERT_EQ(haft_new(&object, &kBorrowed, &handle), HAFT_OK);
    const long before = faults();
    for (std::size_t i = 1; i < kMany; ++i)
      ASSERT_EQ(haft_new(&object, &kBorrowed, &handle), HAFT_OK);
    if (!haft::testing::kSanitized) {
      EXPECT_LE(faults() - before, 3);
    }
  });
}

TEST(ProcessTableTest, PrepareTakesAnyNumberUpToTheCapacity) {
  InChild([] {
    setenv("HAFT_CAPACITY", "1000", 1);
    for (int round = 0; round < 2; ++round) {
      EXPECT_EQ(haft_prepare(SIZE_MAX), HAFT_FULL);
      EXPECT_EQ(haft_prepare(1001), HAFT_FULL);
      EXPECT_EQ(haft_prepare(1000), HAFT_OK);
      EXPECT_EQ(haft_prepare(0), HAFT_OK);
    }
    haft_table* table = nullptr;
    ASSERT_EQ(haft_table_create(10, &table), HAFT_OK);
    EXPECT_EQ(haft_table_prepare(table, SIZE_MAX), HAFT_FULL);
    EXPECT_EQ(haft_table_prepare(table, 11), HAFT_FULL);
    EXPECT_EQ(haft_table_prepare(table, 10), HAFT_OK);
    EXPECT_EQ(haft_table_prepare(table, 0), HAFT_OK);
    EXPECT_EQ(haft_table_prepare(nullptr, 1001), HAFT_FULL);
    InChild([=] {
      EXPECT_EQ(haft_prepare(1000), HAFT_OK);
      EXPECT_EQ(haft_table_prepare(table, 10), HAFT_OK);
      int object = 0;
      haft_handle handle = 0;
      EXPECT_EQ(haft_new(&object, &kBorrowed, &handle), HAFT_OK);
      EXPECT_EQ(haft_delete(handle, nullptr), HAFT_OK);
    });
    haft_table_destroy(table);
  });
}

TEST(ProcessTableTest, RacingPreparesCreateOneTable) {
  for (int round = 0; round < 20; ++round) {
    InChild([] {
      setenv("HAFT_CAPACITY", "1000", 1);
      constexpr unsigned kThreads = 8;
      haft::testing::Barrier start(kThreads);
      haft::testing::RunThreads(kThreads, [&](unsigned t) {
        start.Wait();
        int object = 0;
        haft_handle handle = 0;
        if (t % 4 != 0) {
          EXPECT_EQ(haft_prepare(1000), HAFT_OK);
        }
        EXPECT_EQ(haft_new(&object, &kBorrowed, &handle), HAFT_OK);
        EXPECT_EQ(haft_delete(handle, nullptr), HAFT_OK);
      });
      haft_stats stats;
      EXPECT_EQ(haft_table_stats(nullptr, &stats), HAFT_OK);
      EXPECT_EQ(stats.created, kThreads);
      EXPECT_EQ(stats.live, 0u);
    });
  }
}

// The table is smaller then.
TEST(ProcessTableTest, PrepareUnderAnAddressSpaceLimit) {
  if (haft::testing::kSanitized)
    GTEST_SKIP() << "a sanitizer needs address space of its own";
  InChild([] {
    const rlimit limit = {std::size_t{200} << 20, RLIM_INFINITY};
    ASSERT_EQ(setrlimit(RLIMIT_AS, &limit), 0);
    setenv("HAFT_CAPACITY", "4000000", 1);
    EXPECT_EQ(haft_prepare(4000000), HAFT_FULL);
    haft_stats stats;
    ASSERT_EQ(haft_table_stats(nullptr, &stats), HAFT_OK);
    EXPECT_LT(stats.capacity, 4000000u);
    EXPECT_EQ(haft_prepare(stats.capacity + 1), HAFT_FULL);
    EXPECT_EQ(haft_prepare(stats.capacity), HAFT_OK);
  });
}

TEST(ProcessTableTest, TrimGivesThePagesOfFreeSlotsBack) {
  InChild([] {
    EXPECT_EQ(haft_trim(), 0u) << "there is no table yet";
    int object = 0;
    for (haft_table* table : {static_cast<haft_table*>(nullptr), [] {
                                haft_table* made = nullptr;
                                EXPECT_EQ(haft_table_create(5000, &made),
                                          HAFT_OK);
                                return made;
                              }()}) {
      std::vector<haft_handle> handles(4000);
      for (haft_handle& handle : handles)
        ASSERT_EQ(haft_table_new(table, &object, &kBorrowed, &handle), HAFT_OK);
      EXPECT_EQ(haft_table_trim(table), 0u) << "all are live";
      for (haft_handle handle : handles)
        ASSERT_EQ(haft_table_delete(table, handle, &kBorrowed), HAFT_OK);
      const std::size_t bytes =
          table == nullptr ? haft_trim() : haft_table_trim(table);
      EXPECT_GT(bytes, 4000 * 4 * sizeof(void*));
      for (haft_handle handle : handles) {
        ASSERT_EQ(haft_table_delete(table, handle, &kBorrowed), HAFT_STALE);
        ASSERT_EQ(haft_table_new(table, &object, &kBorrowed, &handle), HAFT_OK);
      }
    }
  });
}

constexpr std::size_t kDefaultCapacity =
    std::min(std::size_t{4194304}, haft::internal::AnyTable::kMaxCapacity);

TEST(ProcessTableTest, TheEnvironmentGivesTheCapacity) {
  const auto capacity_under = [](const char* value) {
    setenv("HAFT_CAPACITY", value, 1);
    haft_stats stats;
    EXPECT_EQ(haft_table_stats(nullptr, &stats), HAFT_OK);
    return stats.capacity;
  };
  InChild([&] { EXPECT_EQ(capacity_under("12"), 12u); });
  for (const char* const value : {"0", "12x", "", "-1", "1e6"})
    InChild(
        [&] { EXPECT_EQ(capacity_under(value), kDefaultCapacity) << value; });
}

TEST(ProcessTableTest, LittleAddressSpaceGivesASmallerTable) {
  if (haft::testing::kSanitized)
    GTEST_SKIP() << "a sanitizer needs more address space than that";
  for (const rlim_t kibibytes : {600000, 100000}) {
    InChild([&] {
      unsetenv("HAFT_CAPACITY");
      const rlimit limit = {kibibytes << 10, kibibytes << 10};
      ASSERT_EQ(setrlimit(RLIMIT_AS, &limit), 0);
      haft_stats stats;
      ASSERT_EQ(haft_table_stats(nullptr, &stats), HAFT_OK);
      EXPECT_GE(stats.capacity, 4096u);
      EXPECT_LT(stats.capacity, 4194304u);
      if (kibibytes == 600000) {
        EXPECT_GT(stats.capacity, 4096u) << "there is room for more";
      }
      std::size_t halved = kDefaultCapacity;
      while (halved > stats.capacity) halved /= 2;
      EXPECT_EQ(stats.capacity, std::max(halved, std::size_t{4096}));
      haft_handle handles[1000];
      for (haft_handle& handle : handles)
        ASSERT_EQ(haft_new(nullptr, &kBorrowed, &handle), HAFT_OK);
    });
  }
}

// Its environment asks for reports, which the first call that needs a table
// turns on.
TEST(ProcessTableTest, AClosedScopeReportsNoRefusalEvenAsTheFirstCall) {
  InChild([] {
    setenv("HAFT_CAPACITY", "10", 1);
    setenv("HAFT_DIAGNOSE", "refusals=1000", 1);
    int ends[2];
    ASSERT_EQ(pipe2(ends, O_NONBLOCK), 0);
    ASSERT_EQ(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    haft_scope* scope = nullptr;
    ASSERT_EQ(haft_scope_open(nullptr, &scope), HAFT_OK);
    ASSERT_EQ(haft_scope_add(scope, 2), HAFT_OK);
    EXPECT_EQ(haft_scope_close(scope), 0u);
    EXPECT_EQ(haft_delete(2, nullptr), HAFT_MALFORMED);
    char text[2000] = {};
    ASSERT_GT(read(ends[0], text, sizeof(text) - 1), 0);
    const std::string reports = text;
    EXPECT_EQ(std::count(reports.begin(), reports.end(), '\n'), 1) << reports;
  });
}

TEST(ProcessTableTest, ChildOfForkHasTheHandles) {
  haft_handle handle = 0;
  int object = 3;
  ASSERT_EQ(haft_new(&object, &kBorrowed, &handle), HAFT_OK);
  InChild([&] {
    void* found = nullptr;
    EXPECT_EQ(haft_value(handle, &kBorrowed, &found), HAFT_OK);
    EXPECT_EQ(found, &object);
    EXPECT_EQ(haft_delete(handle, nullptr), HAFT_OK);
  });
  EXPECT_EQ(haft_check(handle), HAFT_OK);
  EXPECT_EQ(haft_delete(handle, nullptr), HAFT_OK);
}

TEST(ProcessTableTest, ParentAndChildIssueHandlesIndependently) {
  haft_handle before = 0;
  int object = 3;
  ASSERT_EQ(haft_new(&object, &kBorrowed, &before), HAFT_OK);
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  InChild([&] {
    haft_handle of_child = 0;
    EXPECT_EQ(haft_new(&before, &kBorrowed, &of_child), HAFT_OK);
    EXPECT_EQ(write(ends[1], &of_child, sizeof(of_child)),
              ssize_t{sizeof(of_child)});
  });
  haft_handle of_child = 0;
  ASSERT_EQ(read(ends[0], &of_child, sizeof(of_child)),
            ssize_t{sizeof(of_child)});
  close(ends[0]);
  close(ends[1]);
  EXPECT_EQ(haft_check(of_child), HAFT_NEVER_ISSUED);
  haft_handle mine = 0;
  ASSERT_EQ(haft_new(&object, &kBorrowed, &mine), HAFT_OK);
  void* found = nullptr;
  EXPECT_EQ(haft_value(mine, &kBorrowed, &found), HAFT_OK);
  EXPECT_EQ(found, &object);
  EXPECT_EQ(haft_delete(mine, nullptr), HAFT_OK);
  EXPECT_EQ(haft_delete(before, nullptr), HAFT_OK);
}

TEST(ProcessTableTest, ChildOfForkHoldsThePinsOfTheParentsThreads) {
  static std::atomic<int> destroyed{0};
  static constexpr haft_type kCounted = {"counted", nullptr,
                                         [](void*) { ++destroyed; }, 0, 0};
  haft_handle handle = 0;
  ASSERT_EQ(haft_new(nullptr, &kCounted, &handle), HAFT_OK);
  haft_pin pin;
  std::atomic<bool> is_pinned{false}, done{false};
  std::thread other([&] {
    void* object = nullptr;
    EXPECT_EQ(haft_pin_object(handle, &kCounted, &pin, &object), HAFT_OK);
    is_pinned = true;
    while (!done) std::this_thread::yield();
    haft_unpin(&pin);
  });
  while (!is_pinned) std::this_thread::yield();
  InChild([&] {
    EXPECT_EQ(haft_delete_and_wait(handle, nullptr, 1), HAFT_TIMED_OUT);
    EXPECT_EQ(destroyed, 0);
    haft_unpin(&pin);
    EXPECT_EQ(destroyed, 1);
  });
  EXPECT_EQ(haft_check(handle), HAFT_OK);
  EXPECT_EQ(haft_delete(handle, nullptr), HAFT_OK);
  EXPECT_EQ(destroyed, 0);
  done = true;
  other.join();
  EXPECT_EQ(destroyed, 1);
}

TEST(ProcessTableTest, APinIsEndedByAnotherThread) {
  static std::atomic<int> destroyed{0};
  static constexpr haft_type kCounted = {"counted", nullptr,
                                         [](void*) { ++destroyed; }, 0, 0};
  haft_handle handle = 0;
  ASSERT_EQ(haft_new(nullptr, &kCounted, &handle), HAFT_OK);
  haft_pin pin;
  void* object = nullptr;
  ASSERT_EQ(haft_pin_object(handle, &kCounted, &pin, &object), HAFT_OK);
  std::thread deleter([&] {
    EXPECT_EQ(haft_delete_and_wait(handle, nullptr, ~uint64_t{0}), HAFT_OK);
    EXPECT_EQ(destroyed, 1);
  });
  while (haft_check(handle) == HAFT_OK) std::this_thread::yield();
  EXPECT_EQ(destroyed, 0);
  std::thread([&] { haft_unpin(&pin); }).join();
  deleter.join();
}

TEST(ReportTest, ATypeWithoutANameIsCalledNameless) {
  static constexpr haft_type kNameless = {nullptr, nullptr, nullptr, 0, 0};
  haft_table* table = nullptr;
  ASSERT_EQ(haft_table_create(10, &table), HAFT_OK);
  int object = 0;
  haft_handle handle = 0;
  ASSERT_EQ(haft_table_new(table, &object, &kNameless, &handle), HAFT_OK);
  char text[200];
  EXPECT_LT(haft_table_describe(table, handle, text, sizeof(text)),
            sizeof(text));
  EXPECT_NE(std::string(text).find("a (nameless) at"), std::string::npos);
  std::string lines;
  const auto add_line = [](void* to, const char* line) {
    static_cast<std::string*>(to)->append(line).append("\n");
  };
  EXPECT_EQ(haft_table_report(table, 0, add_line, &lines), 1u);
  EXPECT_EQ(lines, "1 live of type (nameless)\n");
  haft_table_destroy(table);
}

// Threads are inside haft_intern all the time, in each part of its map. A child
// with a locked mutex would wait forever.
TEST(ProcessTableTest, ChildOfForkInternsAndReleases) {
  if (haft::internal::kAddressSanitizer)
    GTEST_SKIP() << "a child may find its allocator locked";
  static char objects[256];
  static char kept;
  haft_handle handle = 0;
  ASSERT_EQ(haft_intern(&kept, &kBorrowed, &handle), HAFT_OK);
  ASSERT_EQ(haft_intern(&kept, &kBorrowed, &handle), HAFT_OK);
  std::atomic<bool> stop{false};
  std::thread others([&] {
    haft::testing::RunThreads(3, [&](unsigned) {
      while (!stop) {
        for (char& object : objects) {
          haft_handle of_object = 0;
          EXPECT_EQ(haft_intern(&object, &kBorrowed, &of_object), HAFT_OK);
          EXPECT_EQ(haft_release(of_object), HAFT_OK);
        }
      }
    });
  });
  for (int fork = 0; fork < (haft::testing::kSanitized ? 20 : 200); ++fork) {
    InChild([&] {
      for (char& object : objects) {
        haft_handle one = 0, two = 0;
        EXPECT_EQ(haft_intern(&object, &kBorrowed, &one), HAFT_OK);
        EXPECT_EQ(haft_intern(&object, &kBorrowed, &two), HAFT_OK);
        EXPECT_EQ(one, two);
        EXPECT_EQ(haft_release(one), HAFT_OK);
        EXPECT_EQ(haft_check(one), HAFT_OK);
        EXPECT_EQ(haft_release(one), HAFT_OK);
      }
      haft_handle again = 0;
      EXPECT_EQ(haft_intern(&kept, &kBorrowed, &again), HAFT_OK);
      EXPECT_EQ(again, handle);
      for (int i = 0; i < 3; ++i) EXPECT_EQ(haft_release(handle), HAFT_OK);
      EXPECT_EQ(haft_release(handle), HAFT_STALE);
    });
  }
  stop = true;
  others.join();
  for (int i = 0; i < 2; ++i) EXPECT_EQ(haft_release(handle), HAFT_OK);
  EXPECT_EQ(haft_release(handle), HAFT_STALE);
}

// --- Threads beyond the caches ---------------------------------------------

// Runs f() in a thread that has no cache, because so many others have one.
constexpr unsigned kMaxCaches = haft::internal::sync::kMaxCaches;
template <typename F>
void BesideAllCaches(unsigned count, F f) {
  // A 32-bit process has no room for so many stacks of the usual size.
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 1 << 20);
  pthread_setattr_default_np(&attributes);
  pthread_attr_destroy(&attributes);
  haft::testing::Barrier claimed(kMaxCaches + 1), end(kMaxCaches + 1);
  std::thread crowd([&] {
    haft::testing::RunThreads(kMaxCaches, [&](unsigned) {
      haft_handle handle = 0;
      EXPECT_EQ(haft_new(nullptr, &kBorrowed, &handle), HAFT_OK);
      EXPECT_EQ(haft_delete(handle, nullptr), HAFT_OK);
      claimed.Wait();
      end.Wait();
    });
  });
  claimed.Wait();
  haft::testing::RunThreads(count, f);
  end.Wait();
  crowd.join();
}

// All of them are inside `destroy` at the same time. Each object is destroyed
// before its own delete returns, which the deleter may rely on.
TEST(ThreadLimitTest, ManyThreadsWithoutACacheDestroyAtOnce) {
  constexpr unsigned kThreads = 48;
  static haft::testing::Barrier all_inside(kThreads);
  static constexpr haft_type kMeeting = {"meeting", nullptr,
                                         [](void* object) {
                                           all_inside.Wait();
                                           *static_cast<bool*>(object) = true;
                                         },
                                         0, 0};
  BesideAllCaches(kThreads, [&](unsigned t) {
    bool destroyed = false;
    haft_handle handle = 0;
    ASSERT_EQ(haft_new(&destroyed, &kMeeting, &handle), HAFT_OK);
    EXPECT_EQ(t % 2 == 0 ? haft_delete(handle, &kMeeting)
                         : haft_delete_and_wait(handle, &kMeeting, 0),
              HAFT_OK);
    EXPECT_TRUE(destroyed);
  });
}

// Their pins do not stand in each other's way.
TEST(ThreadLimitTest, ManyThreadsWithoutACachePin) {
  constexpr unsigned kThreads = 8;
  constexpr int kPins = 100;
  haft::testing::Barrier all_pinned(kThreads);
  BesideAllCaches(kThreads, [&](unsigned) {
    haft_handle handle = 0;
    ASSERT_EQ(haft_new(nullptr, &kBorrowed, &handle), HAFT_OK);
    haft_pin pins[kPins];
    for (haft_pin& pin : pins) {
      void* object = nullptr;
      ASSERT_EQ(haft_pin_object(handle, nullptr, &pin, &object), HAFT_OK);
    }
    all_pinned.Wait();
    EXPECT_EQ(haft_delete_unless_pinned(handle, nullptr), HAFT_PINNED);
    for (haft_pin& pin : pins) haft_unpin(&pin);
    EXPECT_EQ(haft_delete_unless_pinned(handle, nullptr), HAFT_OK);
  });
}

// --- Nested destructors -----------------------------------------------------

// Object n of 1..`length` deletes object n + 1 in its `destroy`, and the last
// one calls `last`.
struct Nest {
  static constexpr unsigned kLongest = 40;
  unsigned length = 0;
  void (*last)() = nullptr;
  haft_handle handles[kLongest + 1] = {};
  unsigned destroyed = 0;

  static Nest& Instance() {
    static Nest nest;
    return nest;
  }
  static void Destroy(void* object) {
    Nest& nest = Instance();
    const auto n = reinterpret_cast<std::uintptr_t>(object);
    ++nest.destroyed;
    if (n < nest.length) {
      EXPECT_EQ(haft_delete(nest.handles[n + 1], nullptr), HAFT_OK);
    } else if (n == nest.length) {
      nest.last();
    }
  }
  static constexpr haft_type kType = {"nested", nullptr, &Destroy, 0, 0};
  static haft_handle Make(std::uintptr_t n) {
    haft_handle handle = 0;
    EXPECT_EQ(haft_new(reinterpret_cast<void*>(n), &kType, &handle), HAFT_OK);
    return handle;
  }
  void Run(unsigned of_length, void (*at_last)()) {
    length = of_length;
    last = at_last;
    destroyed = 0;
    for (unsigned n = 1; n <= length; ++n) handles[n] = Make(n);
    EXPECT_EQ(haft_delete(handles[1], nullptr), HAFT_OK);
  }
};

TEST(NestedDestroyTest, DeleteAndWaitSaysThatItsOwnThreadDestroysLater) {
  Nest& nest = Nest::Instance();
  nest.Run(31, [] {
    const unsigned before = Nest::Instance().destroyed;
    const haft_handle one = Nest::Make(100);
    EXPECT_EQ(haft_delete_and_wait(one, nullptr, ~std::uint64_t{0}), HAFT_OK);
    EXPECT_EQ(Nest::Instance().destroyed, before + 1);
  });
  EXPECT_EQ(nest.destroyed, 31u + 1);
  nest.Run(32, [] {
    const unsigned before = Nest::Instance().destroyed;
    const haft_handle one = Nest::Make(100), two = Nest::Make(101);
    EXPECT_EQ(haft_delete_and_wait(one, nullptr, ~std::uint64_t{0}),
              HAFT_DEFERRED);
    EXPECT_EQ(haft_check(one), HAFT_STALE) << "it has ended";
    EXPECT_EQ(haft_delete(two, nullptr), HAFT_OK);
    EXPECT_EQ(Nest::Instance().destroyed, before);
  });
  EXPECT_EQ(nest.destroyed, 32u + 2);
}

// The same if the object is pinned when it is deleted, and this thread ends the
// pin. If it does so before the deleting thread has looked for pins, that
// thread destroys the object at once, which it may; then another turn is taken.
TEST(NestedDestroyTest, DeleteAndWaitDoesNotWaitForItsOwnThread) {
  static haft_handle pinned;
  static haft_pin pin;
  static std::atomic<bool> is_deleted;
  static bool was_deferred;
  static std::thread other;
  was_deferred = false;
  for (int turn = 0; turn < 1000 && !was_deferred; ++turn) {
    is_deleted = false;
    Nest::Instance().Run(32, [] {
      pinned = Nest::Make(100);
      void* object = nullptr;
      ASSERT_EQ(haft_pin_object(pinned, nullptr, &pin, &object), HAFT_OK);
      other = std::thread([] {
        EXPECT_EQ(haft_delete_and_wait(pinned, nullptr, ~std::uint64_t{0}),
                  HAFT_OK);
        EXPECT_EQ(Nest::Instance().destroyed, 33u);
        is_deleted = true;
      });
      while (haft_check(pinned) == HAFT_OK) std::this_thread::yield();
      haft_unpin(&pin);
      was_deferred = !is_deleted;
    });
    other.join();
    EXPECT_EQ(Nest::Instance().destroyed, 33u);
  }
  EXPECT_TRUE(was_deferred);
}

// A thread deletes under its own lock what takes that lock, while another
// thread has left objects to a destructor further up.
TEST(NestedDestroyTest, DeleteRunsNoDestructorOfAnotherThread) {
  static std::mutex mutex;
  static std::atomic<bool> in_time{false};
  static constexpr haft_type kLocking = {
      "locking", nullptr,
      [](void*) { std::lock_guard<std::mutex> lock(mutex); }, 0, 0};
  Nest::Instance().Run(32, [] {
    haft_handle handle = 0;
    ASSERT_EQ(haft_new(nullptr, &kLocking, &handle), HAFT_OK);
    EXPECT_EQ(haft_delete(handle, nullptr), HAFT_OK);
    std::thread([] {
      const std::lock_guard<std::mutex> lock(mutex);
      haft_handle mine = 0;
      ASSERT_EQ(haft_new(nullptr, &kBorrowed, &mine), HAFT_OK);
      EXPECT_EQ(haft_delete(mine, nullptr), HAFT_OK);
      in_time = true;
    }).join();
  });
  EXPECT_TRUE(in_time);
}

// `destroy` may end its thread. Its own object is then lost, and no other.
TEST(NestedDestroyTest, CallbacksThatNeverReturnHarmNoLaterDelete) {
  static constexpr haft_type kEnding = {
      "ending", nullptr, [](void*) { pthread_exit(nullptr); }, 0, 0};
  static std::atomic<unsigned> destroyed{0};
  static constexpr haft_type kCounted = {"counted", nullptr,
                                         [](void*) { ++destroyed; }, 0, 0};
  for (int i = 0; i < 40; ++i) {
    pthread_t thread;
    ASSERT_EQ(pthread_create(
                  &thread, nullptr,
                  [](void*) -> void* {
                    haft_handle handle = 0;
                    EXPECT_EQ(haft_new(nullptr, &kEnding, &handle), HAFT_OK);
                    haft_delete(handle, nullptr);
                    ADD_FAILURE() << "not reached";
                    return nullptr;
                  },
                  nullptr),
              0);
    ASSERT_EQ(pthread_join(thread, nullptr), 0);
  }
  std::thread([] {
    for (unsigned i = 0; i < 1000; ++i) {
      haft_handle handle = 0;
      ASSERT_EQ(haft_new(nullptr, &kCounted, &handle), HAFT_OK);
      ASSERT_EQ(haft_delete(handle, nullptr), HAFT_OK);
      ASSERT_EQ(destroyed, i + 1);
    }
  }).join();
}

// The first free cell of a thread is the one that it has used last. A copy of
// the pin that was there must not end the pin that is there now.
TEST(UnpinTest, ACopyOfAPinThatHasEndedEndsNoOtherPin) {
  static int destroyed;
  static constexpr haft_type kCounted = {"counted", nullptr,
                                         [](void*) { ++destroyed; }, 0, 0};
  const auto refused = [] {
    haft_stats stats;
    EXPECT_EQ(haft_table_stats(nullptr, &stats), HAFT_OK);
    return stats.refused_unpins;
  };
  haft_table* table = nullptr;
  ASSERT_EQ(haft_table_create(10, &table), HAFT_OK);
  const std::uint64_t before = refused();
  std::uint64_t copies = 0;
  for (const bool by_another_thread : {false, true}) {
    destroyed = 0;
    haft_handle first = 0, second = 0;
    ASSERT_EQ(haft_table_new(table, &first, &kBorrowed, &first), HAFT_OK);
    ASSERT_EQ(haft_table_new(table, &second, &kCounted, &second), HAFT_OK);
    haft_pin pin, good;
    void* object = nullptr;
    ASSERT_EQ(haft_table_pin_object(table, first, nullptr, &pin, &object),
              HAFT_OK);
    haft_pin copy = pin;
    haft_unpin(&pin);
    EXPECT_EQ(refused(), before + copies) << "a good pin";
    ASSERT_EQ(haft_table_pin_object(table, second, nullptr, &good, &object),
              HAFT_OK);
    ASSERT_EQ(good.words[1], copy.words[1]) << "not the case for this test";
    if (by_another_thread) {
      std::thread([&] { haft_unpin(&copy); }).join();
    } else {
      haft_unpin(&copy);
    }
    EXPECT_EQ(refused(), before + ++copies);
    EXPECT_EQ(copy.words[1], 0u);
    EXPECT_EQ(haft_table_delete_unless_pinned(table, second, nullptr),
              HAFT_PINNED);
    EXPECT_EQ(haft_table_delete(table, second, nullptr), HAFT_OK);
    EXPECT_EQ(destroyed, 0) << "under its user";
    haft_pin last = good;
    haft_unpin(&good);
    EXPECT_EQ(destroyed, 1);
    haft_unpin(&last);  // of a slot that is free again
    EXPECT_EQ(refused(), before + ++copies);
    EXPECT_EQ(destroyed, 1);
    EXPECT_EQ(haft_table_delete(table, first, nullptr), HAFT_OK);
  }
  haft_unpin(nullptr);
  haft_pin none = {};
  haft_unpin(&none);
  EXPECT_EQ(refused(), before + copies) << "these are ignored";
  haft_table_destroy(table);
}

}  // namespace
