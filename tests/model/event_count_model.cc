// Models of EventCount: threads that wait against threads that make the
// condition true.

#include <chrono>

#include "gtest/gtest.h"
#include "haft/internal/base/event_count.h"
#include "haft/internal/base/sync.h"
#include "tests/model/model.h"

namespace haft::model {
namespace {

constexpr auto kForEver = std::chrono::nanoseconds::max();

// A thread that sleeps forever is a deadlock, which fails a model.
struct Waiting {
  internal::EventCount events;
  internal::sync::Atomic<bool> done[2];
  internal::sync::Plain<unsigned> data[2];

  void Wait(unsigned i) {
    Require(
        events.WaitUntil(
            [&] { return done[i].load(std::memory_order_acquire); }, kForEver),
        "waits as long as it takes");
    Require(data[i].Read() == 1, "what came before is visible");
  }
  void Do(unsigned i) {
    data[i].Write(1);
    done[i].store(true, std::memory_order_release);
    events.NotifyAll();
  }
  void After() {}
};

struct OneWaits : Waiting {
  static constexpr unsigned kThreads = 2;
  void Thread(unsigned i) { i == 0 ? Wait(0) : Do(0); }
};
TEST(EventCountModel, OneWaits) {
  Exploration().Bound(4).Random(20'000).Holds<OneWaits>();
}

// The first notification does not fulfil the waiter's condition.
struct OneWaitsForTheSecond : Waiting {
  static constexpr unsigned kThreads = 2;
  void Thread(unsigned i) {
    if (i == 0) return Wait(1);
    Do(0);
    Do(1);
  }
};
TEST(EventCountModel, OneWaitsForTheSecond) {
  Exploration().Bound(4).Random(20'000).Holds<OneWaitsForTheSecond>();
}

struct OneWaitsForBoth : Waiting {
  static constexpr unsigned kThreads = 3;
  void Thread(unsigned i) {
    if (i < 2) return Do(i);
    Wait(0);
    Wait(1);
  }
};
TEST(EventCountModel, OneWaitsForBoth) {
  Exploration().Bound(2).Random(50'000).Holds<OneWaitsForBoth>();
}

struct TwoWait : Waiting {
  static constexpr unsigned kThreads = 3;
  void Thread(unsigned i) {
    if (i < 2) return Wait(i);
    Do(0);
    Do(1);
  }
};
TEST(EventCountModel, TwoWait) {
  Exploration().Bound(2).Random(50'000).Holds<TwoWait>();
}

}  // namespace
}  // namespace haft::model
