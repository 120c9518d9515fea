// Pins as hazard cells: how a table tells by default that an object is in use.

#ifndef HAFT_HAZARD_RECLAMATION_H_
#define HAFT_HAZARD_RECLAMATION_H_

#include <cstdint>

#include "haft/handle.h"
#include "haft/internal/base/abi.h"
#include "haft/internal/base/sync.h"
#include "haft/internal/reclamation/hazard_cells.h"
#include "haft/internal/reclamation/user_set.h"

namespace haft {
inline namespace HAFT_ABI {

// Pinning writes only to lines of the pinning thread, so a hot object scales. A
// deleter looks at the cells of those threads that have used the object.
//
// This class also states the concept *reclamation*: what Traits::Reclamation of
// an ObjectTable must offer. The caller of each member is named with it; unless
// a comment says otherwise a member is async-signal-safe and wait-free. The
// table constructs one, and asks it for
//
//   ok()           whether it has its memory; the table's constructor
//   Leak()         the destructor of a table with pins: leaves mapped for good
//                  what pins point to
//   Stamp(), ScopeMayHold(scope, stamp)   DeferredHandles; see HazardCells
//
// and the members below.
class HazardReclamation : public internal::HazardCells {
 public:
  // Trim: whether the Usage of a slot without an object may become all 0 at any
  // moment, also between two calls of a thread that has a stale handle of it.
  static constexpr bool kUsageMayBeDropped = true;

  // The part of each slot beside its state and object; zero bytes are its
  // initial value.
  struct Usage {
    // New calls this before it publishes the slot's next handle.
    template <typename T>
    void BeginLife(const T&) noexcept {
      users.Clear();
    }
    // The thread that has destroyed the object calls this, in builds with
    // AddressSanitizer only.
    void EndLife() noexcept {}
    internal::UserSet users;
  };

  // The cell that a pin occupies.
  using Hold = internal::HazardCell;

  // Pin: publishes that `slot` is used by way of `handle`. The object is safe
  // as soon as the caller, by a seq_cst load after this, finds the handle still
  // live.
  //   Returns   nullptr if there is no room for more pins
  //   Progress  as HazardCells::Publish
  template <typename Slot>
  Hold* Protect(Slot& slot, Word handle) noexcept {
    return Publish(slot.usage().users, handle);
  }

  // Unpin: takes that back. The slot exists even if the table is gone.
  //   Returns   the handle of a retired object in the slot, which the caller
  //             must then contend to destroy; 0 if there is none
  template <typename Slot>
  static Word Release(Hold* cell, const Slot& slot, Word handle) noexcept {
    Clear(cell);
    return slot.IsRetired(handle) ? handle : 0;
  }

  // Deleters: returns the uses that forbid the destruction of a handle's
  // object. Exact if the caller has ended or frozen the handle by a seq_cst
  // operation.
  template <typename Slot>
  Uses LookForUses(const Slot& slot, Word handle) const noexcept {
    return Look(slot.usage().users, handle);
  }

  // The deleter of a pinned object, after it has retired the object: waits
  // until each Release that is under way has either been seen by a look, or
  // sees that the object is retired.
  //   Progress  one system call
  static void AwaitReleases() noexcept { internal::sync::HeavyBarrier(); }

  // A read scope of the thread that makes it.
  class Scope {
   public:
    // Whether there is a scope. There is none if more threads use tables than
    // there are thread indices.
    bool ok() const noexcept { return holder_.index != 0; }
    unsigned holder() const noexcept { return holder_.index; }

   private:
    friend class HazardReclamation;
    explicit Scope(ScopeHolder holder) noexcept
        : holder_(holder), member_(holder.index) {}

    ScopeHolder holder_;
    internal::UserSet::Member member_;
  };

  // ReadScope: begins a scope; ends one that is ok(), and returns whether that
  // was the outermost one of its thread.
  Scope NewScope() noexcept { return Scope(BeginScope()); }
  bool End(const Scope& scope) noexcept { return EndScope(scope.holder_); }

  // ReadScope: from now on a deleter of the slot's object finds this scope. The
  // object is safe as after Protect.
  template <typename Slot>
  static void Use(const Scope& scope, Slot& slot) noexcept {
    slot.usage().users.AddAsOther(scope.member_);
  }

  // DeferredHandles: returns the holder of a scope that may have found the
  // handle of `stamp` in `slot`, or kNoScope.
  template <typename Slot>
  unsigned FindScope(const Slot& slot, std::uint64_t stamp) const noexcept {
    return HazardCells::FindScope(slot.usage().users, stamp);
  }
};

}  // namespace HAFT_ABI
}  // namespace haft

#endif  // HAFT_HAZARD_RECLAMATION_H_
