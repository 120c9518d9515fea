// A slot of a table of words: its state, and the value as atomic words.

#ifndef HAFT_INTERNAL_SLOT_WORD_SLOT_H_
#define HAFT_INTERNAL_SLOT_WORD_SLOT_H_

#include <cstddef>
#include <cstring>
#include <optional>
#include <utility>

#include "haft/handle.h"
#include "haft/internal/base/abi.h"
#include "haft/internal/base/power_of_two.h"
#include "haft/internal/base/sync.h"

namespace haft::internal {
inline namespace HAFT_ABI {

template <typename T>
constexpr std::size_t PayloadWords() noexcept {
  return (sizeof(T) + sizeof(Word) - 1) / sizeof(Word);
}

// The slot's size is a power of two: then selecting a slot is a shift and a
// mask, and no slot straddles two cache lines.
template <typename T>
class alignas(CeilPowerOfTwo((1 + PayloadWords<T>()) * sizeof(Word))) WordSlot {
  static constexpr std::size_t kWords = PayloadWords<T>();

 public:
  // A value as the slot stores it.
  struct Words {
    Word word[kWords];

    T Value() const noexcept {
      if constexpr (sizeof(T) == sizeof(Words)) {
        return __builtin_bit_cast(T, *this);
      } else {
        struct Bytes {
          unsigned char bytes[sizeof(T)];
        } bytes;
        std::memcpy(&bytes, word, sizeof(T));
        return __builtin_bit_cast(T, bytes);
      }
    }
  };

  // Whether a slot can store the value.
  static constexpr bool Fits(const T& /*value*/) noexcept { return true; }

  // Returns the value of `handle` if this slot answers to it. Any thread may
  // call it with any word. Wait-free: W + 2 loads and no store.
  std::optional<T> Read(Word handle) const noexcept {
    // [S3] acquire: if it reads `handle`, the payload of [S1] and [S2] is
    // visible. Mutant S3: returns what was there before.
    if (state_.load(std::memory_order_acquire) != handle) return std::nullopt;
    // [S4] acquire, of each word: partner of [S1]; keeps [S5] behind it. Mutant
    // S4: [S5] is taken before the payload.
    const Words words = Load(std::memory_order_acquire);
    // [S5] relaxed: [S4] keeps it behind the payload loads. If one of those
    // read a word of a later New, it has synchronised with that New's [S1],
    // which follows the Delete that ended `handle`; so this load reads the
    // state of that Delete or a later one (I3).
    if (state_.load(std::memory_order_relaxed) != handle) return std::nullopt;
    return words.Value();
  }

  // Makes the slot answer to `handle`, with `value`. Only the thread that holds
  // `handle`, the slot's next handle, may call it (I2). Stores only.
  void Publish(Word handle, const T& value) noexcept {
    const Words words = ToWords(value);
    for (std::size_t i = 0; i < kWords; ++i) {
      // [S1] release: a reader that reads this word at [S4] sees everything
      // before this New, above all the Delete of the slot's last handle. Mutant
      // S1: an old handle returns the new value.
      payload_[i].store(words.word[i], std::memory_order_release);
    }
    // [S2] release: publishes the payload; synchronises with [S3] and [S6].
    state_.store(handle, std::memory_order_release);
  }

  // Ends `handle`: the state goes from it to `end`. Exactly one of any number
  // of racing calls returns true; its caller owns the slot from then on (I2).
  // The CAS is the linearization point. Any thread may call it with any word.
  bool End(Word handle, Word end) noexcept {
    // [S6] acquire: ReadOwned sees the payload of [S2] even if `handle` came
    // without synchronisation. It need not release: the next New of this slot
    // stores with release, and a reader of its payload sees this by [S4].
    return state_.compare_exchange_strong(
        handle, end, std::memory_order_acquire, std::memory_order_relaxed);
  }

  // Returns the value last published. For the slot's owner, who may say what
  // End has returned.
  Words ReadOwned(bool /*ended*/ = true) const noexcept {
    // relaxed: no other thread writes the payload of a slot that this thread
    // has owned since [S6].
    return Load(std::memory_order_relaxed);
  }
  // Clears the payload, so that LeakSanitizer does not find what the value of
  // an ended handle points to. For the slot's owner, after ReadOwned.
  void Forget() noexcept {
    // As [S1], after [S6]: a reader of these zeros sees by [S5] that the handle
    // has ended.
    for (sync::Atomic<Word>& word : payload_)
      word.store(0, std::memory_order_release);
  }

  // relaxed, both: `state` reads one word, whose values follow one another in
  // one order (I1); `Initialize` writes before any other thread knows of the
  // table.
  Word state() const noexcept { return state_.load(std::memory_order_relaxed); }
  Word AcquireState() const noexcept {
    // [H6] acquire: if it reads the 0 of a dropped page, sees what precedes the
    // drop; partner of [H5].
    return state_.load(std::memory_order_acquire);
  }
  void Initialize(Word state) noexcept {
    state_.store(state, std::memory_order_relaxed);
  }

 private:
  // There is no loop and no memcpy here: g++ keeps in memory what those touch,
  // and a wide load from there waits for the narrow stores before it.
  [[gnu::always_inline]] Words Load(std::memory_order order) const noexcept {
    return Load(order, std::make_index_sequence<kWords>());
  }
  template <std::size_t... kIndices>
  [[gnu::always_inline]] Words Load(
      std::memory_order order,
      std::index_sequence<kIndices...>) const noexcept {
    return {{payload_[kIndices].load(order)...}};
  }

  static Words ToWords(const T& value) noexcept {
    if constexpr (sizeof(T) == sizeof(Words)) {
      return __builtin_bit_cast(Words, value);
    } else {
      Words words = {};
      std::memcpy(&words, &value, sizeof(T));
      return words;
    }
  }

  sync::Atomic<Word> state_;
  sync::Atomic<Word> payload_[kWords];
};

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_SLOT_WORD_SLOT_H_
