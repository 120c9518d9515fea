// Filling a table that is empty and has not been used.

#ifndef HAFT_BENCH_FILLING_H_
#define HAFT_BENCH_FILLING_H_

#include <benchmark/benchmark.h>
#include <sys/mman.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <vector>

#include "bench/repetition.h"
#include "bench/stock.h"
#include "bench/tables.h"

namespace haft::bench {

// An operation is a New, of which `kLive` fill a table. The table is made and
// destroyed outside the time.
template <typename Table, std::size_t kLive>
class Filling {
 public:
  static constexpr int kChunk = static_cast<int>(kLive);
  static constexpr int kWarmUpChunks = 0;
  static constexpr bool kKeep = true;  // for the memory of the keys alone

  explicit Filling(int /*threads*/) {}

  class Thread {
   public:
    Thread(Filling& shared, int /*index*/) : keys_(shared.keys_) {}

    void Run() {
      const auto table = std::make_unique<Table>(kLive);
      typename Table::Session session(*table);
      Object* const objects = Objects();
      const Clock::time_point begin = Clock::now();
      for (std::size_t i = 0; i < kLive; ++i) {
        keys_[i] = table->New(session, objects + i);
        if (keys_[i] == kNoKey) ++failed;
      }
      took_ += Clock::now() - begin;
      made_ += kLive;
    }

    void AddTo(benchmark::UserCounters& counters) {
      counters[kNsPerOp] = took_.count() / static_cast<double>(made_);
    }

    std::int64_t wrong = 0;
    std::int64_t failed = 0;

   private:
    using Clock = std::chrono::steady_clock;

    std::vector<Key>& keys_;
    std::chrono::duration<double, std::nano> took_{0};
    std::size_t made_ = 0;
  };

 private:
  std::vector<Key> keys_ = std::vector<Key>(kLive);
};

// The floor: each New takes the next element of an array of pairs of words
// whose pages no one has touched, as those of a new table.
class UntouchedArray {
 public:
  struct Session {
    explicit Session(UntouchedArray&) {}
  };

  explicit UntouchedArray(std::size_t capacity)
      : bytes_((capacity + 1) * sizeof(Slot)),
        slots_(static_cast<Slot*>(mmap(nullptr, bytes_, PROT_READ | PROT_WRITE,
                                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))) {
    if (slots_ == MAP_FAILED) throw std::bad_alloc();
  }
  ~UntouchedArray() { munmap(slots_, bytes_); }
  UntouchedArray(const UntouchedArray&) = delete;
  UntouchedArray& operator=(const UntouchedArray&) = delete;

  Key New(Session&, Object* object) {
    ++size_;
    slots_[size_] = {size_, object};
    return size_;
  }

 private:
  struct Slot {
    std::size_t key;
    Object* object;
  };
  const std::size_t bytes_;
  Slot* const slots_;
  std::size_t size_ = 0;
};

}  // namespace haft::bench

#endif  // HAFT_BENCH_FILLING_H_
