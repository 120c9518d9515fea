// A mutex that needs no C++ library.

#ifndef HAFT_INTERNAL_BASE_MUTEX_H_
#define HAFT_INTERNAL_BASE_MUTEX_H_

#include <pthread.h>

#include "haft/internal/base/abi.h"
#include "haft/internal/base/check.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// As std::mutex, whose functions are those of the C++ library (of libc++, and
// of libstdc++ where they throw). std::lock_guard takes either.
//
// Constant-initialised. It needs no destruction.
class Mutex {
 public:
  constexpr Mutex() noexcept = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  //   Progress  blocking
  void lock() noexcept {
    HAFT_CHECK(pthread_mutex_lock(&mutex_) == 0, "a mutex cannot be locked");
  }
  void unlock() noexcept {
    HAFT_CHECK(pthread_mutex_unlock(&mutex_) == 0,
               "a mutex cannot be unlocked");
  }

 private:
  pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
};

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_BASE_MUTEX_H_
