// Threads that have used a table and then sleep.

#ifndef HAFT_BENCH_BYSTANDERS_H_
#define HAFT_BENCH_BYSTANDERS_H_

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <thread>
#include <vector>

namespace haft::bench {

// Each has a thread index, and the first 512 have caches. Threads that begin to
// use tables after more than that are measured without a cache.
class Bystanders {
 public:
  // Each of `count` threads calls use() and sleeps, with the result kept.
  template <typename F>
  Bystanders(std::size_t count, F use) {
    for (std::size_t i = 0; i < count; ++i) {
      threads_.emplace_back([this, use] {
        [[maybe_unused]] const auto& kept = use();
        std::unique_lock<std::mutex> lock(mutex_);
        ++ready_;
        changed_.notify_all();
        changed_.wait(lock, [this] { return is_over_; });
      });
    }
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [=] { return ready_ == count; });
  }
  ~Bystanders() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      is_over_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }
  Bystanders(const Bystanders&) = delete;
  Bystanders& operator=(const Bystanders&) = delete;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t ready_ = 0;
  bool is_over_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace haft::bench

#endif  // HAFT_BENCH_BYSTANDERS_H_
