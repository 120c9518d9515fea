// The costs of single accesses, and the order in which a line goes to cores.

#include "bench/simulator/directory.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "bench/simulator/simulation.h"
#include "bench/simulator/test_machine.h"
#include "haft/internal/base/sync.h"

namespace haft::simulator {
namespace {

constexpr Time kNs = kNanosecond;

struct alignas(128) Word {
  internal::sync::Atomic<std::uint64_t> value{0};
};

// A simulation with one shared word, whose cores go on one after another: core
// c begins at c * kTurn.
class DirectoryTest : public ::testing::Test {
 protected:
  static constexpr Time kTurn = 100'000 * kNs;

  void Start(unsigned cores, Time hold = 0, Faults faults = {}) {
    simulation_ =
        std::make_unique<Simulation>(TestMachine(), cores, hold, 1, faults);
    word_ = simulation_->memory().Make<Word>();
    costs_.assign(cores, 0);
  }
  // Core c calls f(c) in its turn. costs_[c] is how long that took.
  template <typename F>
  void InTurns(F&& f) {
    simulation_->Run([&](CoreNumber core) {
      simulation_->Advance((core + 1) * kTurn - simulation_->now());
      const Time since = simulation_->now();
      f(core);
      costs_[core] = simulation_->now() - since;
    });
  }
  void Load() { (void)word_->value.load(std::memory_order_relaxed); }
  void Add() { word_->value.fetch_add(1, std::memory_order_relaxed); }

