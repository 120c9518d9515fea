// The depot, where threads exchange whole magazines.

#ifndef HAFT_INTERNAL_FREE_LIST_MAGAZINE_DEPOT_H_
#define HAFT_INTERNAL_FREE_LIST_MAGAZINE_DEPOT_H_

#include <cstddef>
#include <cstdint>

#include "haft/handle.h"
#include "haft/internal/base/abi.h"
#include "haft/internal/base/reserved_array.h"
#include "haft/internal/base/sync.h"
#include "haft/internal/free_list/striped_stack.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// One handle of a magazine. It is plain memory, because a magazine belongs to
// one thread at a time.
using MagazineEntry = sync::Plain<Word>;

// Keeps magazines of `size` handles each, which are either full or empty.
// (Magazines and depots: Bonwick and Adams, USENIX 2001.) It is striped by
// cache number, so that bursts of different threads do not meet. All calls are
// lock-free.
class MagazineDepot {
 public:
  // `magazines` is the greatest number of magazines.
  MagazineDepot(std::size_t magazines, std::size_t size) noexcept
      : size_(size),
        entries_(magazines * size),
        links_(magazines),
        full_(kStripes),
        empty_(kStripes),
        fresh_(0) {}

  bool ok() const noexcept {
    return entries_.ok() && links_.ok() && full_.ok() && empty_.ok();
  }

  // Populates what the first `count` magazines need; see ReservedArray.
  bool Populate(std::size_t count) noexcept {
    bool has_memory = entries_.Populate(0, count * size_);
    has_memory &= links_.Populate(0, count);
    has_memory &= full_.Populate();
    has_memory &= empty_.Populate();
    return has_memory;
  }

  // Takes a full magazine. Returns nullptr if there is none; for `tags` see
  // StripedStack::Pop.
  MagazineEntry* TakeFull(unsigned stripe, std::uint64_t* tags) noexcept {
    const std::uint32_t number = full_.Pop(links_.data(), stripe, tags);
    return number == StripedStack::kNone ? nullptr : &entries_[number * size_];
  }
  void GiveFull(unsigned stripe, MagazineEntry* magazine) noexcept {
    full_.Push(links_.data(), stripe, Number(magazine));
  }

  // Takes an empty magazine. There is always one: `magazines` is as many as the
  // full magazines, the caches and the callers can have together. If none is
  // found, another thread has just taken one or just given one back, and
  // another try finds it.
  MagazineEntry* TakeEmpty(unsigned stripe) noexcept {
    for (;;) {
      std::uint64_t tags = 0;
      const std::uint32_t number = empty_.Pop(links_.data(), stripe, &tags);
      if (number != StripedStack::kNone) return &entries_[number * size_];
      // relaxed: hands out numbers, publishes nothing.
      const std::size_t magazines = links_.size();
      if (fresh_.load(std::memory_order_relaxed) < magazines) {
        const std::size_t fresh =
            fresh_.fetch_add(1, std::memory_order_relaxed);
        if (fresh < magazines) return &entries_[fresh * size_];
      }
    }
  }
  void GiveEmpty(unsigned stripe, MagazineEntry* magazine) noexcept {
    empty_.Push(links_.data(), stripe, Number(magazine));
  }

  // Calls f(magazine) for every full magazine. It is exact only if no thread
  // gives or takes one.
  template <typename F>
  void ForEachFull(F&& f) const {
    full_.ForEach(links_.data(),
                  [&](std::uint32_t number) { f(&entries_[number * size_]); });
  }
  template <typename F>
  void ForEachFull(F&& f) {
    full_.ForEach(links_.data(),
                  [&](std::uint32_t number) { f(&entries_[number * size_]); });
  }

 private:
  static constexpr unsigned kStripes = 16;

  std::uint32_t Number(const MagazineEntry* magazine) const noexcept {
    return static_cast<std::uint32_t>(
        static_cast<std::size_t>(magazine - entries_.data()) / size_);
  }

  const std::size_t size_;
  ReservedArray<MagazineEntry> entries_;
  ReservedArray<StackLink> links_;
  StripedStack full_;
  StripedStack empty_;
  alignas(128) sync::Atomic<std::size_t> fresh_;
};

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_FREE_LIST_MAGAZINE_DEPOT_H_
