// Workloads about threads that come, go or sleep.

#ifndef HAFT_BENCH_WORKER_WORKLOADS_LIFETIMES_H_
#define HAFT_BENCH_WORKER_WORKLOADS_LIFETIMES_H_

#include <cstddef>
#include <cstdint>
#include <thread>

#include "bench/bystanders.h"
#include "bench/worker/workloads/updates.h"

namespace haft::study {

// Each step is the life of a thread, which does `lifetime` operations of churn
// and ends. Its start and its end are part of the time.
template <typename T, typename V>
class ThreadChurn : public Churn<T, V> {
 public:
  explicit ThreadChurn(const Request& request) : Churn<T, V>(request) {}

  template <typename Observer>
  class Thread final : public Task {
   public:
    Thread(ThreadChurn& shared, ThreadContext& context)
        : shared_(shared), context_(context) {}

    void Run(std::size_t steps) override {
      const std::size_t pairs = (context_.request.lifetime + 1) / 2;
      for (std::size_t i = 0; i < steps; ++i) {
        std::thread([&] {
          typename Churn<T, V>::template Thread<Observer> life(shared_,
                                                               context_);
          life.Run(pairs);
        }).join();
      }
      context_.tally.Attempted(Kind::kRound, steps);
    }

   private:
    ThreadChurn& shared_;
    ThreadContext& context_;
  };
};

// Churn beside threads that have used the table once and sleep.
template <typename T, typename V>
class ChurnBesideIdle : public Churn<T, V> {
 public:
  explicit ChurnBesideIdle(const Request& request)
      : Churn<T, V>(request), bystanders_(request.bystanders, [this] {
          return Bystander(this->stock().table(), this->stock().objects()[0]);
        }) {}

 private:
  struct Bystander {
    Bystander(T& table, std::uintptr_t object) : session(table) {
      const Key key =
          call::New<T, const V&>(table, session, MakeValue<V>(object));
      if (key != kNoKey) call::Delete<T, Key>(table, session, key);
    }
    SessionOf<T> session;
  };

  bench::Bystanders bystanders_;
};

}  // namespace haft::study

#endif  // HAFT_BENCH_WORKER_WORKLOADS_LIFETIMES_H_