  std::unique_ptr<Simulation> simulation_;
  Word* word_ = nullptr;
  std::vector<Time> costs_;
};

TEST_F(DirectoryTest, FirstLoadFetchesFromMemory) {
  Start(1);
  InTurns([&](CoreNumber) { Load(); });
  EXPECT_EQ(costs_[0], 80 * kNs + 1 * kNs);
}

TEST_F(DirectoryTest, SecondLoadIsAHit) {
  Start(1);
  InTurns([&](CoreNumber) {
    Load();
    Load();
  });
  EXPECT_EQ(costs_[0], 80 * kNs + 2 * kNs);
}

TEST_F(DirectoryTest, LineOfOneCoreMayBeWrittenWithoutARequest) {
  Start(1);
  InTurns([&](CoreNumber) {
    Load();
    Add();
  });
  EXPECT_EQ(costs_[0], 80 * kNs + 1 * kNs + 5 * kNs);
}

TEST_F(DirectoryTest, TransferCostsByDistance) {
  Start(16);
  InTurns([&](CoreNumber) { Add(); });
  EXPECT_EQ(costs_[1], (40 + 5) * kNs) << "the same cluster";
  EXPECT_EQ(costs_[4], (100 + 5) * kNs) << "the same socket";
  EXPECT_EQ(costs_[8], (300 + 5) * kNs) << "the other socket";
  EXPECT_EQ(simulation_->directory().traffic().transfers, 15u);
  EXPECT_EQ(simulation_->directory().traffic().far_transfers, 1u);
  EXPECT_EQ(simulation_->directory().traffic().invalidations, 15u);
}

TEST_F(DirectoryTest, CopyComesFromTheNearestCoreThatHasOne) {
  Start(16);
  InTurns([&](CoreNumber) { Load(); });
  EXPECT_EQ(costs_[1], (40 + 1) * kNs) << "the owner's line, which is split";
  EXPECT_EQ(costs_[2], (20 + 1) * kNs);
  EXPECT_EQ(costs_[4], (60 + 1) * kNs);
  EXPECT_EQ(costs_[5], (20 + 1) * kNs);
  EXPECT_EQ(costs_[8], (200 + 1) * kNs);
}

TEST_F(DirectoryTest, WriterWaitsForTheFarthestCopyAndForEachFurtherOne) {
  Start(9);
  InTurns([&](CoreNumber core) {
    if (core < 8) {
      Load();
    } else {
      Add();
    }
  });
  // Cores 0 to 7 have copies.
  EXPECT_EQ(costs_[8], (300 + 7 * 3 + 5) * kNs);
  EXPECT_EQ(simulation_->directory().traffic().invalidations, 8u);
}

TEST_F(DirectoryTest, CopiesAreLostToAWriter) {
  Start(3);
  InTurns([&](CoreNumber core) {
    if (core == 0) {
      Load();
      // Until after core 2.
      simulation_->Advance(5 * kTurn);
      Load();
    } else if (core == 1) {
      Load();
    } else {
      Add();
    }
  });
  EXPECT_EQ(costs_[0], 5 * kTurn + (80 + 1 + 40 + 1) * kNs);
}

// The requests are made at 10, 20 and 30 ns by cores of one cluster.
TEST_F(DirectoryTest, RequestsAreServedInTheirOrder) {
  Start(4);
  std::vector<CoreNumber> order;
  simulation_->Run([&](CoreNumber core) {
    // Core 0 has the line.
    if (core == 0) Add();
    const CoreNumber place = core == 0 ? 0 : 4 - core;
    simulation_->Advance(kTurn + Time{10} * place * kNs - simulation_->now());
    if (core == 0) return;
    Add();
    simulation_->AwaitTurn();
    order.push_back(core);
  });
  EXPECT_EQ(order, (std::vector<CoreNumber>{3, 2, 1}));
}

// On two cores an addition costs own * r / (2r - 1), if r is the part of the
// request in a transfer.
TEST_F(DirectoryTest, OwnerUsesTheLineUntilARequestArrives) {
  Start(2);
  constexpr int kAdditions = 20000;
  simulation_->Run([&](CoreNumber) {
    for (int i = 0; i < kAdditions; ++i) {
      Add();
      simulation_->Advance(simulation_->random().Below(2));
    }
  });
  const double own = 5;
  const double each = static_cast<double>(simulation_->now()) /
                      static_cast<double>(kNs) / (2 * kAdditions);
  EXPECT_NEAR(each, own * 0.7 / (2 * 0.7 - 1), 2.0);
  EXPECT_GT(each, 1.2 * own);
}

// Three cores add for so long that the throughput is that of one line that
// travels.
double AdditionsOfEachVisit(unsigned cores, Time hold, Faults faults = {}) {
  Simulation simulation(TestMachine(), cores, hold, 1, faults);
  Word* const word = simulation.memory().Make<Word>();
  constexpr unsigned kAdditions = 2000;
  simulation.Run([&](CoreNumber) {
    for (unsigned i = 0; i < kAdditions; ++i)
      word->value.fetch_add(1, std::memory_order_relaxed);
  });
  return static_cast<double>(cores) * kAdditions /
         static_cast<double>(simulation.directory().traffic().transfers);
}

TEST(HoldTest, OwnerOfAContendedLineMakesOneOperation) {
  EXPECT_NEAR(AdditionsOfEachVisit(8, 0), 1, 0.05);
}
TEST(HoldTest, OwnerKeepsAContendedLineForHold) {
  // Of 5 ns each.
  EXPECT_NEAR(AdditionsOfEachVisit(8, 50 * kNs), 10, 1);
}
TEST(HoldTest, TwoCoresDoNotShowHold) {
  EXPECT_DOUBLE_EQ(AdditionsOfEachVisit(2, 0),
                   AdditionsOfEachVisit(2, 100 * kNs));
}
TEST(HoldTest, WithoutHoldIsNoticed) {
  Faults faults;
  faults.no_hold = true;
  EXPECT_LT(AdditionsOfEachVisit(8, 50 * kNs, faults), 2);
}

TEST(TopologyTest, CoresFillClustersAndSocketsInTurn) {
  const Topology topology(TestMachine(), 16);
  EXPECT_EQ(topology.Between(0, 3), Distance::kCluster);
  EXPECT_EQ(topology.Between(3, 4), Distance::kSocket);
  EXPECT_EQ(topology.Between(7, 8), Distance::kFar);
  EXPECT_EQ(topology.Between(8, 15), Distance::kSocket);
}
TEST(TopologyTest, FurtherCoresMakeMoreClusters) {
  const Topology topology(TestMachine(), 256);
  EXPECT_EQ(topology.Between(0, 3), Distance::kCluster);
  EXPECT_EQ(topology.Between(3, 4), Distance::kSocket);
  EXPECT_EQ(topology.Between(0, 127), Distance::kSocket);
  EXPECT_EQ(topology.Between(127, 128), Distance::kFar);
  EXPECT_EQ(topology.Between(128, 131), Distance::kCluster);
}
TEST(TopologyTest, OneClusterOfASocketBecomesLarger) {
  Machine machine = TestMachine();
  machine.clusters_per_socket = 1;
  const Topology topology(machine, 64);
  EXPECT_EQ(topology.Between(0, 31), Distance::kCluster);
  EXPECT_EQ(topology.Between(31, 32), Distance::kFar);
}

}  // namespace
}  // namespace haft::simulator
