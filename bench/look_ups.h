// Workloads that only read.
//
// A workload holds the data that the threads of one repetition share. Its
// Thread is one of them, and Thread::Run does kChunk operations. `wrong` counts
// answers that no correct table gives; `failed` counts operations that a table
// may refuse.

#ifndef HAFT_BENCH_LOOK_UPS_H_
#define HAFT_BENCH_LOOK_UPS_H_

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "bench/sessions.h"
#include "bench/stock.h"
#include "bench/tables.h"

namespace haft::bench {

// Building a large table takes too long for doing it at each repetition.
constexpr bool IsKept(std::size_t live) { return live > kThousand; }
constexpr int LookUpWarmUp(std::size_t live) { return IsKept(live) ? 4096 : 8; }

enum class Which {
  kUniform,  // any live key
  kHot,      // always the same live key
  kStale,    // any of as many deleted keys
};

// Returns how many of `count` keys are not found. It has all in local
// variables, because a store for each operation would delay the next
// compare-and-swap.
template <typename Table>
[[gnu::always_inline]] inline std::int64_t MissesIn(
    Table& table, typename Table::Session& session, const Key* keys,
    int count) {
  std::uint64_t sum = 0;
  std::int64_t misses = 0;
  for (int i = 0; i < count; ++i) {
    Object* object;
    if (FindIn(table, session, keys[i], &object)) {
      sum += reinterpret_cast<std::uintptr_t>(object);
    } else {
      ++misses;
    }
  }
  benchmark::DoNotOptimize(sum);
  return misses;
}

// Measures throughput: the keys of the look-ups are known in advance. `kHold`
// look-ups share a session, as Sessions says.
template <typename Table, std::size_t kLive, Which kWhich, int kHold = 0>
class LookUps {
 public:
  static constexpr int kChunk = 256;
  static constexpr int kWarmUpChunks = LookUpWarmUp(kLive);
  static constexpr bool kKeep = IsKept(kLive);

  explicit LookUps(int /*threads*/) : stock_(kLive, kLive) {
    if constexpr (kWhich == Which::kStale) {
      typename Table::Session session(stock_.table);
      for (Key& key : stock_.keys) stock_.table.Delete(key);
      stale_ = stock_.keys;
      for (Key& key : stock_.keys) key = stock_.table.New(session, Objects());
    }
    const std::vector<Key>& from =
        kWhich == Which::kStale ? stale_ : stock_.keys;
    for (std::size_t i = 0; i < sequence_.size(); ++i) {
      sequence_[i] = from[kWhich == Which::kHot ? 0 : Scale(Draws()[i], kLive)];
    }
  }

  class Thread {
   public:
    Thread(LookUps& shared, int /*index*/)
        : sessions_(shared.stock_.table),
          table_(shared.stock_.table),
          live_(shared.stock_.keys),
          keys_(shared.sequence_),
          at_(Start(keys_.size(), kChunk)) {}

    // Looks up each live key.
    void UseAll() { wrong += Misses(live_.data(), static_cast<int>(kLive)); }

    void Run() {
      const std::int64_t misses = Misses(&keys_[at_], kChunk);
      wrong += kWhich == Which::kStale ? kChunk - misses : misses;
      at_ = (at_ + kChunk) & (keys_.size() - 1);
    }

    std::int64_t wrong = 0;
    std::int64_t failed = 0;

   private:
    // Returns how many of `count` keys are not live.
    [[gnu::always_inline]] std::int64_t Misses(const Key* keys, int count) {
      std::int64_t misses = 0;
      sessions_.ForRanges(count, [&](auto& session, int from, int to) {
        misses += MissesIn(table_, session, keys + from, to - from);
      });
      return misses;
    }

    Sessions<Table, kHold> sessions_;
    Table& table_;
    const std::vector<Key>& live_;
    const std::vector<Key>& keys_;
    std::size_t at_;
  };

 private:
  Stock<Table> stock_;
  std::vector<Key> stale_;
  // So few that they stay in the L1 cache, or so many that every look-up has
  // another key.
  std::vector<Key> sequence_ =
      std::vector<Key>(kLive <= kThousand ? 2048 : Draws().size());
};

// Measures latency: each look-up gets its key from the value of the last one.
template <typename Table, std::size_t kLive>
class DependentLookUps {
 public:
  static constexpr int kChunk = 256;
  static constexpr int kWarmUpChunks = LookUpWarmUp(kLive);
  static constexpr bool kKeep = IsKept(kLive);

  explicit DependentLookUps(int /*threads*/) : stock_(kLive, 0) {}

  class Thread {
   public:
    Thread(DependentLookUps& shared, int /*index*/)
        : session_(shared.stock_.table),
          table_(shared.stock_.table),
          keys_(shared.stock_.keys),
          at_(Start(kLive, 1)) {}

    void Run() {
      const Key* const keys = keys_.data();
      Object* const objects = Objects();
      std::size_t at = at_;
      for (int i = 0; i < kChunk; ++i) {
        Object* object;
        if (table_.Find(keys[at], &object)) {
          at = static_cast<std::size_t>(object - objects);
        } else {
          ++wrong;
        }
      }
      at_ = at;
      benchmark::DoNotOptimize(at_);
    }

    std::int64_t wrong = 0;
    std::int64_t failed = 0;

   private:
    typename Table::Session session_;
    Table& table_;
    const std::vector<Key>& keys_;
    std::size_t at_;
  };

 private:
  Stock<Table> stock_;
};

}  // namespace haft::bench

#endif  // HAFT_BENCH_LOOK_UPS_H_
