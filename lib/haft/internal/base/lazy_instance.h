// What the first to ask for it makes.

#ifndef HAFT_INTERNAL_BASE_LAZY_INSTANCE_H_
#define HAFT_INTERNAL_BASE_LAZY_INSTANCE_H_

#include <memory>

#include "haft/internal/base/abi.h"
#include "haft/internal/base/sync.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// Constant-initialised, and never destroyed with what it holds: for what
// threads and handlers may use until the process is gone.
template <typename T>
class LazyInstance {
 public:
  // The one there is. If there is none yet, make() makes it; of racing threads
  // one keeps what it has made.
  //   Returns   nullptr when make() has returned nullptr
  //   Progress  wait-free but for make()
  template <typename F>
  T* Get(F&& make) noexcept {
    // [A4] acquire: as made before [A3].
    T* const present = object_.load(std::memory_order_acquire);
    return __builtin_expect(present != nullptr, 1) ? present : Make(make);
  }

 private:
  template <typename F>
  [[gnu::cold, gnu::noinline]] T* Make(F&& make) noexcept {
    std::unique_ptr<T> made = make();
    if (made == nullptr) return nullptr;
    T* none = nullptr;
    // [A3] release: publishes the object; partner of [A4].
    if (object_.compare_exchange_strong(none, made.get(),
                                        std::memory_order_release,
                                        std::memory_order_relaxed))
      return made.release();
    // As [A4]: another thread's.
    return object_.load(std::memory_order_acquire);
  }

  sync::Atomic<T*> object_{nullptr};
};

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_BASE_LAZY_INSTANCE_H_
