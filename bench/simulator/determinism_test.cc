// A seed determines the result.

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <sstream>
#include <string>

#include "bench/simulator/simulate.h"
#include "bench/simulator/test_machine.h"

namespace haft::simulator {
namespace {

// Returns everything that a row tells.
std::string Row(const ArmKind& arm, const Workload& workload,
                const Setting& setting) {
  const Result result = Simulate(TestMachine(), arm, workload, setting);
  const Traffic& traffic = result.traffic;
  std::ostringstream row;
  row << arm.name << " " << workload.name << " " << result.window << " "
      << result.millionths << " " << result.duration << " " << result.ended
      << " " << result.jain << " " << traffic.accesses << " "
      << traffic.failed_compare_and_swaps << " " << traffic.transfers << " "
      << traffic.far_transfers << " " << traffic.invalidations;
  for (const CostlyWord& word : result.costly)
    row << " " << word.name << "=" << word.stall;
  return row.str();
}

Setting SettingOf(unsigned cores, std::uint64_t seed) {
  Setting setting;
  setting.cores = cores;
  setting.hold = 30 * kNanosecond;
  setting.seed = seed;
  setting.parameters.window = 1'000 * kNanosecond;
  setting.parameters.live = 100;
  setting.parameters.share = 4;
  return setting;
}

// Calls f(arm, workload) for those that go together on four cores.
template <typename F>
void ForEachPair(F&& f) {
  for (const ArmKind& arm : Arms()) {
    for (const Workload& workload : Workloads())
      if (WhyNot(arm, workload, 4).empty()) f(arm, workload);
  }
}

TEST(DeterminismTest, SameSeedGivesTheSameRow) {
  ForEachPair([](const ArmKind& arm, const Workload& workload) {
    EXPECT_EQ(Row(arm, workload, SettingOf(4, 1)),
              Row(arm, workload, SettingOf(4, 1)));
  });
}

TEST(DeterminismTest, OtherSeedGivesAnotherRow) {
  EXPECT_NE(
      Row(*FindArm("haft/magazine"), *FindWorkload("churn"), SettingOf(4, 1)),
      Row(*FindArm("haft/magazine"), *FindWorkload("churn"), SettingOf(4, 2)));
}

TEST(DeterminismTest, AddressesDoNotMatter) {
  const ArmKind& arm = *FindArm("haft/hazard");
  const Workload& workload = *FindWorkload("scope");
  const std::string row = Row(arm, workload, SettingOf(8, 1));
  // The next simulation's memory and stacks lie elsewhere.
  constexpr std::size_t kSpace =
      (std::size_t{1} << 33) + 12 * std::size_t{4096};
  void* const space = mmap(nullptr, kSpace, PROT_NONE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  ASSERT_NE(space, MAP_FAILED);
  EXPECT_EQ(Row(arm, workload, SettingOf(8, 1)), row);
  munmap(space, kSpace);
}

// Cores get ahead of each other only as far as it makes no difference.
TEST(DeterminismTest, CoresThatGetAheadChangeNothing) {
  for (const char* const arm :
       {"haft/magazine", "haft/global", "haft/counted", "ticket-64", "mutex"}) {
    for (const Workload& workload : Workloads()) {
      if (!WhyNot(*FindArm(arm), workload, 8).empty()) continue;
      const Setting ahead = SettingOf(8, 3);
      Setting in_step = ahead;
      in_step.faults.none_ahead = true;
      EXPECT_EQ(Row(*FindArm(arm), workload, ahead),
                Row(*FindArm(arm), workload, in_step));
    }
  }
}

}  // namespace
}  // namespace haft::simulator
