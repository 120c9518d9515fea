// What every call of the C ABI asks first, in one load.

#ifndef HAFT_INTERNAL_PROCESS_FAST_PATH_GATE_H_
#define HAFT_INTERNAL_PROCESS_FAST_PATH_GATE_H_

#include <cstdint>

#include "haft/handle.h"
#include "haft/internal/base/abi.h"
#include "haft/internal/base/sync.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// Lets calls through to an object as long as nobody watches them. What is not
// let through has to ask its way: for the first call, and for one that is
// watched. Constant-initialised.
template <typename T>
class FastPathGate {
 public:
  // The object; nullptr: not this way.
  //   Progress  wait-free
  T* TableOrNull() const noexcept {
    // [W1] acquire: the object as made before [W2].
    const Word word = word_.load(std::memory_order_acquire);
    return __builtin_expect(word > kLast, 1) ? reinterpret_cast<T*>(word)
                                             : nullptr;
  }
  // For a call that has an object already.
  //   Progress  wait-free
  bool IsSlowPathForced() const noexcept {
    // relaxed: a number.
    return __builtin_expect(word_.load(std::memory_order_relaxed) == kWatched,
                            0);
  }

  // From now on calls go through to the object, if they are not watched. To be
  // called with the one that there is, which must stay for ever.
  void Open(T* object) noexcept {
    // relaxed: spares the rest.
    Word none = word_.load(std::memory_order_relaxed);
    if (none != kClosed) return;
    // [W2] release: publishes the object; partner of [W1].
    word_.compare_exchange_strong(none, reinterpret_cast<Word>(object),
                                  std::memory_order_release,
                                  std::memory_order_relaxed);
  }
  // From now on none goes through. (Calls that are under way may have.)
  void ForceSlowPath() noexcept {
    // relaxed: a number.
    word_.store(kWatched, std::memory_order_relaxed);
  }

 private:
  static constexpr Word kClosed = 0, kWatched = 1, kLast = 1;

  sync::Atomic<Word> word_{kClosed};
};

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_PROCESS_FAST_PATH_GATE_H_
