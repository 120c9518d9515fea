// The slot protocol: a slot stores the handle it currently answers to.

#ifndef HAFT_INTERNAL_SLOT_SLOT_ARRAY_H_
#define HAFT_INTERNAL_SLOT_SLOT_ARRAY_H_

#include <cstddef>
#include <cstring>
#include <limits>
#include <optional>
#include <type_traits>
#include <utility>

#include "haft/handle.h"
#include "haft/internal/base/abi.h"
#include "haft/internal/base/power_of_two.h"
#include "haft/internal/base/reserved_array.h"
#include "haft/internal/base/sanitizer.h"
#include "haft/internal/base/sync.h"
#include "haft/status.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// The words a slot's state takes, in the order of their life (I1):
//
//   untouched  0
//   live       h
//   free       the next handle
//   exhausted    the last handle, when there is no next one
//
// and, where deleted objects may still be in use (object_table.h):
//
//   frozen     h: live, but a Delete looks whether it is in use
//   retired      h: deleted, and in use
//   held       h: deleted, and a read scope may use it
//   ending     h: deleted, in use since, and now being destroyed
//
// All but live have some of the handle's index bits flipped, so that nothing
// which selects the slot equals them: free and exhausted the lowest, the others
// as below. All but live and free have the lowest bit clear.
template <typename Layout>
struct SlotState {
  static constexpr Word Free(Word next) noexcept { return Flip(next, 1); }
  static constexpr Word Exhausted(Word last) noexcept { return Mark(last, 1); }
  static constexpr Word Retired(Word handle) noexcept {
    return Mark(handle, 2);
  }
  static constexpr Word Deferred(Word handle) noexcept {
    return Mark(handle, 3);
  }
  static constexpr Word Destroying(Word handle) noexcept {
    return Mark(handle, 4);
  }
  // The tickets of those that freeze a handle make each freezing a word of its
  // own, until all the bits of an index are used up: those below `slots` (a
  // power of two, at least 8), which say that it is frozen, and those above.
  static constexpr Word Frozen(Word handle, Word ticket, Word slots) noexcept {
    return Mark(handle,
                5 + ticket % (slots - 5) + ticket / (slots - 5) * slots);
  }

  // The live handle of slot `index` that `state` means, frozen or not; 0: none.
  static constexpr Word LiveHandle(Word state, Word index) noexcept {
    const Word flipped = Layout::Index::Decode(state) ^ index;
    if ((state & Layout::Low::kMask) != 0) return flipped == 0 ? state : 0;
    return flipped >= 5 && state != 0 ? Mark(state, flipped) : 0;
  }
  // The ended handle of slot `index` whose object `state` says still exists:
  // retired, held or ending; 0: none.
  static constexpr Word HandleInUse(Word state, Word index) noexcept {
    const Word flipped = Layout::Index::Decode(state) ^ index;
    return HasEnded(state) && state != 0 && flipped >= 2 && flipped <= 4
               ? Mark(state, flipped)
               : 0;
  }
  // `handle` may be any word, also one whose index is not below `slots`: that
  // one is never frozen.
  static constexpr bool IsFrozen(Word state, Word handle, Word slots) noexcept {
    const Word different = state ^ handle;
    return state != 0 &&
           (different & ~Layout::Index::kMask) == Layout::Low::kOne &&
           (handle & Layout::Low::kMask) != 0 &&
           Layout::Index::Decode(handle) < slots &&
           (Layout::Index::Decode(different) & (slots - 1)) >= 5;
  }
  // Whether `handle` is live, frozen or not. It may be any word but 0.
  static constexpr bool IsLive(Word state, Word handle, Word slots) noexcept {
    return state == handle || IsFrozen(state, handle, slots);
  }
  // Whether the handle of the state's generation has been issued and deleted;
  // that of a free state has not been issued yet.
  static constexpr bool HasEnded(Word state) noexcept {
    return (state & Layout::Low::kMask) == 0;
  }

  // The handle that the slot of `handle` answers to next, unless `handle` was
  // its last: then not even well formed.
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

  // The first handle of the slot of `handle` when generations start over.
  static constexpr Word Wrapped(Word handle) noexcept {
    return (handle & ~Layout::Generation::kMask) | Layout::Generation::kOne;
  }

 private:
  static constexpr Word Flip(Word handle, Word bits) noexcept {
    return handle ^ Layout::Index::Encode(bits);
  }
  static constexpr Word Mark(Word handle, Word bits) noexcept {
    return Flip(handle, bits) ^ Layout::Low::kOne;
  }
};

