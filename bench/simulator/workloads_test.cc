// Tests that the workloads ask an arm for what they say.

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>

#include "bench/simulator/library.h"
#include "bench/simulator/simulate.h"
#include "bench/simulator/test_machine.h"

namespace haft::simulator {
namespace {

constexpr Time kNs = kNanosecond;

// What an arm was asked for.
struct Calls {
  std::uint64_t news = 0;
  std::uint64_t finds = 0;
  std::uint64_t deletes = 0;
  std::set<const void*> threads;  // that have made a key
  std::size_t capacity = 0;
};
Calls calls;

// A table without a limit that is always right.
class CountingArm : public Arm {
 public:
  CountingArm(Simulation&, std::size_t capacity) { calls.capacity = capacity; }

  Key New(std::uint64_t) override {
    calls.threads.insert(&internal::sync::ThisThread());
    live_.insert(++calls.news);
    return calls.news;
  }
  bool Find(Key key) override {
    ++calls.finds;
    return live_.count(key) != 0;
  }
  bool Delete(Key key) override {
    ++calls.deletes;
    return live_.erase(key) != 0;
  }

 private:
  std::set<Key> live_;
};

const ArmKind kCounting = {
    "counting",
    "a test",
    {Ability::kTable},
    [](Simulation& simulation, std::size_t capacity) -> std::unique_ptr<Arm> {
      StartLibrary(simulation);
      return std::make_unique<CountingArm>(simulation, capacity);
    }};

Result RunOn(const ArmKind& arm, const std::string& workload, unsigned cores,
             const Parameters& parameters) {
  calls = {};
  Setting setting;
  setting.cores = cores;
  setting.parameters = parameters;
  return Simulate(TestMachine(), arm, *FindWorkload(workload), setting);
}
double Throughput(const std::string& arm, const std::string& workload,
                  unsigned cores, const Parameters& parameters) {
  const Result result = RunOn(*FindArm(arm), workload, cores, parameters);
  return static_cast<double>(result.millionths) /
         static_cast<double>(result.window);
}
double TransfersPerOperation(const std::string& workload) {
  Parameters parameters;
  parameters.live = 100;
  const Result result =
      RunOn(*FindArm("haft/magazine"), workload, 8, parameters);
  return 1e6 * static_cast<double>(result.traffic.transfers) /
         static_cast<double>(result.millionths);
}

TEST(SharedMixTest, NinetyOfAHundredOperationsAreLookUps) {
  Parameters parameters;
  parameters.live = 10;
  parameters.window = 100'000 * kNs;
  (void)RunOn(kCounting, "shared-mix", 4, parameters);
  EXPECT_EQ(calls.news - calls.deletes, 10u) << "as many keys stay live";
  const double all =
      static_cast<double>(calls.finds + calls.news + calls.deletes);
  EXPECT_NEAR(static_cast<double>(calls.finds) / all, 0.9, 0.01);
}
TEST(SharedMixTest, AllCoresReplaceTheSameKeys) {
  EXPECT_GT(TransfersPerOperation("shared-mix"), 0.3);
  EXPECT_LT(TransfersPerOperation("mixed"), 0.03);
}

// ns for each New and Delete of a map, on a machine whose allocations take so
// long.
double ChurnOfMap(Time allocation) {
  Machine machine = TestMachine();
  machine.allocation = allocation;
  Setting setting;
  setting.parameters.share = 5000;  // each bucket has been used
  const Result result =
      Simulate(machine, *FindArm("mutex"), *FindWorkload("churn"), setting);
  return static_cast<double>(result.window) / 1e3 /
         (static_cast<double>(result.millionths) / 1e6);
}
TEST(MapTest, NewAndDeleteTakeOneAllocation) {
  EXPECT_NEAR(ChurnOfMap(20 * kNs) - ChurnOfMap(0), 20, 1);
}

TEST(GrowTest, EachCoreMakesItsPartAndDeletesNothing) {
  Parameters parameters;
  parameters.live = 7;
  parameters.share = 20;
  const Result result = RunOn(kCounting, "grow", 3, parameters);
  EXPECT_EQ(calls.news, 7u + 3 * 20u);
  EXPECT_EQ(calls.deletes, 0u);
  EXPECT_EQ(calls.capacity, 7u + 3 * 20u);
  EXPECT_EQ(result.millionths, 60'000'000u);
}
TEST(GrowTest, PartIs1024Keys) {
  Parameters parameters;
  parameters.live = 7;
  (void)RunOn(kCounting, "grow", 2, parameters);
  EXPECT_EQ(calls.news, 7u + 2 * 1024u);
}
TEST(GrowTest, TableHasRoomForAllParts) {
  // Check in the workload aborts if a New fails.
  for (const char* const arm :
       {"haft/magazine", "haft/global", "haft/hazard", "mutex", "ticket-64"}) {
    EXPECT_GT(Throughput(arm, "grow", 16, {}), 0) << arm;
  }
}

TEST(IdleTest, EachBystanderUsesTheTableOnce) {
  Parameters parameters;
  parameters.live = 10;
  (void)RunOn(kCounting, "churn", 2, parameters);
  EXPECT_EQ(calls.threads.size(), 3u) << "two cores and the thread that fills";
  parameters.bystanders = 5;
  (void)RunOn(kCounting, "idle", 2, parameters);
  EXPECT_EQ(calls.threads.size(), 3u + 5u);
}
TEST(IdleTest, BystandersHaveNoCore) {
  Parameters parameters;
  const double alone = Throughput("haft/magazine", "idle", 4, parameters);
  parameters.bystanders = 300;
  const double beside = Throughput("haft/magazine", "idle", 4, parameters);
  EXPECT_NEAR(beside / alone, 1, 0.02);
}
TEST(IdleTest, BystandersKeepTheirNumbers) {
  // All caches belong to threads that sleep, so that those which work have
  // none.
  Parameters parameters;
  const double alone = Throughput("haft/magazine", "idle", 4, parameters);
  parameters.bystanders = internal::sync::kMaxCaches;
  EXPECT_LT(Throughput("haft/magazine", "idle", 4, parameters), 0.2 * alone);
}

}  // namespace
}  // namespace haft::simulator
