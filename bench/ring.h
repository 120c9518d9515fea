// A bounded queue from one thread to another.

#ifndef HAFT_BENCH_RING_H_
#define HAFT_BENCH_RING_H_

#include <atomic>
#include <cstddef>
#include <thread>

#include "bench/tables/key.h"

namespace haft::bench {

// Lamport's ring. Each side remembers the other side's position as it last read
// it. Calls wait until everything is pushed or popped.
class Ring {
 public:
  static constexpr std::size_t kCapacity = 1024;

  void Push(const Key* keys, std::size_t count) {
    const std::size_t tail = tail_.load(std::memory_order_relaxed);
    WaitUntil([&] {
      if (tail + count - head_seen_ <= kCapacity) return true;
      // acquire: the other side has read the popped keys before they are
      // overwritten.
      head_seen_ = head_.load(std::memory_order_acquire);
      return tail + count - head_seen_ <= kCapacity;
    });
    for (std::size_t i = 0; i < count; ++i)
      keys_[(tail + i) % kCapacity] = keys[i];
    // release: publishes the keys.
    tail_.store(tail + count, std::memory_order_release);
  }

  void Pop(Key* keys, std::size_t count) {
    const std::size_t head = head_.load(std::memory_order_relaxed);
    WaitUntil([&] {
      if (tail_seen_ - head >= count) return true;
      // acquire: sees the pushed keys.
      tail_seen_ = tail_.load(std::memory_order_acquire);
      return tail_seen_ - head >= count;
    });
    for (std::size_t i = 0; i < count; ++i)
      keys[i] = keys_[(head + i) % kCapacity];
    // release: the keys have been read before the other side overwrites them.
    head_.store(head + count, std::memory_order_release);
  }

 private:
  template <typename Condition>
  static void WaitUntil(Condition condition) {
    // Polling without a pause would take the cache line of the position away
    // from the other side for each single key. The other side may also need
    // this CPU.
    while (!condition()) std::this_thread::yield();
  }

  alignas(128) std::atomic<std::size_t> tail_{0};
  std::size_t head_seen_ = 0;
  alignas(128) std::atomic<std::size_t> head_{0};
  std::size_t tail_seen_ = 0;
  alignas(128) Key keys_[kCapacity];
};

}  // namespace haft::bench

#endif  // HAFT_BENCH_RING_H_
