// Cores: their store buffers, their waiting and their order.

#include "bench/simulator/simulation.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "bench/simulator/test_machine.h"
#include "haft/internal/base/sync.h"

namespace haft::simulator {
namespace {

constexpr Time kNs = kNanosecond;
constexpr Time kTurn = 100'000 * kNs;

using Atomic = internal::sync::Atomic<std::uint64_t>;
constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr auto kSeqCst = std::memory_order_seq_cst;

struct alignas(128) Word {
  Atomic value{0};
};

class SimulationTest : public ::testing::Test {
 protected:
  void Start(unsigned cores, Faults faults = {}) {
    simulation_ =
        std::make_unique<Simulation>(TestMachine(), cores, 0, 1, faults);
  }
  Atomic& NewWord() { return simulation_->memory().Make<Word>()->value; }
  void Until(Time time) { simulation_->Advance(time - simulation_->now()); }
  template <typename F>
  Time Cost(F&& f) {
    const Time since = simulation_->now();
    f();
    return simulation_->now() - since;
  }

  std::unique_ptr<Simulation> simulation_;
};

TEST_F(SimulationTest, StoreDoesNotWaitForItsLine) {
  Start(1);
  Atomic& word = NewWord();
  simulation_->Run([&](CoreNumber) {
    EXPECT_EQ(Cost([&] { word.store(1, kRelaxed); }), 1 * kNs);
    EXPECT_EQ(Cost([&] { EXPECT_EQ(word.load(kRelaxed), 1u); }), 1 * kNs)
        << "it comes from the store buffer";
  });
}

TEST_F(SimulationTest, WithoutStoreBufferIsNoticed) {
  Faults faults;
  faults.no_store_buffer = true;
  Start(1, faults);
  Atomic& word = NewWord();
  simulation_->Run([&](CoreNumber) {
    EXPECT_EQ(Cost([&] { word.store(1, kRelaxed); }), 81 * kNs);
  });
}

TEST_F(SimulationTest, ReadModifyWriteWaitsForPendingStores) {
  Start(1);
  Atomic& own = NewWord();
  Atomic& other = NewWord();
  simulation_->Run([&](CoreNumber) {
    own.fetch_add(1, kRelaxed);
    other.store(1, kRelaxed);
    EXPECT_EQ(Cost([&] { own.fetch_add(1, kRelaxed); }), (79 + 5) * kNs);
  });
}

TEST_F(SimulationTest, StoresToSeveralLinesOverlap) {
  Start(1);
  Atomic& a = NewWord();
  Atomic& b = NewWord();
  Atomic& own = NewWord();
  simulation_->Run([&](CoreNumber) {
    own.fetch_add(1, kRelaxed);
    a.store(1, kRelaxed);
    b.store(1, kRelaxed);
    EXPECT_EQ(Cost([&] { own.fetch_add(1, kRelaxed); }), (79 + 5) * kNs);
  });
}

TEST_F(SimulationTest, FullStoreBufferMakesTheCoreWait) {
  Start(1);
  std::vector<Atomic*> words;
  words.reserve(5);
  for (int i = 0; i < 5; ++i) words.push_back(&NewWord());
  simulation_->Run([&](CoreNumber) {
    // The buffer has four entries.
    for (int i = 0; i < 4; ++i)
      EXPECT_EQ(Cost([&] { words[i]->store(1, kRelaxed); }), 1 * kNs);
    EXPECT_EQ(Cost([&] { words[4]->store(1, kRelaxed); }), (80 - 4 + 1) * kNs);
  });
}

// The line of a pending store is lost before its turn, and the core fetches a
// copy of it by a load.
TEST_F(SimulationTest, LoadOfTheLineOfAPendingStoreDoesNotReplaceItsRequest) {
  struct alignas(128) Pair {
    Atomic first{0};
    Atomic second{0};
  };
  Start(9);
  Atomic& far = NewWord();
  Pair& pair = *simulation_->memory().Make<Pair>();
  simulation_->Run([&](CoreNumber core) {
    if (core == 8) {
      far.fetch_add(1, kRelaxed);
    } else if (core == 0) {
      pair.first.fetch_add(1, kRelaxed);
      Until(kTurn);
      far.store(2, kRelaxed);
      pair.first.store(2, kRelaxed);
      Until(kTurn + 280 * kNs);
      EXPECT_EQ(pair.second.load(kRelaxed), 1u);
      EXPECT_EQ(pair.first.load(kRelaxed), 2u);
    } else if (core == 1) {
      Until(kTurn + 10 * kNs);
      pair.second.fetch_add(1, kRelaxed);
    }
  });
  EXPECT_EQ(pair.first.load(kRelaxed), 2u);
  EXPECT_EQ(far.load(kRelaxed), 2u);
}

TEST_F(SimulationTest, PrefetchesOverlap) {
  Start(1);
  Atomic& a = NewWord();
  Atomic& b = NewWord();
  simulation_->Run([&](CoreNumber) {
    EXPECT_EQ(Cost([&] {
                internal::sync::PrefetchForWrite(&a);
                internal::sync::PrefetchForWrite(&b);
                a.fetch_add(1, kRelaxed);
                b.fetch_add(1, kRelaxed);
              }),
              // The line of b comes while the addition to a is made.
              (80 + 1 + 5 + 5 - 1) * kNs);
  });
}

// Each core stores to its word and loads the other's. Both may find 0 only if
// stores are buffered.
std::vector<std::uint64_t> StoreThenLoad(std::memory_order order,
                                         bool is_heavy) {
  Simulation simulation(TestMachine(), 2, 0, 1);
  Atomic* const words[2] = {&simulation.memory().Make<Word>()->value,
                            &simulation.memory().Make<Word>()->value};
  std::vector<std::uint64_t> found(2);
  simulation.Run([&](CoreNumber core) {
    // Each core has a copy of both words.
    (void)words[0]->load(kRelaxed);
    (void)words[1]->load(kRelaxed);
    simulation.Advance(kTurn - simulation.now());
    words[core]->store(1, order);
    if (is_heavy && core == 0) internal::sync::HeavyBarrier();
    found[core] = words[1 - core]->load(kRelaxed);
  });
  return found;
}

TEST_F(SimulationTest, StoresAreBuffered) {
  EXPECT_EQ(StoreThenLoad(kRelaxed, false), (std::vector<std::uint64_t>{0, 0}));
}
TEST_F(SimulationTest, SeqCstStoresAreNot) {
  const std::vector<std::uint64_t> found = StoreThenLoad(kSeqCst, false);
  EXPECT_NE(found[0] + found[1], 0u);
}
TEST_F(SimulationTest, HeavyBarrierDrainsTheBuffersOfAllCores) {
  EXPECT_EQ(StoreThenLoad(kRelaxed, true)[0], 1u);
}

TEST_F(SimulationTest, HeavyBarrierInterruptsCoresThatRun) {
  Start(3);
  std::vector<Time> costs(3);
  simulation_->Run([&](CoreNumber core) {
    if (core == 2) return;
    Until(kTurn);
    costs[core] = Cost([&] {
      if (core == 0) {
        internal::sync::HeavyBarrier();
      } else {
        for (int i = 0; i < 1000; ++i) simulation_->Advance(1 * kNs);
      }
    });
  });
  EXPECT_EQ(costs[0], (500 + 50) * kNs);
  EXPECT_EQ(costs[1], (1000 + 400) * kNs);
}

TEST_F(SimulationTest, HeavyBarrierLastsAsLongAsTheInterrupts) {
  // Sending takes 1 ns, and an interrupt 400 ns.
  const auto cost = [](unsigned cores) {
    Machine machine = TestMachine();
    machine.membarrier = 1 * kNs;
    machine.membarrier_per_core = 0;
    Simulation simulation(machine, cores, 0, 1);
    Time cost = 0;
    simulation.Run([&](CoreNumber core) {
      simulation.Advance(kTurn - simulation.now());
      if (core == 0) {
        internal::sync::HeavyBarrier();
        cost = simulation.now() - kTurn;
      } else {
        // It runs meanwhile.
        for (int i = 0; i < 1000; ++i) simulation.Advance(1 * kNs);
      }
    });
    return cost;
  };
  EXPECT_EQ(cost(1), 1 * kNs);
  EXPECT_EQ(cost(2), 400 * kNs);
}

// One core waits for another one, which writes after a long time.
Traffic SpinFor(Time time, Faults faults = {}) {
  Simulation simulation(TestMachine(), 3, 0, 1, faults);
  Atomic& word = simulation.memory().Make<Word>()->value;
  simulation.Run([&](CoreNumber core) {
    if (core != 0) {
      EXPECT_EQ(word.SpinWhileEqual(0), 1u);
      return;
    }
    simulation.Advance(time);
    word.store(1, kRelaxed);
  });
  return simulation.directory().traffic();
}

TEST_F(SimulationTest, SpinningCostsNoTraffic) {
  EXPECT_EQ(SpinFor(kTurn).transfers, SpinFor(10 * kTurn).transfers);
  EXPECT_EQ(SpinFor(kTurn).accesses, SpinFor(10 * kTurn).accesses);
}
TEST_F(SimulationTest, EachSpinningCorePaysAMissWhenTheLineChanges) {
  // Two cores fetch the line, one takes it from them, and both fetch it again.
  EXPECT_EQ(SpinFor(kTurn).transfers, 1u + 1u + 2u);
}
TEST_F(SimulationTest, SpinsThatCostAreNoticed) {
  Faults faults;
  faults.spins_cost = true;
  EXPECT_GT(SpinFor(10 * kTurn, faults).accesses,
            2 * SpinFor(kTurn, faults).accesses);
}

TEST_F(SimulationTest, FutexSleepsUntilItIsWoken) {
  Start(2);
  Atomic& word = NewWord();
  Time woken = 0;
  simulation_->Run([&](CoreNumber core) {
    if (core == 0) {
      Until(kTurn);
      word.store(1, kRelaxed);
      word.Wake(1);
    } else {
      word.WaitWhileEqual(0);
      woken = simulation_->now();
    }
  });
  EXPECT_GT(woken, kTurn + (300 + 2000) * kNs);
  EXPECT_LT(woken, kTurn + (300 + 2000 + 500) * kNs);
}

TEST_F(SimulationTest, MeetingLetsAllGoOnWhenTheLastHasCome) {
  Start(4);
  Simulation::Meeting meeting;
  std::vector<Time> times(4);
  simulation_->Run([&](CoreNumber core) {
    Until(kTurn * (core + 1));
    simulation_->Meet(&meeting, 4);
    times[core] = simulation_->now();
  });
  EXPECT_EQ(times, std::vector<Time>(4, 4 * kTurn));
}

TEST_F(SimulationTest, AdditionsOfManyCoresAddUp) {
  Start(16);
  Atomic& word = NewWord();
  simulation_->Run([&](CoreNumber) {
    for (int i = 0; i < 100; ++i) word.fetch_add(1, kRelaxed);
  });
  EXPECT_EQ(word.load(kRelaxed), 1600u);
}

using SimulationDeathTest = SimulationTest;

TEST_F(SimulationDeathTest, CoresThatWaitForEachOtherForEver) {
  Start(1);
  Atomic& word = NewWord();
  EXPECT_DEATH(simulation_->Run([&](CoreNumber) { word.SpinWhileEqual(0); }),
               "all cores wait for each other");
}
TEST_F(SimulationDeathTest, AccessOutsideOfTheMemory) {
  Start(1);
  Atomic outside;
  EXPECT_DEATH(simulation_->Run([&](CoreNumber) { outside.load(kRelaxed); }),
               "no range of the simulated memory");
}

}  // namespace
}  // namespace haft::simulator
