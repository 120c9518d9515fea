// The backend of the seam that counts how often a thread sleeps or wakes
// others.

#ifndef TESTS_SUPPORT_COUNTING_SYNC_H_
#define TESTS_SUPPORT_COUNTING_SYNC_H_

#include <atomic>
#include <cstdint>

#include "tests/support/sync_backend_base.h"

namespace haft::testing {

inline std::atomic<int> sleeps{0}, wakes{0};
inline std::atomic<std::int64_t> last_timeout{0};

}  // namespace haft::testing

// What this namespace does not declare is the system's.
namespace haft::internal::sync {

using namespace system_sync;

inline void WaitWhileEqual(Atomic<std::uint32_t>& word, std::uint32_t value,
                           std::int64_t nanoseconds) noexcept {
  ++testing::sleeps;
  testing::last_timeout = nanoseconds;
  system_sync::WaitWhileEqual(word, value, nanoseconds);
}
inline void WakeAll(Atomic<std::uint32_t>& word) noexcept {
  ++testing::wakes;
  system_sync::WakeAll(word);
}

}  // namespace haft::internal::sync

#endif  // TESTS_SUPPORT_COUNTING_SYNC_H_
