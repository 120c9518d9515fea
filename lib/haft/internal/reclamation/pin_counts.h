// Pins that have no hazard cell: a count for each slot.

#ifndef HAFT_INTERNAL_RECLAMATION_PIN_COUNTS_H_
#define HAFT_INTERNAL_RECLAMATION_PIN_COUNTS_H_

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

// A thread has few hazard cells. Its further pins are counted in a word of the
// slot:
//
//   [ tag : 32 | pins : 32 ]
//
// `tag` tells the handles of the slot apart: the low bits of the generation of
// the handle that was counted last. (It repeats after 2^32 lives of the slot.)
// A counted pin costs the same however many there are, but threads that pin one
// object write to one line.
//
// A thread that was late and counts a handle that has ended must not disturb
// the count of a later handle. It therefore replaces the count of another
// handle only if its own handle is still live after it has read that count.
// Then that other handle is an earlier one, and its count is not of pins but of
// attempts that have come too late, because an object with pins is not
// destroyed, and its slot not used again.
//
// A page of these words takes memory only once a pin has been counted in it.
class PinCounts {
 public:
  using Count = sync::Atomic<std::uint64_t>;

  // For the handles of `slots` slots, a power of two.
  explicit PinCounts(std::size_t slots) noexcept
      : counts_(slots), mask_(slots - 1) {}

  bool ok() const noexcept { return counts_.ok(); }

  // Counts a pin of `handle`, which selects `slot`. The object is safe as soon
  // as the caller, by a seq_cst load after this, finds the handle still live.
  //   Returns   nullptr if the handle is not live, or has 2^32 - 1 counted pins
  //   Progress  lock-free
  template <typename Slot>
  Count* Add(const Slot& slot, Word handle) noexcept {
    Count& count = counts_[IndexOf(handle)];
    const std::uint64_t tag = TagOf<Slot>(handle);
    // [C7] acquire, also if the CAS fails: if this is the count of a later
    // handle, the look at the slot below finds that `handle` has ended; partner
    // of [C4].
    std::uint64_t word = count.load(std::memory_order_acquire);
    std::uint64_t next;
    do {
      next = word + 1;
      if (word / kOneTag != tag) {
        if (!slot.MayBeLive(handle, counts_.size())) return nullptr;
        next = tag * kOneTag + 1;
      } else if (word % kOneTag == kMost) {
        return nullptr;
      }
      // [C4] seq_cst: before [O2]; a deleter that ended the handle too late for
      // [O2] to see it sees the pin by [C5]. Also release: partner of [C7].
    } while (!count.compare_exchange_strong(
        word, next, std::memory_order_seq_cst, std::memory_order_acquire));
    return &count;
  }

  // Takes one pin of `handle` back. The caller must then re-check the slot. Has
  // no effect if another handle is counted, because the pin was only an attempt
  // that came too late.
  //   Progress  lock-free
  template <typename Slot>
  static void Remove(Count& count, Word handle) noexcept {
    // relaxed: a hint; the CAS decides.
    std::uint64_t word = count.load(std::memory_order_relaxed);
    do {
      if (!Holds<Slot>(word, handle)) return;
      // [C6] seq_cst: before [O11], and what was done with the object happens
      // before its destruction. Either the deleter's second look sees the pin
      // gone by [C5], or [O11] sees the object retired. relaxed on failure: a
      // hint again.
    } while (!count.compare_exchange_weak(
        word, word - 1, std::memory_order_seq_cst, std::memory_order_relaxed));
  }
  // Returns whether pins of `handle` are counted in `count`. For a thread that
  // may have a copy of a pin which has ended.
  template <typename Slot>
  static bool Holds(const Count& count, Word handle) noexcept {
    // relaxed: as HazardCells::TakeNote.
    return Holds<Slot>(count.load(std::memory_order_relaxed), handle);
  }

  // Returns whether pins of `handle` are counted. The answer covers every
  // thread that found the handle live, if the caller has ended or frozen it by
  // a seq_cst operation.
  template <typename Slot>
  bool Has(const Slot&, Word handle) const noexcept {
    // [C5] seq_cst: after the caller's end of the handle; partner of [C4] and
    // [C6].
    const std::uint64_t word =
        counts_[IndexOf(handle)].load(std::memory_order_seq_cst);
    return Holds<Slot>(word, handle);
  }

  // Leaves the counts mapped permanently, for pins that outlive the table.
  void Leak() noexcept { counts_.Leak(); }

 private:
  friend class Inspector;

  static constexpr std::uint64_t kOneTag = std::uint64_t{1} << 32;
  static constexpr std::uint64_t kMost = kOneTag - 1;

  template <typename Slot>
  static std::uint64_t TagOf(Word handle) noexcept {
    return static_cast<std::uint32_t>(Slot::GenerationOf(handle));
  }

  template <typename Slot>
  static bool Holds(std::uint64_t word, Word handle) noexcept {
    return word / kOneTag == TagOf<Slot>(handle) && word % kOneTag != 0;
  }
  std::size_t IndexOf(Word handle) const noexcept {
    return handle >> 1 & mask_;
  }

  ReservedArray<Count> counts_;
  const Word mask_;
};

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_RECLAMATION_PIN_COUNTS_H_
