// Tests which operations are counted, and when.

#include "bench/simulator/measurement.h"

#include <gtest/gtest.h>

#include <vector>

#include "bench/simulator/names.h"
#include "bench/simulator/simulation.h"
#include "bench/simulator/test_machine.h"
#include "haft/internal/base/sync.h"

namespace haft::simulator {
namespace {

constexpr Time kNs = kNanosecond;
constexpr Time kLate = 1'000'000 * kNs;

// Each operation of core c takes `lengths[c]`.
Result Measure(const std::vector<Time>& lengths, std::uint64_t share,
               Time window) {
  const auto cores = static_cast<unsigned>(lengths.size());
  Simulation simulation(TestMachine(), cores, 0, 1);
  Measurement measurement(&simulation, cores, share, window, kLate);
  simulation.Run([&](CoreNumber core) {
    while (measurement.GoesOn(core)) {
      const Time since = simulation.now();
      simulation.Advance(lengths[core]);
      measurement.Count(core, since, 1);
    }
  });
  return measurement.Finish();
}

TEST(MeasurementTest, OperationsOfTheWindowAreCounted) {
  const Result result = Measure({10 * kNs}, 3, 10'000 * kNs);
  EXPECT_EQ(result.window, 10'000 * kNs);
  // The core begins up to 100 ns after the window.
  EXPECT_NEAR(static_cast<double>(result.millionths) / 1e6, 1000, 10);
  EXPECT_EQ(result.duration, result.ended * 10 * kNs);
}

TEST(MeasurementTest, OperationLongerThanTheWindowIsCountedInPart) {
  // The window opens within the only operation of the core, at the latest time.
  const Result result = Measure({400 * kLate}, 1, kLate);
  EXPECT_EQ(result.window, Measurement::kMostLengths * kLate);
  EXPECT_EQ(result.millionths, 80'000u);
  EXPECT_EQ(result.ended, 0u);
}

TEST(MeasurementTest, WindowIsLongerUntilEachCoreHasMadeSomeOperations) {
  const Result result = Measure({400 * kNs}, 1, 1'000 * kNs);
  EXPECT_EQ(result.window, 2'000 * kNs);
}

TEST(MeasurementTest, EqualSharesAreFair) {
  const Result result =
      Measure({10 * kNs, 10 * kNs, 10 * kNs}, 3, 100'000 * kNs);
  EXPECT_NEAR(result.jain, 1, 1e-5);
  EXPECT_TRUE(result.settled());
}

TEST(MeasurementTest, UnequalSharesAreNot) {
  const Result result = Measure({10 * kNs, 30 * kNs}, 3, 300'000 * kNs);
  // (3 + 1)^2 / (2 * (9 + 1)).
  EXPECT_NEAR(result.jain, 0.8, 1e-3);
  EXPECT_FALSE(result.settled());
}

TEST(MeasurementTest, ColdRunCountsTheSharesFromTheBeginning) {
  const Result result = Measure({10 * kNs, 1000 * kNs}, 5, 0);
  EXPECT_EQ(result.millionths, 10'000'000u);
  EXPECT_GE(result.window, 5000 * kNs);
  EXPECT_LT(result.window, 5100 * kNs);
}

TEST(MeasurementTest, OnlyCountedCoresCount) {
  Simulation simulation(TestMachine(), 2, 0, 1);
  Measurement measurement(&simulation, 2, 1, 1000 * kNs, kLate);
  measurement.CountOnly({true, false});
  simulation.Run([&](CoreNumber core) {
    while (measurement.GoesOn(core)) {
      const Time since = simulation.now();
      simulation.Advance(core == 0 ? 10 * kNs : 1 * kNs);
      measurement.Count(core, since, 1);
    }
  });
  const Result result = measurement.Finish();
  EXPECT_EQ(result.counted_cores, 1u);
  EXPECT_LE(result.millionths, 100'000'000u);
  EXPECT_NEAR(result.jain, 1, 1e-9);
}

struct alignas(128) Pair {
  internal::sync::Atomic<std::uint64_t> first{0};
  internal::sync::Atomic<std::uint64_t> second{0};
};

TEST(MeasurementTest, CostlyLinesAreNamedAfterTheirCostliestWord) {
  Simulation simulation(TestMachine(), 2, 0, 1);
  const std::size_t ranges = simulation.memory().ranges().size();
  Pair* const pair = simulation.memory().Make<Pair>();
  NameRanges(simulation.memory(), ranges,
             {{"pair", sizeof(Pair), {{"first"}, {"second"}}}});
  Measurement measurement(&simulation, 2, 1, 10'000 * kNs, kLate);
  simulation.Run([&](CoreNumber core) {
    while (measurement.GoesOn(core)) {
      const Time since = simulation.now();
      for (int i = 0; i < 5; ++i)
        pair->second.fetch_add(1, std::memory_order_relaxed);
      pair->first.fetch_add(1, std::memory_order_relaxed);
      measurement.Count(core, since, 1);
    }
  });
  const Result result = measurement.Finish();
  ASSERT_EQ(result.costly.size(), 1u);
  EXPECT_EQ(result.costly[0].name, "pair.second");
  EXPECT_EQ(result.costly[0].stall, result.stall);
}

TEST(NamesTest, AnotherStructureThanTheNamedOneIsNoticed) {
  Simulation simulation(TestMachine(), 1, 0, 1);
  const std::size_t ranges = simulation.memory().ranges().size();
  simulation.memory().Make<Pair>();
  EXPECT_THROW(NameRanges(simulation.memory(), ranges,
                          {{"pair", sizeof(Pair), {{"first"}}}}),
               std::logic_error);
  EXPECT_THROW(NameRanges(simulation.memory(), ranges,
                          {{"pair", 64, {{"first"}, {"second"}}}}),
               std::logic_error);
  EXPECT_THROW(NameRanges(simulation.memory(), ranges,
                          {{"pair", sizeof(Pair), {{"first"}, {"second"}}},
                           {"another", 8}}),
               std::logic_error);
}

TEST(NamesTest, ElementsOfAnArrayAreNumberedInGroups) {
  Simulation simulation(TestMachine(), 1, 0, 1);
  Memory& memory = simulation.memory();
  const std::size_t ranges = memory.ranges().size();
  const auto* const words =
      static_cast<const std::uint64_t*>(memory.Allocate(8, 100));
  NameRanges(memory, ranges, {{"magazine %", 8, {}, {{0, "entry"}}, 10}});
  EXPECT_EQ(NameOf(memory, memory.PlaceOf(words + 9)), "magazine 0.entry");
  EXPECT_EQ(NameOf(memory, memory.PlaceOf(words + 10)), "magazine 1.entry");
}

}  // namespace
}  // namespace haft::simulator
