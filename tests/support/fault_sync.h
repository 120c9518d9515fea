// A backend of haft/sync.h: the production one, and what can fail in it fails
// when told to.

#ifndef TESTS_SUPPORT_FAULT_SYNC_H_
#define TESTS_SUPPORT_FAULT_SYNC_H_

// All that sync.h includes, before it is renamed: unistd.h has a sync(), too.
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <mutex>
#include <type_traits>

#include "haft/internal/base/check.h"

#pragma push_macro("HAFT_SYNC_BACKEND")
#undef HAFT_SYNC_BACKEND
#undef HAFT_INTERNAL_BASE_SYNC_H_
#define sync production_sync
#include "haft/internal/base/sync.h"
#undef sync
#pragma pop_macro("HAFT_SYNC_BACKEND")

namespace haft::testing {

// Calls of one kind, some of which are to fail.
class FaultPoint {
 public:
  // Of the calls from now on those from the `first` to the `last` fail.
  void Fail(unsigned first, unsigned last) {
    calls_ = 0, first_ = first, last_ = last;
  }
  void FailAll() { Fail(1, ~0u); }
  // None fails any more. Returns how many calls there were.
  unsigned Stop() {
    first_ = last_ = 0;
    return calls_.exchange(0);
  }

  // For the backend: counts a call; whether it is to fail.
  bool Fails() {
    const unsigned call = ++calls_;
    return first_ <= call && call <= last_;
  }

 private:
  std::atomic<unsigned> calls_{0}, first_{0}, last_{0};
};

inline FaultPoint reservations, hooks, barriers;

// Which ranges are reserved now. One that is given back otherwise than as it
// was reserved ends the test.
class Ranges {
 public:
  void Add(void* range, std::size_t bytes) {
    const std::lock_guard<std::mutex> lock(mutex_);
    HAFT_CHECK(ranges_.emplace(range, bytes).second, "reserved twice");
  }
  void Remove(void* range, std::size_t bytes) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = ranges_.find(range);
    HAFT_CHECK(found != ranges_.end() && found->second == bytes,
               "given back what was not reserved");
    ranges_.erase(found);
  }
  std::size_t count() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return ranges_.size();
  }

 private:
  std::mutex mutex_;
  std::map<void*, std::size_t> ranges_;
};
inline Ranges ranges;

}  // namespace haft::testing

// What is not declared here is the production backend's.
namespace haft::internal::sync {

using namespace production_sync;

inline void PrepareHeavyBarrier() noexcept {
  if (testing::barriers.Fails()) {
    production_sync::has_heavy_barrier.store(false, std::memory_order_relaxed);
  } else {
    production_sync::PrepareHeavyBarrier();
  }
}

class ThreadExitHook {
 public:
  bool Prepare(void (*hook)(void*)) noexcept { return hook_.Prepare(hook); }
  bool Arm(void* cookie) noexcept {
    return !testing::hooks.Fails() && hook_.Arm(cookie);
  }

 private:
  production_sync::ThreadExitHook hook_;
};

template <typename T>
T* Reserve(std::size_t count) noexcept {
  if (testing::reservations.Fails()) return nullptr;
  T* const objects = production_sync::Reserve<T>(count);
  if (objects != nullptr) testing::ranges.Add(objects, count * sizeof(T));
  return objects;
}
template <typename T>
void Unreserve(T* objects, std::size_t count) noexcept {
  testing::ranges.Remove(const_cast<std::remove_const_t<T>*>(objects),
                         count * sizeof(T));
  production_sync::Unreserve(objects, count);
}

}  // namespace haft::internal::sync

#endif  // TESTS_SUPPORT_FAULT_SYNC_H_
