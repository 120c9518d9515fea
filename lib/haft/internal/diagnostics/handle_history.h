// Who made and who deleted the last few handles of each slot.

#ifndef HAFT_INTERNAL_DIAGNOSTICS_HANDLE_HISTORY_H_
#define HAFT_INTERNAL_DIAGNOSTICS_HANDLE_HISTORY_H_

#include <cstddef>
#include <cstdint>

#include "haft/handle.h"
#include "haft/internal/base/abi.h"
#include "haft/internal/base/reserved_array.h"
#include "haft/internal/base/sync.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// Bounded: a record is used again by the slot's handle after kLives others.
// What it then says of the earlier one is nothing, never the other's.
//
// Handles of `Layout` that are not reused. `kLifeBits` of a handle's place in
// the order of those that share a record are kept with each event.
template <typename Layout, unsigned kLivesV = 8, unsigned kLifeBitsV = 26>
class HandleHistory {
 public:
  // How many handles of a slot are remembered.
  static constexpr std::size_t kLives = kLivesV;

  struct Event {
    std::uint32_t site;    // of 16 bits; 0: not known
    std::uint32_t thread;  // of 22 bits, as the system's; 0: nothing is known
  };
  struct Life {
    Event created, deleted;
  };

  explicit HandleHistory(std::size_t slots) noexcept
      : records_(slots * kLives) {}

  bool ok() const noexcept { return records_.ok(); }

  // Notes who made a handle: of several, the first.
  //   Progress  lock-free; async-signal-safe
  void NoteCreated(Word handle, Event event) noexcept {
    Record* const record = Find(handle);
    if (record == nullptr) return;
    // As [Y4].
    EventWord before = record->created.load(std::memory_order_acquire);
    // relaxed, both: [Y3] publishes it, with the event.
    Word known = record->handle.load(std::memory_order_relaxed);
    do {
      // This thread has slept through the lives of kLives handles.
      if (known >= handle) return;
    } while (!record->handle.compare_exchange_weak(
        known, handle, std::memory_order_relaxed, std::memory_order_relaxed));
    Put(record->created, before, handle, event);
  }

  // Notes who deleted a handle. Once for each, by the thread that did.
  //   Progress  wait-free; async-signal-safe
  void NoteDeleted(Word handle, Event event) noexcept {
    Record* const record = Find(handle);
    if (record == nullptr) return;
    // As [Y4]: so that the record's handle below is not an older one than that
    // of this event.
    const EventWord before = record->deleted.load(std::memory_order_acquire);
    if (record->handle.load(std::memory_order_relaxed) != handle) return;
    Put(record->deleted, before, handle, event);
  }

  // What is remembered of a handle.
  //   Progress  wait-free; async-signal-safe
  Life Recall(Word handle) const noexcept {
    const Record* const record = const_cast<HandleHistory*>(this)->Find(handle);
    // relaxed: spares the rest.
    if (record == nullptr ||
        record->handle.load(std::memory_order_relaxed) != handle)
      return {};
    // [Y4] acquire, both: partner of [Y3]. Keeps the second look behind.
    const EventWord created = record->created.load(std::memory_order_acquire);
    const EventWord deleted = record->deleted.load(std::memory_order_acquire);
    // relaxed: if one of those is of a later handle, this sees that handle or
    // one later still, and not `handle` (which is never stored again).
    if (record->handle.load(std::memory_order_relaxed) != handle) return {};
    return {OfLife(created, handle), OfLife(deleted, handle)};
  }

 private:
  // { life | thread : 22 | site : 16 }, all zero: nothing.
  using EventWord = std::uint64_t;
  static constexpr unsigned kThreadBits = 22, kSiteBits = 16;
  static constexpr unsigned kLifeShift = 64 - kLifeBitsV;
  static_assert(kThreadBits + kSiteBits <= kLifeShift);

  struct Record {
    sync::Atomic<Word> handle;  // only ever grows
    sync::Atomic<EventWord> created;
    sync::Atomic<EventWord> deleted;
  };

  static EventWord LifeOf(Word handle) noexcept {
    return EventWord{Layout::Generation::Decode(handle) / kLives} << kLifeShift;
  }
  static EventWord Low(EventWord value, unsigned bits) noexcept {
    return value & ((EventWord{1} << bits) - 1);
  }

  // `before` was read before it was seen that the record is the handle's: if
  // that is no longer there, the record may be another's by now, and stays.
  static void Put(sync::Atomic<EventWord>& place, EventWord before, Word handle,
                  Event event) noexcept {
    const EventWord mine = LifeOf(handle) |
                           Low(event.thread, kThreadBits) << kSiteBits |
                           Low(event.site, kSiteBits);
    // [Y3] release: whoever reads this by [Y4] finds the event's site, and sees
    // by its second look that the record is no earlier handle's.
    place.compare_exchange_strong(before, mine, std::memory_order_release,
                                  std::memory_order_relaxed);
  }
  static Event OfLife(EventWord word, Word handle) noexcept {
    if (((word ^ LifeOf(handle)) >> kLifeShift) != 0) return {};
    return {static_cast<std::uint32_t>(Low(word, kSiteBits)),
            static_cast<std::uint32_t>(Low(word >> kSiteBits, kThreadBits))};
  }

  // nullptr: there is no such slot.
  Record* Find(Word handle) noexcept {
    const std::size_t record =
        static_cast<std::size_t>(Layout::Index::Decode(handle)) * kLives +
        static_cast<std::size_t>(Layout::Generation::Decode(handle) % kLives);
    return record < records_.size() ? &records_[record] : nullptr;
  }

  ReservedArray<Record> records_;
};

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_DIAGNOSTICS_HANDLE_HISTORY_H_
