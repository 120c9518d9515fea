// Pins as hazard records: the default.

#ifndef HAFT_HAZARD_RECLAMATION_H_
#define HAFT_HAZARD_RECLAMATION_H_

#include "haft/handle.h"
#include "haft/internal/base/abi.h"
#include "haft/internal/base/sync.h"
#include "haft/internal/reclamation/hazard_cells.h"
#include "haft/internal/reclamation/user_set.h"

namespace haft {
inline namespace HAFT_ABI {

// How an ObjectTable knows that a deleted object is still in use is a
// parameter of the table (Traits::Reclamation). This is the default, and what
// it says holds for each of them; what a Reclamation has to have is below.
//
// Pinning writes to the pinning thread's own lines only, so a hot object
// scales. A deleter looks at the records of those threads that have used the
// object.
class HazardReclamation : public internal::HazardCells {
 public:
  // What is kept in each slot. BeginLife(object) is called by New before it
  // publishes the slot; EndLife(), under AddressSanitizer only, when the object
  // has been destroyed.
  struct Usage {
    template <typename T>
    void BeginLife(const T&) noexcept {
      users.Clear();
    }
    void EndLife() noexcept {}
    internal::UserSet users;
  };

  // Whether it can tell at any time if an object is in use. Only then is an
  // object destroyed by Delete or by the last unpin, not later; only then are
  // there policies other than Delete, read scopes, and pins that another thread
  // lets go.
  static constexpr bool kIsExact = true;

  // What a pin occupies.
  using Hold = internal::HazardCell;

  // Says that `slot` is used by way of `handle`. The object is safe from the
  // moment on at which the caller, by a seq_cst load after this, still finds
  // the handle live.
  //   Returns   nullptr when there is no room for more pins
  template <typename Slot>
  Hold* Protect(Slot& slot, Word handle) noexcept {
    return Publish(slot.usage().users, handle);
  }

  // Takes that back. The slot is there even if the table is gone.
  //   Returns   the handle of a retired object in the slot, which the caller
  //   must
  //             then destroy if nothing else uses it; 0: there is none
  template <typename Slot>
  static Word Release(Hold* cell, const Slot& slot, Word handle) noexcept {
    Clear(cell);
    return slot.IsRetired(handle) ? handle : 0;
  }

  // What stands in the way of destroying the object of a handle; exact, if the
  // caller has ended or frozen it by a seq_cst operation.
  template <typename Slot>
  Uses LookForUses(const Slot& slot, Word handle) const noexcept {
    return Look(slot.usage().users, handle);
  }

  // After this each Release under way has either been seen by a look, or sees
  // what the caller has done to the slot.
  static void AwaitReleases() noexcept { internal::sync::HeavyBarrier(); }
};

}  // namespace HAFT_ABI
}  // namespace haft

#endif  // HAFT_HAZARD_RECLAMATION_H_
