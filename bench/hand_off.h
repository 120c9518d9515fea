// A workload whose keys are made by one thread and deleted by another.
// look_ups.h defines what a workload is.

#ifndef HAFT_BENCH_HAND_OFF_H_
#define HAFT_BENCH_HAND_OFF_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "bench/ring.h"
#include "bench/stock.h"
#include "bench/tables.h"
#include "bench/updates.h"

namespace haft::bench {

// Each thread of even index makes keys and pushes them into a ring, and the
// next thread pops and deletes them: one by one, or in batches of `kBatch`. An
// operation is one key. The number of threads must be even.
template <typename Table, std::size_t kBatch>
class HandOff {
 public:
  static constexpr int kChunk = 256;
  static constexpr int kWarmUpChunks = 16;
  static constexpr bool kKeep = false;
  static_assert(kChunk % kBatch == 0);

  explicit HandOff(int threads)
      : rings_(static_cast<std::size_t>(threads) / 2),
        stock_(kThousand, static_cast<std::size_t>(threads) * Ring::kCapacity) {
  }

  class Thread : public Worker<Table> {
   public:
    Thread(HandOff& shared, int index)
        : Worker<Table>(shared.stock_.table),
          ring_(shared.rings_[static_cast<std::size_t>(index) / 2]),
          makes_(index % 2 == 0) {}

    void Run() {
      typename Thread::Calls calls(this);
      for (std::size_t i = 0; i < kChunk; i += kBatch)
        makes_ ? Make(calls) : Delete(calls);
    }

   private:
    void Make(typename Thread::Calls& calls) {
      if constexpr (kBatch == 1) {
        // There is room, but a table may report "full" while a Delete is under
        // way.
        while ((keys_[0] = calls.New(object_)) == kNoKey) {
        }
      } else {
        for (std::size_t made = 0;;) {
          made += this->table_.NewBatch(this->session(), objects_ + made,
                                        kBatch - made, keys_ + made);
          if (made == kBatch) break;
          ++this->failed;
        }
      }
      ring_.Push(keys_, kBatch);
    }

    void Delete(typename Thread::Calls& calls) {
      ring_.Pop(keys_, kBatch);
      if constexpr (kBatch == 1) {
        calls.Delete(keys_[0]);
      } else {
        this->wrong += static_cast<std::int64_t>(
            kBatch - this->table_.DeleteBatch(keys_, kBatch));
      }
    }

    Ring& ring_;
    const bool makes_;
    Key keys_[kBatch] = {};
    Object* const object_ = Objects();
    Object* objects_[kBatch] = {};
  };

 private:
  std::vector<Ring> rings_;
  Stock<Table> stock_;
};

}  // namespace haft::bench

#endif  // HAFT_BENCH_HAND_OFF_H_
