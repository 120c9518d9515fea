// Pins as hazard cells: how a table tells by default that an object is in use.

#ifndef HAFT_HAZARD_RECLAMATION_H_
#define HAFT_HAZARD_RECLAMATION_H_

#include <cstddef>
#include <cstdint>

#include "haft/handle.h"
#include "haft/internal/base/abi.h"
#include "haft/internal/base/sync.h"
#include "haft/internal/reclamation/hazard_cells.h"
#include "haft/internal/reclamation/pin_counts.h"
#include "haft/internal/reclamation/user_set.h"

namespace haft {
inline namespace HAFT_ABI {
// Pinning writes only to lines of the pinning thread, so a hot object scales. A
// deleter looks at the cells of those threads that have used the object. A
// thread has 14 cells. The further pins that it holds at the same time are
// counted in the object's slot.
//
// This class also states the concept *reclamation*: what Traits::Reclamation of
// an ObjectTable must offer. The caller of each member is named with it; unless
// a comment says otherwise a member is async-signal-safe and wait-free. The
// table constructs one, with the number of its slots, and asks it for
//
//   ok()           whether it has its memory; the table's constructor
//   Leak()         the destructor of a table with pins: leaves mapped for good
//                  what pins point to
//   Prepare()      the table's Prepare: does at once what the calling thread's
//                  first pins, unpins and deletes would do; false if the system
//                  lacks memory
//   Stamp(), ScopeMayHold(scope, stamp)   DeferredHandles; see HazardCells
//
// and the members below.
class HazardReclamation : public internal::HazardCells {
 public:
  // Trim: whether the Usage of a slot without an object may become all 0 at any
  // moment, also between two calls of a thread that has a stale handle of it.
  static constexpr bool kUsageMayBeDropped = true;

  // `slots` is a power of two.
  explicit HazardReclamation(std::size_t slots) noexcept : counts_(slots) {}

  bool ok() const noexcept { return HazardCells::ok() && counts_.ok(); }
  void Leak() noexcept {
    HazardCells::Leak();
    counts_.Leak();
  }
  bool Prepare() noexcept {
    // If the system has no barrier, nothing needs it.
    if (internal::sync::HasHeavyBarrier())
      (void)internal::sync::RegisterHeavyBarrier();
    return HazardCells::Prepare();
  }

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

  // The keeper of a pin: the cell that it occupies, or a word of PinCounts,
  // whose address then has the lowest bit set.
  class Hold;

  // Pin: publishes that `slot` is used by way of `handle`. The object is safe
  // as soon as the caller, by a seq_cst load after this, finds the handle still
  // live.
  //   Returns   nullptr if the handle is not live, or there is no room for more
  //             pins
  //   Progress  wait-free if the thread has a free cell, else lock-free
  template <typename Slot>
  [[gnu::always_inline]] Hold* Protect(Slot& slot, Word handle) noexcept {
    Hold* const hold = HoldOf(Publish(slot.usage().users, handle));
    return __builtin_expect(hold != nullptr, 1)
               ? hold
               : ProtectWithoutCell(slot, handle);
  }

  // Unpin: takes that back. The slot exists even if the table is gone.
  //   Returns   the handle of a retired object in the slot, which the caller
  //             must then contend to destroy; 0 if there is none
  template <typename Slot>
  static Word Release(Hold* hold, const Slot& slot, Word handle) noexcept {
    if (__builtin_expect(IsCount(hold), 0)) {
      internal::PinCounts::Remove<Slot>(CountOf(hold), handle);
    } else {
      Clear(CellOf(hold));
    }
    return slot.IsRetired(handle) ? handle : 0;
  }
  // Detach: makes words of the pin, which may be copied.
  static void NoteHeld(Hold* hold, Word handle) noexcept {
    if (__builtin_expect(!IsCount(hold), 1))
      HazardCells::NoteHeld(CellOf(hold), handle);
  }
  // UnpinIfHeld, before Release: takes that note back. Returns false if it is
  // certain that the caller has a copy of a pin which has ended. (The hold may
  // keep a later pin of the same handle.)
  template <typename Slot>
  static bool TakeNote(Hold* hold, const Slot&, Word handle) noexcept {
    return __builtin_expect(IsCount(hold), 0)
               ? internal::PinCounts::Holds<Slot>(CountOf(hold), handle)
               : HazardCells::TakeNote(CellOf(hold), handle);
  }

  // Deleters: returns the uses that forbid the destruction of a handle's
  // object. Exact if the caller has ended or frozen the handle by a seq_cst
  // operation.
  //   Cost      one load if no thread has used the object
  template <typename Slot>
  [[gnu::always_inline]] Uses LookForUses(const Slot& slot,
                                          Word handle) const noexcept {
    const internal::UserSet::Users users = slot.usage().users.Read();
    if (__builtin_expect(users.empty(), 1)) return {};
    Uses uses = Look(users, handle);
    if (users.are_counted()) uses.pinned |= counts_.Has(slot, handle);
    return uses;
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

 private:
  friend class internal::Inspector;

  [[gnu::always_inline]] static Hold* HoldOf(
      internal::HazardCell* cell) noexcept {
    Hold* const hold = reinterpret_cast<Hold*>(cell);
    // Spares an unpin in the same function its test.
    if (IsCount(hold)) __builtin_unreachable();
    return hold;
  }
  static bool IsCount(const Hold* hold) noexcept {
    return (reinterpret_cast<Word>(hold) & 1) != 0;
  }
  static internal::PinCounts::Count& CountOf(const Hold* hold) noexcept {
    return *reinterpret_cast<internal::PinCounts::Count*>(
        reinterpret_cast<Word>(hold) - 1);
  }
  static internal::HazardCell* CellOf(const Hold* hold) noexcept {
    return reinterpret_cast<internal::HazardCell*>(
        reinterpret_cast<Word>(hold));
  }

  template <typename Slot>
  [[gnu::cold, gnu::noinline]] Hold* ProtectWithoutCell(Slot& slot,
                                                        Word handle) noexcept {
    internal::UserSet& users = slot.usage().users;
    if (internal::HazardCell* const cell = PublishElsewhere(users, handle))
      return HoldOf(cell);
    users.AddCounted();
    internal::PinCounts::Count* const count = counts_.Add(slot, handle);
    return count == nullptr
               ? nullptr
               : reinterpret_cast<Hold*>(reinterpret_cast<Word>(count) + 1);
  }

  internal::PinCounts counts_;
};

}  // namespace HAFT_ABI
}  // namespace haft

#endif  // HAFT_HAZARD_RECLAMATION_H_
