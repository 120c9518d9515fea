// Workloads over so many objects that it matters whether a thread has used them
// before: it has used all, or it uses each for the first time.

#ifndef HAFT_BENCH_STEADY_H_
#define HAFT_BENCH_STEADY_H_

#include <benchmark/benchmark.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "bench/look_ups.h"
#include "bench/sessions.h"
#include "bench/stock.h"
#include "bench/tables.h"

namespace haft::bench {

// A workload whose threads have used every key before they are measured.
template <typename Workload>
class Steady : public Workload {
 public:
  using Workload::Workload;

  class Thread : public Workload::Thread {
   public:
    Thread(Steady& shared, int index) : Workload::Thread(shared, index) {
      this->UseAll();
    }
  };
};

// Looks up keys that no thread has looked up before, in random order. `kHold`
// look-ups share a session. `failed` counts those for which no new keys were
// left.
template <typename Table, std::size_t kLive, int kHold = 0>
class FirstUses {
 public:
  static constexpr int kChunk = 256;
  static constexpr int kWarmUpChunks = 8;
  static constexpr bool kKeep = true;

  explicit FirstUses(int /*threads*/) : stock_(kLive, 0) { Shuffle(); }

  // Called before each repetition: makes new keys if few are left.
  void SetThreads(int /*threads*/) {
    // relaxed, here and below: the number alone; no thread runs here.
    if (used_.load(std::memory_order_relaxed) < kLive / 2) return;
    for (std::size_t i = 0; i < kLive; ++i) {
      stock_.table.Delete(stock_.keys[i]);
      // One for each, because a guard over all would keep every object alive.
      typename Table::Session session(stock_.table);
      stock_.keys[i] = stock_.table.New(session, Objects() + i);
    }
    Shuffle();
    used_.store(0, std::memory_order_relaxed);
  }

  class Thread {
   public:
    Thread(FirstUses& shared, int /*index*/)
        : sessions_(shared.stock_.table), shared_(shared) {}

    void Run() {
      std::size_t at =
          shared_.used_.fetch_add(kChunk, std::memory_order_relaxed);
      if (at + kChunk > kLive) {
        failed += kChunk;
        at = 0;
      }
      const Key* const keys = &shared_.order_[at];
      sessions_.ForRanges(kChunk, [&](auto& session, int from, int to) {
        wrong +=
            MissesIn(shared_.stock_.table, session, keys + from, to - from);
      });
    }

    std::int64_t wrong = 0;
    std::int64_t failed = 0;

   private:
    Sessions<Table, kHold> sessions_;
    FirstUses& shared_;
  };

 private:
  void Shuffle() {
    // A tour is a permutation, too.
    const std::vector<std::uint32_t>& tour = Tour(kLive);
    for (std::size_t i = 0; i < kLive; ++i) order_[i] = stock_.keys[tour[i]];
  }

  Stock<Table> stock_;
  std::vector<Key> order_ = std::vector<Key>(kLive);
  alignas(128) std::atomic<std::size_t> used_{0};
};

}  // namespace haft::bench

#endif  // HAFT_BENCH_STEADY_H_
