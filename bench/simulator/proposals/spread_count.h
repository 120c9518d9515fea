// A count that many threads change and few read.

#ifndef HAFT_BENCH_SIMULATOR_PROPOSALS_SPREAD_COUNT_H_
#define HAFT_BENCH_SIMULATOR_PROPOSALS_SPREAD_COUNT_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "haft/internal/base/abi.h"
#include "haft/internal/base/reserved_array.h"
#include "haft/internal/base/sync.h"
#include "haft/internal/thread/thread_registry.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// The sum of one cell for each thread index. A thread changes its own cell, on
// lines that no other thread writes. It takes the place of an
// Atomic<std::size_t> that is only added to, subtracted from and read.
class SpreadCount {
 public:
  SpreadCount() noexcept
      : cells_(sync::kMaxThreads + 1),
        registry_(&ThreadRegistry::OfThisCopy()) {}

  bool ok() const noexcept { return cells_.ok(); }

  // Wait-free. The cell of a thread may become negative, because one thread
  // adds and another one subtracts. It is an addition and not a store because
  // threads without an index share the cell 0, and because a signal handler may
  // interrupt its own thread here.
  void fetch_add(std::size_t n, std::memory_order order) noexcept {
    cells_[registry_->Index()].part.fetch_add(n, order);
  }
  void fetch_sub(std::size_t n, std::memory_order order) noexcept {
    cells_[registry_->Index()].part.fetch_sub(n, order);
  }

  // Returns the sum. It is exact if no thread changes the count. Otherwise it
  // may be wrong by as much as is changed meanwhile, but is never negative.
  //   Cost  a line for each index up to the highest that was ever claimed
  std::size_t load(std::memory_order order) const noexcept {
    std::size_t sum = 0;
    for (unsigned i = 0; i <= registry_->Reach(); ++i)
      sum += cells_[i].part.load(order);
    return static_cast<std::ptrdiff_t>(sum) < 0 ? 0 : sum;
  }

 private:
  struct alignas(128) Cell {
    sync::Atomic<std::size_t> part;
  };

  ReservedArray<Cell> cells_;
  ThreadRegistry* const registry_;
};

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_BENCH_SIMULATOR_PROPOSALS_SPREAD_COUNT_H_
