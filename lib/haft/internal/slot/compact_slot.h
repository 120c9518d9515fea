// A slot of a compact table of pointers: one word is its state and its value.

#ifndef HAFT_INTERNAL_SLOT_COMPACT_SLOT_H_
#define HAFT_INTERNAL_SLOT_COMPACT_SLOT_H_

#include <cstddef>
#include <limits>
#include <optional>
#include <type_traits>

#include "haft/handle.h"
#include "haft/handle_layout.h"
#include "haft/internal/base/abi.h"
#include "haft/internal/base/bit_field.h"
#include "haft/internal/base/sanitizer.h"
#include "haft/internal/base/sync.h"
#include "haft/internal/slot/slot_state.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// LeakSanitizer does not find a pointer that shares its word with a generation.
// In builds with AddressSanitizer a slot therefore has a second word, which
// holds the pointer as it is.
template <bool kIsStored>
class PlainPointer {
 public:
  void Set(Word /*address*/) noexcept {}
};
template <>
class PlainPointer<true> {
 public:
  // relaxed: nobody but LeakSanitizer reads it.
  void Set(Word address) noexcept {
    address_.store(address, std::memory_order_relaxed);
  }

 private:
  sync::Atomic<Word> address_;
};

// The slot's word:
//
//   untouched   0
//   live        [ address / kAlignment            | generation of the handle ]
//   free        [ generation of the next handle   | 0 ]
//   exhausted   [ one more than the last of them  | 0 ]
//
// No handle has the generation 0. The word does not have the rest of the
// handle, so the slot must be asked only for words that the array lets pass
// (SlotArray::MayAsk). The caller that asks for the state, which is a word of
// SlotState, says the index.
template <typename T, typename Layout, std::size_t kAlignment>
class CompactSlot : PlainPointer<kAddressSanitizer> {
  using Generation = typename Layout::Generation;
  using State = SlotState<Layout>;

  static constexpr unsigned kBits = std::numeric_limits<Word>::digits;
  using Low = BitField<0, Generation::kWidth>;
  using High = BitField<Low::kEnd, kBits - Low::kEnd>;

  static_assert(std::is_pointer_v<T>, "a compact table stores pointers only");
  static_assert(kAlignment != 0 && (kAlignment & (kAlignment - 1)) == 0,
                "an alignment is a power of two");
  static_assert(
      kAddressBits <= High::kWidth ||
          kAlignment >> (kAddressBits - High::kWidth) != 0,
      "a slot's word has no room for an address beside so many bits of "
      "generation: take CompactTraits or a layout with fewer of them, or, if "
      "the objects have it, a larger alignment");
  static_assert(High::kMax > Generation::kMax,
                "a free slot's word has no room for the next generation");

 public:
  // The slot's word while a pointer was live in it.
  struct Words {
    Word word;

    T Value() const noexcept {
      return __builtin_bit_cast(T, High::Decode(word) * kAlignment);
    }
  };

  // Whether a slot can store the pointer: whether it is a multiple of the
  // alignment, and not beyond the last one for which there is room.
  static constexpr bool Fits(const T& value) noexcept {
    // If there is room for all of them, the product loses high bits only.
    return (__builtin_bit_cast(Word, value) & ~(High::kMax * kAlignment)) == 0;
  }

  // Returns the value of `handle` if this slot answers to it. Any thread may
  // call it with any word that the array lets pass. Wait-free: one load.
  std::optional<T> Read(Word handle) const noexcept {
    // [S8] acquire: if it reads `handle`, what precedes its New is visible;
    // partner of [S7]. The value comes with the state, so no second look is
    // needed. Mutant S8: what the pointer points to is read too early.
    const Word word = word_.load(std::memory_order_acquire);
    if (!IsOf(word, handle)) return std::nullopt;
    return Words{word}.Value();
  }

  // Makes the slot answer to `handle`, with `value`, which fits. Only the
  // thread that holds `handle`, the slot's next handle, may call it (I2).
  void Publish(Word handle, const T& value) noexcept {
    const Word address = __builtin_bit_cast(Word, value);
    this->Set(address);
    // [S7] release: publishes what precedes the New; synchronises with [S8] and
    // [S9].
    word_.store(High::Encode(address / kAlignment) | Generation::Decode(handle),
                std::memory_order_release);
  }

  // Ends `handle`: the state goes from it to `end`, which is that of a free or
  // an exhausted slot. Returns what ReadOwned needs, which is not 0, to exactly
  // one of any number of racing calls, and 0 to the others. The caller that
  // gets it owns the slot from then on (I2). The CAS is the linearization
  // point. Any thread may call it with any word that the array lets pass.
  Word End(Word handle, Word end) noexcept {
    // relaxed: the CAS looks again. If it fails, another thread has ended
    // `handle` in between. (With generations that start over, the slot may have
    // gone through all of them since, and have made `handle` again. This call
    // then refuses the handle as it was before.)
    Word word = word_.load(std::memory_order_relaxed);
    if (__builtin_expect(!IsOf(word, handle), 0)) return 0;
    // [S9] acquire: what precedes the New of `handle` is visible, even if the
    // handle came without synchronisation; partner of [S7]. It need not
    // release: readers see the order of the words of one slot.
    return word_.compare_exchange_strong(word, OfEnd(end),
                                         std::memory_order_acquire,
                                         std::memory_order_relaxed)
               ? word
               : 0;
  }
  static Words ReadOwned(Word ended) noexcept { return {ended}; }
  // Makes LeakSanitizer forget the pointer of an ended handle. For the slot's
  // owner.
  void Forget() noexcept { this->Set(0); }

  // Return the state of this slot, which has the index `index`.
  // relaxed: one word, whose values follow one another in one order (I1).
  Word state(Word index) const noexcept {
    return StateOf(word_.load(std::memory_order_relaxed), index);
  }
  Word AcquireState(Word index) const noexcept {
    // As [H6] in WordSlot.
    return StateOf(word_.load(std::memory_order_acquire), index);
  }
  // For a free slot, before any other thread knows of the table: relaxed.
  void Initialize(Word state) noexcept {
    word_.store(OfEnd(state), std::memory_order_relaxed);
  }

 private:
  static bool IsOf(Word word, Word handle) noexcept {
    return Low::Decode(word ^ Generation::Decode(handle)) == 0 &&
           Low::Decode(word) != 0;
  }
  // Returns the word of a slot that is free or exhausted.
  static Word OfEnd(Word state) noexcept {
    return High::Encode(Generation::Decode(state) + State::HasEnded(state));
  }
  static Word StateOf(Word word, Word index) noexcept {
    const Word live = Low::Decode(word);
    if (live != 0) return Layout::Make(live, index);
    const Word next = High::Decode(word);
    if (next == 0) return 0;
    return next <= Generation::kMax
               ? State::Free(Layout::Make(next, index))
               : State::Exhausted(Layout::Make(Generation::kMax, index));
  }

  sync::Atomic<Word> word_;
};

template <typename T, typename Layout, std::size_t kAlignment>
inline constexpr bool kStoresHandle<CompactSlot<T, Layout, kAlignment>> = false;

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_SLOT_COMPACT_SLOT_H_
