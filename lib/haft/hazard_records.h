// Hazard records: which handles' objects are in use, said without writing a
// line that another thread writes.

#ifndef HAFT_HAZARD_RECORDS_H_
#define HAFT_HAZARD_RECORDS_H_

#include <cstddef>
#include <cstdint>
#include <utility>

#include "haft/handle.h"
#include "haft/reserved_array.h"
#include "haft/sync.h"
#include "haft/thread_registry.h"

namespace haft::internal {

// A place for one published handle; 0: free. Its thread claims it, any thread
// may clear it.
using HazardCell = sync::Atomic<Word>;

// A cell for each pin, in blocks on cache lines of their own: a thread's first
// block is that of its index, further ones are chained to it and stay.
//
// A deleter looks through the blocks of the threads that are *marked*. A thread
// marks itself when it publishes; deleters take the mark of threads that have
// nothing published, so that threads which merely exist cost nothing:
//
//   open      the thread may have something published
//   closing   as open, and somebody is looking whether it has
//   closed    it has nothing published that it could find valid (I8)
//
// Publishing is: claim a cell [P1]; see that the mark is open, or else open it
// [P2], also if it is closing; look at the slot [O2]. Closing is: open →
// closing [P5]; look at all cells [P6]; closing → closed [P5]. If the last step
// goes through although a cell was claimed after the look, its publisher has
// not opened the mark yet. Whoever overlooks the cell for the closed mark has
// ended the handle before it read the mark, so before the publisher opens it;
// and the publisher, who looks at the slot after that, sees the handle ended.
// One thread closes at a time, so that nobody finishes what another has begun
// anew. Closing tries each step once: a mark that stays is only looked at.
class HazardRecords {
 public:
  HazardRecords() noexcept : blocks_(kBlocks) {}

  bool ok() const noexcept { return blocks_.ok(); }

  // Publishes `handle` for the calling thread. The object is safe from the
  // moment on at which the caller, by a seq_cst load after this, still finds
  // the handle live.
  //   Returns   nullptr when more handles are published than there are cells
  //   Progress  wait-free for a thread with an index, else lock-free
  HazardCell* Publish(Word handle) noexcept {
    // relaxed: the thread's own word.
    const unsigned index =
        sync::ThisThread().index.load(std::memory_order_relaxed);
    if (__builtin_expect(index != 0, 1)) {
      for (HazardCell& cell : blocks_[index].cells) {
        if (Claim(cell, handle)) {
          Mark(index);
          return &cell;
        }
      }
    }
    return PublishFurther(handle);
  }

  // Frees a cell. The caller must then glance at the slot, and if the object is
  // dying see to its destruction.
  static void Clear(HazardCell* cell) noexcept {
    if (__builtin_expect(sync::HasHeavyBarrier(), 1)) {
      // [P7] release: what was done with the object happens before its
      // destruction; partner of [P6]. No fence: the deleter's heavy barrier
      // keeps the glance at the slot behind this.
      cell->store(0, std::memory_order_release);
      sync::SignalFence();
    } else {
      // As [P7], and seq_cst: that glance comes after it.
      cell->exchange(0, std::memory_order_seq_cst);
    }
  }

  // What stands in the way of destroying the object of a handle.
  struct Uses {
    bool pinned;  // some thread has the handle published
    bool scoped;  // some thread is inside a read scope
    explicit operator bool() const noexcept { return pinned || scoped; }
  };

  // Exact towards those that found the handle live, if the caller has ended (or
  // frozen) it by a seq_cst operation.
  //   Cost      16 loads, and those of the blocks of marked threads
  Uses Look(Word handle) noexcept {
    Uses uses{};
    ForEachMarked([&](unsigned index) {
      // As [P6], for scopes.
      uses.scoped |= blocks_[index].scope.load(std::memory_order_seq_cst) != 0;
      uses.pinned |= ForEachCell(index, [=](const HazardCell& cell) {
        // [P6] seq_cst: after the caller's end of the handle. Also acquire:
        // what the one who cleared the cell did with the object happens before
        // its destruction; partner of [P7].
        return cell.load(std::memory_order_seq_cst) == handle;
      });
      return uses.pinned && uses.scoped;
    });
    if (IsTurnToClose()) CloseEmpty();
    return uses;
  }