// Calls a visitor of many, which may return nothing or a bool.
//   Returns   whether it has returned true: then it wants to see no more
template <typename F, typename... Arguments>
bool InvokeVisitor(F& f, Arguments&&... arguments) {
  using Result = std::invoke_result_t<F&, Arguments...>;
  static_assert(std::is_void_v<Result> || std::is_same_v<Result, bool>,
                "a visitor returns nothing, or whether it has seen enough");
  if constexpr (std::is_void_v<Result>) {
    f(std::forward<Arguments>(arguments)...);
    return false;
  } else {
    return f(std::forward<Arguments>(arguments)...);
  }
}

template <typename T>
constexpr std::size_t PayloadWords() noexcept {
  return (sizeof(T) + sizeof(Word) - 1) / sizeof(Word);
}

// One slot of a table of words: its state, and the value as atomic words.
// Rounded to a power of two in size, so that selecting one is a shift and a
// mask, and none straddles two cache lines.
template <typename T>
class alignas(CeilPowerOfTwo((1 + PayloadWords<T>()) * sizeof(Word))) WordSlot {
  static constexpr std::size_t kWords = PayloadWords<T>();

 public:
  // A value as it is in the slot.
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

  // The value of `handle`, if this slot answers to it. Wait-free: W + 2 loads,
  // no write. Anybody may call it.
  std::optional<T> Find(Word handle) const noexcept {
    // [S3] acquire: if it sees `handle`, it sees the payload of [S1] and [S2].
    // Mutant S3: reads what was there before.
    if (state_.load(std::memory_order_acquire) != handle) return std::nullopt;
    // [S4] acquire, of each word: partner of [S1], and keeps [S5] behind it.
    // Mutant S4: [S5] is taken before the payload.
    const Words words = Load(std::memory_order_acquire);
    // [S5] relaxed: [S4] keeps it behind the payload loads. If one of those
    // read a later New's word it has synchronised with that New's [S1], which
    // follows the Delete that ended `handle`; so this load sees that Delete or
    // later (I3).
    if (state_.load(std::memory_order_relaxed) != handle) return std::nullopt;
    return words.Value();
  }

  // Makes the slot answer to `handle`, with `value`. Stores only. Only the one
  // thread that holds `handle`, the slot's next one, may call it (I2).
  void Publish(Word handle, const T& value) noexcept {
    const Words words = ToWords(value);
    for (std::size_t i = 0; i < kWords; ++i) {
      // [S1] release: a reader that sees this word at [S4] sees everything
      // before this New, above all the Delete of the slot's last handle. Mutant
      // S1: an old handle returns the new value.
      payload_[i].store(words.word[i], std::memory_order_release);
    }
    // [S2] release: publishes the payload; synchronises with [S3] and [S6].
    state_.store(handle, std::memory_order_release);
  }

  // Ends `handle`: the state goes from it to `end`. Of any number of racing
  // calls exactly one returns true, and its caller owns the slot from then on
  // (I2). The CAS is the linearization point. Anybody may call it.
  bool Close(Word handle, Word end) noexcept {
    // [S6] acquire: Owned sees the payload of [S2] even where `handle` came
    // without synchronisation. Nothing to release: the next New of this slot
    // stores with release, and whoever sees its payload sees this by [S4].
    return state_.compare_exchange_strong(
        handle, end, std::memory_order_acquire, std::memory_order_relaxed);
  }

  // The value last published, for the owner.
  Words Owned() const noexcept {
    // relaxed: no other thread writes the payload of a slot this one owns since
    // [S6].
    return Load(std::memory_order_relaxed);
  }
  // Keeps LeakSanitizer from finding what the value of a closed handle points
  // to. For the owner, after Owned.
  void Forget() noexcept {
    // As [S1], after [S6]: who reads these zeros sees by [S5] that the handle
    // has been closed.
    for (sync::Atomic<Word>& word : payload_)
      word.store(0, std::memory_order_release);
  }

  // relaxed, both: look at the word alone, whose values follow one another in
  // one order (I1); and at the first word of slot 0 before anybody else knows
  // of the table.
  Word state() const noexcept { return state_.load(std::memory_order_relaxed); }
  void Initialize(Word state) noexcept {
    state_.store(state, std::memory_order_relaxed);
  }

 private:
  // No loop and no memcpy: g++ puts what those touch into memory, where a wide
  // load has to wait for narrow stores. So all stays in registers.
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

// Slots addressed by the handles of `Layout`. Any word at all may be looked up:
// the mask confines it to the array, also under speculation.
template <typename SlotT, typename Layout>
class SlotArray {
 public:
  using Slot = SlotT;
  using State = SlotState<Layout>;

