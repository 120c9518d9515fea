// A backend of the library's seam (haft/internal/base/sync.h) that counts
// compare-and-swaps, and how many of them fail and are tried again. It is for
// programs of its own, because counting takes time.

#ifndef HAFT_BENCH_ARMS_COUNTING_SYNC_H_
#define HAFT_BENCH_ARMS_COUNTING_SYNC_H_

#include <atomic>

#include "bench/worker/cas_counts.h"
#include "haft/internal/base/system_sync.h"

// All that this namespace does not declare is the system's.
namespace haft::internal::sync {

// NOLINTNEXTLINE(google-build-using-namespace)
using namespace system_sync;

inline const bool counts_cas = study::counts_cas = true;

template <typename T>
class Atomic : public std::atomic<T> {
  using Base = std::atomic<T>;
  using Order = std::memory_order;

 public:
  using Base::Base;

  bool compare_exchange_weak(T& expected, T desired, Order success,
                             Order failure) noexcept {
    return Count(
        Base::compare_exchange_weak(expected, desired, success, failure));
  }
  bool compare_exchange_strong(T& expected, T desired, Order success,
                               Order failure) noexcept {
    return Count(
        Base::compare_exchange_strong(expected, desired, success, failure));
  }

 private:
  static bool Count(bool has_succeeded) noexcept {
    ++study::cas_counts.attempted;
    study::cas_counts.failed += !has_succeeded;
    return has_succeeded;
  }
};

}  // namespace haft::internal::sync

#endif  // HAFT_BENCH_ARMS_COUNTING_SYNC_H_
