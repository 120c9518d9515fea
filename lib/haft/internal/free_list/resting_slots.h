// Slots that have used up their generations and wait to start over.

#ifndef HAFT_INTERNAL_FREE_LIST_RESTING_SLOTS_H_
#define HAFT_INTERNAL_FREE_LIST_RESTING_SLOTS_H_

#include <cstddef>
#include <cstdint>

#include "haft/handle.h"
#include "haft/internal/base/abi.h"
#include "haft/internal/base/reserved_array.h"
#include "haft/internal/base/sync.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// A queue of the handles with which such slots start over. The slot that has
// rested longest comes first, so that as many other handles as possible are
// issued before one is issued again.
//
// The queue is a ring with a place for each slot. A Push draws a ticket, which
// selects a place and a round through the ring. A Pop looks at the place of the
// first ticket that nobody has passed. In one step it takes the handle there,
// if there is one, and sets the place to the next round. A Push whose place was
// passed before its handle was there draws another ticket.
class RestingSlots {
 public:
  // `range` is a power of two: bits 1 to log2(range) of a handle are the number
  // of its slot. 0 makes a queue that must not be used.
  explicit RestingSlots(std::size_t range) noexcept
      : handles_(range), places_(range), mask_(range - 1) {}

  bool ok() const noexcept { return handles_.ok() && places_.ok(); }

  // Adds the handle of a slot that is not in the queue.
  //   Progress  lock-free
  void Push(Word handle) noexcept {
    const std::size_t slot = handle >> 1 & mask_;
    handles_[slot].Write(handle);
    for (;;) {
      // relaxed: the place synchronises.
      const std::uint64_t ticket =
          pushes_.fetch_add(1, std::memory_order_relaxed);
      std::uint64_t waiting = EmptyIn(RoundOf(ticket));
      // [Q1] release: the handle and the slot's last life happen before the
      // slot's next one; partner of [Q3]. relaxed on failure: the place has
      // been passed, or still has the handle of an earlier round.
      if (PlaceOf(ticket).compare_exchange_strong(waiting, waiting + slot + 1,
                                                  std::memory_order_release,
                                                  std::memory_order_relaxed))
        return;
    }
  }

  // Takes the handle that was pushed first. Returns 0 if there was none at one
  // moment of the call.
  //   Progress  lock-free
  Word Pop() noexcept {
    for (;;) {
      // [Q2] acquire: sees what the threads that have passed the places before
      // this one pushed before; partner of [Q5].
      std::uint64_t ticket = pops_.load(std::memory_order_acquire);
      if (ticket >= Pushes()) return 0;
      Place& place = PlaceOf(ticket);
      // [Q3] acquire: partner of [Q1], and of [Q4] if the place has been
      // passed; then as [Q2].
      std::uint64_t word = place.load(std::memory_order_acquire);
      const std::uint64_t round = RoundOf(ticket);
      const bool is_passed = word / kOneRound != round;
      // [Q4] release: partner of [Q3]. relaxed on failure: the place is read
      // again.
      if (!is_passed && !place.compare_exchange_strong(
                            word, EmptyIn(round + 1), std::memory_order_release,
                            std::memory_order_relaxed))
        continue;
      // [Q5] release: partner of [Q2]. relaxed on failure: another thread has
      // done this.
      pops_.compare_exchange_strong(ticket, ticket + 1,
                                    std::memory_order_release,
                                    std::memory_order_relaxed);
      if (!is_passed && word % kOneRound != 0)
        return handles_[word % kOneRound - 1].Read();
    }
  }

  // Returns how often a Push has drawn a ticket; see PopOrProveEmpty.
  std::uint64_t Pushes() const noexcept {
    // relaxed: a thread that sees what followed a Push, by an acquire, also
    // sees its ticket.
    return pushes_.load(std::memory_order_relaxed);
  }

  // Calls f(handle) for every handle. It is exact only if no thread is inside a
  // call.
  template <typename F>
  void ForEach(F&& f) const {
    ForEachSlot([&](std::size_t slot) { f(handles_[slot].Read()); });
  }

  // Replaces every handle by f(handle), of the same slot. No other thread may
  // be inside a call.
  template <typename F>
  void Replace(F&& f) noexcept {
    ForEachSlot([&](std::size_t slot) {
      handles_[slot].Write(f(handles_[slot].Read()));
    });
  }

 private:
  // [ round : 32 | number of the slot, plus one : 32 ]; the latter is 0 if the
  // place waits for the ticket of that round. Rounds repeat after 2^32.
  using Place = sync::Atomic<std::uint64_t>;
  static constexpr std::uint64_t kOneRound = std::uint64_t{1} << 32;

  static constexpr std::uint64_t EmptyIn(std::uint64_t round) noexcept {
    return round * kOneRound;
  }
  std::uint64_t RoundOf(std::uint64_t ticket) const noexcept {
    return ticket / places_.size() % kOneRound;
  }
  Place& PlaceOf(std::uint64_t ticket) noexcept {
    return places_[static_cast<std::size_t>(ticket) & mask_];
  }

  template <typename F>
  void ForEachSlot(F&& f) const {
    const std::uint64_t pushes = Pushes();
    for (std::size_t i = 0; i < places_.size() && i < pushes; ++i) {
      // relaxed: no thread is inside a call.
      const std::uint64_t number =
          places_[i].load(std::memory_order_relaxed) % kOneRound;
      if (number != 0) f(static_cast<std::size_t>(number - 1));
    }
  }

  ReservedArray<sync::Plain<Word>> handles_;
  ReservedArray<Place> places_;
  const std::size_t mask_;
  alignas(128) sync::Atomic<std::uint64_t> pushes_{0};
  alignas(128) sync::Atomic<std::uint64_t> pops_{0};
};

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_FREE_LIST_RESTING_SLOTS_H_
