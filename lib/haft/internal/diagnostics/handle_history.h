// The threads and call sites that created and deleted the last handles of each
// slot.

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

// Each slot keeps kRecords records, which its handles reuse in turn. Once
// reused, a record reports nothing about the earlier handle; it never reports
// the new one's data for it.
//
// `Layout` is that of the handles; a table must not issue a handle twice. With
// each event its record's reuse count is kept, modulo 2^kReuseBits.
template <typename Layout, unsigned kRecordsV = 8, unsigned kReuseBitsV = 26>
class HandleHistory {
 public:
  // The number of handles that are remembered for each slot.
  static constexpr std::size_t kRecords = kRecordsV;

  struct Event {
    std::uint32_t site;    // 16 bits; 0 if it is not known
    std::uint32_t thread;  // 22 bits, the system's number; 0 if there is no
                           // record of the event
  };
  struct Record {
    Event created, deleted;
  };

  explicit HandleHistory(std::size_t slots) noexcept
      : entries_(slots * kRecords) {}

  bool ok() const noexcept { return entries_.ok(); }

  // Records the creation of a handle. If it is called several times for one
  // handle, the first call counts.
  //   Progress  lock-free; async-signal-safe
  void NoteCreated(Word handle, Event event) noexcept {
    Entry* const entry = Find(handle);
    if (entry == nullptr) return;
    // As [Y4].
    EventWord before = entry->created.load(std::memory_order_acquire);
    // relaxed, both: [Y3] publishes it, with the event.
    Word known = entry->handle.load(std::memory_order_relaxed);
    do {
      // The entry already belongs to this handle or, if this thread was
      // suspended while the slot issued kRecords others, to a later one.
      if (known >= handle) return;
    } while (!entry->handle.compare_exchange_weak(
        known, handle, std::memory_order_relaxed, std::memory_order_relaxed));
    Put(entry->created, before, handle, event);
  }

  // Records the deletion of a handle. The deleting thread calls it once.
  //   Progress  wait-free; async-signal-safe
  void NoteDeleted(Word handle, Event event) noexcept {
    Entry* const entry = Find(handle);
    if (entry == nullptr) return;
    // As [Y4]: the entry's handle below is not an older one than that of this
    // event.
    const EventWord before = entry->deleted.load(std::memory_order_acquire);
    if (entry->handle.load(std::memory_order_relaxed) != handle) return;
    Put(entry->deleted, before, handle, event);
  }

  // Returns what is remembered of a handle.
  //   Progress  wait-free; async-signal-safe
  Record Recall(Word handle) const noexcept {
    const Entry* const entry = const_cast<HandleHistory*>(this)->Find(handle);
    // relaxed: a shortcut; the second look below decides.
    if (entry == nullptr ||
        entry->handle.load(std::memory_order_relaxed) != handle)
      return {};
    // [Y4] acquire, both: partner of [Y3]. Keeps the second look after them.
    const EventWord created = entry->created.load(std::memory_order_acquire);
    const EventWord deleted = entry->deleted.load(std::memory_order_acquire);
    // relaxed: if one of those events is a later handle's, this load sees that
    // handle or a later one, and not `handle`, which is never stored again.
    if (entry->handle.load(std::memory_order_relaxed) != handle) return {};
    return {EventOf(created, handle), EventOf(deleted, handle)};
  }

 private:
  // { reuse | thread : 22 | site : 16 }; 0 if there is no event.
  using EventWord = std::uint64_t;
  static constexpr unsigned kThreadBits = 22, kSiteBits = 16;
  static constexpr unsigned kReuseShift = 64 - kReuseBitsV;
  static_assert(kThreadBits + kSiteBits <= kReuseShift);

  struct Entry {
    sync::Atomic<Word> handle;  // only ever grows
    sync::Atomic<EventWord> created;
    sync::Atomic<EventWord> deleted;
  };

  // How often the entry of `handle` was reused before, in its bits of the word.
  static EventWord ReuseOf(Word handle) noexcept {
    return EventWord{Layout::Generation::Decode(handle) / kRecords}
           << kReuseShift;
  }
  static EventWord Low(EventWord value, unsigned bits) noexcept {
    return value & ((EventWord{1} << bits) - 1);
  }

  // `before` was read before checking that the entry belongs to `handle`. If it
  // has changed, the entry may have been reused; leave it alone.
  static void Put(sync::Atomic<EventWord>& word, EventWord before, Word handle,
                  Event event) noexcept {
    const EventWord mine = ReuseOf(handle) |
                           Low(event.thread, kThreadBits) << kSiteBits |
                           Low(event.site, kSiteBits);
    // [Y3] release: a thread that reads this by [Y4] finds the event's site,
    // and its second look sees that the entry is no earlier handle's.
    word.compare_exchange_strong(before, mine, std::memory_order_release,
                                 std::memory_order_relaxed);
  }
  static Event EventOf(EventWord word, Word handle) noexcept {
    if (((word ^ ReuseOf(handle)) >> kReuseShift) != 0) return {};
    return {static_cast<std::uint32_t>(Low(word, kSiteBits)),
            static_cast<std::uint32_t>(Low(word >> kSiteBits, kThreadBits))};
  }

  // Returns the entry of a handle, or nullptr if it has no slot.
  Entry* Find(Word handle) noexcept {
    const std::size_t entry =
        static_cast<std::size_t>(Layout::Index::Decode(handle)) * kRecords +
        static_cast<std::size_t>(Layout::Generation::Decode(handle) % kRecords);
    return entry < entries_.size() ? &entries_[entry] : nullptr;
  }

  ReservedArray<Entry> entries_;
};

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_DIAGNOSTICS_HANDLE_HISTORY_H_
