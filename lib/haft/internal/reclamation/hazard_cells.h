// Hazard records: which handles' objects are in use, said without writing a
// line that another thread writes.

#ifndef HAFT_INTERNAL_RECLAMATION_HAZARD_CELLS_H_
#define HAFT_INTERNAL_RECLAMATION_HAZARD_CELLS_H_

#include <cstddef>
#include <cstdint>
#include <utility>

#include "haft/handle.h"
#include "haft/internal/base/abi.h"
#include "haft/internal/base/reserved_array.h"
#include "haft/internal/base/sync.h"
#include "haft/internal/reclamation/user_set.h"
#include "haft/internal/thread/thread_registry.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// A place for one published handle; 0: free. Its thread claims it, any thread
// may clear it.
using HazardCell = sync::Atomic<Word>;

// A cell for each pin, in blocks on cache lines of their own: a thread's first
// block is that of its index, further ones are chained to it and stay.
//
// A deleter looks through the blocks of those threads that have used the
// object, which the slot's UserSet says.
class HazardCells {
 public:
  HazardCells() noexcept : blocks_(kBlocks) {}

  bool ok() const noexcept { return blocks_.ok(); }

  // Publishes `handle` for the calling thread, which becomes one of `users`.
  // The object is safe from the moment on at which the caller, by a seq_cst
  // load after this, still finds the handle live.
  //   Returns   nullptr when more handles are published than there are cells
  //   Progress  wait-free for a thread with an index, else lock-free
  HazardCell* Publish(UserSet& users, Word handle) noexcept {
    // relaxed: the thread's own word.
    const unsigned index =
        sync::ThisThread().index.load(std::memory_order_relaxed);
    if (__builtin_expect(index != 0, 1)) {
      users.Add(index);
      for (HazardCell& cell : blocks_[index].cells) {
        if (Claim(cell, handle)) return &cell;
      }
    }
    return PublishFurther(users, handle);
  }

  // Frees a cell. The caller must then glance at the slot, and if the object is
  // retired see to its destruction.
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
  //   Cost      one load if nobody has used the object, and a block for each
  //             thread that has
  Uses Look(const UserSet& users, Word handle) const noexcept {
    Uses uses{};
    users.ForEach([&](unsigned index) {
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
      return index;
    }
    do {
      // [R1] seq_cst: before the look-ups of the scope, after the clock's [R2].
    } while (!scope.compare_exchange_weak(
        word,
        word != 0 ? word + kOneDeep
                  : clock_.load(std::memory_order_seq_cst) * kOneTick | 1,
        std::memory_order_seq_cst, std::memory_order_relaxed));
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
    // [R2] seq_cst: after the end of the handle; partner of [R1].
    return clock_.fetch_add(1, std::memory_order_seq_cst);
  }
  // One of `users` whose scope may have found the handle of `stamp`; kNobody:
  // none.
  static constexpr unsigned kNobody = ~0u;
  unsigned FindScope(const UserSet& users, std::uint64_t stamp) const noexcept {
    unsigned found = kNobody;
    users.ForEach([&](unsigned index) {
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

  // Leaves the cells mapped for ever, for pins that outlive the records.
  void Leak() noexcept { blocks_.Leak(); }

 private:
  static constexpr unsigned kCells = 14;
  struct alignas(128) Block {
    HazardCell cells[kCells];
    sync::Atomic<std::uint64_t> scope;  // of the thread whose first block it is
    sync::Atomic<std::uint32_t> next;   // number of the next block; 0: none
  };
  static_assert(sizeof(Block) == 128);

  // A block for each thread, and further ones for whoever needs more.
  static constexpr std::uint32_t kFirstFurther = sync::kMaxThreads + 1;
  static constexpr std::uint32_t kBlocks = kFirstFurther + sync::kFurtherBlocks;

  static constexpr std::uint64_t kOneDeep = 1;
  static constexpr std::uint64_t kOneTick = 1 << 16;
  static constexpr std::uint64_t kDepthMask = kOneTick - 1;

  static bool Claim(HazardCell& cell, Word handle) noexcept {
    // relaxed: a hint, the CAS decides.
    if (cell.load(std::memory_order_relaxed) != 0) return false;
    Word free = 0;
    // [P1] seq_cst: before [O2]; a deleter that ended the handle too late for
    // [O2] to see it, sees the cell by [P6]. A CAS and not an
    // exchange: a signal handler may have claimed the cell since the hint.
    return cell.compare_exchange_strong(free, handle, std::memory_order_seq_cst,
                                        std::memory_order_relaxed);
  }

  // Calls f(cell) until it returns true; whether it has.
  template <typename F>
  bool ForEachCell(unsigned index, F&& f) const {
    std::uint32_t number = index;
    do {
      for (const HazardCell& cell : blocks_[number].cells) {
        if (f(cell)) return true;
      }
      // [P8] seq_cst: after the caller's end of the handle; a publisher that
      // found it live has chained its block before, by [P9].
      number = blocks_[number].next.load(std::memory_order_seq_cst);
    } while (number != 0);
    return false;
  }

  [[gnu::cold, gnu::noinline]] HazardCell* PublishFurther(
      UserSet& users, Word handle) noexcept {
    ThreadRegistry::Claim();
    const unsigned index =
        sync::ThisThread().index.load(std::memory_order_relaxed);
    users.Add(index);
    std::uint32_t spare = 0;
    for (std::uint32_t number = index;;) {
      Block& block = blocks_[number];
      for (HazardCell& cell : block.cells) {
        if (Claim(cell, handle)) return &cell;
      }
      number = block.next.load(std::memory_order_seq_cst);  // as [P8]
      if (number != 0) continue;
      if (spare == 0) {
        // relaxed, both: hand out numbers, publish nothing.
        if (further_.load(std::memory_order_relaxed) >= kBlocks - kFirstFurther)
          return nullptr;
        spare =
            kFirstFurther + further_.fetch_add(1, std::memory_order_relaxed);
        if (spare >= kBlocks) return nullptr;
      }
      // On failure `number` is the block that somebody else (a signal handler,
      // or another thread without an index) has chained; the spare one then
      // goes further down.
      std::uint32_t none = 0;
      // [P9] seq_cst: before [P1] and [O2]; partner of [P8].
      number =
          block.next.compare_exchange_strong(
              none, spare, std::memory_order_seq_cst, std::memory_order_relaxed)
              ? std::exchange(spare, 0)
              : block.next.load(std::memory_order_seq_cst);  // as [P8]
    }
  }

  ReservedArray<Block> blocks_;
  alignas(128) sync::Atomic<std::uint32_t> further_{0};
  sync::Atomic<std::uint64_t> clock_{0};
};

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_RECLAMATION_HAZARD_CELLS_H_
