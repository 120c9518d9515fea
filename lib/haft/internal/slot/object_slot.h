// A slot with an object in place: the slot protocol where deleted objects may
// still be in use.

#ifndef HAFT_INTERNAL_SLOT_OBJECT_SLOT_H_
#define HAFT_INTERNAL_SLOT_OBJECT_SLOT_H_

#include <new>

#include "haft/handle.h"
#include "haft/internal/base/abi.h"
#include "haft/internal/base/sanitizer.h"
#include "haft/internal/base/sync.h"
#include "haft/internal/slot/slot_array.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// Who may do what: Construct's caller holds the slot's next handle; whoever
// ends a handle, by End, Finish or Commit, owns the slot and destroys the
// object once nobody has the handle published.
//
// Usage is what a Reclamation keeps in each slot; zero bytes are its initial
// value. Unlike the object it is there all the time.
template <typename T, typename Layout, typename UsageT>
class ObjectSlot {
  using State = SlotState<Layout>;

 public:
  using Usage = UsageT;

  Usage& usage() noexcept { return usage_; }
  const Usage& usage() const noexcept { return usage_; }

  T* object() noexcept { return std::launder(reinterpret_cast<T*>(storage_)); }

  // The object's bytes, for the owner of a slot without one. Under
  // AddressSanitizer only a live object's bytes may be used: neither those of
  // one that is gone, nor what follows up to the next slot.
  void* BeginObject() noexcept {
    Unpoison(storage_, sizeof(T));
    Poison(storage_ + sizeof(T), this + 1);
    return storage_;
  }
  void EndObject() noexcept {
    if constexpr (kAddressSanitizer) usage_.EndLife();
    Poison(storage_, this + 1);
  }

  // Makes the slot answer to `handle`, whose object has been constructed.
  void Publish(Word handle) noexcept {
    usage_.BeginLife(*object());
    // [O1] release: publishes the object and its cleared usage; synchronises
    // with [O2], [O3] and [O10].
    state_.store(handle, std::memory_order_release);
  }

  // Whether it is worth publishing `handle`: it was live a moment ago.
  bool MayBeLive(Word handle, Word slots) const noexcept {
    // [O10] acquire: the usage as cleared by the New of this handle or used
    // since; partner of [O1].
    const Word state = state_.load(std::memory_order_acquire);
    return State::IsLive(state, handle, slots);
  }

  // Calls f(usage) between two looks at the state.
  //   Returns   whether `handle` was live at both: then what f has read by
  //             acquire loads is of its life, if BeginLife has written it by
  //             release stores (as I3)
  template <typename F>
  bool Peek(Word handle, Word slots, F&& f) const noexcept {
    if (!MayBeLive(handle, slots)) return false;
    f(usage_);
    // relaxed: those acquire loads keep it behind them.
    const Word state = state_.load(std::memory_order_relaxed);
    return State::IsLive(state, handle, slots);
  }

  // Whether `handle` is live, for a thread that has published it in a hazard
  // record: then it is pinned. A frozen one is thawed, so that whoever froze it
  // to delete it unless pinned finds that out.
  bool ConfirmLive(Word handle, Word slots) noexcept {
    for (;;) {
      // [O2] seq_cst: after [P1], [U1] and [C1]. Either this sees that the
      // handle has ended by [O3], or frozen by [O4]; or the one who did that
      // sees the hazard cell by [U2] and [P6].
      Word state = state_.load(std::memory_order_seq_cst);
      if (state == handle) return true;
      if (!State::IsFrozen(state, handle, slots)) return false;
      // As [O2]. relaxed on failure: looked at again above.
      if (state_.compare_exchange_strong(state, handle,
                                         std::memory_order_seq_cst,
                                         std::memory_order_relaxed)) {
        return true;
      }
    }
  }

  // Ends `handle`, also if frozen: the state goes to `end`. Of racing calls
  // (and Commits) exactly one succeeds.
  bool End(Word handle, Word end, Word slots) noexcept {
    Word state = handle;
    for (;;) {
      // [O3] seq_cst: before the look at the hazard records ([U2], [P6]). Also
      // acquire: the object, as published by [O1]. relaxed on failure: another
      // state than a frozen one is final for this handle.
      if (state_.compare_exchange_strong(state, end, std::memory_order_seq_cst,
                                         std::memory_order_relaxed)) {
        return true;
      }
      if (!State::IsLive(state, handle, slots)) return false;
    }
  }