  // Read scopes: a thread's word is [ begin : 48 | depth : 16 ], 0 outside.
  // `begin` is what the clock said when the scope began; deleters that meet a
  // scope advance the clock after they have ended their handle, so a scope that
  // began later than their stamp cannot have found it live.

  // Enters a scope of the calling thread, which may be in one already.
  //   Returns   the index to leave it by
  unsigned BeginScope() noexcept {
    if (sync::ThisThread().index.load(std::memory_order_relaxed) == 0)
      ThreadRegistry::Claim();
    const unsigned index =
        sync::ThisThread().index.load(std::memory_order_relaxed);
    sync::Atomic<std::uint64_t>& scope = blocks_[index].scope;
    // relaxed: the thread's own word, but for index 0: a value for the CAS.
    std::uint64_t word = scope.load(std::memory_order_relaxed);
    if (index != 0 && word != 0) {
      scope.store(word + kOneDeep, std::memory_order_relaxed);
      // A signal handler may have interrupted this function before it did.
      Mark(index);
      return index;
    }
    do {
      // [R1] seq_cst: before the look-ups of the scope, after the clock's [R2].
    } while (!scope.compare_exchange_weak(
        word,
        word != 0 ? word + kOneDeep
                  : clock_.load(std::memory_order_seq_cst) * kOneTick | 1,
        std::memory_order_seq_cst, std::memory_order_relaxed));
    Mark(index);
    return index;
  }
  // Leaves it. When this was the outermost, the caller must then see to what
  // deleters have left to it.
  //   Returns   whether this was the outermost
  bool EndScope(unsigned index) noexcept {
    sync::Atomic<std::uint64_t>& scope = blocks_[index].scope;
    // relaxed: as above.
    std::uint64_t word = scope.load(std::memory_order_relaxed);
    if (index != 0 && (word & kDepthMask) > 1) {
      scope.store(word - kOneDeep, std::memory_order_relaxed);
      return false;
    }
    bool outermost;
    do {
      outermost = (word & kDepthMask) == 1;
      // [R3] seq_cst: the look-ups happen before the destruction of what they
      // found; and before the caller looks at what was left to it: either it
      // sees that, or the one who left it sees the scope ended by [R4].
    } while (!scope.compare_exchange_weak(word, outermost ? 0 : word - kOneDeep,
                                          std::memory_order_seq_cst,
                                          std::memory_order_relaxed));
    return outermost;
  }

  // The stamp of a handle that has been ended: scopes that began later cannot
  // have found it.
  std::uint64_t Stamp() noexcept {
    // [R2] seq_cst: after the end of the handle.
    return clock_.fetch_add(1, std::memory_order_seq_cst);
  }
  // A thread whose scope may have found the handle of `stamp`; kNobody: none.
  static constexpr unsigned kNobody = ~0u;
  unsigned FindScope(std::uint64_t stamp) const noexcept {
    unsigned found = kNobody;
    ForEachMarked([&](unsigned index) {
      if (!ScopeMayHold(index, stamp)) return false;
      found = index;
      return true;
    });
    return found;
  }
  bool ScopeMayHold(unsigned index, std::uint64_t stamp) const noexcept {
    // [R4] seq_cst: after the end of the handle, and after leaving something to
    // that thread; partner of [R3].
    const std::uint64_t word =
        blocks_[index].scope.load(std::memory_order_seq_cst);
    return word != 0 && word / kOneTick <= stamp;
  }

  // Calls f(handle) for each published handle; exact only when quiet.
  template <typename F>
  void ForEach(F&& f) const {
    for (unsigned index = 0; index <= sync::kMaxThreads; ++index) {
      ForEachCell(index, [&](const HazardCell& cell) {
        // acquire: as [P6].
        if (const Word handle = cell.load(std::memory_order_acquire)) f(handle);
        return false;
      });
    }
  }

