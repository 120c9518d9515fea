// The words that a slot's state takes, and what each of them means.

#ifndef HAFT_INTERNAL_SLOT_SLOT_STATE_H_
#define HAFT_INTERNAL_SLOT_SLOT_STATE_H_

#include <limits>

#include "haft/handle.h"
#include "haft/internal/base/abi.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// A slot passes through these states, in this order (I1):
//
//   untouched   0
//   live        h
//   free        the next handle
//   exhausted   the last handle, if there is no next one
//
// A table whose objects may be in use when they are deleted has four more:
//
//   frozen      h is live, and a conditional delete is checking for pins
//   retired     h has been deleted, and pins may still use its object
//   deferred    h has been deleted, and a read scope may still use its object
//   destroying  h has been deleted, and its object, which was in use after
//               that, is being destroyed
//
// Every state except live differs from its handle in some index bits, so it
// equals no word that selects the slot. The number that those bits form is the
// state's mark. Every state except live and free has the lowest bit clear.
template <typename Layout>
struct SlotState {
  static constexpr Word Free(Word next) noexcept {
    return Flip(next, kFreeMark);
  }
  static constexpr Word Exhausted(Word last) noexcept {
    return FlipAndClear(last, kExhaustedMark);
  }
  static constexpr Word Retired(Word handle) noexcept {
    return FlipAndClear(handle, kRetiredMark);
  }
  static constexpr Word Deferred(Word handle) noexcept {
    return FlipAndClear(handle, kDeferredMark);
  }
  static constexpr Word Destroying(Word handle) noexcept {
    return FlipAndClear(handle, kDestroyingMark);
  }
  // A ticket makes each freezing of a handle a word of its own, until all
  // values of the index bits are used up: those below `slots` (a power of two,
  // at least 8), which tell that the handle is frozen, and those above.
  static constexpr Word Frozen(Word handle, Word ticket, Word slots) noexcept {
    const Word marks = slots - kFirstFrozenMark;
    return FlipAndClear(
        handle, kFirstFrozenMark + ticket % marks + ticket / marks * slots);
  }

  // Whether slot `index` is free, and was used before: HasEnded(0) is true.
  static constexpr bool IsFree(Word state, Word index) noexcept {
    return !HasEnded(state) && MarkOf(state, index) == kFreeMark;
  }
  // Returns the live handle of slot `index`, frozen or not; 0 if there is none.
  static constexpr Word LiveHandle(Word state, Word index) noexcept {
    const Word mark = MarkOf(state, index);
    if (!HasEnded(state)) return mark == 0 ? state : 0;
    return mark >= kFirstFrozenMark && state != 0 ? FlipAndClear(state, mark)
                                                  : 0;
  }
  // Returns the ended handle of slot `index` whose object still exists: one
  // that is retired, deferred or destroying; 0 if there is none.
  static constexpr Word HandleInUse(Word state, Word index) noexcept {
    const Word mark = MarkOf(state, index);
    return HasEnded(state) && state != 0 && mark >= kRetiredMark &&
                   mark <= kDestroyingMark
               ? FlipAndClear(state, mark)
               : 0;
  }
  // `handle` may be any word. One whose index is not below `slots` is never
  // frozen.
  static constexpr bool IsFrozen(Word state, Word handle, Word slots) noexcept {
    const Word different = state ^ handle;
    return state != 0 &&
           (different & ~Layout::Index::kMask) == Layout::Low::kOne &&
           (handle & Layout::Low::kMask) != 0 &&
           Layout::Index::Decode(handle) < slots &&
           (Layout::Index::Decode(different) & (slots - 1)) >= kFirstFrozenMark;
  }
  // Whether `handle`, which may be any word but 0, is live, frozen or not.
  static constexpr bool IsLive(Word state, Word handle, Word slots) noexcept {
    return state == handle || IsFrozen(state, handle, slots);
  }
  // Whether the lowest bit is clear: then the handle of the state's generation
  // has been issued, and unless it is frozen it has been deleted. The handle of
  // a free state has not been issued yet.
  static constexpr bool HasEnded(Word state) noexcept {
    return (state & Layout::Low::kMask) == 0;
  }
  // Returns what the state of the slot that `handle` selects is called.
  static constexpr const char* NameOf(Word state, Word handle,
                                      Word slots) noexcept {
    if (state == 0) return "untouched";
    const Word mark = MarkOf(state, Layout::Index::Decode(handle));
    if (mark == 0 || IsFrozen(state, handle, slots)) return "live";
    if (!HasEnded(state)) return "free";
    return mark == kExhaustedMark ? "exhausted" : "retired";
  }

  // Returns the handle that the slot of `handle` answers to next. If `handle`
  // is the last one of its slot, the result is not even well formed.
  static constexpr Word Next(Word handle) noexcept {
    return handle + Layout::Generation::kOne;
  }

  // Whether `next` is what Next returned for a last handle: the generation has
  // then carried into the bit above it.
  static constexpr bool IsExhausted(Word next) noexcept {
    if constexpr (Layout::Generation::kEnd ==
                  std::numeric_limits<Word>::digits) {
      return next < Layout::Generation::kOne;
    } else {
      constexpr Word kCarry = Word{1} << Layout::Generation::kEnd;
      return (next & kCarry) != (Layout::kFixed & kCarry);
    }
  }

  // Returns the first handle of the slot of `handle` for generations that start
  // over.
  static constexpr Word Wrapped(Word handle) noexcept {
    return (handle & ~Layout::Generation::kMask) | Layout::Generation::kOne;
  }

 private:
  static constexpr Word kFreeMark = 1;  // with the lowest bit set
  static constexpr Word kExhaustedMark = 1;
  static constexpr Word kRetiredMark = 2;
  static constexpr Word kDeferredMark = 3;
  static constexpr Word kDestroyingMark = 4;
  static constexpr Word kFirstFrozenMark = 5;

  static constexpr Word MarkOf(Word state, Word index) noexcept {
    return Layout::Index::Decode(state) ^ index;
  }
  static constexpr Word Flip(Word handle, Word mark) noexcept {
    return handle ^ Layout::Index::Encode(mark);
  }
  static constexpr Word FlipAndClear(Word handle, Word mark) noexcept {
    return Flip(handle, mark) ^ Layout::Low::kOne;
  }
};

// Whether slots of this type store the whole handle that they answer to. The
// others store its generation only; their array compares the rest, and tells
// them their index when it asks for the state.
template <typename Slot>
inline constexpr bool kStoresHandle = true;

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_SLOT_SLOT_STATE_H_
