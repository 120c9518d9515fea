// Each proposal mends what it is for, and the library as it is has the fault.

#include <gtest/gtest.h>

#include <string>

#include "bench/simulator/simulate.h"
#include "bench/simulator/test_machine.h"

namespace haft::simulator {
namespace {

double Throughput(const std::string& arm, const std::string& workload,
                  unsigned cores, std::size_t burst = 256) {
  Setting setting;
  setting.cores = cores;
  setting.hold = 30 * kNanosecond;
  setting.parameters.window = 10'000 * kNanosecond;
  setting.parameters.burst = burst;
  const Result result =
      Simulate(TestMachine(), *FindArm(arm), *FindWorkload(workload), setting);
  return static_cast<double>(result.millionths) /
         static_cast<double>(result.window);
}
double SpeedUp(const std::string& arm, const std::string& workload,
               unsigned cores, std::size_t burst = 256) {
  return Throughput(arm, workload, cores, burst) /
         Throughput(arm, workload, 1, burst);
}

TEST(CurvesTest, ThreadsThatComeAndGoScale) {
  EXPECT_GT(SpeedUp("proposal/threads", "thread-churn", 32), 25);
  EXPECT_LT(SpeedUp("haft/magazine", "thread-churn", 32), 8);
}
TEST(CurvesTest, DeletersOfPinnedObjectsDoNotMeet) {
  const double before = Throughput("haft/hazard-fenced", "delete-pinned", 16);
  const double after =
      Throughput("proposal/retired-fenced", "delete-pinned", 16);
  EXPECT_GT(after, 1.5 * before);
}
TEST(CurvesTest, BurstsOfFewThreadsDoNotMeet) {
  EXPECT_GT(SpeedUp("proposal/depot-links", "burst", 8, 1024), 7.8);
  EXPECT_LT(SpeedUp("haft/magazine", "burst", 8, 1024), 7.6);
}
TEST(CurvesTest, BurstsOfManyThreadsUseMoreStripes) {
  EXPECT_GT(Throughput("proposal/depot", "burst", 64, 512),
            1.4 * Throughput("haft/magazine", "burst", 64, 512));
}
TEST(CurvesTest, FullTableIsRefusedAsQuicklyAsBefore) {
  EXPECT_GT(Throughput("proposal/depot", "full", 32),
            0.9 * Throughput("haft/magazine", "full", 32));
}

}  // namespace
}  // namespace haft::simulator
