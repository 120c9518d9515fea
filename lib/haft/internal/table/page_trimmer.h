// Gives back the memory of the pages of a slot array that contain free slots
// only.

#ifndef HAFT_INTERNAL_TABLE_PAGE_TRIMMER_H_
#define HAFT_INTERNAL_TABLE_PAGE_TRIMMER_H_

#include <cstddef>

#include "haft/handle.h"
#include "haft/internal/base/abi.h"
#include "haft/internal/base/sync.h"
#include "haft/internal/free_list/collected_handles.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// Because New publishes without reading the slot, a page may be dropped only
// while one thread holds the ready-made handles of all slots that lie in it,
// even partly: then none of them comes alive meanwhile (I4). A slot that is
// live or exhausted, whose object still exists, or that was never taken has no
// handle to be held, so its pages stay. A trim goes as follows:
//
//   1. It moves the handles of the thread's cache and of the shared part of the
//      free list to CollectedHandles, by slot. Other threads may steal them.
//   2. Page by page it claims the handles of the page's slots. If it gets them
//      all, it drops the page. It drops adjacent pages at once, but claims no
//      more handles at a time than FreeList::MostInHand, or than one page has.
//   3. It gives all handles back to the free list.
//
// A dropped slot reads as one that was never used. Its next handle was made
// before, so the next New publishes it as usual. Readers see the state 0, which
// equals no word that selects the slot. (Slot 0 is the exception, so its pages
// stay.) The payload reads as 0, as if a later New had written it: a reader's
// second look at the state sees that its handle has ended (I3). A thread with a
// stale handle may still write to the slot: its compare-and-swap of the state
// fails, and it may add itself to the user set, which the next New clears.
template <typename Slots, typename FreeList, typename Caches>
class PageTrimmer {
 public:
  PageTrimmer(Slots* slots, FreeList* free_list, Caches* caches,
              CollectedHandles* collected) noexcept
      : slots_(*slots),
        free_list_(*free_list),
        caches_(*caches),
        collected_(*collected) {}

  // Returns how many bytes the system has taken back. 0 if another call trims
  // the same slots.
  std::size_t Trim() noexcept {
    if (!collected_.Begin()) return 0;
    Collect();
    DropFreePages();
    GiveBack();
    collected_.End();
    return dropped_ * page_;
  }

 private:
  static constexpr std::size_t kSlot = sizeof(typename Slots::Slot);
  // How much is done inside the thread's cache at a time. A signal handler that
  // interrupts it there is an uncached caller.
  static constexpr std::size_t kStep = 1024;

  void Collect() noexcept {
    // Threads that push as fast as this takes do not keep it from ending.
    for (std::size_t left = slots_.size(); left != 0;) {
      const std::size_t count = caches_.With([this](auto& thread) {
        return free_list_.TakeRecycled(
            thread, [this](Word handle) noexcept { collected_.Put(handle); });
      });
      if (count == 0) break;
      left -= count < left ? count : left;
    }
  }

  // The slots that lie in the pages [first, end), even partly, are those from
  // FirstSlotOf(first) to before EndOfSlotsBefore(end).
  std::size_t FirstSlotOf(std::size_t page) const noexcept {
    return page * page_ / kSlot;
  }
  std::size_t EndOfSlotsBefore(std::size_t page) const noexcept {
    return (page * page_ + kSlot - 1) / kSlot;
  }

  // The slots [begin_, end_) are claimed, and of the pages they fill those from
  // run_ on are to be dropped.
  void DropFreePages() noexcept {
    // The first page without a part of slot 0.
    run_ = (kSlot + page_ - 1) / page_;
    begin_ = end_ = FirstSlotOf(run_);
    const std::size_t most = free_list_.MostInHand();
    std::size_t page = run_;
    for (; EndOfSlotsBefore(page + 1) <= collected_.end(); ++page) {
      const bool is_claimed = ClaimUpTo(EndOfSlotsBefore(page + 1));
      const std::size_t next = FirstSlotOf(page + 1);
      if (!is_claimed) {
        // A slot that is not free lies in this page.
        Drop(page);
        Unclaim(end_);
        run_ = page + 1;
        begin_ = end_ = next;
        is_used_ = false;
        continue;
      }
      if (!is_used_ || EndOfSlotsBefore(page + 2) - begin_ > most) {
        // If there is nothing in it, then it need not be dropped.
        Drop(is_used_ ? page + 1 : page);
        Unclaim(next);
        run_ = page + 1;
      }
      // The last slot may lie in the next page, too.
      is_used_ = is_last_used_ && end_ > next;
    }
    Drop(page);
    Unclaim(end_);
  }

  // Claims the slots [end_, end). Returns false if one of them cannot be
  // claimed.
  bool ClaimUpTo(std::size_t end) noexcept {
    for (; end_ < end; ++end_) {
      const Word handle = collected_.Claim(end_);
      if (handle == 0) return false;
      is_last_used_ = slots_.StateOf(handle) != 0;
      is_used_ |= is_last_used_;
    }
    return true;
  }
  // Gives the claimed slots below `end` up.
  void Unclaim(std::size_t end) noexcept {
    for (; begin_ < end; ++begin_) collected_.Unclaim(begin_);
  }
  // Drops the pages [run_, end).
  void Drop(std::size_t end) noexcept {
    if (run_ == end) return;
    for (std::size_t i = FirstSlotOf(run_); i < EndOfSlotsBefore(end); ++i)
      slots_.NoteDropped(collected_.Claimed(i));
    if (slots_.DropPages(run_, end, page_)) dropped_ += end - run_;
  }

  void GiveBack() noexcept {
    // From the end, so that slots are used again in the order of their
    // addresses.
    for (std::size_t i = collected_.end(); i != 0;) {
      caches_.With([this, &i](auto& thread) {
        for (std::size_t n = 0; n < kStep && i != 0; ++n) {
          if (const Word handle = collected_.Take(--i))
            free_list_.Push(thread, handle);
        }
      });
    }
  }

  Slots& slots_;
  FreeList& free_list_;
  Caches& caches_;
  CollectedHandles& collected_;
  const std::size_t page_ = sync::PageSize();
  std::size_t run_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t dropped_ = 0;  // pages
  bool is_used_ = false;     // a slot claimed for the page at hand has a state
  bool is_last_used_ = false;  // the last slot claimed has
};

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_TABLE_PAGE_TRIMMER_H_
