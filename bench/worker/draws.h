// The random choices of one thread, drawn ahead.

#ifndef HAFT_BENCH_WORKER_DRAWS_H_
#define HAFT_BENCH_WORKER_DRAWS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "bench/worker/key_distribution.h"
#include "bench/worker/request.h"

namespace haft::study {

// What a step of a mixed workload does.
enum class Step : std::uint32_t { kFind, kStale, kUpdate };

// A step and the cell that it is about, in one word.
class Draw {
 public:
  Draw(Step step, std::uint32_t cell)
      : word_(cell << 2U | static_cast<std::uint32_t>(step)) {}
  Step step() const { return static_cast<Step>(word_ & 3U); }
  std::uint32_t cell() const { return word_ >> 2U; }

 private:
  std::uint32_t word_;
};
inline constexpr std::size_t kMaxCells = std::size_t{1} << 30U;

// A cyclic sequence of draws. To take one costs a load that is prefetched, so
// that it costs the same beside every table.
class Draws {
 public:
  // For `cells` cells. The length grows with their number, so that every cell
  // of a large table is used, and those of a small one leave the L1 cache to
  // it as far as a stream can.
  Draws(const KeyDistribution& distribution, std::size_t cells, const Mix& mix,
        std::uint64_t seed, std::uint64_t stream);

  // A place in the sequence. A loop works on a copy, which stays in registers.
  class Cursor {
   public:
    [[gnu::always_inline]] Draw Next() {
      at_ = (at_ + 1) & mask_;
      return draws_[at_];
    }

   private:
    friend class Draws;
    Cursor(const Draw* draws, std::size_t mask) : draws_(draws), mask_(mask) {}

    const Draw* draws_;
    std::size_t mask_;
    std::size_t at_ = 0;
  };
  Cursor Begin() const { return Cursor(draws_.data(), draws_.size() - 1); }

 private:
  std::vector<Draw> draws_;
};

}  // namespace haft::study

#endif  // HAFT_BENCH_WORKER_DRAWS_H_
