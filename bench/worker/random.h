// Random numbers that are the same on every machine.

#ifndef HAFT_BENCH_WORKER_RANDOM_H_
#define HAFT_BENCH_WORKER_RANDOM_H_

#include <cstddef>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

namespace haft::study {

// The standard fixes the engine's numbers, and leaves those of its
// distributions to the library; so these are our own.
class Random {
 public:
  // Streams of one seed are independent.
  Random(std::uint64_t seed, std::uint64_t stream) {
    std::seed_seq words{static_cast<std::uint32_t>(seed),
                        static_cast<std::uint32_t>(seed >> 32),
                        static_cast<std::uint32_t>(stream),
                        static_cast<std::uint32_t>(stream >> 32)};
    engine_.seed(words);
  }

  // Returns a number from 0 to n-1, for n up to 2^32.
  std::size_t Below(std::uint64_t n) {
    return static_cast<std::size_t>(((engine_() >> 32) * n) >> 32);
  }
  // Puts the elements in any order.
  template <typename T>
  void Shuffle(std::vector<T>& elements) {
    for (std::size_t i = elements.size(); i > 1; --i)
      std::swap(elements[i - 1], elements[Below(i)]);
  }
  // Returns a number in [0, 1).
  double Unit() { return static_cast<double>(engine_() >> 11) * 0x1p-53; }

 private:
  std::mt19937_64 engine_;
};

}  // namespace haft::study

#endif  // HAFT_BENCH_WORKER_RANDOM_H_
