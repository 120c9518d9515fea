// Shapes that are known from real machines, and faults of the simulator that
// spoil them.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "bench/simulator/simulate.h"
#include "bench/simulator/test_machine.h"

namespace haft::simulator {
namespace {

constexpr Time kNs = kNanosecond;

Result Run(const std::string& arm, const std::string& workload, unsigned cores,
           const Faults& faults = {}, Time hold = 0) {
  Setting setting;
  setting.cores = cores;
  setting.hold = hold;
  setting.faults = faults;
  setting.parameters.window = 10'000 * kNs;
  return Simulate(TestMachine(), *FindArm(arm), *FindWorkload(workload),
                  setting);
}
double Operations(const Result& result) {
  return static_cast<double>(result.millionths) / 1e6;
}
double Throughput(const std::string& arm, const std::string& workload,
                  unsigned cores, const Faults& faults = {}, Time hold = 0) {
  const Result result = Run(arm, workload, cores, faults, hold);
  return Operations(result) / static_cast<double>(result.window) * 1e6;
}

// The shapes. Each is a predicate, so that a fault can be shown to break it.

// n cores do about n times as much as one.
bool ScalesPerfectly(const std::string& arm, const std::string& workload,
                     const Faults& faults = {}) {
  const double one = Throughput(arm, workload, 1, faults);
  for (const unsigned cores : {4u, 16u, 64u}) {
    if (Throughput(arm, workload, cores, faults) < 0.9 * cores * one)
      return false;
  }
  return true;
}

bool FetchAddStaysAtOneOperationATransfer(const Faults& faults = {}) {
  for (const unsigned cores : {8u, 32u, 128u}) {
    const Result result = Run("machine", "fetch-add", cores, faults);
    const double transfers = static_cast<double>(result.traffic.transfers);
    const Time each = static_cast<Time>(static_cast<double>(result.window) /
                                        Operations(result));
    // The shortest way, less the part that the next request has gone before.
    if (Operations(result) > 1.3 * transfers || each < 12 * kNs) return false;
  }
  return true;
}

bool TicketLockFallsWithItsWaiters(const Faults& faults = {}) {
  return Throughput("ticket-lock", "lock", 64, faults) <
         0.5 * Throughput("ticket-lock", "lock", 8, faults);
}

bool McsLockStaysLevel(const Faults& faults = {}) {
  // Within one socket, so that the distances are the same.
  const double few = Throughput("mcs-lock", "lock", 8, faults);
  const double many = Throughput("mcs-lock", "lock", 64, faults);
  return many > 0.5 * few && many < 2 * few;
}

bool GlobalStackCollapses(const Faults& faults = {}) {
  return Throughput("haft/global", "churn", 32, faults) <
         0.2 * Throughput("haft/global", "churn", 1, faults);
}

bool CountInTheSlotDoesNotScale(const Faults& faults = {}) {
  return Throughput("haft/counted", "find-hot", 32, faults) <
         Throughput("haft/counted", "find-hot", 1, faults);
}

// With `hold`, a contended loop of compare-and-swaps gets on: that of threads
// that claim their indices.
bool HoldHelpsContendedLoops(const Faults& faults = {}) {
  return Throughput("haft/magazine", "first-calls", 64, faults, 30 * kNs) >
         3 * Throughput("haft/magazine", "first-calls", 64, faults, 0);
}

TEST(ShapesTest, OwnCasScalesPerfectly) {
  EXPECT_TRUE(ScalesPerfectly("machine", "own-cas"));
}
TEST(ShapesTest, SharedFetchAddStaysAtOneOperationATransfer) {
  EXPECT_TRUE(FetchAddStaysAtOneOperationATransfer());
}
TEST(ShapesTest, TicketLockFallsWithTheNumberOfWaiters) {
  EXPECT_TRUE(TicketLockFallsWithItsWaiters());
}
TEST(ShapesTest, McsLockStaysLevel) { EXPECT_TRUE(McsLockStaysLevel()); }
TEST(ShapesTest, GlobalTaggedStackCollapses) {
  EXPECT_TRUE(GlobalStackCollapses());
}
TEST(ShapesTest, LookUpsOfOneHotHandleScalePerfectly) {
  EXPECT_TRUE(ScalesPerfectly("haft/magazine", "find-hot"));
  EXPECT_TRUE(ScalesPerfectly("haft/hazard", "find-hot"));
}
TEST(ShapesTest, CountInTheSlotDoesNotScale) {
  EXPECT_TRUE(CountInTheSlotDoesNotScale());
}
TEST(ShapesTest, ChurnOfTheDefaultTableScalesPerfectly) {
  EXPECT_TRUE(ScalesPerfectly("haft/magazine", "churn"));
}
TEST(ShapesTest, HoldHelpsContendedLoops) {
  EXPECT_TRUE(HoldHelpsContendedLoops());
}

// The faults. simulation_test.cc has those that spoil no shape: a missing store
// buffer, and spins that cost.

TEST(FaultsTest, NoHold) {
  Faults faults;
  faults.no_hold = true;
  EXPECT_FALSE(HoldHelpsContendedLoops(faults));
}
TEST(FaultsTest, FreeTransfers) {
  Faults faults;
  faults.free_transfers = true;
  EXPECT_FALSE(FetchAddStaysAtOneOperationATransfer(faults));
}
TEST(FaultsTest, SharersNotTold) {
  Faults faults;
  faults.sharers_not_told = true;
  EXPECT_FALSE(TicketLockFallsWithItsWaiters(faults));
}
}  // namespace
}  // namespace haft::simulator
