// Deletion of an object unless it is in use.

#ifndef HAFT_INTERNAL_TABLE_CONDITIONAL_DELETE_H_
#define HAFT_INTERNAL_TABLE_CONDITIONAL_DELETE_H_

#include "haft/handle.h"
#include "haft/internal/base/abi.h"
#include "haft/internal/base/sync.h"
#include "haft/internal/slot/slot_state.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// A handle that is deleted unless its object is in use must not end before the
// deleter knows that no thread has it published. Therefore the deleter
//
//   1. freezes the handle: the state becomes a word that no other freezing
//   uses;
//   2. looks at the published handles. If this one is among them, it unfreezes
//      the handle and gives up;
//   3. ends the handle, if it is still frozen as that word.
//
// A thread that publishes the handle after step 2 finds it frozen and unfreezes
// it, so that step 3 fails and the deleter starts again.
template <typename Layout>
class ConditionalDelete {
  using State = SlotState<Layout>;

 public:
  enum class Result { kEnded, kNotLive, kPinned, kScoped };

  // Ends `handle`, whose slot then has the state `end`, unless its object is in
  // use. `slots` is the size of the table's array.
  //   Returns   kScoped if no pin is in the way, but a read scope
  //   Progress  lock-free
  template <typename Slot, typename Reclamation>
  Result End(Slot& slot, Word handle, Word end, Word slots,
             const Reclamation& reclamation) noexcept {
    for (;;) {
      // Each freezing has a ticket of its own, not each call: another thread
      // may still hold the word of this call's last one. relaxed: hands out
      // numbers, publishes nothing.
      const Word ticket = tickets_.fetch_add(1, std::memory_order_relaxed);
      const Word frozen = slot.BeginConditionalDelete(
          handle, State::Frozen(handle, ticket, slots), slots);
      if (frozen == 0) return Result::kNotLive;
      if (const auto uses = reclamation.LookForUses(slot, handle)) {
        slot.CancelConditionalDelete(frozen, handle);
        return uses.pinned ? Result::kPinned : Result::kScoped;
      }
      if (slot.EndState(frozen, end)) return Result::kEnded;
    }
  }

 private:
  sync::Atomic<Word> tickets_{0};
};

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_TABLE_CONDITIONAL_DELETE_H_
