// The yardsticks: rows that the other figures are divided by.

#ifndef HAFT_BENCH_YARDSTICKS_H_
#define HAFT_BENCH_YARDSTICKS_H_

#include <benchmark/benchmark.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "bench/tables.h"

namespace haft::bench {

// The key is an index into an array, and nothing is checked. It serves look-ups
// only. A pointer takes `kBytes` of the array.
template <std::size_t kBytes>
class BasicArrayTable {
 public:
  struct Session {
    explicit Session(BasicArrayTable&) {}
  };

  // Key 0 means no key.
  explicit BasicArrayTable(std::size_t capacity) : array_(1) {
    array_.reserve(capacity + 1);
  }
  Key New(Session&, Object* object) {
    array_.push_back({object});
    return array_.size() - 1;
  }
  bool Find(Key key, Object** object) {
    *object = array_[key].object;
    return true;
  }

 private:
  struct alignas(kBytes) Element {
    Object* object;
  };
  std::vector<Element> array_;
};
using ArrayTable = BasicArrayTable<sizeof(Object*)>;

// The key is the pointer and there is no table, so it shows the cost of the
// loop.
class PointerTable {
 public:
  struct Session {
    explicit Session(PointerTable&) {}
  };

  explicit PointerTable(std::size_t) {}
  Key New(Session&, Object* object) { return reinterpret_cast<Key>(object); }
  bool Find(Key key, Object** object) {
    *object = reinterpret_cast<Object*>(key);
    return true;
  }
  bool Delete(Key key) {
    benchmark::DoNotOptimize(key);
    return true;
  }
  std::size_t NewBatch(Session&, Object* const* objects, std::size_t count,
                       Key* keys) {
    for (std::size_t i = 0; i < count; ++i)
      keys[i] = reinterpret_cast<Key>(objects[i]);
    return count;
  }
  std::size_t DeleteBatch(const Key* keys, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      Key key = keys[i];
      benchmark::DoNotOptimize(key);
    }
    return count;
  }
};

// A compare-and-swap that succeeds, on a cache line of the thread's own.
class OneCas {
 public:
  static constexpr int kChunk = 256;
  static constexpr int kWarmUpChunks = 8;
  static constexpr bool kKeep = false;

  explicit OneCas(int /*threads*/) {}

  class Thread {
   public:
    Thread(OneCas&, int) {}
    void Run() {
      std::uint64_t expected = value_;
      for (int i = 0; i < kChunk; ++i) {
        if (!word_.compare_exchange_strong(expected, expected + 1,
                                           std::memory_order_acq_rel,
                                           std::memory_order_relaxed))
          ++wrong;
        ++expected;
      }
      value_ = expected;
    }

    std::int64_t wrong = 0;
    std::int64_t failed = 0;

   private:
    std::uint64_t value_ = 0;
    alignas(128) std::atomic<std::uint64_t> word_{0};
  };
};

}  // namespace haft::bench

#endif  // HAFT_BENCH_YARDSTICKS_H_
