// An array of slots that any word at all may be looked up in.

#ifndef HAFT_INTERNAL_SLOT_SLOT_ARRAY_H_
#define HAFT_INTERNAL_SLOT_SLOT_ARRAY_H_

#include <cstddef>
#include <utility>

#include "haft/handle.h"
#include "haft/internal/base/abi.h"
#include "haft/internal/base/check.h"
#include "haft/internal/base/reserved_array.h"
#include "haft/internal/base/sanitizer.h"
#include "haft/internal/base/sync.h"
#include "haft/internal/base/visitor.h"
#include "haft/internal/slot/slot_state.h"
#include "haft/status.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// The index bits of a word select a slot. The mask confines every word to the
// array, also under speculation.
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
    // The state of an untouched slot is 0, which equals the null handle, and
    // the null handle selects slot 0. Therefore slot 0 must never be untouched.
    if (!storage_.ok()) return;
    storage_[0].Initialize(State::Free(first));
    AddRoots(base_, bytes());
  }
  ~SlotArray() {
    if (!storage_.ok() || storage_.leaked()) return;
    RemoveRoots(base_, bytes());
    // The address range may be mapped again for something else.
    Unpoison(base_, bytes());
  }

  bool ok() const noexcept { return storage_.ok(); }
  std::size_t size() const noexcept { return storage_.size(); }
  void* data() noexcept { return base_; }

  // Returns the slot that `word` selects.
  const Slot& operator[](Word word) const noexcept {
    if constexpr (kIsShift) {
      return *reinterpret_cast<const Slot*>(base_ + OffsetOf(word));
    } else {
      return *reinterpret_cast<const Slot*>(base_ +
                                            (word >> 1 & mask_) * sizeof(Slot));
    }
  }
  Slot& operator[](Word word) noexcept {
    return const_cast<Slot&>(std::as_const(*this)[word]);
  }

  // The distances of slots from the first one: that of the slot of a word is
  // the word times half the size of a slot, masked by this.
  Word byte_mask() const noexcept {
    static_assert(kIsShift);
    return mask_;
  }

  // Whether the slot that `word` selects may be asked for it. If slots store
  // whole handles, any word may: they compare all of it. If not, this compares
  // everything but the generation.
  bool MayAsk(Word word) const noexcept {
    if constexpr (kStoresHandle<Slot>) {
      return true;
    } else {
      static_assert(kIsShift);
      const Word index = OffsetOf(word) / (sizeof(Slot) / 2);
      return (word & ~Layout::Generation::kMask) == (Layout::kFixed | index);
    }
  }

  // Returns the state of the slot that `word` selects.
  Word StateOf(Word word) const noexcept {
    if constexpr (kStoresHandle<Slot>) {
      return (*this)[word].state();
    } else {
      return (*this)[word].state(Layout::Index::Decode(word) & last());
    }
  }

  // Returns why `handle` is refused, or kOk. Inlined by force for callers that
  // need no stack frame then.
  [[gnu::always_inline]] haft::Status Status(Word handle) const noexcept {
    if (handle == 0) return haft::Status::kNull;
    if (!Layout::IsWellFormed(handle)) return haft::Status::kMalformed;
    const Word state = AcquireStateOf(handle);
    if (State::IsLive(state, handle, size())) return haft::Status::kOk;
    if (Layout::Index::Decode(handle) >= storage_.size())
      return haft::Status::kNeverIssued;
    if (state == 0) return StatusOfUntouched(handle);
    // Generations before the one in the state word have been issued and
    // deleted.
    const Word age = Age(handle);
    const Word state_age = Age(state);
    return age < state_age || (State::HasEnded(state) && age == state_age)
               ? haft::Status::kStale
               : haft::Status::kNeverIssued;
  }

  // Returns what the state of the slot that `handle` selects is called, and
  // writes the generation of its current handle, of its next one (free) or of
  // its last one (exhausted).
  const char* Describe(Word handle, Word* generation) const noexcept {
    const Word state = StateOf(handle);
    *generation = Layout::Generation::Decode(state);
    return State::NameOf(state, handle, size());
  }

  // Calls f(slot, handle) for those of the first `count` slots that are live at
  // the moment they are read: a handle that is live throughout the call is seen
  // exactly once. Ends when f returns true.
  template <typename F>
  void ForEachLive(std::size_t count, F&& f) const {
    for (std::size_t i = 0; i < count; ++i) {
      const Word word = Layout::Index::Encode(i);
      const Word handle = State::LiveHandle(StateOf(word), i);
      if (handle != 0 && InvokeVisitor(f, (*this)[word], handle)) return;
    }
  }

  // Calls f(slot, handle) for those of the first `count` slots whose handle has
  // ended and whose object still exists.
  template <typename F>
  void ForEachInUse(std::size_t count, F&& f) {
    for (std::size_t i = 0; i < count; ++i) {
      Slot& slot = (*this)[Layout::Index::Encode(i)];
      if (const Word handle = State::HandleInUse(slot.state(), i))
        f(slot, handle);
    }
  }

  // For a thread that is about to drop the page of a slot whose next handle is
  // `next`. Afterwards Status says of each slot without a state that
  // generations before that one are stale.
  void NoteDropped(Word next) noexcept {
    const Word age = Age(next);
    // relaxed: one thread at a time writes it.
    if (age <= dropped_age_.load(std::memory_order_relaxed)) return;
    // [H5] release, as the drop after it: a thread that reads the 0 of a
    // dropped page by [H6] sees this.
    dropped_age_.store(age, std::memory_order_release);
  }
  // Drops the pages [first, end) of the array. The caller holds the next
  // handles of all slots that lie in them, even partly; slot 0 is none of them.
  //   Returns   whether the system has taken their memory back
  bool DropPages(std::size_t first, std::size_t end,
                 std::size_t page) noexcept {
    HAFT_CHECK(first * page >= sizeof(Slot),
               "slot 0 would become untouched, and the null handle live");
    return sync::DropPages(base_ + first * page, (end - first) * page);
  }

  // Leaves the slots mapped permanently.
  void Leak() noexcept { storage_.Leak(); }

 private:
  static_assert(Layout::Index::kShift == 1);
  static constexpr bool kIsShift = (sizeof(Slot) & (sizeof(Slot) - 1)) == 0;
  static constexpr std::size_t kMaskUnit = kIsShift ? sizeof(Slot) : 1;

  std::size_t bytes() const noexcept { return size() * sizeof(Slot); }
  // Returns the distance of the slot from the first one, if kIsShift. Index
  // bits start at bit 1: index times size is one shift of the word.
  Word OffsetOf(Word word) const noexcept {
    return word * (sizeof(Slot) / 2) & mask_;
  }
  // Returns the index of the last slot, which has all bits of an index set.
  Word last() const noexcept { return mask_ / kMaskUnit; }

  // As StateOf, for a thread that then reads what [H5] has published.
  Word AcquireStateOf(Word word) const noexcept {
    if constexpr (kStoresHandle<Slot>) {
      return (*this)[word].AcquireState();
    } else {
      return (*this)[word].AcquireState(Layout::Index::Decode(word) & last());
    }
  }

  // Returns why `handle` is refused by a slot whose state is 0. Such a slot was
  // never used, or its page was dropped, and then the generations before the
  // newest one that was ever dropped are taken for stale. A slot that was never
  // used is of one kind with the dropped ones.
  haft::Status StatusOfUntouched(Word handle) const noexcept {
    // relaxed: [H6] has made it visible.
    return Age(handle) < dropped_age_.load(std::memory_order_relaxed)
               ? haft::Status::kStale
               : haft::Status::kNeverIssued;
  }

  // Returns how many generations lie between the slots' first one and that of
  // `word`. A generation before the first counts as one after a wrap; if
  // generations do not wrap, it counts as later than all others.
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
  sync::Atomic<Word> dropped_age_{0};
};

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_SLOT_SLOT_ARRAY_H_
