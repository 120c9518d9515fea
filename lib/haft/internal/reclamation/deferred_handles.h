// Ended handles whose objects wait for read scopes.

#ifndef HAFT_INTERNAL_RECLAMATION_DEFERRED_HANDLES_H_
#define HAFT_INTERNAL_RECLAMATION_DEFERRED_HANDLES_H_

#include <cstddef>
#include <cstdint>

#include "haft/handle.h"
#include "haft/internal/base/abi.h"
#include "haft/internal/base/power_of_two.h"
#include "haft/internal/base/reserved_array.h"
#include "haft/internal/base/sync.h"
#include "haft/internal/free_list/handle_stack.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// A deleter that meets a read scope adds its handle to the list of the thread
// that the scope belongs to. When the scope ends, that thread takes its list
// and looks for the next scope that may hold each handle. A handle for which
// there is none leaves the read scopes: f(handle) is called for it.
//
// There is a list for each thread index. No thread has the index 0, so that the
// largest index has the first list for itself.
class DeferredHandles {
 public:
  // For handles of `slots` slots, a power of two.
  explicit DeferredHandles(std::size_t slots) noexcept
      : lists_(slots, static_cast<unsigned>(CeilPowerOfTwo(sync::kMaxThreads))),
        stamps_(slots) {}

  bool ok() const noexcept { return lists_.ok() && stamps_.ok(); }

  // Defers `handle`, whose slot is in the state *deferred*, or calls f(handle).
  template <typename Reclamation, typename Slots, typename F>
  void Defer(Reclamation& reclamation, const Slots& slots, Word handle, F&& f) {
    const std::uint64_t stamp = reclamation.Stamp();
    stamps_[StampOf(handle)].Write(stamp);
    DeferAgain(reclamation, slots, handle, stamp, f);
  }

  // Sees to the list of `holder`, whose scope has ended.
  template <typename Reclamation, typename Slots, typename F>
  void Retry(const Reclamation& reclamation, const Slots& slots,
             unsigned holder, F&& f) {
    // All at once: a handle that goes back to the same list, because of a later
    // scope of that thread, is that scope's to retry.
    lists_.TakeAll(holder, [&](Word handle) {
      DeferAgain(reclamation, slots, handle, stamps_[StampOf(handle)].Read(),
                 f);
    });
  }

 private:
  // Leaves `handle` to a thread whose read scope may have found it. If that
  // scope ends meanwhile, one of the two threads sees to the handle.
  template <typename Reclamation, typename Slots, typename F>
  void DeferAgain(const Reclamation& reclamation, const Slots& slots,
                  Word handle, std::uint64_t stamp, F& f) {
    const unsigned holder = reclamation.FindScope(slots[handle], stamp);
    if (holder == Reclamation::kNoScope) return f(handle);
    lists_.Push(holder, handle);
    if (!reclamation.ScopeMayHold(holder, stamp))
      Retry(reclamation, slots, holder, f);
  }

  std::size_t StampOf(Word handle) const noexcept {
    return handle >> 1 & (stamps_.size() - 1);
  }

  HandleStack lists_;
  ReservedArray<sync::Plain<std::uint64_t>> stamps_;
};

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_RECLAMATION_DEFERRED_HANDLES_H_
