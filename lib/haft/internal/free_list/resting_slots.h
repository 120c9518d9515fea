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

// A class of the tests that reads and writes private members.
class Inspector;

// A queue of the handles with which such slots start over. The slot that has
// rested longest comes first, so that as many other handles as possible are
// issued before one is issued again.
//
// The queue is a ring with a place for each slot. A Push and a Pop each draw a
// ticket, which selects a place. A Pop that comes to its place before the Push
// of the same ticket finds nothing and draws another ticket. The Push then
// finds that its place has been passed, and starts again.
class RestingSlots {
 public:
  // `range` is a power of two: there are so many slots at most. 0 makes a queue
  // that must not be used.
  explicit RestingSlots(std::size_t range) noexcept
      : places_(range), mask_(range - 1) {}

  bool ok() const noexcept { return places_.ok(); }

  // Adds the handle of a slot that is not in the queue.
  //   Progress  lock-free
  void Push(Word handle) noexcept {
    for (;;) {
      // relaxed: the place synchronises.
      const std::uint64_t ticket =
          pushes_.fetch_add(1, std::memory_order_relaxed);
      Place& place = PlaceOf(ticket);
      Word none = 0;
      // [Q1] acq_rel: the slot's last life happens before its next one; partner
      // of [Q4]. As an acquire, if this comes after the [Q4] of this ticket's
      // Pop, then the load below sees that the place has been passed. relaxed
      // on failure: the handle of an earlier ticket is still there.
      if (!place.compare_exchange_strong(none, handle,
                                         std::memory_order_acq_rel,
                                         std::memory_order_relaxed))
        continue;
      // relaxed: ordered by [Q1].
      if (pops_.load(std::memory_order_relaxed) <= ticket) return;
      Word passed = handle;
      // As [Q4]. relaxed on failure: a Pop has taken the handle.
      if (!place.compare_exchange_strong(passed, 0, std::memory_order_acq_rel,
                                         std::memory_order_relaxed))
        return;
    }
  }

  // Takes the handle that was pushed first. Returns 0 if there was none at one
  // moment of the call, except for those that a Push has not yet put down.
  //   Progress  lock-free
  Word Pop() noexcept {
    // [Q2] acquire, also if the CAS fails: if it finds that a [Q3] has taken
    // the last handle, Pushes also counts what that thread pushed before.
    std::uint64_t ticket = pops_.load(std::memory_order_acquire);
    while (ticket < Pushes()) {
      // [Q3] release: partner of [Q2].
      if (!pops_.compare_exchange_weak(ticket, ticket + 1,
                                       std::memory_order_release,
                                       std::memory_order_acquire))
        continue;
      // [Q4] acq_rel: partner of [Q1], both ways.
      const Word handle =
          PlaceOf(ticket).exchange(0, std::memory_order_acq_rel);
      if (handle != 0) return handle;
      ++ticket;
    }
    return 0;
  }

  // Returns how often a Push has begun; see PopOrProveEmpty.
  std::uint64_t Pushes() const noexcept {
    // relaxed: a thread that sees what followed a Push, by an acquire, also
    // sees its number.
    return pushes_.load(std::memory_order_relaxed);
  }

  // Calls f(handle) for every handle. It is exact only if no thread is inside a
  // call.
  template <typename F>
  void ForEach(F&& f) const {
    for (std::size_t i = 0; i < UsedPlaces(); ++i) {
      // relaxed: no thread is inside a call.
      if (const Word handle = places_[i].load(std::memory_order_relaxed))
        f(handle);
    }
  }

  // Replaces every handle by f(handle), of the same slot. No other thread may
  // be inside a call.
  template <typename F>
  void Replace(F&& f) noexcept {
    for (std::size_t i = 0; i < UsedPlaces(); ++i) {
      // relaxed, both: no other thread is inside a call.
      if (const Word handle = places_[i].load(std::memory_order_relaxed))
        places_[i].store(f(handle), std::memory_order_relaxed);
    }
  }

 private:
  friend class Inspector;

  using Place = sync::Atomic<Word>;

  Place& PlaceOf(std::uint64_t ticket) noexcept {
    return places_[static_cast<std::size_t>(ticket) & mask_];
  }
  std::size_t UsedPlaces() const noexcept {
    const std::uint64_t pushes = Pushes();
    return pushes < places_.size() ? static_cast<std::size_t>(pushes)
                                   : places_.size();
  }

  ReservedArray<Place> places_;
  const std::size_t mask_;
  alignas(128) sync::Atomic<std::uint64_t> pushes_{0};
  alignas(128) sync::Atomic<std::uint64_t> pops_{0};
};

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_FREE_LIST_RESTING_SLOTS_H_
