// Workloads whose handles are made by one thread and deleted by another.

#ifndef HAFT_BENCH_WORKER_WORKLOADS_TRANSFERS_H_
#define HAFT_BENCH_WORKER_WORKLOADS_TRANSFERS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <numeric>
#include <thread>
#include <utility>
#include <vector>

#include "bench/ring.h"
#include "bench/worker/random.h"
#include "bench/worker/task_base.h"

namespace haft::study {

// The rings from `from` threads to `to` others, one for each pair.
template <std::size_t kSize>
class Rings {
 public:
  using Ring = bench::BasicRing<kSize>;

  Rings(std::size_t from, std::size_t to, std::size_t limit) : to_(to) {
    for (std::size_t i = 0; i < from * to; ++i) rings_.emplace_back(limit);
  }
  Ring& Of(std::size_t from, std::size_t to) { return rings_[from * to_ + to]; }

  // Deletes the keys that are still on their way.
  template <typename T>
  void Empty(T& table, Tally& tally) {
    SessionOf<T> session(table);
    Key key;
    for (Ring& ring : rings_) {
      while (ring.TryPop(&key, 1)) {
        if (!call::Delete<T, Key>(table, session, key))
          tally.Answered(Wrong::kNotDeleted);
      }
    }
  }

 private:
  const std::size_t to_;
  std::deque<Ring> rings_;
};

// The loop of a thread that makes handles: `send(&key)` is false if the run
// ends first.
template <typename Calls, typename F>
[[gnu::always_inline]] inline void MakeAndSend(Calls calls,
                                               std::uintptr_t object,
                                               std::size_t steps, F send) {
  std::size_t done = 0;
  while (done < steps) {
    const Key key = calls.New(object);
    ++done;
    if (__builtin_expect(key == kNoKey, 0)) {
      // Another thread may need this CPU to delete something.
      std::this_thread::yield();
    } else if (!send(&key)) {
      calls.Delete(key);
      break;
    }
  }
  calls.tally().Attempted(Kind::kNew, done);
}
// The loop of a thread that deletes them: as above for `receive(&key)`.
template <typename Calls, typename F>
[[gnu::always_inline]] inline void ReceiveAndDelete(Calls calls,
                                                    std::size_t steps,
                                                    F receive) {
  std::size_t done = 0;
  for (Key key; done < steps && receive(&key); ++done) calls.Delete(key);
  calls.tally().Attempted(Kind::kDelete, done);
}

// Each thread of even index makes handles and pushes them into a ring. The next
// thread pops and deletes them.
template <typename T, typename V>
class HandOff : public Stocked<T, V> {
  static constexpr std::size_t kRing = 256;

 public:
  explicit HandOff(const Request& request)
      : Stocked<T, V>((Check(request), request), kRing / 2 + 1),
        rings_(request.threads / 2, 1, kRing) {}

  void Verify(Tally& tally) {
    rings_.Empty(this->stock().table(), tally);
    Stocked<T, V>::Verify(tally);
  }

  template <typename Observer>
  class Thread final : public TaskBase<T, V, Observer> {
   public:
    Thread(HandOff& shared, ThreadContext& context)
        : TaskBase<T, V, Observer>(shared.stock(), context),
          ring_(shared.rings_.Of(context.index / 2, 0)) {}

    void Run(std::size_t steps) override {
      const ThreadContext& context = this->context();
      const auto should_stop = [&] { return context.ShouldStop(); };
      if (context.index % 2 == 0) {
        MakeAndSend(
            this->MakeCalls(), this->stock().ObjectsInHand(context.index)[0],
            steps,
            [&](const Key* key) { return ring_.Push(key, 1, should_stop); });
      } else {
        ReceiveAndDelete(this->MakeCalls(), steps, [&](Key* key) {
          return ring_.Pop(key, 1, should_stop);
        });
      }
    }

   private:
    typename Rings<kRing>::Ring& ring_;
  };

 private:
  static void Check(const Request& request) {
    if (request.threads % 2 != 0)
      throw Refused("threads", "hand-off needs an even number");
  }

  Rings<kRing> rings_;
};

// The first `producers` threads make handles, and the others delete them.
// There is a ring for each pair of them. A producer takes the next consumer
// whose ring has room, and a consumer the next producer whose ring has a key.
template <typename T, typename V>
class ProducersConsumers : public Stocked<T, V> {
  // Keys that may wait for a consumer.
  static constexpr std::size_t kWaiting = 256;

 public:
  explicit ProducersConsumers(const Request& request)
      : Stocked<T, V>(
            (Check(request), request),
            // Of all threads on average, and one in each hand.
            kWaiting * (request.threads - request.producers) / request.threads +
                2),
        rings_(request.producers, request.threads - request.producers,
               std::max<std::size_t>(kWaiting / request.producers, 1)) {}

  void Verify(Tally& tally) {
    rings_.Empty(this->stock().table(), tally);
    Stocked<T, V>::Verify(tally);
  }

