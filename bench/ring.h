// A bounded queue from one thread to another.

#ifndef HAFT_BENCH_RING_H_
#define HAFT_BENCH_RING_H_

#include <atomic>
#include <cstddef>
#include <thread>

#include "bench/tables/key.h"

namespace haft::bench {

// Lamport's ring. Each side remembers the other side's position as it last read
// it.
template <std::size_t kSize>
class BasicRing {
 public:
  static constexpr std::size_t kCapacity = kSize;

  // It holds up to `limit` keys.
  explicit BasicRing(std::size_t limit = kCapacity) : limit_(limit) {}

  // Return false, and do nothing, if there is no room for all keys, or if there
  // are not so many.
  bool TryPush(const Key* keys, std::size_t count) {
    const std::size_t tail = tail_.load(std::memory_order_relaxed);
    if (tail + count - head_seen_ > limit_) {
      // acquire: the other side has read the popped keys before they are
      // overwritten.
      head_seen_ = head_.load(std::memory_order_acquire);
      if (tail + count - head_seen_ > limit_) return false;
    }
    for (std::size_t i = 0; i < count; ++i)
      keys_[(tail + i) % kCapacity] = keys[i];
    // release: publishes the keys.
    tail_.store(tail + count, std::memory_order_release);
    return true;
  }
  bool TryPop(Key* keys, std::size_t count) {
    const std::size_t head = head_.load(std::memory_order_relaxed);
    if (tail_seen_ - head < count) {
      // acquire: sees the pushed keys.
      tail_seen_ = tail_.load(std::memory_order_acquire);
      if (tail_seen_ - head < count) return false;
    }
    for (std::size_t i = 0; i < count; ++i)
      keys[i] = keys_[(head + i) % kCapacity];
    // release: the keys have been read before the other side overwrites them.
    head_.store(head + count, std::memory_order_release);
    return true;
  }

  // Wait until everything is pushed or popped.
  //   Returns   false if should_stop() has ended the wait
  template <typename Stop>
  bool Push(const Key* keys, std::size_t count, Stop should_stop) {
    return WaitUntil([&] { return TryPush(keys, count); }, should_stop);
  }
  template <typename Stop>
  bool Pop(Key* keys, std::size_t count, Stop should_stop) {
    return WaitUntil([&] { return TryPop(keys, count); }, should_stop);
  }
  void Push(const Key* keys, std::size_t count) {
    Push(keys, count, [] { return false; });
  }
  void Pop(Key* keys, std::size_t count) {
    Pop(keys, count, [] { return false; });
  }

 private:
  template <typename Condition, typename Stop>
  static bool WaitUntil(Condition condition, Stop should_stop) {
    // Polling without a pause would take the cache line of the position away
    // from the other side for each single key. The other side may also need
    // this CPU.
    while (!condition()) {
      if (should_stop()) return false;
      std::this_thread::yield();
    }
    return true;
  }

  alignas(128) std::atomic<std::size_t> tail_{0};
  std::size_t head_seen_ = 0;
  const std::size_t limit_;
  alignas(128) std::atomic<std::size_t> head_{0};
  std::size_t tail_seen_ = 0;
  alignas(128) Key keys_[kCapacity];
};

using Ring = BasicRing<1024>;

}  // namespace haft::bench

#endif  // HAFT_BENCH_RING_H_
