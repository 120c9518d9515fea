// The time of each single operation.

#ifndef HAFT_BENCH_LATENCIES_H_
#define HAFT_BENCH_LATENCIES_H_

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>

#include "bench/repetition.h"
#include "bench/stock.h"
#include "bench/tables.h"
#include "bench/worker/clock.h"
#include "bench/worker/histogram.h"

namespace haft::bench {

// The operation that is timed.
enum class Timed {
  kNothing,  // two looks at the clock follow each other
  kNew,      // of 256 that are deleted afterwards
  kDelete,   // of 256 that were made before
  kPin,      // of any of 1,000 objects; the unpin is not in the time
};

// The figures are those of the first thread. The other threads do the same.
template <typename Table, Timed kTimed>
class Latencies {
 public:
  static constexpr int kChunk = 256;
  static constexpr int kWarmUpChunks = 8;
  static constexpr bool kKeep = false;

  explicit Latencies(int threads)
      : stock_(kThousand, static_cast<std::size_t>(threads) * (kChunk + 1)) {}

  class Thread {
   public:
    Thread(Latencies& shared, int index)
        : keys_(shared.stock_.keys),
          table_(shared.stock_.table),
          session_(shared.stock_.table),
          is_first_(index == 0),
          at_(Start(Draws().size(), kChunk)) {}

    void Run() {
      if constexpr (kTimed == Timed::kNothing) {
        for (int i = 0; i < kChunk; ++i) Time<true>([] {});
      } else if constexpr (kTimed == Timed::kPin) {
        for (int i = 0; i < kChunk; ++i) TimePin(keys_[KeyAt(i)]);
        at_ = (at_ + kChunk) & (Draws().size() - 1);
      } else {
        for (Key& key : made_) {
          Time<kTimed == Timed::kNew>(
              [&] { key = table_.New(session_, Objects()); });
        }
        for (const Key key : made_) {
          bool deleted = false;
          Time<kTimed == Timed::kDelete>([&] { deleted = table_.Delete(key); });
          if (key == kNoKey) {
            ++failed;
          } else if (!deleted) {
            ++wrong;
          }
        }
      }
    }

    void AddTo(benchmark::UserCounters& counters) const {
      if (!is_first_) return;
      for (const Percentile& percentile : kPercentiles) {
        counters[percentile.name] =
            static_cast<double>(histogram_.Quantile(percentile.quantile));
      }
    }

    std::int64_t wrong = 0;
    std::int64_t failed = 0;

   private:
    template <bool kTime, typename F>
    [[gnu::always_inline]] void Time(F operate) {
      if constexpr (!kTime) return operate();
      const std::int64_t begin = study::NowNs();
      operate();
      histogram_.Record(study::NowNs() - begin);
    }

    void TimePin(Key key) {
      const std::int64_t begin = study::NowNs();
      const auto held = table_.Hold(key);
      histogram_.Record(study::NowNs() - begin);
      if (!held) ++wrong;
    }
    std::size_t KeyAt(int i) const {
      return Scale(Draws()[at_ + static_cast<std::size_t>(i)], kThousand);
    }

    const std::vector<Key>& keys_;
    Table& table_;
    typename Table::Session session_;
    const bool is_first_;
    std::size_t at_;
    Key made_[kChunk] = {};
    study::Histogram histogram_;
  };

 private:
  Stock<Table> stock_;
};

}  // namespace haft::bench

#endif  // HAFT_BENCH_LATENCIES_H_