  // Freezes a live `handle` as `frozen`.
  //   Returns   the word by which it is frozen, which may be another's; 0 when
  //             it is not live
  Word Freeze(Word handle, Word frozen, Word slots) noexcept {
    for (;;) {
      Word state = handle;
      // [O4] seq_cst: before the look at the hazard records: whoever publishes
      // after that look thaws the handle by [O2].
      if (state_.compare_exchange_strong(state, frozen,
                                         std::memory_order_seq_cst,
                                         std::memory_order_relaxed)) {
        return frozen;
      }
      // As [O4]: the look must come after the freezing by another, too.
      state = state_.load(std::memory_order_seq_cst);
      if (State::IsFrozen(state, handle, slots)) return state;
      if (state != handle) return 0;
    }
  }
  // Ends a handle by the word it is frozen by, if nobody has thawed it.
  bool Commit(Word frozen, Word end) noexcept {
    // As [O3] in End.
    return state_.compare_exchange_strong(
        frozen, end, std::memory_order_seq_cst, std::memory_order_relaxed);
  }
  void Thaw(Word frozen, Word handle) noexcept {
    // relaxed: the handle stays live, nothing is published.
    state_.compare_exchange_strong(frozen, handle, std::memory_order_relaxed,
                                   std::memory_order_relaxed);
  }

  // Leaves the destruction of an ended handle's object to the last unpin. The
  // caller then issues the heavy barrier, takes a turn, and looks at the
  // records once more.
  void Retire(Word handle) noexcept {
    // [O5] seq_cst: before that look; partner of [O9] and [O11]. Also release:
    // that the caller has ended the handle happens before its destruction;
    // partner of [O6].
    state_.store(State::Retired(handle), std::memory_order_seq_cst);
  }
  // Leaves it to the read scopes, for as long as the one handle is on its way
  // from one to the next; whoever has it there owns the slot.
  void DeferToScopes(Word handle) noexcept {
    // As [O5] in Retire.
    state_.store(State::Deferred(handle), std::memory_order_seq_cst);
  }
  void SetDestroying(Word handle) noexcept {
    // relaxed: the owner's note to itself, and to those who wait for [O7].
    state_.store(State::Destroying(handle), std::memory_order_relaxed);
  }
  // A glance for the one who has just unpinned `handle`.
  bool IsRetired(Word handle) const noexcept {
    // [O11] seq_cst: after [P7], where the system has no heavy barrier; partner
    // of [O5]. Where it has one, that is what orders the two.
    return state_.load(std::memory_order_seq_cst) == State::Retired(handle);
  }
  // The same where pins are not kept by handle: the handle whose object is
  // retired in the slot of `handle`, a live or ended one; 0: none.
  Word RetiredHandle(Word handle) const noexcept {
    // [O9] seq_cst: after [C2], and [O5] before [C3]: of the one who unpins and
    // the one who leaves the object to the pins, one sees the other.
    const Word state = state_.load(std::memory_order_seq_cst);
    const Word used = State::HandleInUse(state, Layout::Index::Decode(handle));
    return state == State::Retired(used) ? used : 0;
  }
  // A turn to look whether somebody still has the handle published: the
  // deleter's, or an unpinner's.
  //   Returns   false when the object is no longer retired
  bool ContendToDestroy(Word handle) noexcept {
    // [O6] acq_rel: after [O5], and turns follow one another. Whoever comes
    // later sees the cells that those before it have cleared, so the last sees
    // all cleared.
    Word retired = State::Retired(handle);
    return state_.compare_exchange_strong(retired, State::Retired(handle),
                                          std::memory_order_acq_rel,
                                          std::memory_order_relaxed);
  }
  // Takes over the destruction of a retired handle's object.
  bool Finish(Word handle) noexcept {
    // As [O6] in ContendToDestroy.
    Word retired = State::Retired(handle);
    return state_.compare_exchange_strong(retired, State::Destroying(handle),
                                          std::memory_order_acq_rel,
                                          std::memory_order_relaxed);
  }
  // The last word for a handle whose object Finish has taken over.
  void SetEnd(Word end) noexcept {
    // [O7] release: the object has been destroyed; partner of [O8].
    state_.store(end, std::memory_order_release);
  }
  // Whether the object of an ended handle still exists.
  bool IsInUse(Word handle) const noexcept {
    // [O8] acquire: partner of [O7].
    const Word state = state_.load(std::memory_order_acquire);
    return state == State::Retired(handle) ||
           state == State::Deferred(handle) ||
           state == State::Destroying(handle);
  }

  // relaxed, both: as WordSlot.
  Word state() const noexcept { return state_.load(std::memory_order_relaxed); }
  void Initialize(Word state) noexcept {
    state_.store(state, std::memory_order_relaxed);
  }

 private:
  Usage usage_;
  sync::Atomic<Word> state_;
  alignas(T) unsigned char storage_[sizeof(T)];
};

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_SLOT_OBJECT_SLOT_H_
