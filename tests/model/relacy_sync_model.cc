// Models of the Relacy backend itself: it shows every outcome that the memory
// model allows, and none that it forbids.

#include <chrono>
#include <cstdint>

#include "haft/internal/base/check.h"
#include "haft/internal/base/sync.h"
#include "tests/model/model.h"

namespace haft::model {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr auto kAcquire = std::memory_order_acquire;
constexpr auto kRelease = std::memory_order_release;
constexpr auto kSeqCst = std::memory_order_seq_cst;

const Exploration kAll = Exploration().Full();

// One thread writes data and a flag, the other reads them.
template <std::memory_order kStore, std::memory_order kLoad>
struct MessagePassing {
  static constexpr unsigned kThreads = 2;
  internal::sync::Plain<unsigned> data;
  internal::sync::Atomic<bool> ready{false};

  void Thread(unsigned i) {
    if (i == 0) {
      data.Write(1);
      ready.store(true, kStore);
    } else if (ready.load(kLoad)) {
      Require(data.Read() == 1, "reads old data");
    }
  }
  void After() {}
};

TEST(RelacySyncModel, ReleaseAndAcquirePassAMessage) {
  kAll.Holds<MessagePassing<kRelease, kAcquire>>();
}
TEST(RelacySyncModel, ARelaxedStoreDoesNot) {
  kAll.Fails<MessagePassing<kRelaxed, kAcquire>>();
}
TEST(RelacySyncModel, ARelaxedLoadDoesNot) {
  kAll.Fails<MessagePassing<kRelease, kRelaxed>>();
}

// Each thread writes its own word and then reads the other's. Words start all
// zero in reserved memory, so their shadows are made while the threads run.
template <typename Order>
struct StoreBuffering {
  static constexpr unsigned kThreads = 2;
  internal::sync::Atomic<unsigned>* words =
      internal::sync::Reserve<internal::sync::Atomic<unsigned>>(2);
  unsigned seen[2];

  void Thread(unsigned i) {
    words[i].store(1, Order::kStore);
    Order::Between(i);
    seen[i] = words[1 - i].load(Order::kLoad);
  }
  void After() {
    Require(seen[0] + seen[1] != 0, "neither sees the other");
    Require(words[0].load(kRelaxed) == 1, "written");
    internal::sync::Unreserve(words, 2);
  }
};

struct ReleaseAcquire {
  static constexpr auto kStore = kRelease, kLoad = kAcquire;
  static void Between(unsigned) {}
};
struct SeqCst {
  static constexpr auto kStore = kSeqCst, kLoad = kSeqCst;
  static void Between(unsigned) {}
};
struct SeqCstStores {
  static constexpr auto kStore = kSeqCst, kLoad = kRelaxed;
  static void Between(unsigned) {}
};
struct Asymmetric {
  static constexpr auto kStore = kRelaxed, kLoad = kRelaxed;
  static void Between(unsigned i) {
    i == 0 ? internal::sync::SignalFence() : internal::sync::HeavyBarrier();
  }
};

TEST(RelacySyncModel, SeqCstForbidsStoreBuffering) {
  kAll.Holds<StoreBuffering<SeqCst>>();
}
TEST(RelacySyncModel, ReleaseAndAcquireDoNot) {
  kAll.Fails<StoreBuffering<ReleaseAcquire>>();
}
TEST(RelacySyncModel, SeqCstStoresAloneDoNot) {
  kAll.Fails<StoreBuffering<SeqCstStores>>();
}
TEST(RelacySyncModel, AHeavyBarrierOnOneSideDoes) {
  Exploration().Full().Random(20'000).Holds<StoreBuffering<Asymmetric>>();
}
TEST(RelacySyncModel, WhereThereIsNoneNothingDoes) {
  Exploration().Full().HeavyBarrier(false).Fails<StoreBuffering<Asymmetric>>();
}

// A reader that is told of the second write by a third thread.
struct Coherence {
  static constexpr unsigned kThreads = 3;
  internal::sync::Atomic<unsigned> word{0};
  internal::sync::Atomic<bool> told{false};

  void Thread(unsigned i) {
    if (i == 0) {
      word.store(1, kRelaxed);
      word.store(2, kRelaxed);
    } else if (i == 1) {
      if (word.load(kRelaxed) == 2) told.store(true, kRelease);
    } else if (told.load(kAcquire)) {
      Require(word.load(kRelaxed) == 2, "an older value");
    }
  }
  void After() {}
};
TEST(RelacySyncModel, AValueKnownToBeOverwrittenIsNotRead) {
  kAll.Holds<Coherence>();
}

struct Sleeper {
  static constexpr unsigned kThreads = 2;
  internal::sync::Atomic<std::uint32_t> count{0};
  bool wakes = true;
  std::chrono::nanoseconds timeout = std::chrono::nanoseconds::max();

  void Thread(unsigned i) {
    if (i == 0) {
      while (count.load(kRelaxed) == 0)
        internal::sync::WaitWhileEqual(count, 0, timeout.count());
    } else {
      count.fetch_add(1, kRelaxed);
      if (wakes) internal::sync::WakeAll(count);
    }
  }
  void After() {}
};
struct Forgotten : Sleeper {
  Forgotten() { wakes = false; }
};
struct TimedOut : Forgotten {
  TimedOut() { timeout = std::chrono::seconds(1); }
};
TEST(RelacySyncModel, ASleeperIsWoken) {
  Exploration().Bound(2).Random(10'000).Holds<Sleeper>();
}
TEST(RelacySyncModel, ASleeperThatNoThreadWakesIsFound) {
  kAll.Fails<Forgotten>();
}
TEST(RelacySyncModel, ATimeoutEndsASleep) {
  Exploration().Random(1'000).Holds<TimedOut>();
}

// The handler must be able to come before, between and after the two writes.
template <unsigned kSeen>
struct Interrupted {
  static constexpr unsigned kThreads = 1;
  internal::sync::Plain<unsigned> word;

  void Thread(unsigned) {
    RaiseSignal(
        [](void* self) {
          Require(static_cast<Interrupted*>(self)->word.Read() != kSeen,
                  "seen by the handler");
        },
        this);
    word.Write(1);
    word.Write(2);
    (void)word.Read();
  }
  void After() {}
};
TEST(RelacySyncModel, ASignalComesAnywhere) {
  kAll.Fails<Interrupted<0>>();
  kAll.Fails<Interrupted<1>>();
  kAll.Fails<Interrupted<2>>();
}

struct Crash {
  static constexpr unsigned kThreads = 1;
  void Thread(unsigned) { HAFT_CHECK(false, "as expected by this test"); }
  void After() {}
};
TEST(RelacySyncModel, AFailedCheckIsAFailure) { kAll.Fails<Crash>(); }

}  // namespace
}  // namespace haft::model
