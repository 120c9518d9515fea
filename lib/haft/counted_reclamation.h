// Pins as a count in the slot: what most libraries do.

#ifndef HAFT_COUNTED_RECLAMATION_H_
#define HAFT_COUNTED_RECLAMATION_H_

#include "haft/handle.h"
#include "haft/internal/base/abi.h"
#include "haft/internal/base/sync.h"
#include "haft/internal/reclamation/hazard_cells.h"
#include "haft/internal/reclamation/user_set.h"

namespace haft {
inline namespace HAFT_ABI {

// A deleter looks at one word, whatever the number of threads; any number of
// pins needs no further memory. But all who use an object write to the same
// line. For objects that are deleted often and used by one thread at a time.
//
// The count is the slot's, not the handle's: while somebody finds out that his
// stale handle is stale, the slot's present object is in use for a moment, and
// DeleteUnlessPinned may then refuse it. Read scopes are those of the hazard
// records. For the members see HazardReclamation.
class CountedReclamation : public internal::HazardCells {
 public:
  struct Usage {
    template <typename T>
    void BeginLife(const T&) noexcept {
      users.Clear();
    }
    void EndLife() noexcept {}
    internal::UserSet users;  // for the scopes
    internal::sync::Atomic<Word> pins;
  };

  static constexpr bool kIsExact = true;

  using Hold = internal::sync::Atomic<Word>;

  template <typename Slot>
  static Hold* Protect(Slot& slot, Word) noexcept {
    // [C1] seq_cst: before [O2]. Either that sees that the handle has ended, or
    // the one who ended it sees the pin by [C3].
    slot.usage().pins.fetch_add(1, std::memory_order_seq_cst);
    return &slot.usage().pins;
  }

  template <typename Slot>
  static Word Release(Hold* pins, const Slot& slot, Word handle) noexcept {
    // [C2] seq_cst: before [O9], and what was done with the object happens
    // before its destruction. Either the deleter's second look sees the pin
    // gone by [C3], or [O9] sees the object retired.
    if (pins->fetch_sub(1, std::memory_order_seq_cst) != 1) return 0;
    return slot.RetiredHandle(handle);
  }

  template <typename Slot>
  Uses LookForUses(const Slot& slot, Word handle) const noexcept {
    Uses uses = Look(slot.usage().users, handle);
    // [C3] seq_cst: after the caller's end of the handle ([O3], [O4]) or after
    // it has left the object to the pins ([O5]); partner of [C1] and [C2].
    uses.pinned = slot.usage().pins.load(std::memory_order_seq_cst) != 0;
    return uses;
  }

  // Nothing to wait for: both sides are seq_cst.
  static void AwaitReleases() noexcept {}
};

}  // namespace HAFT_ABI
}  // namespace haft

#endif  // HAFT_COUNTED_RECLAMATION_H_