  template <typename Observer>
  class Thread final : public TaskBase<T, V, Observer> {
   public:
    Thread(ProducersConsumers& shared, ThreadContext& context)
        : TaskBase<T, V, Observer>(shared.stock(), context),
          rings_(shared.rings_),
          producers_(context.request.producers),
          consumers_(context.request.threads - producers_) {}

    void Run(std::size_t steps) override {
      const std::size_t index = this->context().index;
      if (index < producers_) {
        MakeAndSend(this->MakeCalls(), this->stock().ObjectsInHand(index)[0],
                    steps, [&](const Key* key) {
                      return TryEach(consumers_, [&](std::size_t consumer) {
                        return rings_.Of(index, consumer).TryPush(key, 1);
                      });
                    });
      } else {
        ReceiveAndDelete(this->MakeCalls(), steps, [&](Key* key) {
          return TryEach(producers_, [&](std::size_t producer) {
            return rings_.Of(producer, index - producers_).TryPop(key, 1);
          });
        });
      }
    }

   private:
    // Calls try_with(i) for the next i below `count` until it is true.
    //   Returns   false if the run ends first
    template <typename F>
    bool TryEach(std::size_t count, F try_with) {
      for (std::size_t tries = 0; !this->context().ShouldStop(); ++tries) {
        if (++next_ >= count) next_ = 0;
        if (try_with(next_)) return true;
        if (tries >= count) std::this_thread::yield();
      }
      return false;
    }

    Rings<kWaiting>& rings_;
    const std::size_t producers_;
    const std::size_t consumers_;
    std::size_t next_ = 0;
  };

 private:
  static void Check(const Request& request) {
    if (request.producers >= request.threads)
      throw Refused("producers", "there must be a thread that consumes");
  }

  Rings<kWaiting> rings_;
};

// In each step a thread makes a handle, and deletes one that another thread has
// made a few steps before. A permutation of the threads names the thread that
// deletes what each of them makes, and the next step has the next permutation.
// So each thread makes as many as it deletes.
template <typename T, typename V>
class Ownership : public Stocked<T, V> {
  static constexpr std::size_t kPermutations = 64;
  // How many steps later a handle is deleted. Threads that are as far apart
  // need not wait for each other.
  static constexpr std::size_t kLag = 16;
  // More than can be on their way between two threads.
  static constexpr std::size_t kRing = 32;

 public:
  explicit Ownership(const Request& request)
      : Stocked<T, V>(request, kLag + 2),
        rings_(request.threads, request.threads, kRing) {
    // Another stream than those of threads and keys.
    Random random(request.seed, ~std::uint64_t{1});
    for (std::size_t p = 0; p < kPermutations; ++p) {
      std::vector<std::size_t> permutation(request.threads);
      std::iota(permutation.begin(), permutation.end(), std::size_t{0});
      random.Shuffle(permutation);
      permutations_.push_back(std::move(permutation));
    }
  }

  void Verify(Tally& tally) {
    rings_.Empty(this->stock().table(), tally);
    Stocked<T, V>::Verify(tally);
  }

  template <typename Observer>
  class Thread final : public TaskBase<T, V, Observer> {
   public:
    Thread(Ownership& shared, ThreadContext& context)
        : TaskBase<T, V, Observer>(shared.stock(), context) {
      for (const std::vector<std::size_t>& owner : shared.permutations_) {
        const auto from = static_cast<std::size_t>(
            std::find(owner.begin(), owner.end(), context.index) -
            owner.begin());
        to_.push_back(&shared.rings_.Of(context.index, owner[context.index]));
        from_.push_back(&shared.rings_.Of(from, context.index));
      }
    }

    void Run(std::size_t steps) override {
      auto calls = this->MakeCalls();
      const ThreadContext& context = this->context();
      const auto should_stop = [&] { return context.ShouldStop(); };
      const std::uintptr_t object =
          this->stock().ObjectsInHand(context.index)[0];
      std::size_t made = 0;
      std::size_t deleted = 0;
      while (deleted < steps) {
        Key key = calls.New(object);
        ++made;
        if (__builtin_expect(key == kNoKey, 0)) {
          if (should_stop()) break;
          std::this_thread::yield();
          continue;
        }
        const std::size_t step = step_++;
        if (!to_[step % kPermutations]->Push(&key, 1, should_stop)) {
          calls.Delete(key);
          break;
        }
        if (step < kLag) continue;
        if (!from_[(step - kLag) % kPermutations]->Pop(&key, 1, should_stop))
          break;
        calls.Delete(key);
        ++deleted;
      }
      calls.tally().Attempted(Kind::kNew, made);
      calls.tally().Attempted(Kind::kDelete, deleted);
    }

   private:
    std::vector<typename Rings<kRing>::Ring*> to_;
    std::vector<typename Rings<kRing>::Ring*> from_;
    std::size_t step_ = 0;
  };

 private:
  Rings<kRing> rings_;
  std::vector<std::vector<std::size_t>> permutations_;
};

}  // namespace haft::study

#endif  // HAFT_BENCH_WORKER_WORKLOADS_TRANSFERS_H_
