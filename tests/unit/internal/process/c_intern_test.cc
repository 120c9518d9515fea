// The worst moments: a fork while another thread is inside the first call of
// haft_intern, and signal handlers that end interned handles at each
// instruction of these calls. tests/unit/haft_test.cc tests interning and its
// forks otherwise.

#include <dlfcn.h>
#include <errno.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "haft/haft.h"
#include "tests/support/in_child.h"
#include "tests/support/single_step.h"

namespace {
constexpr haft_type kBorrowed = {"borrowed", nullptr, nullptr, 0, 0};
}  // namespace

#if defined(__SANITIZE_THREAD__)
#define HAFT_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HAFT_THREAD_SANITIZER 1
#endif
#endif
#ifdef HAFT_THREAD_SANITIZER
TEST(InternForkTest, ForkDuringTheFirstCallMayBeFollowedByAnother) {
  GTEST_SKIP() << "ThreadSanitizer calls __register_atfork before it is ready";
}
#else

namespace {

// What pthread_atfork has registered and what it was told then.
std::atomic<bool> holds_registration{false};
std::atomic<bool> is_registered{false}, may_return{false};
std::atomic<int> registrations{0};
void (*before_fork)();
void (*after_fork)();
std::atomic<bool> fails_registration{false};

}  // namespace

// pthread_atfork ends up in this function of the C library. It registers the
// handlers, and then takes its time; or it finds no memory for them.
extern "C" int __register_atfork(void (*prepare)(), void (*parent)(),
                                 void (*child)(), void* library) {
  if (prepare != nullptr && fails_registration) return ENOMEM;
  const auto real = reinterpret_cast<decltype(&__register_atfork)>(
      dlsym(RTLD_NEXT, "__register_atfork"));
  const int result = real(prepare, parent, child, library);
  if (prepare == nullptr) return result;
  ++registrations;
  before_fork = prepare;
  after_fork = parent;
  if (holds_registration.exchange(false)) {
    is_registered = true;
    while (!may_return) std::this_thread::yield();
  }
  return result;
}

namespace {

void InternAndRelease() {
  int object = 0;
  haft_handle handle = 0;
  ASSERT_EQ(haft_intern(&object, &kBorrowed, &handle), HAFT_OK);
  EXPECT_EQ(haft_release(handle), HAFT_OK);
}

// First, because the process asks once only.
TEST(InternForkTest, WithoutMemoryForForkHandlersNothingIsInterned) {
  haft::testing::InChild([] {
    fails_registration = true;
    int object = 0;
    haft_handle handle = 7;
    for (int i = 0; i < 2; ++i)
      EXPECT_EQ(haft_intern(&object, &kBorrowed, &handle), HAFT_OUT_OF_MEMORY);
    EXPECT_EQ(handle, 7u);
    haft_stats stats;
    ASSERT_EQ(haft_table_stats(nullptr, &stats), HAFT_OK);
    EXPECT_EQ(stats.created, 0u);
  });
}

TEST(InternForkTest, ForkDuringTheFirstCallMayBeFollowedByAnother) {
  const int before = registrations;  // a sanitizer may have its own
  holds_registration = true;
  std::thread first(&InternAndRelease);
  while (!is_registered) std::this_thread::yield();
  haft::testing::InChild([before] {
    alarm(60);  // instead of waiting for ever
    InternAndRelease();
    EXPECT_EQ(registrations, before + 2) << "not the case that this is about";
    for (int i = 0; i < 3; ++i) {
      haft::testing::InChild(&InternAndRelease);
      InternAndRelease();
    }
  });
  may_return = true;
  first.join();
  haft::testing::InChild(&InternAndRelease);
  InternAndRelease();
}

// Whether a thread of this process waits for something.
bool Sleeps(pid_t thread) {
  std::string text;
  std::getline(
      std::ifstream("/proc/self/task/" + std::to_string(thread) + "/stat"),
      text);
  const std::size_t name = text.rfind(") ");
  return name != text.npos && text[name + 2] == 'S';
}

// The handlers as they run in a process that has registered them twice, while
// another thread forks as well.
TEST(InternForkTest, SecondCallOfAHandlerLeavesOtherThreadsLocksAlone) {
  haft::testing::InChild([] {
    alarm(60);
    InternAndRelease();
    before_fork();
    before_fork();
    after_fork();
    std::atomic<bool> is_forking{false}, may_end{false}, has_interned{false};
    std::atomic<pid_t> waiting{0};
    std::thread forking([&] {
      before_fork();
      is_forking = true;
      while (!may_end) std::this_thread::yield();
      while (!has_interned && !Sleeps(waiting)) std::this_thread::yield();
      EXPECT_FALSE(has_interned) << "the map is not locked any more";
      after_fork();
    });
    while (!is_forking) std::this_thread::yield();
    after_fork();
    std::thread interning([&] {
      waiting = gettid();
      InternAndRelease();
      has_interned = true;
    });
    while (waiting == 0) std::this_thread::yield();
    may_end = true;
    forking.join();
    interning.join();
  });
}

}  // namespace

