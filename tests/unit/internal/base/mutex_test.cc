#include "haft/internal/base/mutex.h"

#include <gtest/gtest.h>

#include <mutex>
#include <thread>
#include <type_traits>

namespace haft::internal {
namespace {

static_assert(std::is_trivially_destructible_v<Mutex>);

TEST(MutexTest, OneThreadAtATimeHasIt) {
  constexpr int kTimes = 20000;
  Mutex mutex;
  int sum = 0;
  const auto add = [&] {
    for (int i = 0; i < kTimes; ++i) {
      const std::lock_guard<Mutex> lock(mutex);
      sum = sum + 1;
    }
  };
  std::thread other(add);
  add();
  other.join();
  EXPECT_EQ(sum, 2 * kTimes);
}

TEST(MutexTest, IsFreeOnceItIsUnlocked) {
  Mutex mutex;
  mutex.lock();
  mutex.unlock();
  bool locked = false;
  std::thread([&] {
    const std::lock_guard<Mutex> lock(mutex);
    locked = true;
  }).join();
  EXPECT_TRUE(locked);
}

}  // namespace
}  // namespace haft::internal
