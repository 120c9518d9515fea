// The one-word fast-path check of every C call.

#ifndef HAFT_INTERNAL_PROCESS_FAST_PATH_GATE_H_
#define HAFT_INTERNAL_PROCESS_FAST_PATH_GATE_H_

#include <cstdint>

#include "haft/handle.h"
#include "haft/internal/base/abi.h"
#include "haft/internal/base/sync.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// Gives calls the table while they may take the fast path. If TableOrNull
// returns null, a call must take the slow path: the table does not exist yet,
// or diagnostics are on. Constant-initialised.
template <typename T>
class FastPathGate {
 public:
  // Returns the table, or nullptr if the slow path must be taken.
  //   Progress  wait-free
  T* TableOrNull() const noexcept {
    // [W1] acquire: the table as it was created before [W2].
    const Word word = word_.load(std::memory_order_acquire);
    return __builtin_expect(word > kLast, 1) ? reinterpret_cast<T*>(word)
                                             : nullptr;
  }
  // Returns whether diagnostics are on. For calls that have a table already.
  //   Progress  wait-free
  bool IsSlowPathForced() const noexcept {
    // relaxed: the word alone counts.
    return __builtin_expect(word_.load(std::memory_order_relaxed) == kForced,
                            0);
  }

  // From now on calls get `table`, unless diagnostics are on. All calls of Open
  // must give the same table, which must never be destroyed.
  void Open(T* table) noexcept {
    // relaxed: a shortcut; the CAS decides.
    Word none = word_.load(std::memory_order_relaxed);
    if (none != kClosed) return;
    // [W2] release: publishes the table; partner of [W1].
    word_.compare_exchange_strong(none, reinterpret_cast<Word>(table),
                                  std::memory_order_release,
                                  std::memory_order_relaxed);
  }
  // From now on all calls take the slow path. Calls that are under way may be
  // on the fast path.
  void ForceSlowPath() noexcept {
    // relaxed: the word alone counts.
    word_.store(kForced, std::memory_order_relaxed);
  }

  // The word itself, for those who read it without this class: kForced if
  // diagnostics are on.
  const Word* word() const noexcept {
    static_assert(sizeof(word_) == sizeof(Word));
    return reinterpret_cast<const Word*>(&word_);
  }
  static constexpr Word kForced = 1;

 private:
  static constexpr Word kClosed = 0, kLast = kForced;

  sync::Atomic<Word> word_{kClosed};
};

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_PROCESS_FAST_PATH_GATE_H_
