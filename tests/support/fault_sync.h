// The backend of the seam in which calls of the system fail when a test wants
// it: reservations of memory, thread-exit hooks, heavy barriers and the like.

#ifndef TESTS_SUPPORT_FAULT_SYNC_H_
#define TESTS_SUPPORT_FAULT_SYNC_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <type_traits>

#include "haft/internal/base/check.h"
#include "tests/support/sync_backend_base.h"

namespace haft::testing {

// Calls of one kind, some of which fail.
class FaultPoint {
 public:
  // From now on, the calls from the `first` to the `last` fail.
  void Fail(unsigned first, unsigned last) {
    calls_ = 0, first_ = first, last_ = last;
  }
  void FailAll() { Fail(1, ~0u); }
  // Ends the failures. Returns how many calls there were since Fail.
  unsigned Stop() {
    first_ = last_ = 0;
    return calls_.exchange(0);
  }

  // For the backend: counts a call and returns whether it fails.
  bool Fails() {
    const unsigned call = ++calls_;
    return first_ <= call && call <= last_;
  }

 private:
  std::atomic<unsigned> calls_{0}, first_{0}, last_{0};
};

inline FaultPoint reservations, hooks, barriers, drops, populations;

// If set, is called with each range that is populated.
inline void (*note_populated)(void* begin, std::size_t bytes) = nullptr;

// How often all threads of the process were made to pass a barrier.
inline std::atomic<unsigned> heavy_barriers{0};

// Calls make() with its first reservation failing, then with its second, and so
// on, until it succeeds. make() returns whether it has got all that it needs.
//   Returns   how many times it has failed: as often as it reserves memory
template <typename F>
unsigned FailEachReservation(F make) {
  for (unsigned call = 1;; ++call) {
    reservations.Fail(call, call);
    const bool made = make();
    reservations.Stop();
    if (made) return call - 1;
  }
}

// The ranges that are reserved now. The test ends if a range is given back in
// another way than it was reserved.
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
  // Whether these bytes lie in the pages of a range.
  bool Contain(const void* begin, std::size_t bytes) {
    const std::size_t page = internal::system_sync::PageSize();
    const auto first = reinterpret_cast<std::uintptr_t>(begin);
    const std::lock_guard<std::mutex> lock(mutex_);
    for (const auto& [range, size] : ranges_) {
      const auto start = reinterpret_cast<std::uintptr_t>(range);
      const std::uintptr_t end = start + (size + page - 1) / page * page;
      if (start <= first && first + bytes <= end) return true;
    }
    return false;
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

// What this namespace does not declare is the system's.
namespace haft::internal::sync {

using namespace system_sync;

inline void PrepareHeavyBarrier() noexcept {
  if (testing::barriers.Fails()) {
    system_sync::has_heavy_barrier.store(false, std::memory_order_relaxed);
  } else {
    system_sync::PrepareHeavyBarrier();
  }
}

inline void HeavyBarrier() noexcept {
  ++testing::heavy_barriers;
  system_sync::HeavyBarrier();
}

class ThreadExitHook {
 public:
  bool Prepare(void (*hook)(void*)) noexcept { return hook_.Prepare(hook); }
  bool Arm(void* cookie) noexcept {
    return !testing::hooks.Fails() && hook_.Arm(cookie);
  }
  void* Cookie() const noexcept { return hook_.Cookie(); }

 private:
  system_sync::ThreadExitHook hook_;
};

template <typename T>
T* Reserve(std::size_t count) noexcept {
  if (testing::reservations.Fails()) return nullptr;
  T* const objects = system_sync::Reserve<T>(count);
  if (objects != nullptr) testing::ranges.Add(objects, count * sizeof(T));
  return objects;
}
template <typename T>
void Unreserve(T* objects, std::size_t count) noexcept {
  testing::ranges.Remove(const_cast<std::remove_const_t<T>*>(objects),
                         count * sizeof(T));
  system_sync::Unreserve(objects, count);
}

inline bool DropPages(void* begin, std::size_t bytes) noexcept {
  HAFT_CHECK(testing::ranges.Contain(begin, bytes),
             "dropped what was not reserved");
  return !testing::drops.Fails() && system_sync::DropPages(begin, bytes);
}

inline bool PopulatePages(void* begin, std::size_t bytes) noexcept {
  HAFT_CHECK(testing::ranges.Contain(begin, bytes),
             "populated what was not reserved");
  if (testing::populations.Fails()) return false;
  if (testing::note_populated != nullptr) testing::note_populated(begin, bytes);
  return system_sync::PopulatePages(begin, bytes);
}
inline bool PopulateOrTouchPages(void* begin, std::size_t bytes) noexcept {
  HAFT_CHECK(bytes == 0 || testing::ranges.Contain(begin, bytes),
             "populated what was not reserved");
  if (testing::populations.Fails()) return false;
  if (testing::note_populated != nullptr) testing::note_populated(begin, bytes);
  return system_sync::PopulateOrTouchPages(begin, bytes);
}

}  // namespace haft::internal::sync

#endif  // TESTS_SUPPORT_FAULT_SYNC_H_
