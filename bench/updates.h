// Workloads that make and delete keys, while 1,000 other keys are live in the
// table. look_ups.h defines what a workload is.

#ifndef HAFT_BENCH_UPDATES_H_
#define HAFT_BENCH_UPDATES_H_

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "bench/look_ups.h"
#include "bench/sessions.h"
#include "bench/stock.h"
#include "bench/tables.h"

namespace haft::bench {

// The part that all threads of this file share. `kHold` operations share a
// session, as Sessions says.
template <typename Table, int kHold = 0>
class Worker {
 public:
  explicit Worker(Table& table) : sessions_(table), table_(table) {}

  std::int64_t wrong = 0;
  std::int64_t failed = 0;

 protected:
  // The operations, for use as a local variable, so that nothing must be loaded
  // again after each atomic operation. They count only in branches that are
  // never taken, because a store for each operation would delay the next
  // compare-and-swap. They are inlined by force for the same reason: a call is
  // several stores.
  class Calls {
   public:
    explicit Calls(Worker* worker) : Calls(worker, worker->session()) {}
    Calls(Worker* worker, typename Table::Session& session)
        : worker_(*worker), session_(session), table_(worker->table_) {}

    [[gnu::always_inline]] Key New(Object* object) {
      const Key key = table_.New(session_, object);
      if (key == kNoKey) ++worker_.failed;
      return key;
    }
    [[gnu::always_inline]] void Find(Key key) {
      Object* object = nullptr;
      if (!FindIn(table_, session_, key, &object)) ++worker_.wrong;
      benchmark::DoNotOptimize(object);
    }
    [[gnu::always_inline]] void Delete(Key key) {
      if (!table_.Delete(key)) ++worker_.wrong;
    }

   private:
    Worker& worker_;
    typename Table::Session& session_;
    Table& table_;
  };

  typename Table::Session& session() { return sessions_.session(); }

  Sessions<Table, kHold> sessions_;
  Table& table_;
};

// Each operation is a New and a Delete of one key, with a look-up between them
// if `kFind`.
template <typename Table, bool kFind>
class Churn {
 public:
  static constexpr int kChunk = 256;
  static constexpr int kWarmUpChunks = 8;
  static constexpr bool kKeep = false;

  explicit Churn(int threads)
      : stock_(kThousand, static_cast<std::size_t>(threads) * 2) {}

  class Thread : public Worker<Table> {
   public:
    Thread(Churn& shared, int) : Worker<Table>(shared.stock_.table) {}
    void Run() {
      typename Thread::Calls calls(this);
      Object* object = Objects();
      for (int i = 0; i < kChunk; ++i) {
        const Key key = calls.New(object++);
        if (key == kNoKey) continue;
        if constexpr (kFind) calls.Find(key);
        calls.Delete(key);
      }
    }
  };

 protected:
  Stock<Table> stock_;
};

// Calls New 256 times, then Delete 256 times. An operation is one pair.
template <typename Table>
class Bursts {
 public:
  static constexpr int kChunk = 256;
  static constexpr int kWarmUpChunks = 8;
  static constexpr bool kKeep = false;

  explicit Bursts(int threads)
      : stock_(kThousand, static_cast<std::size_t>(threads) * (kChunk + 1)) {}

  class Thread : public Worker<Table> {
   public:
    Thread(Bursts& shared, int) : Worker<Table>(shared.stock_.table) {}
    void Run() {
      typename Thread::Calls calls(this);
      Object* object = Objects();
      for (Key& key : keys_) key = calls.New(object++);
      for (const Key key : keys_)
        if (key != kNoKey) calls.Delete(key);
    }

   private:
    Key keys_[kChunk];
  };

 private:
  Stock<Table> stock_;
};

// 90 % of the operations are look-ups, 5 % New and 5 % Delete, in random order.
// Each thread uses its own share of the `kLive` keys, so that no look-up may
// miss. A share is a run of keys that were made one after the other. If
// `kInterleaved`, it is every nth key of n threads, so that the slots of
// different threads lie side by side.
template <typename Table, std::size_t kLive, bool kInterleaved, int kHold = 0>
class Mixed {
 public:
  static constexpr int kChunk = 256;
  static constexpr int kWarmUpChunks = LookUpWarmUp(kLive);
  static constexpr bool kKeep = IsKept(kLive);

  explicit Mixed(int threads) : stock_(kLive, kThousand) {
    SetThreads(threads);
  }

  // Divides the keys again, among `threads` threads.
  void SetThreads(int threads) {
    const std::size_t count = static_cast<std::size_t>(threads);
    if (shares_.size() == count) return;
    std::vector<Key> keys;
    for (const std::vector<Key>& share : shares_)
      keys.insert(keys.end(), share.begin(), share.end());
    if (keys.empty()) keys.swap(stock_.keys);
    shares_.assign(count, {});
    const std::size_t each = keys.size() / count;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const std::size_t run = i / each < count ? i / each : count - 1;
      shares_[kInterleaved ? i % count : run].push_back(keys[i]);
    }
  }

  class Thread : public Worker<Table, kHold> {
   public:
    Thread(Mixed& shared, int index)
        : Worker<Table, kHold>(shared.stock_.table),
          keys_(shared.shares_[static_cast<std::size_t>(index)]),
          at_(Start(Draws().size(), kChunk)) {}
    ~Thread() {
      if (spare_ != kNoKey) this->table_.Delete(spare_);
    }

    // Looks up each key of the thread's share.
    void UseAll() {
      this->sessions_.ForRanges(
          static_cast<int>(keys_.size()), [&](auto& session, int from, int to) {
            typename Thread::Calls calls(this, session);
            for (int i = from; i < to; ++i)
              calls.Find(keys_[static_cast<std::size_t>(i)]);
          });
    }

    void Run() {
      const std::uint32_t* const draws = &Draws()[at_];
      this->sessions_.ForRanges(kChunk, [&](auto& session, int from, int to) {
        Mix(session, draws + from, to - from);
      });
      at_ = (at_ + kChunk) & (Draws().size() - 1);
    }

   private:
    // The measured loop, with all in local variables.
    [[gnu::always_inline]] void Mix(typename Table::Session& session,
                                    const std::uint32_t* draws, int count) {
      typename Thread::Calls calls(this, session);
      Key* const keys = keys_.data();
      const std::size_t size = keys_.size();
      Object* const object = Objects();
      for (int i = 0; i < count; ++i) {
        Key& key = keys[Scale(draws[i], size)];
        // The low bits of a number select the operation, the high bits the key.
        if (draws[i] % 1024 >= kUpdatesIn1024) {
          calls.Find(key);
        } else if (spare_ == kNoKey) {
          spare_ = calls.New(object);
        } else {
          calls.Delete(key);
          key = spare_;
          spare_ = kNoKey;
        }
      }
    }

    static constexpr std::uint32_t kUpdatesIn1024 = 102;

    std::vector<Key>& keys_;
    std::size_t at_;
    Key spare_ = kNoKey;
  };

 private:
  Stock<Table> stock_;
  std::vector<std::vector<Key>> shares_;
};

}  // namespace haft::bench

#endif  // HAFT_BENCH_UPDATES_H_
