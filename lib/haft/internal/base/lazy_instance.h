// A lazily created object that is never destroyed.

#ifndef HAFT_INTERNAL_BASE_LAZY_INSTANCE_H_
#define HAFT_INTERNAL_BASE_LAZY_INSTANCE_H_

#include <memory>

#include "haft/internal/base/abi.h"
#include "haft/internal/base/sync.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// Constant-initialised. Neither it nor its object is ever destroyed, so threads
// and signal handlers may use the object until the process has ended.
template <typename T>
class LazyInstance {
 public:
  // Returns the object. If there is none yet, make() makes it, a
  // std::unique_ptr<T>. One of racing threads installs its object, and the
  // others destroy theirs.
  //   Returns   nullptr if make() has returned nullptr
  //   Progress  wait-free but for make()
  template <typename F>
  T* Get(F&& make) noexcept {
    // [A4] acquire: sees the object as it was made before [A3].
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
