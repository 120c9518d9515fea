// Random numbers that a seed determines.

#ifndef HAFT_BENCH_SIMULATOR_RANDOM_H_
#define HAFT_BENCH_SIMULATOR_RANDOM_H_

#include <cstdint>

namespace haft::simulator {

// SplitMix64.
class Random {
 public:
  explicit Random(std::uint64_t seed) noexcept : state_(seed) {}

  std::uint64_t Next() noexcept {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
  }
  // Returns a number below `bound`, which is not 0. The bias is below
  // bound / 2^64.
  std::uint64_t Below(std::uint64_t bound) noexcept { return Next() % bound; }

 private:
  std::uint64_t state_;
};

}  // namespace haft::simulator

#endif  // HAFT_BENCH_SIMULATOR_RANDOM_H_
