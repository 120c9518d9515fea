// Hazard cells: each thread publishes the handles whose objects it uses, on
// cache lines that no other thread writes.

#ifndef HAFT_INTERNAL_RECLAMATION_HAZARD_CELLS_H_
#define HAFT_INTERNAL_RECLAMATION_HAZARD_CELLS_H_

#include <cstddef>
#include <cstdint>
#include <utility>

#include "haft/handle.h"
#include "haft/internal/base/abi.h"
#include "haft/internal/base/reserved_array.h"
#include "haft/internal/base/sync.h"
#include "haft/internal/reclamation/scope_word.h"
#include "haft/internal/reclamation/user_set.h"
#include "haft/internal/thread/thread_registry.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// A place for one published handle; 0 if it is free. Only the thread that has
// its index claims it, any thread may clear it.
using HazardCell = sync::Atomic<Word>;

// Each pin occupies a cell. Cells stand in blocks on cache lines of their own:
// a thread's first block is that of its index; further blocks are chained to it
// and stay there.
//
// A deleter looks through the blocks of those threads that have used the
// object. The slot's UserSet tells which threads these are.
class HazardCells {
 public:
  HazardCells() noexcept : blocks_(kBlocks) {}

  bool ok() const noexcept { return blocks_.ok(); }

  // Publishes `handle` for the calling thread, which becomes one of `users`.
  // The object is safe as soon as the caller, by a seq_cst load after this,
  // finds the handle still live.
  //   Returns   nullptr if more handles are published than there are cells, or
  //             more threads use tables than there are indices
  //   Progress  wait-free in all but a thread's first calls, which are
  //             lock-free
  HazardCell* Publish(UserSet& users, Word handle) noexcept {
    // relaxed: the thread's own word.
    const unsigned index =
        sync::ThisThread().index.load(std::memory_order_relaxed);
    if (__builtin_expect(index != 0, 1)) {
      users.Add(UserSet::Member(index));
      for (HazardCell& cell : blocks_[index].cells) {
        if (Claim(cell, handle)) return &cell;
      }
    }
    return PublishFurther(users, handle);
  }

  // Frees the cell in which `handle` is published. The caller must then
  // re-check the slot, and if the object is retired, contend to destroy it.
  //   Returns   false, and has no effect, if another handle or none is
  //             published there
  static bool Clear(HazardCell* cell, Word handle) noexcept {
    // relaxed: a pin of this handle, if there is one, belongs to the caller.
    if (__builtin_expect(cell->load(std::memory_order_relaxed) != handle, 0))
      return false;
    if (__builtin_expect(sync::HasHeavyBarrier(), 1)) {
      // [P7] release: what was done with the object happens before its
      // destruction; partner of [P6]. It needs no fence: the deleter's heavy
      // barrier keeps the re-check of the slot behind this.
      cell->store(0, std::memory_order_release);
      sync::SignalFence();
    } else {
      // As [P7], and seq_cst: that re-check comes after it.
      cell->exchange(0, std::memory_order_seq_cst);
    }
    return true;
  }

  // The uses that forbid the destruction of a handle's object.
  struct Uses {
    bool pinned;  // some thread has the handle published
    bool scoped;  // some thread is inside a read scope
    explicit operator bool() const noexcept { return pinned || scoped; }
  };

  // Returns the uses of `handle`. The answer covers every thread that found the
  // handle live, if the caller has ended or frozen it by a seq_cst operation.
  //   Cost      one load if no thread has used the object; else a block for
  //   each
  //             thread that has
  Uses Look(const UserSet& users, Word handle) const noexcept {
    Uses uses{};
    users.ForEach([&](unsigned index) {
      uses.scoped |= blocks_[index].scope.IsOpen();
      uses.pinned |= ForEachCell(index, [=](const HazardCell& cell) {
        // [P6] seq_cst: after the caller's end of the handle. Also acquire:
        // what a thread did with the object before it cleared the cell happens
        // before the destruction; partner of [P7].
        return cell.load(std::memory_order_seq_cst) == handle;
      });
      return uses.pinned && uses.scoped;
    });
    return uses;
  }

  // The thread index that a read scope belongs to. If the index is lent, the
  // loan lasts as long as the scope.
  struct ScopeHolder {
    unsigned index;  // 0: there is no scope, because no index could be had
    bool is_lent;
  };

