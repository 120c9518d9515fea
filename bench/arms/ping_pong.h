// The yardsticks of what a cache line takes from one core to another.

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
//
// With kLines > 0 a thread that has its turn first adds 0 to a word on each of
// as many lines. The word tells which line is the next, so that the thread
// waits for each of them, and nobody else wants it meanwhile.
template <unsigned kLines>
class BasicPingPong {
  struct Link {
    alignas(128) std::atomic<unsigned> next{0};
  };
  struct Line {
    // The side whose turn it is, and how many of the two there are.
    alignas(128) std::atomic<unsigned> turn{0};
    std::atomic<unsigned> present{0};
    std::atomic<bool> is_taken[2]{};
    Link chain[kLines + 1];
  };

 public:
  static constexpr bool kRefusesStale = false;

  class Session {
   public:
    // Takes the first side that is free. The worker's main thread has had a
    // session before, so that counting sessions would pair nobody.
    explicit Session(BasicPingPong& table) {
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
        if (kLines != 0) {
          // acquire: as above.
          if (line_->turn.load(std::memory_order_acquire) == side_) {
            Walk();
            // release: hands the turn over.
            line_->turn.store(1 - side_, std::memory_order_release);
            return;
          }
        } else if (line_->turn.compare_exchange_strong(
                       turn, 1 - side_, std::memory_order_acq_rel,
                       std::memory_order_relaxed)) {
          return;
        }
        if (line_->present.load(std::memory_order_relaxed) != 2) return;
        if (tries % kTries == 0) std::this_thread::yield();
      }
    }

   private:
    void Walk() {
      // acq_rel: no line is asked for before the last one is there.
      for (unsigned i = 0, at = 0; i < kLines; ++i)
        at = line_->chain[at].next.fetch_add(0, std::memory_order_acq_rel);
    }

    // So many that a thread yields only if its partner does not run. If it
    // yielded sooner, the partner would wait for the system call, yield too,
    // and the two would hand system calls to and fro.
    static constexpr unsigned kTries = 1u << 13;
    Line* line_;
    unsigned side_;
  };

  BasicPingPong(std::size_t, std::size_t threads) : lines_(threads / 2 + 1) {
    static_assert((kLines & (kLines - 1)) == 0, "a power of two, or 0");
    // A cycle of all lines with steps of many lengths, which is hard to guess
    // for a processor.
    for (Line& line : lines_) {
      for (unsigned i = 0; i < kLines; ++i) {
        line.chain[i].next.store((5 * i + 1) % kLines,
                                 std::memory_order_relaxed);
      }
    }
  }
  Key New(Value value) { return value; }
  bool Find(Session& session, Key key, Value* value) {
    session.Pass();
    *value = key;
    return true;
  }

 private:
  std::vector<Line> lines_;
};

using PingPong = BasicPingPong<0>;
using Relay = BasicPingPong<32>;  // as in bench/study/calibrate.py

}  // namespace haft::study

#endif  // HAFT_BENCH_ARMS_PING_PONG_H_
