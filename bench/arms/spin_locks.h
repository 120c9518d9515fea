// Fair spin locks, as std::unique_lock takes them.

#ifndef HAFT_BENCH_ARMS_SPIN_LOCKS_H_
#define HAFT_BENCH_ARMS_SPIN_LOCKS_H_

#include <atomic>
#include <cstdint>
#include <thread>

namespace haft::study {

// Waits a little. Who waits for long may be in the way of the thread that it
// waits for, and then offers its CPU.
class Backoff {
 public:
  void operator()() {
    if (++waits_ % kWaitsPerYield == 0) {
      std::this_thread::yield();
      return;
    }
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
  }

 private:
  static constexpr unsigned kWaitsPerYield = 100;
  unsigned waits_ = 0;
};

// All waiting threads read the same word.
class TicketLock {
 public:
  void lock() {
    // relaxed: the ticket orders nothing but the queue.
    const std::uint32_t ticket = next_.fetch_add(1, std::memory_order_relaxed);
    // acquire: sees what the last owner has written.
    for (Backoff wait; serving_.load(std::memory_order_acquire) != ticket;)
      wait();
  }
  void unlock() {
    // relaxed: only the owner writes it. release: hands the lock over.
    serving_.store(serving_.load(std::memory_order_relaxed) + 1,
                   std::memory_order_release);
  }

 private:
  alignas(128) std::atomic<std::uint32_t> next_{0};
  alignas(128) std::atomic<std::uint32_t> serving_{0};
};

// The lock of Mellor-Crummey and Scott: each waiting thread reads a word of its
// own, which the thread before it in the queue writes. A thread may hold one
// such lock at a time.
class McsLock {
  struct alignas(128) Node {
    std::atomic<Node*> next{nullptr};
    std::atomic<bool> waits{false};
  };

 public:
  void lock() {
    Node& node = Own();
    // relaxed: nobody else knows the node yet.
    node.next.store(nullptr, std::memory_order_relaxed);
    node.waits.store(true, std::memory_order_relaxed);
    // acq_rel: publishes the node, and sees what the last owner has written if
    // the lock is free.
    Node* const before = tail_.exchange(&node, std::memory_order_acq_rel);
    if (before == nullptr) return;
    // release: the node's own words are written before it is in the queue.
    before->next.store(&node, std::memory_order_release);
    // acquire: sees what the last owner has written.
    for (Backoff wait; node.waits.load(std::memory_order_acquire);) wait();
  }
  void unlock() {
    Node& node = Own();
    // acquire: sees the words of the next node.
    Node* next = node.next.load(std::memory_order_acquire);
    if (next == nullptr) {
      Node* expected = &node;
      // release: hands the lock over to whoever comes.
      if (tail_.compare_exchange_strong(expected, nullptr,
                                        std::memory_order_release,
                                        std::memory_order_relaxed))
        return;
      // Another thread is about to link its node.
      for (Backoff wait; next == nullptr; wait())
        next = node.next.load(std::memory_order_acquire);
    }
    // release: hands the lock over.
    next->waits.store(false, std::memory_order_release);
  }

 private:
  static Node& Own() {
    static thread_local Node node;
    return node;
  }

  alignas(128) std::atomic<Node*> tail_{nullptr};
};

}  // namespace haft::study

#endif  // HAFT_BENCH_ARMS_SPIN_LOCKS_H_
