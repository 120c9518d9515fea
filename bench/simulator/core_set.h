// A set of simulated cores.

#ifndef HAFT_BENCH_SIMULATOR_CORE_SET_H_
#define HAFT_BENCH_SIMULATOR_CORE_SET_H_

#include <cstdint>

namespace haft::simulator {

// The number of a core, from 0.
using CoreNumber = unsigned;

inline constexpr unsigned kMostCores = 256;

class CoreSet {
 public:
  bool Contains(CoreNumber core) const noexcept {
    return (words_[core / 64] >> core % 64 & 1) != 0;
  }
  void Insert(CoreNumber core) noexcept {
    words_[core / 64] |= std::uint64_t{1} << core % 64;
  }
  void Erase(CoreNumber core) noexcept {
    words_[core / 64] &= ~(std::uint64_t{1} << core % 64);
  }
  void Clear() noexcept { *this = CoreSet(); }
  bool empty() const noexcept {
    return (words_[0] | words_[1] | words_[2] | words_[3]) == 0;
  }

  // Calls f(core) for each member, the lowest number first.
  template <typename F>
  void ForEach(F&& f) const {
    for (unsigned w = 0; w < kMostCores / 64; ++w) {
      for (std::uint64_t left = words_[w]; left != 0; left &= left - 1)
        f(w * 64 + static_cast<unsigned>(__builtin_ctzll(left)));
    }
  }

 private:
  std::uint64_t words_[kMostCores / 64] = {};
};

}  // namespace haft::simulator

#endif  // HAFT_BENCH_SIMULATOR_CORE_SET_H_
