// The part that all maps share: a source of keys.

#ifndef HAFT_BENCH_TABLES_KEYED_TABLE_H_
#define HAFT_BENCH_TABLES_KEYED_TABLE_H_

#include <atomic>

#include "bench/tables/key.h"

namespace haft::bench {

// A map needs a source of keys. A counter from which threads draw blocks is the
// cheapest source that never repeats a key, and its runs of successive keys are
// the best case of every map here.
class KeyCounter {
 public:
  class Block {
   public:
    explicit Block(KeyCounter& counter) : counter_(counter) {}
    Key Next() {
      if (next_ == end_) {
        next_ = counter_.next_.fetch_add(kBlock, std::memory_order_relaxed);
        end_ = next_ + kBlock;
      }
      return next_++;
    }

   private:
    KeyCounter& counter_;
    Key next_ = 0;
    Key end_ = 0;
  };

 private:
  static constexpr Key kBlock = 1024;
  alignas(128) std::atomic<Key> next_{1};
};

// Keys, and a session that draws them.
class KeyedTable {
 public:
  struct Session {
    explicit Session(KeyedTable& table) : keys(table.counter_) {}
    KeyCounter::Block keys;
  };

 private:
  KeyCounter counter_;
};

}  // namespace haft::bench

#endif  // HAFT_BENCH_TABLES_KEYED_TABLE_H_