  // `slots` is a power of two, at least 2. The first handle of slot i is
  // `first` with index i.
  SlotArray(std::size_t slots, Word first) noexcept
      : storage_(slots),
        base_(reinterpret_cast<char*>(storage_.data())),
        mask_((slots - 1) * kMaskUnit),
        first_(first) {
    // An untouched slot's 0 equals the null handle, and the null handle selects
    // slot 0: so slot 0 is never untouched.
    if (!storage_.ok()) return;
    storage_[0].Initialize(State::Free(first));
    AddRoots(base_, bytes());
  }
  ~SlotArray() {
    if (!storage_.ok() || storage_.leaked()) return;
    RemoveRoots(base_, bytes());
    // Others may get the address range.
    Unpoison(base_, bytes());
  }

  bool ok() const noexcept { return storage_.ok(); }
  std::size_t size() const noexcept { return storage_.size(); }

  // The slot that `word` selects.
  const Slot& operator[](Word word) const noexcept {
    if constexpr (kIsShift) {
      // Index bits start at bit 1: index times size is one shift of the word.
      return *reinterpret_cast<const Slot*>(
          base_ + (word * (sizeof(Slot) / 2) & mask_));
    } else {
      return *reinterpret_cast<const Slot*>(base_ +
                                            (word >> 1 & mask_) * sizeof(Slot));
    }
  }
  Slot& operator[](Word word) noexcept {
    return const_cast<Slot&>(std::as_const(*this)[word]);
  }

  // Why `handle` is refused, or kOk.
  haft::Status Status(Word handle) const noexcept {
    if (handle == 0) return haft::Status::kNull;
    if (!Layout::IsWellFormed(handle)) return haft::Status::kMalformed;
    const Word state = (*this)[handle].state();
    if (State::IsLive(state, handle, size())) return haft::Status::kOk;
    if (Layout::Index::Decode(handle) >= storage_.size() || state == 0)
      return haft::Status::kNeverIssued;
    // Generations before the one in the state word have been issued and
    // deleted.
    const Word age = Age(handle);
    const Word state_age = Age(state);
    return age < state_age || (State::HasEnded(state) && age == state_age)
               ? haft::Status::kStale
               : haft::Status::kNeverIssued;
  }

  // What the slot that `handle` selects is now, and at which generation: of the
  // handle that it answers to, will answer to next, or was the last to answer
  // to.
  const char* Describe(Word handle, Word* generation) const noexcept {
    const Word state = (*this)[handle].state();
    *generation = Layout::Generation::Decode(state);
    if (state == 0) return "untouched";
    const Word flipped =
        Layout::Index::Decode(state) ^ Layout::Index::Decode(handle);
    if (flipped == 0 || State::IsFrozen(state, handle, size())) return "live";
    if (!State::HasEnded(state)) return "free";
    return flipped == 1 ? "exhausted" : "retired";
  }

  // Calls f(slot, handle) for slots among the first `count` that are live when
  // they are looked at: what is live throughout the call is seen exactly once.
  // Ends when f returns true.
  template <typename F>
  void ForEachLive(std::size_t count, F&& f) const {
    for (std::size_t i = 0; i < count; ++i) {
      const Slot& slot = (*this)[Layout::Index::Encode(i)];
      const Word handle = State::LiveHandle(slot.state(), i);
      if (handle != 0 && InvokeVisitor(f, slot, handle)) return;
    }
  }

  // Calls f(slot, handle) for those whose handle has ended and whose object
  // still exists.
  template <typename F>
  void ForEachInUse(std::size_t count, F&& f) {
    for (std::size_t i = 0; i < count; ++i) {
      Slot& slot = (*this)[Layout::Index::Encode(i)];
      if (const Word handle = State::HandleInUse(slot.state(), i))
        f(slot, handle);
    }
  }

  // Leaves the slots mapped for ever.
  void Leak() noexcept { storage_.Leak(); }

 private:
  static_assert(Layout::Index::kShift == 1);
  static constexpr bool kIsShift = (sizeof(Slot) & (sizeof(Slot) - 1)) == 0;
  static constexpr std::size_t kMaskUnit = kIsShift ? sizeof(Slot) : 1;

  std::size_t bytes() const noexcept { return size() * sizeof(Slot); }

  // How many generations lie between the slots' first one and that of `word`.
  // One from before the first counts as one after a wrap: if there are no
  // wraps, as later than all.
  Word Age(Word word) const noexcept {
    const Word generation = Layout::Generation::Decode(word);
    const Word first = Layout::Generation::Decode(first_);
    return generation >= first ? generation - first
                               : generation + Layout::Generation::kMax - first;
  }

  ReservedArray<Slot> storage_;
  char* const base_;
  const Word mask_;
  const Word first_;
};

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_SLOT_SLOT_ARRAY_H_
