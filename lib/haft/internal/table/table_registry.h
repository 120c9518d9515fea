// The tables of a copy of Haft: what makes the handles of two tables differ,
// and those of the two processes after a fork.

#ifndef HAFT_INTERNAL_TABLE_TABLE_REGISTRY_H_
#define HAFT_INTERNAL_TABLE_TABLE_REGISTRY_H_

#include <cstdint>

#include "haft/internal/base/abi.h"
#include "haft/internal/base/allocated_by_malloc.h"
#include "haft/internal/base/reuse_list.h"
#include "haft/internal/base/spread_sequence.h"
#include "haft/internal/base/sync.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// A free slot's next handle is made before it is needed. After a fork, parent
// and child have the same next handles, and would issue the same words for
// different objects. The child therefore replaces all of its next handles by
// later ones before fork returns there, while it has one thread.
class TableRegistry {
  using Renew = void(void* table, std::uint64_t fraction);

  // One for each table.
  struct Place : ReuseList<Place>::Link, AllocatedByMalloc {
    // The complement of the table's address, or 0, so that LeakSanitizer does
    // not find a table here that nothing else refers to.
    sync::Atomic<std::uintptr_t> table{0};
    sync::Atomic<std::uintptr_t> renew{0};  // a Renew
  };

 public:
  // Returns where in their range the generations of one more table shall begin.
  // The tables of one process lie as far apart as the range allows.
  static std::uint64_t FirstGeneration() noexcept { return starts_.Next(); }

  // A table that is to be renewed in the child of a fork.
  class Member {
   public:
    // In each child, renew(table, fraction) is called with a random fraction.
    // Not async-signal-safe. May allocate. If ok() is false afterwards, there
    // was no memory.
    Member(void* table, Renew* renew) noexcept {
      if constexpr (sync::kForks) {
        fork_hook_.Prepare(&OnForkInChild);
        place_ = places_.Take();
        if (place_ == nullptr) return;
        // relaxed: [F3] publishes it.
        place_->renew.store(reinterpret_cast<std::uintptr_t>(renew),
                            std::memory_order_relaxed);
        // [F3] release: a child that finds the table by [F4] also finds the
        // function, although the place may have had another table before.
        place_->table.store(~reinterpret_cast<std::uintptr_t>(table),
                            std::memory_order_release);
      }
    }
    ~Member() {
      if (place_ == nullptr) return;
      // relaxed: the next owner needs nothing of this one.
      place_->table.store(0, std::memory_order_relaxed);
      places_.Give(*place_);
    }
    Member(const Member&) = delete;
    Member& operator=(const Member&) = delete;

    bool ok() const noexcept { return place_ != nullptr || !sync::kForks; }

   private:
    Place* place_ = nullptr;
  };

 private:
  static void OnForkInChild() noexcept {
    starts_.Restart();
    const std::uint64_t fraction = sync::RandomWord();
    places_.ForEach([fraction](const Place& place) {
      // [F4] acquire: partner of [F3].
      const std::uintptr_t table = place.table.load(std::memory_order_acquire);
      // relaxed: [F4] has made it visible.
      auto* const renew =
          reinterpret_cast<Renew*>(place.renew.load(std::memory_order_relaxed));
      if (table != 0) (*renew)(reinterpret_cast<void*>(~table), fraction);
    });
  }

  [[gnu::visibility("default")]] static inline SpreadSequence starts_;
  [[gnu::visibility("default")]] static inline sync::ForkHook fork_hook_;
  [[gnu::visibility("default")]] static inline ReuseList<Place> places_;
};

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_TABLE_TABLE_REGISTRY_H_
