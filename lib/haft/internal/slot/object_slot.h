// A slot with an object in place, which may still be in use when it is deleted.

#ifndef HAFT_INTERNAL_SLOT_OBJECT_SLOT_H_
#define HAFT_INTERNAL_SLOT_OBJECT_SLOT_H_

#include <new>

#include "haft/handle.h"
#include "haft/internal/base/abi.h"
#include "haft/internal/base/sanitizer.h"
#include "haft/internal/base/sync.h"
#include "haft/internal/slot/slot_state.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// A thread that holds the slot's next handle may construct the object and call
// Publish. A thread that ends a handle, by End, EndState or BeginDestroying,
// owns the slot, and destroys the object once no thread has the handle
// published.
//
// Usage is what the table's Reclamation keeps in each slot. Zero bytes are its
// initial value. Unlike the object it exists all the time.
template <typename T, typename Layout, typename UsageT>
class ObjectSlot {
  using State = SlotState<Layout>;

 public:
  using Usage = UsageT;

  Usage& usage() noexcept { return usage_; }
  const Usage& usage() const noexcept { return usage_; }

  // Where the state is, for those who read it without this class.
  const void* state_word() const noexcept { return &state_; }

  // Returns the number of the life of its slot that `handle` stands for.
  static constexpr Word GenerationOf(Word handle) noexcept {
    return Layout::Generation::Decode(handle);
  }

  T* object() noexcept { return std::launder(reinterpret_cast<T*>(storage_)); }

  // Returns the object's bytes. For the owner of a slot without an object.
  // Under AddressSanitizer only the bytes of an object that exists may be used:
  // neither those of a destroyed one nor the rest up to the next slot.
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

  // Whether `handle` was live a moment ago, so that it is worth publishing.
  bool MayBeLive(Word handle, Word slots) const noexcept {
    // [O10] acquire: the usage as cleared by the New of this handle, or used
    // since; partner of [O1].
    const Word state = state_.load(std::memory_order_acquire);
    return State::IsLive(state, handle, slots);
  }

  // Calls f(usage) between two reads of the state.
  //   Returns   whether `handle` was live at both. Then all that f has read by
  //             acquire loads belongs to that handle, if BeginLife has written
  //             it by release stores (as I3)
  template <typename F>
  bool ReadValidated(Word handle, Word slots, F&& f) const noexcept {
    if (!MayBeLive(handle, slots)) return false;
    f(usage_);
    // relaxed: those acquire loads keep it behind them.
    const Word state = state_.load(std::memory_order_relaxed);
    return State::IsLive(state, handle, slots);
  }

  // The same for fast paths: false also if `handle` is frozen.
  template <typename F>
  bool ReadIfLive(Word handle, F&& f) const noexcept {
    // As [O10].
    if (state_.load(std::memory_order_acquire) != handle) return false;
    f(usage_);
    // relaxed: as in ReadValidated.
    return state_.load(std::memory_order_relaxed) == handle;
  }

  // Returns whether `handle` is live. For a thread that has published it: if it
  // is live, it is now pinned. A frozen handle is unfrozen, so that the
  // conditional delete that froze it fails.
  bool Validate(Word handle, Word slots) noexcept {
    for (;;) {
      // [O2] seq_cst: after [P1], [U1] and [C1]. Either this sees that the
      // handle has ended by [O3] or is frozen by [O4], or the thread that did
      // so sees the hazard cell by [U2] and [P6].
      Word state = state_.load(std::memory_order_seq_cst);
      if (state == handle) return true;
      if (!State::IsFrozen(state, handle, slots)) return false;
      // As [O2]. relaxed on failure: the state is read again above.
      if (state_.compare_exchange_strong(state, handle,
                                         std::memory_order_seq_cst,
                                         std::memory_order_relaxed)) {
        return true;
      }
    }
  }

  // Ends `handle`, frozen or not: the state goes to `end`. Exactly one of
  // racing calls (and commits of conditional deletes) succeeds.
  bool End(Word handle, Word end, Word slots) noexcept {
    Word state = handle;
    for (;;) {
      // [O3] seq_cst: before the look at the hazard cells ([U2], [P6]). Also
      // acquire: the object, as published by [O1]. relaxed on failure: any
      // state other than a frozen one is final for this handle.
      if (state_.compare_exchange_strong(state, end, std::memory_order_seq_cst,
                                         std::memory_order_relaxed)) {
        return true;
      }
      if (!State::IsLive(state, handle, slots)) return false;
    }
  }

