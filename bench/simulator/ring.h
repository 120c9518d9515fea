// A bounded queue from one simulated core to another.

#ifndef HAFT_BENCH_SIMULATOR_RING_H_
#define HAFT_BENCH_SIMULATOR_RING_H_

#include <cstddef>

#include "bench/simulator/arm.h"
#include "haft/internal/base/sync.h"

namespace haft::simulator {

// Lamport's ring, as in bench/ring.h, but smaller, so that it is soon in its
// steady state. Each side remembers the other side's position as it last read
// it.
class Ring {
 public:
  static constexpr std::size_t kCapacity = 256;

  // Return false if the ring is full, or empty.
  bool TryPush(Key key) {
    const std::size_t tail = tail_.load(std::memory_order_relaxed);
    if (tail - head_seen_ == kCapacity) {
      // acquire: the other side has read the popped key before it is
      // overwritten.
      head_seen_ = head_.load(std::memory_order_acquire);
      if (tail - head_seen_ == kCapacity) return false;
    }
    keys_[tail % kCapacity].Write(key);
    // release: publishes the key.
    tail_.store(tail + 1, std::memory_order_release);
    return true;
  }
  bool TryPop(Key* key) {
    const std::size_t head = head_.load(std::memory_order_relaxed);
    if (head == tail_seen_) {
      // acquire: sees the pushed keys.
      tail_seen_ = tail_.load(std::memory_order_acquire);
      if (head == tail_seen_) return false;
    }
    *key = keys_[head % kCapacity].Read();
    // release: the key has been read before the other side overwrites it.
    head_.store(head + 1, std::memory_order_release);
    return true;
  }

 private:
  alignas(128) internal::sync::Atomic<std::size_t> tail_{0};
  std::size_t head_seen_ = 0;
  alignas(128) internal::sync::Atomic<std::size_t> head_{0};
  std::size_t tail_seen_ = 0;
  alignas(128) internal::sync::Plain<Key> keys_[kCapacity];
};

}  // namespace haft::simulator

#endif  // HAFT_BENCH_SIMULATOR_RING_H_
