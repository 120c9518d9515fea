// Hazard cells: each thread publishes the handles whose objects it uses, on
// cache lines that no other thread writes.

#ifndef HAFT_INTERNAL_RECLAMATION_HAZARD_CELLS_H_
#define HAFT_INTERNAL_RECLAMATION_HAZARD_CELLS_H_

#include <cstddef>
#include <cstdint>

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

// The cells of a thread stand in a block on cache lines of their own, with the
// word of its read scopes. A deleter looks through the blocks of those threads
// that have used the object. The slot's UserSet tells which threads these are.
class HazardCells {
 public:
  HazardCells() noexcept
      : blocks_(sync::kMaxThreads + 1),
        registry_(&ThreadRegistry::OfThisCopy()) {}

  bool ok() const noexcept { return blocks_.ok(); }

  // Populates the calling thread's block; see ReservedArray.
  bool Prepare() noexcept { return blocks_.Populate(registry_->Index(), 1); }

  // Publishes `handle` for the calling thread, which becomes one of `users`.
  // The object is safe as soon as the caller, by a seq_cst load after this,
  // finds the handle still live.
  //   Returns   nullptr if the thread has no free cell or no index yet, or if
  //             the caller is in another copy of Haft
  //   Progress  wait-free
  [[gnu::always_inline]] HazardCell* Publish(UserSet& users,
                                             Word handle) noexcept {
    const unsigned index = registry_->IndexHere();
    if (__builtin_expect(index == 0, 0)) return nullptr;
    return PublishAs(index, users, handle);
  }
  // The same for a caller to which that has returned nullptr.
  //   Returns   nullptr if the thread has no free cell, or can have no index
  [[gnu::cold, gnu::noinline]] HazardCell* PublishElsewhere(
      UserSet& users, Word handle) noexcept {
    if (registry_->IndexHere() != 0) return nullptr;
    if (registry_->Index() == 0) registry_->Claim();
    const unsigned index = registry_->Index();
    return index == 0 ? nullptr : PublishAs(index, users, handle);
  }

  // Leaves a note that `cell` keeps a pin of `handle`, for callers that may
  // have a copy of a pin which has ended.
  static void NoteHeld(HazardCell* cell, Word handle) noexcept {
    // relaxed: whoever is handed the pin comes after this.
    NoteOf(cell).store(handle, std::memory_order_relaxed);
  }
  // Takes that note back. The caller then clears the cell.
  //   Returns   false if there is no such note
  static bool TakeNote(HazardCell* cell, Word handle) noexcept {
    HazardCell& note = NoteOf(cell);
    // relaxed, both: a pin of this handle, if there is one, belongs to the
    // caller.
    if (__builtin_expect(note.load(std::memory_order_relaxed) != handle, 0))
      return false;
    note.store(0, std::memory_order_relaxed);
    return true;
  }

  // Frees a cell. The caller must then re-check the slot, and if the object is
  // retired, contend to destroy it.
  static void Clear(HazardCell* cell) noexcept {
    if (__builtin_expect(sync::HasHeavyBarrier(), 1)) {
      // [P7] release: what was done with the object happens before its
      // destruction; partner of [P6], and of [P8] and [P1] if the cell is
      // claimed again before that. It needs no fence: the deleter's heavy
      // barrier keeps the re-check of the slot behind this.
      cell->store(0, std::memory_order_release);
      sync::SignalFence();
    } else {
      // As [P7], and seq_cst: that re-check comes after it.
      cell->exchange(0, std::memory_order_seq_cst);
    }
  }

  // The uses that forbid the destruction of a handle's object.
  struct Uses {
    bool pinned;  // some thread has the handle published
    bool scoped;  // some thread is inside a read scope
    explicit operator bool() const noexcept { return pinned || scoped; }
  };

