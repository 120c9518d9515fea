// The read scopes of one thread as a word, and the clock that dates them.

#ifndef HAFT_INTERNAL_RECLAMATION_SCOPE_WORD_H_
#define HAFT_INTERNAL_RECLAMATION_SCOPE_WORD_H_

#include <cstdint>

#include "haft/internal/base/abi.h"
#include "haft/internal/base/sync.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// A deleter that meets a read scope advances the clock after it has ended its
// handle. Therefore a scope that began later than the deleter's stamp cannot
// have found that handle live.
class ScopeClock {
 public:
  // Returns the stamp of a handle that the caller has ended: scopes that began
  // later cannot have found it.
  std::uint64_t Stamp() noexcept {
    // [R2] seq_cst: after the end of the handle; partner of [R1].
    return clock_.fetch_add(1, std::memory_order_seq_cst);
  }

 private:
  friend class ScopeWord;
  sync::Atomic<std::uint64_t> clock_{0};
};

//   [ begin : 48 | depth : 16 ], or 0 outside of all scopes
//
// `begin` is what the clock showed when the outermost scope began, `depth` how
// many scopes the thread is in. Only one thread at a time writes a word. Zero
// bytes are the initial value.
class ScopeWord {
 public:
  // Enters a scope.
  //   Progress  wait-free
  void Begin(const ScopeClock& clock) noexcept {
    // relaxed: the thread's own word.
    const std::uint64_t word = word_.load(std::memory_order_relaxed);
    if (word == 0) return BeginOutermost(clock);
    word_.store(word + kOneDeep, std::memory_order_relaxed);
  }
  // The same for a thread that is in no scope. If an earlier owner of the word
  // ended inside a scope, that scope ends now.
  void BeginOutermost(const ScopeClock& clock) noexcept {
    // [R1] seq_cst: before the look-ups of the scope, after the clock's [R2]. A
    // signal handler that ran in between has left the word as it was.
    word_.exchange(clock.clock_.load(std::memory_order_seq_cst) * kOneTick | 1,
                   std::memory_order_seq_cst);
  }
  // Leaves the innermost scope.
  //   Returns   whether that was the outermost one, too. The caller must then
  //             retry what deleters have deferred to this thread
  bool End() noexcept {
    // relaxed: the thread's own word.
    const std::uint64_t word = word_.load(std::memory_order_relaxed);
    if ((word & kDepthMask) > 1) {
      word_.store(word - kOneDeep, std::memory_order_relaxed);
      return false;
    }
    // [R3] seq_cst: the look-ups happen before the destruction of what they
    // found; and before the caller looks for what was deferred to it: either it
    // sees that, or the thread that deferred it sees the scope ended by [R4].
    word_.exchange(0, std::memory_order_seq_cst);
    return true;
  }

  // Whether the thread is in a scope.
  bool IsOpen() const noexcept {
    // As [P6], for scopes.
    return word_.load(std::memory_order_seq_cst) != 0;
  }
  // Whether the thread is in a scope that may have found the handle of `stamp`.
  bool MayHold(std::uint64_t stamp) const noexcept {
    // [R4] seq_cst: after the end of the handle, and after deferring something
    // to that thread; partner of [R3].
    const std::uint64_t word = word_.load(std::memory_order_seq_cst);
    return word != 0 && word / kOneTick <= stamp;
  }

 private:
  static constexpr std::uint64_t kOneDeep = 1;
  static constexpr std::uint64_t kOneTick = 1 << 16;
  static constexpr std::uint64_t kDepthMask = kOneTick - 1;

  sync::Atomic<std::uint64_t> word_;
};

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_RECLAMATION_SCOPE_WORD_H_
