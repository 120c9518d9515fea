// Forks at the worst moment: while another thread is inside the first call of
// haft_intern. tests/unit/haft_test.cc tests interning and its forks otherwise.

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "haft/haft.h"
#include "tests/support/in_child.h"

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

constexpr haft_type kBorrowed = {"borrowed", nullptr, nullptr, 0, 0};

// What pthread_atfork has registered and what it was told then.
std::atomic<bool> holds_registration{false};
std::atomic<bool> is_registered{false}, may_return{false};
std::atomic<int> registrations{0};

}  // namespace

// pthread_atfork ends up in this function of the C library. It registers the
// handlers, and then takes its time.
extern "C" int __register_atfork(void (*prepare)(), void (*parent)(),
                                 void (*child)(), void* library) {
  const auto real = reinterpret_cast<decltype(&__register_atfork)>(
      dlsym(RTLD_NEXT, "__register_atfork"));
  const int result = real(prepare, parent, child, library);
  if (prepare == nullptr) return result;
  ++registrations;
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

TEST(InternForkTest, ForkDuringTheFirstCallMayBeFollowedByAnother) {
  holds_registration = true;
  std::thread first(&InternAndRelease);
  while (!is_registered) std::this_thread::yield();
  haft::testing::InChild([] {
    alarm(60);  // instead of waiting for ever
    InternAndRelease();
    EXPECT_EQ(registrations, 2) << "not the case that this is about";
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

}  // namespace

#endif  // HAFT_THREAD_SANITIZER
