// Gives memory to the pages of an array that is filled from its beginning,
// several pages at a time.

#ifndef HAFT_INTERNAL_BASE_PAGE_POPULATOR_H_
#define HAFT_INTERNAL_BASE_PAGE_POPULATOR_H_

#include <cstddef>

#include "haft/internal/base/abi.h"
#include "haft/internal/base/sync.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// A page of reserved memory costs a page fault when it is first written. A
// thread that begins to use elements therefore populates some of the pages
// ahead of them with one system call. A *step* is a range of pages that is
// populated at once:
//
//   pages before   0..15    16..31   32..63   64..127  128...
//   pages a step   (none)   2        4        8        16
//
// Therefore no more than an eighth of the pages in use, and no more than 16,
// have memory that is not needed yet.
//
// Which thread populates which step follows from the elements that it was
// given, so the threads need no common state, and none waits for another. A
// page that is not populated, because the system cannot or because another
// thread is late, costs a page fault as before.
class PagePopulator {
 public:
  // For `count` elements of `size` bytes that begin at `array`, where a page
  // begins. Nothing is ever populated if `array` is null.
  PagePopulator(void* array, std::size_t count, std::size_t size) noexcept
      : base_(static_cast<char*>(array)),
        size_(size),
        page_(sync::PageSize()),
        pages_(array == nullptr ? 0 : PagesOf(count)) {}

  // For a thread that is about to use the elements [first, end), of which no
  // other thread is or was told.
  //   Progress  wait-free but for a system call; async-signal-safe
  void NoteUseOf(std::size_t first, std::size_t end) noexcept {
    if constexpr (sync::kPopulates) {
      if (pages_ != 0) PopulateFor(PagesOf(first), PagesOf(end));
    }
  }

  // Populates the pages of the first `count` elements, of all if there are
  // fewer. NoteUseOf has then nothing to do for them.
  //   Returns   false if the system lacks memory; some pages may be populated
  bool Populate(std::size_t count) noexcept {
    if constexpr (sync::kPopulates) {
      // `count` may be so large that its bytes cannot be counted.
      const std::size_t wanted =
          count < pages_ * page_ / size_ ? PagesOf(count) : pages_;
      if (wanted == 0) return true;
      if (!sync::PopulateOrTouchPages(base_, wanted * page_)) return false;
      // relaxed, all: a hint.
      std::size_t populated = populated_.load(std::memory_order_relaxed);
      while (populated < wanted &&
             !populated_.compare_exchange_weak(populated, wanted,
                                               std::memory_order_relaxed,
                                               std::memory_order_relaxed)) {
      }
    }
    return true;
  }

 private:
  // In pages.
  static constexpr std::size_t kMostAtOnce = 16;
  static constexpr std::size_t kShare = 8;  // one in so many may be unused
  static constexpr std::size_t kFirst = 2 * kShare;

  // Returns how many pages begin before the element `count`.
  std::size_t PagesOf(std::size_t count) const noexcept {
    return (count * size_ + page_ - 1) / page_;
  }
  // Returns the number of pages in the step that contains `page`. It is a power
  // of two, and the step begins at a multiple of it.
  static std::size_t StepAt(std::size_t page) noexcept {
    std::size_t step = kFirst / kShare;
    while (step < kMostAtOnce && 2 * step * kShare <= page) step *= 2;
    return step;
  }

  // Populates the steps that begin in the pages [first, end).
  void PopulateFor(std::size_t first, std::size_t end) noexcept {
    if (first < kFirst) first = kFirst;
    if (first >= end) return;
    const std::size_t step = StepAt(first);
    const std::size_t begin = (first + step - 1) / step * step;
    std::size_t stop = begin;
    while (stop < end) stop += StepAt(stop);
    if (stop > pages_) stop = pages_;
    // relaxed: a hint.
    if (stop <= begin || stop <= populated_.load(std::memory_order_relaxed))
      return;
    // The system may refuse, because memory is scarce, say.
    (void)sync::PopulatePages(base_ + begin * page_, (stop - begin) * page_);
  }

  char* const base_;
  const std::size_t size_;
  const std::size_t page_;
  const std::size_t pages_;
  // The pages before this one have been populated.
  sync::Atomic<std::size_t> populated_{0};
};

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_BASE_PAGE_POPULATOR_H_