#endif  // HAFT_THREAD_SANITIZER

namespace {

int destroyed;
constexpr haft_type kCounted = {"counted", nullptr, [](void*) { ++destroyed; },
                                0, 0};

// The handles of two objects of one address, which are therefore in the same
// part of the map.
struct Handles {
  haft_handle own, other;
};

class InternSignalTest : public haft::testing::SingleStepTest {
 protected:
  // Interrupts op(object, own), at each of its instructions in turn, by a
  // signal handler that calls end(handles). That ends the other handle, and may
  // end the own one. Each object must be destroyed `expected` times.
  template <typename Op, typename End>
  static void InterruptByEnd(int expected, Op op, End end) {
    alarm(300);  // instead of waiting for ever for a mutex
    InterruptOneByOne([&](haft::testing::Coverage* coverage, unsigned gap) {
      static int object;
      Handles handles;
      destroyed = 0;
      ASSERT_EQ(haft_intern(&object, &kBorrowed, &handles.own), HAFT_OK);
      ASSERT_EQ(haft_intern(&object, &kCounted, &handles.other), HAFT_OK);
      haft_handle left = 0;
      int times = 0;
      haft::testing::Step(
          coverage, gap, [&] { left = op(&object, handles.own); },
          [&] {
            ++times;
            end(handles);
          });
      ASSERT_LE(times, 1);
      if (times == 0) end(handles);
      EXPECT_EQ(haft_check(handles.other), HAFT_STALE);
      EXPECT_EQ(destroyed, expected);
      if (left != handles.own) {
        EXPECT_EQ(haft_check(left), HAFT_OK);
      }
      (void)haft_delete(left, nullptr);
      EXPECT_EQ(haft_check(handles.own), HAFT_STALE);
      haft_handle next = 0;
      EXPECT_EQ(haft_intern(&object, &kCounted, &next), HAFT_OK);
      EXPECT_NE(next, handles.other);
      EXPECT_EQ(haft_release(next), HAFT_OK);
      EXPECT_EQ(haft_check(next), HAFT_STALE) << "it is counted anew";
    });
    alarm(0);
  }

  static haft_handle Intern(void* object, haft_handle) {
    haft_handle handle = 0;
    EXPECT_EQ(haft_intern(object, &kBorrowed, &handle), HAFT_OK);
    return handle;
  }
  static haft_handle Release(void*, haft_handle own) {
    const haft_status status = haft_release(own);
    EXPECT_TRUE(status == HAFT_OK || status == HAFT_STALE);
    return own;
  }
  static void Delete(const Handles& handles) {
    (void)haft_delete(handles.own, nullptr);
    EXPECT_EQ(haft_delete(handles.other, nullptr), HAFT_OK);
  }
  static void Take(const Handles& handles) {
    void* object = nullptr;
    (void)haft_take(handles.own, nullptr, &object);
    EXPECT_EQ(haft_take(handles.other, nullptr, &object), HAFT_OK);
  }
};

TEST_F(InternSignalTest, HandlersMayDeleteDuringIntern) {
  InterruptByEnd(1, &Intern, &Delete);
}
TEST_F(InternSignalTest, HandlersMayDeleteDuringRelease) {
  InterruptByEnd(1, &Release, &Delete);
}
TEST_F(InternSignalTest, HandlersMayTakeDuringIntern) {
  InterruptByEnd(0, &Intern, &Take);
}
TEST_F(InternSignalTest, HandlersMayTakeDuringRelease) {
  InterruptByEnd(0, &Release, &Take);
}

TEST(InternTrimTest, TrimFreesTheEntriesOfDeletedHandles) {
  constexpr int kObjects = 2000;
  static char objects[kObjects];
  std::vector<haft_handle> handles(kObjects);
  (void)haft_trim();
  const auto used = [] { return mallinfo2().uordblks; };
  const std::size_t before = used();
  if (before == 0) GTEST_SKIP() << "another allocator";
  for (int i = 0; i < kObjects; ++i)
    ASSERT_EQ(haft_intern(&objects[i], &kBorrowed, &handles[i]), HAFT_OK);
  const std::size_t interned = used();
  for (const haft_handle handle : handles)
    ASSERT_EQ(haft_delete(handle, nullptr), HAFT_OK);
  const std::size_t least = kObjects * 8 * sizeof(void*);
  EXPECT_GE(interned, before + least);
  EXPECT_GT(used(), interned - least) << "Delete leaves the entries to others";
  (void)haft_trim();
  EXPECT_LE(used(), interned - least);
}

}  // namespace