  // Leaves the cells mapped for ever, for pins that outlive the records.
  void Leak() noexcept { blocks_.Leak(); }

 private:
  static constexpr unsigned kCells = 13;
  struct alignas(128) Block {
    HazardCell cells[kCells];
    sync::Atomic<std::uint64_t> scope;  // of the thread whose first block it is
    sync::Atomic<std::uint32_t> next;   // number of the next block; 0: none
    sync::Atomic<std::uint32_t> turns;  // scans by the thread of this index
  };
  static_assert(sizeof(Block) == 128);

  // 13 pins for each thread at once, and 851,968 further ones.
  static constexpr std::uint32_t kFirstFurther = sync::kMaxThreads + 1;
  static constexpr std::uint32_t kBlocks = kFirstFurther + (1u << 16);

  static constexpr std::uint64_t kOneDeep = 1;
  static constexpr std::uint64_t kOneTick = 1 << 16;
  static constexpr std::uint64_t kDepthMask = kOneTick - 1;

  // A mark: closed is neither bit, closing kClosing alone, open any with kOpen.
  static constexpr unsigned kMarkBits = 2;
  static constexpr std::uint64_t kMarkMask = 3;
  static constexpr std::uint64_t kOpen = 1;
  static constexpr std::uint64_t kClosing = 2;
  static constexpr unsigned kMarksInWord = 64 / kMarkBits;
  static constexpr unsigned kMarkWords = sync::kMaxThreads / kMarksInWord + 1;

  // One scan in so many closes the marks it finds idle: an active thread then
  // opens its mark again once in so many scans.
  static constexpr std::uint32_t kScansToClose = 64;

  static bool Claim(HazardCell& cell, Word handle) noexcept {
    // relaxed: a hint, the CAS decides.
    if (cell.load(std::memory_order_relaxed) != 0) return false;
    Word free = 0;
    // [P1] seq_cst: before [P2] and [O2]; a deleter that ended the handle too
    // late for [O2] to see it, sees the cell by [P4] and [P6]. A CAS and not an
    // exchange: a signal handler may have claimed the cell since the hint.
    return cell.compare_exchange_strong(free, handle, std::memory_order_seq_cst,
                                        std::memory_order_relaxed);
  }

  void Mark(unsigned index) noexcept {
    const unsigned shift = index % kMarksInWord * kMarkBits;
    sync::Atomic<std::uint64_t>& word = marks_[index / kMarksInWord];
    // [P2] seq_cst, both: after [P1] (or [R1]), before [O2]; see the class.
    if ((word.load(std::memory_order_seq_cst) >> shift & kOpen) != 0) return;
    word.fetch_or(kOpen << shift, std::memory_order_seq_cst);
  }

  // Calls f(index) for marked threads until it returns true.
  template <typename F>
  void ForEachMarked(F&& f) const {
    for (unsigned w = 0; w < kMarkWords; ++w) {
      // [P4] seq_cst: after the caller's end of the handle, before the cells.
      std::uint64_t marks = marks_[w].load(std::memory_order_seq_cst);
      while (marks != 0) {
        const unsigned place =
            static_cast<unsigned>(__builtin_ctzll(marks)) / kMarkBits;
        marks &= ~(kMarkMask << place * kMarkBits);
        if (f(w * kMarksInWord + place)) return;
      }
    }
  }

  // Takes the marks of all threads that have nothing published.
  [[gnu::cold, gnu::noinline]] void CloseEmpty() noexcept {
    // [P10] acquire: partner of [P11].
    if (closer_.exchange(true, std::memory_order_acquire)) return;
    ForEachMarked([this](unsigned index) {
      Close(index);
      return false;
    });
    // [P11] release: partner of [P10]: the steps of one closer come before
    // those of the next.
    closer_.store(false, std::memory_order_release);
  }

  bool IsEmpty(unsigned index) const noexcept {
    // As [P6], both: between the two steps of closing, [P5].
    return blocks_[index].scope.load(std::memory_order_seq_cst) == 0 &&
           !ForEachCell(index, [](const HazardCell& cell) {
             return cell.load(std::memory_order_seq_cst) != 0;
           });
  }