  // Returns the uses of `handle` by `users`. The answer covers every thread
  // that found the handle live, if the caller has ended or frozen it by a
  // seq_cst operation before it has read `users`.
  //   Cost      a block for each of the users
  [[gnu::noinline]] Uses Look(const UserSet::Users& users,
                              Word handle) const noexcept {
    Uses uses{};
    users.ForEach(*registry_, [&](unsigned index) {
      uses.scoped |= blocks_[index].scope.IsOpen();
      for (const HazardCell& cell : blocks_[index].cells) {
        // [P6] seq_cst: after the caller's end of the handle. Also acquire:
        // what a thread did with the object before it cleared the cell happens
        // before the destruction; partner of [P7].
        uses.pinned |= cell.load(std::memory_order_seq_cst) == handle;
      }
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
    const sync::ThreadState& thread = registry_->ThisThread();
    ScopeHolder holder{thread.index.load(std::memory_order_relaxed), false};
    if (__builtin_expect(holder.index == 0 || thread.loans != 0, 0)) {
      holder.index = registry_->Borrow();
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
    const sync::ThreadState& thread = registry_->ThisThread();
    Block& block = blocks_[holder.index];
    // relaxed: the thread's own word.
    const bool is_outermost =
        thread.index.load(std::memory_order_relaxed) == holder.index &&
        block.scope_owner == ShortTag(thread) && block.scope.End();
    if (__builtin_expect(holder.is_lent, 0)) registry_->Return();
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
    users.Read().ForEach(*registry_, [&](unsigned index) {
      if (!ScopeMayHold(index, stamp)) return false;
      found = index;
      return true;
    });
    return found;
  }

  // Leaves the cells mapped permanently, for pins that outlive the table.
  void Leak() noexcept { blocks_.Leak(); }

  // How many cells a thread has.
  static constexpr unsigned kCells = 14;

 private:
  static std::uint32_t ShortTag(const sync::ThreadState& thread) noexcept {
    return static_cast<std::uint32_t>(thread.tag);
  }

  struct alignas(128) Block {
    HazardCell cells[kCells];
    // The thread's read scopes, and the ShortTag of the last thread that was in
    // one. Only the owner of the index uses that.
    ScopeWord scope;
    std::uint32_t scope_owner;
    // NoteHeld. A deleter does not look at these. They are no part of the cells
    // because a load of a cell waits for the CAS that has just claimed it.
    alignas(128) HazardCell notes[kCells];
  };
  static_assert(sizeof(Block) == 256);

  static HazardCell& NoteOf(HazardCell* cell) noexcept {
    return *reinterpret_cast<HazardCell*>(reinterpret_cast<char*>(cell) +
                                          offsetof(Block, notes));
  }

  [[gnu::always_inline]] HazardCell* PublishAs(unsigned index, UserSet& users,
                                               Word handle) noexcept {
    const UserSet::Member thread(index);
    auto& cells = blocks_[index].cells;
    return __builtin_expect(users.Has(thread), 1)
               ? ClaimOneOf(cells, handle)
               : PublishAndAdd(cells, users, thread, handle);
  }

  // The same for a thread that is none of `users` yet. One locked operation,
  // which adds the thread, publishes the cell as well. A thread without a free
  // cell becomes a user, too: its pin will be counted.
  static HazardCell* PublishAndAdd(HazardCell (&cells)[kCells], UserSet& users,
                                   UserSet::Member thread,
                                   Word handle) noexcept {
    HazardCell* const claimed = ClaimInThread(cells, handle);
    users.Add(thread);
    return claimed;
  }
  static HazardCell* ClaimInThread(HazardCell (&cells)[kCells],
                                   Word handle) noexcept {
    for (HazardCell& cell : cells) {
      // relaxed: a hint, as in Claim.
      if (cell.load(std::memory_order_relaxed) != 0) continue;
      // [P8] acquire: another thread may have freed the cell by [P7], and a
      // deleter of the object that it used then may see by [P6] only what this
      // thread writes to the cell from now on. It comes before [U3]: a deleter
      // that finds this thread by [U2] sees the cell by [P6]; one that does not
      // has ended the handle before [U3], and [O2] sees that. A signal handler
      // may have claimed the cell since the hint, but no other thread writes a
      // free cell.
      if (sync::CompareExchangeInThread(cell, Word{0}, handle,
                                        std::memory_order_acquire)) {
        return &cell;
      }
    }
    return nullptr;
  }

  [[gnu::always_inline]] static HazardCell* ClaimOneOf(
      HazardCell (&cells)[kCells], Word handle) noexcept {
    for (HazardCell& cell : cells) {
      if (Claim(cell, handle)) return &cell;
    }
    return nullptr;
  }
  static bool Claim(HazardCell& cell, Word handle) noexcept {
    // relaxed: a hint, the CAS decides.
    if (cell.load(std::memory_order_relaxed) != 0) return false;
    Word free = 0;
    // [P1] seq_cst: before [O2]; a deleter that ended the handle too late for
    // [O2] to see it sees the cell by [P6]. Also acquire, as [P8]. This is a
    // CAS and not an exchange because a signal handler may have claimed the
    // cell since the hint.
    return cell.compare_exchange_strong(free, handle, std::memory_order_seq_cst,
                                        std::memory_order_relaxed);
  }

  ReservedArray<Block> blocks_;
  ThreadRegistry* const registry_;
  alignas(128) ScopeClock clock_;
};

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_RECLAMATION_HAZARD_CELLS_H_
