// Workloads at the limit of a table's capacity.

#ifndef HAFT_BENCH_WORKER_WORKLOADS_LIMITS_H_
#define HAFT_BENCH_WORKER_WORKLOADS_LIMITS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "bench/worker/task_base.h"

namespace haft::study {

// Each step is a New on a full table.
template <typename T, typename V>
class Full : public Stocked<T, V> {
 public:
  explicit Full(const Request& request) : Stocked<T, V>(request) {
    // A table may have room for more handles than it promises.
    const std::size_t enough = request.capacity + kMoreThanPromised;
    SessionOf<T> session(this->stock().table());
    for (std::size_t made = request.live;; ++made) {
      const Key key =
          call::New<T, const V&>(this->stock().table(), session,
                                 MakeValue<V>(this->stock().objects()[0]));
      if (key == kNoKey) break;
      more_.push_back(key);
      if (made == enough) {
        throw Cannot("a capacity", "the table has no limit: it holds " +
                                       std::to_string(made) + " handles");
      }
    }
  }

  void Verify(Tally& tally) {
    SessionOf<T> session(this->stock().table());
    for (const Key key : more_) {
      if (!call::Delete<T, Key>(this->stock().table(), session, key))
        tally.Answered(Wrong::kNotDeleted);
    }
    Stocked<T, V>::Verify(tally);
  }

  template <typename Observer>
  class Thread final : public TaskBase<T, V, Observer> {
   public:
    Thread(Full& shared, ThreadContext& context)
        : TaskBase<T, V, Observer>(shared.stock(), context) {}

    void Run(std::size_t steps) override {
      auto calls = this->MakeCalls();
      const std::uintptr_t object = this->stock().objects()[0];
      for (std::size_t i = 0; i < steps; ++i) {
        const Key key = calls.New(object);
        // It should have failed, and is not to succeed for ever.
        if (__builtin_expect(key != kNoKey, 0)) calls.Delete(key);
      }
      calls.tally().Attempted(Kind::kNew, steps);
    }
  };

 private:
  static constexpr std::size_t kMoreThanPromised = std::size_t{1} << 20U;

  std::vector<Key> more_;
};

// Each step is a New. A thread ends when it has used up its part of the
// capacity, or when the table says that it is full.
template <typename T, typename V>
class Grow : public Stocked<T, V> {
 public:
  explicit Grow(const Request& request) : Stocked<T, V>(request, 1) {}

  // There would be nothing left to measure.
  bool HasWarmUp() const { return false; }

  template <typename Observer>
  class Thread final : public TaskBase<T, V, Observer> {
   public:
    Thread(Grow& shared, ThreadContext& context)
        : TaskBase<T, V, Observer>(shared.stock(), context),
          keys_((context.request.capacity - context.request.live) /
                context.request.threads) {}
    ~Thread() override {
      for (std::size_t i = 0; i < made_; ++i) {
        if (!call::Delete<T, Key>(this->stock().table(), this->session(),
                                  keys_[i]))
          this->context().tally.Answered(Wrong::kNotDeleted);
      }
    }

    void Run(std::size_t steps) override {
      auto calls = this->MakeCalls();
      const std::uintptr_t object =
          this->stock().ObjectsInHand(this->context().index)[0];
      std::size_t attempted = 0;
      while (attempted < steps && !IsOver()) {
        keys_[made_] = calls.New(object);
        ++attempted;
        if (__builtin_expect(keys_[made_] == kNoKey, 0)) {
          is_full_ = true;
        } else {
          ++made_;
        }
      }
      calls.tally().Attempted(Kind::kNew, attempted);
    }
    bool IsOver() const override { return is_full_ || made_ == keys_.size(); }

   private:
    std::vector<Key> keys_;
    std::size_t made_ = 0;
    bool is_full_ = false;
  };
};

}  // namespace haft::study

#endif  // HAFT_BENCH_WORKER_WORKLOADS_LIMITS_H_