  // The calling thread enters a read scope; it may be in one already.
  ScopeHolder BeginScope() noexcept {
    // relaxed: the thread's own word.
    const sync::ThreadState& thread = sync::ThisThread();
    ScopeHolder holder{thread.index.load(std::memory_order_relaxed), false};
    if (__builtin_expect(holder.index == 0 || thread.loans != 0, 0)) {
      holder.index = ThreadRegistry::Borrow();
      holder.is_lent = true;
      if (holder.index == 0) return holder;
    }
    Block& block = blocks_[holder.index];
    if (__builtin_expect(block.scope_owner == ShortTag(thread), 1)) {
      block.scope.Begin(clock_);
    } else {
      block.scope_owner = ShortTag(thread);
      block.scope.BeginOutermost(clock_);
    }
    return holder;
  }
  // Returns whether this was the outermost scope; see ScopeWord::End. Has no
  // effect if the scope has ended with its thread, whose last destructors may
  // come too late.
  bool EndScope(ScopeHolder holder) noexcept {
    const sync::ThreadState& thread = sync::ThisThread();
    Block& block = blocks_[holder.index];
    // relaxed: the thread's own word.
    const bool is_outermost =
        thread.index.load(std::memory_order_relaxed) == holder.index &&
        block.scope_owner == ShortTag(thread) && block.scope.End();
    if (__builtin_expect(holder.is_lent, 0)) ThreadRegistry::Return();
    return is_outermost;
  }

  // Returns the stamp of a handle that the caller has ended.
  std::uint64_t Stamp() noexcept { return clock_.Stamp(); }
  bool ScopeMayHold(unsigned holder, std::uint64_t stamp) const noexcept {
    return blocks_[holder].scope.MayHold(stamp);
  }
  // Returns one of `users` whose scope may have found the handle of `stamp`, or
  // kNoScope.
  static constexpr unsigned kNoScope = ~0u;
  unsigned FindScope(const UserSet& users, std::uint64_t stamp) const noexcept {
    unsigned found = kNoScope;
    users.ForEach([&](unsigned index) {
      if (!ScopeMayHold(index, stamp)) return false;
      found = index;
      return true;
    });
    return found;
  }

  // Leaves the cells mapped permanently, for pins that outlive the table.
  void Leak() noexcept { blocks_.Leak(); }

 private:
  static constexpr unsigned kCells = 14;

  static std::uint32_t ShortTag(const sync::ThreadState& thread) noexcept {
    return static_cast<std::uint32_t>(thread.tag);
  }

  struct alignas(128) Block {
    HazardCell cells[kCells];
    // The read scopes of the thread whose first block this is, and the
    // ShortTag of the last thread that was in one. Only the owner of the index
    // uses that.
    ScopeWord scope;
    std::uint32_t scope_owner;
    sync::Atomic<std::uint32_t> next;  // number of the next block; 0: none
  };
  static_assert(sizeof(Block) == 128);

  // One block for each thread, and further ones for threads that need more.
  static constexpr std::uint32_t kFirstFurther = sync::kMaxThreads + 1;
  static constexpr std::uint32_t kBlocks = kFirstFurther + sync::kFurtherBlocks;

  static bool Claim(HazardCell& cell, Word handle) noexcept {
    // relaxed: a hint, the CAS decides.
    if (cell.load(std::memory_order_relaxed) != 0) return false;
    Word free = 0;
    // [P1] seq_cst: before [O2]; a deleter that ended the handle too late for
    // [O2] to see it sees the cell by [P6]. This is a CAS and not an exchange
    // because a signal handler may have claimed the cell since the hint.
    return cell.compare_exchange_strong(free, handle, std::memory_order_seq_cst,
                                        std::memory_order_relaxed);
  }

  // Calls f(cell) until it returns true. Returns whether it has.
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
    const ThreadRegistry::Loan loan;
    if (loan.index() == 0) return nullptr;
    users.Add(UserSet::Member(loan.index()));
    std::uint32_t spare = 0;
    for (std::uint32_t number = loan.index();;) {
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
      // On failure `number` is the block that a signal handler has chained; the
      // spare one then goes further down the chain.
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
  ScopeClock clock_;
};

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_RECLAMATION_HAZARD_CELLS_H_
