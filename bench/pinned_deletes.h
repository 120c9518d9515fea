// Deletes of objects that are pinned at that moment.

#ifndef HAFT_BENCH_PINNED_DELETES_H_
#define HAFT_BENCH_PINNED_DELETES_H_

#include <benchmark/benchmark.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <new>
#include <thread>

#include "bench/machine.h"
#include "bench/repetition.h"
#include "bench/stock.h"
#include "bench/tables.h"

namespace haft::bench {

// Which threads have pins.
enum class Pinner {
  kAlone,   // the deleting thread; no other thread runs
  kItself,  // the deleting thread; another thread runs and does not use them
  kOther,   // another thread, which runs
};

// An operation is a Delete of an object that is pinned. Objects are made and
// pinned four at a time, so that a quarter of a look at the clock is in the
// time, and unpinned afterwards. Only the deletes are timed. The other thread
// is one of the workload's own, and looks an object up all the time. It is for
// one thread that is measured.
template <typename Table, Pinner kPinner>
class PinnedDeletes {
 public:
  static constexpr int kChunk = 4;
  static constexpr int kWarmUpChunks = 8;
  static constexpr bool kKeep = false;

  explicit PinnedDeletes(int /*threads*/) : stock_(kThousand, 2 * kChunk) {
    if (kPinner != Pinner::kAlone) other_ = std::thread([this] { RunOther(); });
  }
  ~PinnedDeletes() {
    // release: as Exchange.
    turn_.store(Turn::kEnd, std::memory_order_release);
    if (other_.joinable()) other_.join();
  }

  class Thread {
   public:
    Thread(PinnedDeletes& shared, int /*index*/)
        : shared_(shared), session_(shared.stock_.table) {}

    void Run() {
      Table& table = shared_.stock_.table;
      for (Key& key : shared_.keys_) {
        key = table.New(session_, Objects());
        if (key == kNoKey) ++failed;
      }
      Pins pins;
      if constexpr (kPinner == Pinner::kOther) {
        shared_.Exchange(Turn::kPin);
      } else {
        pins.Hold(table, shared_.keys_, &wrong);
      }
      const Clock::time_point begin = Clock::now();
      for (const Key key : shared_.keys_)
        if (!table.Delete(key)) ++wrong;
      took_ += Clock::now() - begin;
      deleted_ += kChunk;
      if constexpr (kPinner == Pinner::kOther) shared_.Exchange(Turn::kUnpin);
      pins.LetGo();
    }

    void AddTo(benchmark::UserCounters& counters) {
      wrong += shared_.wrong_;
      counters[kNsPerOp] = took_.count() / deleted_;
      counters[kWrong] = static_cast<double>(wrong);
    }

    std::int64_t wrong = 0;
    std::int64_t failed = 0;

   private:
    using Clock = std::chrono::steady_clock;

    PinnedDeletes& shared_;
    typename Table::Session session_;
    std::chrono::duration<double, std::nano> took_{0};
    double deleted_ = 0;
  };

 private:
  // The part of the other thread that is due.
  enum class Turn { kNone, kPin, kUnpin, kEnd };

  class Pins {
   public:
    ~Pins() { LetGo(); }
    void Hold(Table& table, const Key* keys, std::int64_t* wrong) {
      for (; count_ < kChunk; ++count_) {
        // In place, because not every pin can be moved.
        const auto* const held =
            new (At(count_)) Held(table.Hold(keys[count_]));
        if (!*held) ++*wrong;
      }
    }
    void LetGo() {
      while (count_ > 0) std::launder(At(--count_))->~Held();
    }

   private:
    using Held = typename Table::Held;

    Held* At(int i) { return reinterpret_cast<Held*>(places_[i]); }

    alignas(Held) unsigned char places_[kChunk][sizeof(Held)];
    int count_ = 0;
  };

  // Lets the other thread do its part, and waits until it has.
  void Exchange(Turn turn) {
    // release: publishes the keys. acquire: sees what the other has done.
    turn_.store(turn, std::memory_order_release);
    while (turn_.load(std::memory_order_acquire) == turn)
      std::this_thread::yield();
  }

  void RunOther() {
    PinThread(1, 2);
    const bool shares_cpu = CpuCount() == 1;
    typename Table::Session session(stock_.table);
    Pins pins;
    for (;;) {
      // acquire and release: as Exchange.
      const Turn turn = turn_.load(std::memory_order_acquire);
      if (turn == Turn::kEnd) return;
      if (turn == Turn::kPin) {
        pins.Hold(stock_.table, keys_, &wrong_);
      } else if (turn == Turn::kUnpin) {
        pins.LetGo();
      } else {
        Object* object;
        if (!FindIn(stock_.table, session, stock_.keys[0], &object)) ++wrong_;
        if (shares_cpu) std::this_thread::yield();
        continue;
      }
      Turn expected = turn;
      turn_.compare_exchange_strong(expected, Turn::kNone,
                                    std::memory_order_acq_rel,
                                    std::memory_order_relaxed);
    }
  }

  Stock<Table> stock_;
  Key keys_[kChunk];
  std::int64_t wrong_ = 0;  // of the other thread
  alignas(128) std::atomic<Turn> turn_{Turn::kNone};
  std::thread other_;
};

}  // namespace haft::bench

#endif  // HAFT_BENCH_PINNED_DELETES_H_
