// The stock that workloads share: objects, random numbers, and a table with
// live keys. It is made outside the timing and is the same for every table.

#ifndef HAFT_BENCH_STOCK_H_
#define HAFT_BENCH_STOCK_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <random>
#include <utility>
#include <vector>

#include "bench/tables.h"

namespace haft::bench {

inline constexpr std::size_t kThousand = 1000;
inline constexpr std::size_t kMillion = 1000 * kThousand;

// Random numbers, the same in every run. Their number is a power of two.
inline const std::vector<std::uint32_t>& Draws() {
  static const std::vector<std::uint32_t> draws = [] {
    std::vector<std::uint32_t> numbers(std::size_t{1} << 20);
    std::mt19937 random(37033);
    for (std::uint32_t& number : numbers)
      number = static_cast<std::uint32_t>(random());
    return numbers;
  }();
  return draws;
}

// Returns `draw` scaled to 0..n-1.
inline std::size_t Scale(std::uint32_t draw, std::size_t n) {
  return static_cast<std::size_t>((std::uint64_t{draw} * n) >> 32);
}

inline Object* Objects() {
  static std::vector<Object> objects(kMillion);
  return objects.data();
}

// Returns, for each of n elements, the next one on a random tour of all of them
// (Sattolo's algorithm).
inline const std::vector<std::uint32_t>& Tour(std::size_t n) {
  const auto make = [](std::size_t size) {
    std::vector<std::uint32_t> next(size);
    std::iota(next.begin(), next.end(), 0);
    for (std::size_t i = size - 1; i > 0; --i)
      std::swap(next[i], next[Scale(Draws()[i % Draws().size()], i)]);
    return next;
  };
  static const std::vector<std::uint32_t> small = make(kThousand);
  static const std::vector<std::uint32_t> large = make(kMillion);
  return n == kThousand ? small : large;
}

// A table in which `live` keys are live, which one thread has made one after
// the other. Key i maps to object Tour(live)[i]. The table has room for `more`
// keys.
template <typename Table>
struct Stock {
  Stock(std::size_t live, std::size_t more) : table(live + more), keys(live) {
    const std::vector<std::uint32_t>& tour = Tour(live);
    typename Table::Session session(table);
    for (std::size_t i = 0; i < live; ++i)
      keys[i] = table.New(session, Objects() + tour[i]);
  }

  Table table;
  std::vector<Key> keys;
};

// Returns a position in a sequence of `size` (a power of two) that is a
// multiple of `chunk`, and another one at each call.
inline std::size_t Start(std::size_t size, std::size_t chunk) {
  static std::atomic<std::uint64_t> calls{0};
  const std::uint64_t mixed =
      calls.fetch_add(1, std::memory_order_relaxed) * 0x9e3779b97f4a7c15u;
  return static_cast<std::size_t>(mixed >> 32) % size / chunk * chunk;
}

}  // namespace haft::bench

#endif  // HAFT_BENCH_STOCK_H_