  void Close(unsigned index) noexcept {
    const unsigned shift = index % kMarksInWord * kMarkBits;
    sync::Atomic<std::uint64_t>& word = marks_[index / kMarksInWord];
    // relaxed, both loads: hints, the CAS decides.
    std::uint64_t marks = word.load(std::memory_order_relaxed);
    if ((marks >> shift & kOpen) != 0) {
      // [P5] seq_cst: before and after [P6]; two [P5] embrace each look.
      if (!word.compare_exchange_weak(
              marks, (marks & ~(kMarkMask << shift)) | kClosing << shift,
              std::memory_order_seq_cst, std::memory_order_relaxed)) {
        return;
      }
    }
    if (!IsEmpty(index)) {
      // As [P5].
      word.fetch_or(kOpen << shift, std::memory_order_seq_cst);
      return;
    }
    marks = word.load(std::memory_order_relaxed);
    if ((marks >> shift & kMarkMask) == kClosing) {
      // As [P5].
      word.compare_exchange_weak(marks, marks & ~(kMarkMask << shift),
                                 std::memory_order_seq_cst,
                                 std::memory_order_relaxed);
    }
  }

  // Calls f(cell) until it returns true; whether it has.
  template <typename F>
  bool ForEachCell(unsigned index, F&& f) const {
    std::uint32_t number = index;
    do {
      for (const HazardCell& cell : blocks_[number].cells) {
        if (f(cell)) return true;
      }
      // [P8] acquire: partner of [P9]: the next block as it was when chained.
      number = blocks_[number].next.load(std::memory_order_acquire);
    } while (number != 0);
    return false;
  }

  [[gnu::cold, gnu::noinline]] HazardCell* PublishFurther(
      Word handle) noexcept {
    ThreadRegistry::Claim();
    const unsigned index =
        sync::ThisThread().index.load(std::memory_order_relaxed);
    std::uint32_t spare = 0;
    for (std::uint32_t number = index;;) {
      Block& block = blocks_[number];
      for (HazardCell& cell : block.cells) {
        if (Claim(cell, handle)) {
          Mark(index);
          return &cell;
        }
      }
      number = block.next.load(std::memory_order_acquire);  // as [P8]
      if (number != 0) continue;
      if (spare == 0) {
        // relaxed, both: hand out numbers, publish nothing.
        if (further_.load(std::memory_order_relaxed) >= kBlocks - kFirstFurther)
          return nullptr;
        spare =
            kFirstFurther + further_.fetch_add(1, std::memory_order_relaxed);
        if (spare >= kBlocks) return nullptr;
      }
      // [P9] release: partner of [P8]. On failure `number` is the block that
      // somebody else (a signal handler, or another thread without an index)
      // has chained; the spare one then goes further down.
      std::uint32_t none = 0;
      number =
          block.next.compare_exchange_strong(
              none, spare, std::memory_order_release, std::memory_order_relaxed)
              ? std::exchange(spare, 0)
              : block.next.load(std::memory_order_acquire);  // as [P8]
    }
  }

  bool IsTurnToClose() noexcept {
    const unsigned index =
        sync::ThisThread().index.load(std::memory_order_relaxed);
    if (index == 0) return false;
    // relaxed: the thread's own count; a turn that a signal handler's scan
    // takes twice or not at all changes nothing but when.
    sync::Atomic<std::uint32_t>& turns = blocks_[index].turns;
    const std::uint32_t turn = turns.load(std::memory_order_relaxed) + 1;
    turns.store(turn, std::memory_order_relaxed);
    return turn % kScansToClose == 0;
  }

  ReservedArray<Block> blocks_;
  alignas(128) sync::Atomic<std::uint64_t> marks_[kMarkWords] = {};
  alignas(128) sync::Atomic<std::uint32_t> further_{0};
  sync::Atomic<bool> closer_{false};
  sync::Atomic<std::uint64_t> clock_{0};
};

}  // namespace haft::internal

#endif  // HAFT_HAZARD_RECORDS_H_