  // Freezes a live `handle` as the word `frozen`.
  //   Returns   the word that it is frozen as, which may be another thread's; 0
  //             if it is not live
  Word BeginConditionalDelete(Word handle, Word frozen, Word slots) noexcept {
    for (;;) {
      Word state = handle;
      // [O4] seq_cst: before the look at the hazard cells: a thread that
      // publishes the handle after that look unfreezes it by [O2].
      if (state_.compare_exchange_strong(state, frozen,
                                         std::memory_order_seq_cst,
                                         std::memory_order_relaxed)) {
        return frozen;
      }
      // As [O4]: the look must come after the freezing by another thread, too.
      state = state_.load(std::memory_order_seq_cst);
      if (State::IsFrozen(state, handle, slots)) return state;
      if (state != handle) return 0;
    }
  }
  // Ends the handle whose state is the word `live`: the handle itself, or what
  // it is frozen as.
  //   Returns   false if the state is another one, because a thread has ended,
  //             frozen or unfrozen the handle
  bool EndState(Word live, Word end) noexcept {
    // As [O3] in End.
    return state_.compare_exchange_strong(live, end, std::memory_order_seq_cst,
                                          std::memory_order_relaxed);
  }
  void CancelConditionalDelete(Word frozen, Word handle) noexcept {
    // relaxed: the handle stays live, nothing is published.
    state_.compare_exchange_strong(frozen, handle, std::memory_order_relaxed,
                                   std::memory_order_relaxed);
  }

  // Leaves the object of an ended handle to the last unpin. The caller then
  // issues the heavy barrier, contends to destroy the object, and looks at the
  // hazard cells once more.
  void Retire(Word handle) noexcept {
    // [O5] seq_cst: before that look; partner of [O9] and [O11]. Also release:
    // the end of the handle happens before the object's destruction; partner of
    // [O6].
    state_.store(State::Retired(handle), std::memory_order_seq_cst);
  }
  // Leaves it to the read scopes. The handle is then in one deferred list at a
  // time, and the thread that takes it from there owns the slot.
  void DeferToScopes(Word handle) noexcept {
    // As [O5] in Retire.
    state_.store(State::Deferred(handle), std::memory_order_seq_cst);
  }
  void SetDestroying(Word handle) noexcept {
    // relaxed: a note of the owner to itself, and to threads that wait for
    // [O7].
    state_.store(State::Destroying(handle), std::memory_order_relaxed);
  }
  // The re-check of a thread that has just unpinned `handle`.
  bool IsRetired(Word handle) const noexcept {
    // [O11] seq_cst: after [P7], if the system has no heavy barrier; partner of
    // [O5]. If it has one, that barrier orders the two.
    return state_.load(std::memory_order_seq_cst) == State::Retired(handle);
  }
  // The same for pins that are not kept by handle. Returns the handle whose
  // object is retired in the slot of `handle`, a live or ended one; 0 if there
  // is none.
  Word RetiredHandle(Word handle) const noexcept {
    // [O9] seq_cst: after [C2], and [O5] is before [C3]: of the thread that
    // unpins and the thread that leaves the object to the pins, one sees the
    // other.
    const Word state = state_.load(std::memory_order_seq_cst);
    const Word used = State::HandleInUse(state, Layout::Index::Decode(handle));
    return state == State::Retired(used) ? used : 0;
  }
  // Orders the threads that may destroy a retired object: its deleter and each
  // unpinner call this before they look whether it is still published.
  //   Returns   false if the object is no longer retired
  bool ContendToDestroy(Word handle) noexcept {
    // [O6] acq_rel: after [O5]; these operations follow one another. A later
    // thread sees the cells that earlier ones have cleared, so the last one
    // sees all of them cleared.
    Word retired = State::Retired(handle);
    return state_.compare_exchange_strong(retired, State::Retired(handle),
                                          std::memory_order_acq_rel,
                                          std::memory_order_relaxed);
  }
  // Takes over the destruction of a retired object.
  //   Returns   false if another thread has
  bool BeginDestroying(Word handle) noexcept {
    // As [O6] in ContendToDestroy.
    Word retired = State::Retired(handle);
    return state_.compare_exchange_strong(retired, State::Destroying(handle),
                                          std::memory_order_acq_rel,
                                          std::memory_order_relaxed);
  }
  // Writes the last state of a handle whose object has been destroyed.
  void FinishDestroying(Word end) noexcept {
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

  // relaxed, both: as in WordSlot.
  Word state() const noexcept { return state_.load(std::memory_order_relaxed); }
  Word AcquireState() const noexcept {
    // As [H6] in WordSlot.
    return state_.load(std::memory_order_acquire);
  }
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
