// The yardstick of what a cache line takes from one core to another.

#ifndef HAFT_BENCH_ARMS_PING_PONG_H_
#define HAFT_BENCH_ARMS_PING_PONG_H_

#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

#include "haft_study/arm.h"

namespace haft::study {

// Each look-up waits until the partner has done one: two threads hand a word to
// and fro by compare-and-swaps that each side repeats until one succeeds, as
// published tables of core-to-core latencies do. A thread without a partner, or
// whose partner has ended, does not wait.
class PingPong {
  struct Line {
    // The side whose turn it is, and how many of the two there are.
    alignas(128) std::atomic<unsigned> turn{0};
    std::atomic<unsigned> present{0};
    std::atomic<bool> is_taken[2]{};
  };

 public:
  static constexpr bool kRefusesStale = false;

  class Session {
   public:
    // Takes the first side that is free. The worker's main thread has had a
    // session before, so that counting sessions would pair nobody.
    explicit Session(PingPong& table) {
      for (std::size_t i = 0;; ++i) {
        line_ = &table.lines_[i / 2];
        side_ = i % 2;
        // relaxed, all: nothing is read because of them.
        if (!line_->is_taken[side_].exchange(true, std::memory_order_relaxed))
          break;
      }
      line_->present.fetch_add(1, std::memory_order_relaxed);
    }
    ~Session() {
      line_->present.fetch_sub(1, std::memory_order_relaxed);
      line_->is_taken[side_].store(false, std::memory_order_relaxed);
    }
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    void Pass() {
      for (unsigned tries = 1;; ++tries) {
        unsigned turn = side_;
        // acq_rel: as a lock that is handed over. relaxed, the others: as in
        // Session.
        if (line_->turn.compare_exchange_strong(turn, 1 - side_,
                                                std::memory_order_acq_rel,
                                                std::memory_order_relaxed))
          return;
        if (line_->present.load(std::memory_order_relaxed) != 2) return;
        if (tries % kTries == 0) std::this_thread::yield();
      }
    }

   private:
    // So many that a thread yields only if its partner does not run. If it
    // yielded sooner, the partner would wait for the system call, yield too,
    // and the two would hand system calls to and fro.
    static constexpr unsigned kTries = 1u << 13;
    Line* line_;
    unsigned side_;
  };

  PingPong(std::size_t, std::size_t threads) : lines_(threads / 2 + 1) {}
  Key New(Value value) { return value; }
  bool Find(Session& session, Key key, Value* value) {
    session.Pass();
    *value = key;
    return true;
  }

 private:
  std::vector<Line> lines_;
};

}  // namespace haft::study

#endif  // HAFT_BENCH_ARMS_PING_PONG_H_
