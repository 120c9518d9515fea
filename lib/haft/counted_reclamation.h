// Pins as a count in the slot, as most libraries keep them.

#ifndef HAFT_COUNTED_RECLAMATION_H_
#define HAFT_COUNTED_RECLAMATION_H_

#include "haft/handle.h"
#include "haft/hazard_reclamation.h"
#include "haft/internal/base/abi.h"
#include "haft/internal/base/sync.h"

namespace haft {
inline namespace HAFT_ABI {

// A deleter looks at one word, whatever the number of threads, and any number
// of pins needs no further memory. But all threads that use an object write to
// the same line. It is for objects that are deleted often and used by one
// thread at a time.
//
// The count belongs to the slot, not to the handle: while a thread finds out
// that its handle is stale, the slot's present object is in use for a moment,
// and DeleteUnlessPinned may then refuse it. For the same reason Trim returns
// nothing of such a table. Read scopes and the rest are those
// of HazardReclamation, which also describes these members.
class CountedReclamation : public HazardReclamation {
 public:
  // All pins are counted in the slots. PinCounts gets no memory.
  explicit CountedReclamation(std::size_t) noexcept : HazardReclamation(0) {}

  // Protect may have counted a stale handle that Release is about to count
  // back.
  static constexpr bool kUsageMayBeDropped = false;

  struct Usage : HazardReclamation::Usage {
    internal::sync::Atomic<Word> pins;
  };

  using Hold = internal::sync::Atomic<Word>;

  template <typename Slot>
  static Hold* Protect(Slot& slot, Word) noexcept {
    // [C1] seq_cst: before [O2]. Either that sees that the handle has ended, or
    // the thread that ended it sees the pin by [C3].
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

  static void NoteHeld(Hold*, Word) noexcept {}
  template <typename Slot>
  static bool TakeNote(const Hold* pins, const Slot&, Word) noexcept {
    // relaxed: a pin, if there is one, belongs to the caller.
    return pins->load(std::memory_order_relaxed) != 0;
  }

  template <typename Slot>
  Uses LookForUses(const Slot& slot, Word handle) const noexcept {
    Uses uses = HazardReclamation::LookForUses(slot, handle);
    // [C3] seq_cst: after the caller's end of the handle ([O3], [O4]) or after
    // it has left the object to the pins ([O5]); partner of [C1] and [C2].
    uses.pinned = slot.usage().pins.load(std::memory_order_seq_cst) != 0;
    return uses;
  }

  // There is nothing to wait for: both sides are seq_cst.
  static void AwaitReleases() noexcept {}
};

}  // namespace HAFT_ABI
}  // namespace haft

#endif  // HAFT_COUNTED_RECLAMATION_H_
