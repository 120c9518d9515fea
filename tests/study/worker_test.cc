// The parts of the study's worker that do not depend on a table.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "bench/worker/clock.h"
#include "bench/worker/cpus.h"
#include "bench/worker/draws.h"
#include "bench/worker/histogram.h"
#include "bench/worker/key_distribution.h"
#include "bench/worker/members.h"
#include "bench/worker/process.h"
#include "bench/worker/think.h"
#include "bench/worker/values.h"

namespace haft::study {
namespace {

// --- Histogram ---------------------------------------------------------------

// Returns the times at which a bucket may begin: powers of two, and what is
// around the 64 parts of each.
std::vector<std::int64_t> Edges() {
  std::vector<std::int64_t> edges;
  for (std::int64_t ns = 0; ns < 128; ++ns) edges.insert(edges.end(), ns);
  for (unsigned log2 = 7; log2 < 62; ++log2) {
    for (std::int64_t part = 64; part < 128; ++part) {
      const std::int64_t edge = part << (log2 - 6);
      edges.insert(edges.end(), {edge - 1, edge, edge + 1});
    }
  }
  return edges;
}

TEST(HistogramTest, BucketContainsItsTimeAndIsNarrow) {
  for (const std::int64_t ns : Edges()) {
    Histogram histogram;
    histogram.Record(ns);
    const std::vector<Histogram::Bucket> buckets = histogram.Buckets();
    ASSERT_EQ(buckets.size(), 1U);
    EXPECT_EQ(buckets[0].count, 1U);
    EXPECT_LE(buckets[0].lower, ns);
    EXPECT_GT(buckets[0].upper, ns);
    const std::int64_t width = buckets[0].upper - buckets[0].lower;
    EXPECT_TRUE(width == 1 || 64 * width <= buckets[0].lower) << ns;
  }
}

TEST(HistogramTest, NeighbouringBucketsMeet) {
  Histogram histogram;
  for (const std::int64_t ns : Edges()) histogram.Record(ns);
  const std::vector<Histogram::Bucket> buckets = histogram.Buckets();
  for (std::size_t i = 1; i < buckets.size(); ++i)
    EXPECT_EQ(buckets[i].lower, buckets[i - 1].upper);
}

TEST(HistogramTest, QuantileIsThatOfTheTimesAtEachEdge) {
  const std::vector<std::int64_t> edges = Edges();
  // Runs of times that begin and end at any edge.
  for (std::size_t i = 0; i + 20 < edges.size(); i += 7) {
    std::vector<std::int64_t> times(
        edges.begin() + static_cast<std::ptrdiff_t>(i),
        edges.begin() + static_cast<std::ptrdiff_t>(i + 20));
    Histogram histogram;
    for (const std::int64_t ns : times) histogram.Record(ns);
    std::sort(times.begin(), times.end());
    for (const double q : {0.05, 0.5, 0.9, 0.95, 1.0}) {
      const auto rank = static_cast<std::size_t>(
          std::ceil(q * static_cast<double>(times.size())));
      const std::int64_t exact = times[rank - 1];
      EXPECT_GE(histogram.Quantile(q), exact);
      EXPECT_LE(histogram.Quantile(q), exact + exact / 64);
    }
  }
}

TEST(HistogramTest, MergeAddsCountsAndKeepsTheGreatest) {
  Histogram one;
  Histogram other;
  one.Record(5);
  one.Record(1000);
  other.Record(5);
  other.Record(70000);
  one.Merge(other);
  EXPECT_EQ(one.sampled(), 4U);
  EXPECT_EQ(one.max(), 70000);
  ASSERT_EQ(one.Buckets().size(), 3U);
  EXPECT_EQ(one.Buckets()[0].count, 2U);
  one.Clear();
  EXPECT_EQ(one.sampled(), 0U);
  EXPECT_TRUE(one.Buckets().empty());
}

TEST(HistogramTest, TimeBelowZeroCountsAsZero) {
  Histogram histogram;
  histogram.Record(-3);
  EXPECT_EQ(histogram.Buckets()[0].lower, 0);
}

// --- Draws -------------------------------------------------------------------

// Returns the chi-squared statistic of `draws` draws, less its mean, in
// standard deviations. Draws that are rare together count as one cell.
double ExcessOfChiSquared(const KeyDistribution& distribution,
                          const std::vector<double>& probabilities, int draws) {
  std::vector<double> seen(probabilities.size());
  Random random(37033, 1);
  for (int i = 0; i < draws; ++i) ++seen[distribution.Draw(random)];
  double chi_squared = 0;
  int cells = 0;
  double rare_seen = 0;
  double rare_expected = 0;
  const auto add = [&](double observed, double expected) {
    chi_squared += (observed - expected) * (observed - expected) / expected;
    ++cells;
  };
  for (std::size_t i = 0; i < seen.size(); ++i) {
    const double expected = probabilities[i] * draws;
    if (expected >= 10) {
      add(seen[i], expected);
    } else {
      rare_seen += seen[i];
      rare_expected += expected;
    }
  }
  if (rare_expected > 0) add(rare_seen, rare_expected);
  const double degrees = cells - 1;
  return (chi_squared - degrees) / std::sqrt(2 * degrees);
}

Skew Zipf(double s) { return {Skew::Kind::kZipf, s, 0, 0}; }

TEST(KeyDistributionTest, ZipfHasItsFrequencies) {
  for (const double s : {0.5, 0.99, 1.5}) {
    constexpr std::size_t kKeys = 1000;
    const KeyDistribution distribution(Zipf(s), kKeys, 37033);
    // Sorted, the probabilities are those of the ranks.
    std::vector<double> sorted = distribution.probabilities();
    std::sort(sorted.rbegin(), sorted.rend());
    double sum = 0;
    for (std::size_t rank = 1; rank <= kKeys; ++rank)
      sum += std::pow(static_cast<double>(rank), -s);
    for (const std::size_t rank : {std::size_t{1}, std::size_t{2}, kKeys}) {
      EXPECT_NEAR(sorted[rank - 1],
                  std::pow(static_cast<double>(rank), -s) / sum, 1e-12);
    }
    // The seed is fixed, so this holds always or never.
    EXPECT_LT(std::abs(ExcessOfChiSquared(
                  distribution, distribution.probabilities(), 400000)),
              4.0)
        << s;
  }
}

TEST(KeyDistributionTest, UniformIsUniform) {
  const KeyDistribution distribution(Skew{}, 100, 37033);
  EXPECT_LT(std::abs(ExcessOfChiSquared(
                distribution, std::vector<double>(100, 0.01), 100000)),
            4.0);
}

TEST(KeyDistributionTest, HotKeysGetTheirPercentage) {
  const KeyDistribution distribution({Skew::Kind::kHot, 0, 4, 90}, 100, 37033);
  std::vector<double> sorted = distribution.probabilities();
  std::sort(sorted.rbegin(), sorted.rend());
  EXPECT_NEAR(sorted[0] + sorted[1] + sorted[2] + sorted[3], 0.9, 1e-12);
  EXPECT_LT(std::abs(ExcessOfChiSquared(distribution,
                                        distribution.probabilities(), 100000)),
            4.0);
}

TEST(KeyDistributionTest, SeedSaysWhichKeysAreFrequent) {
  const KeyDistribution one(Zipf(1), 100, 1);
  const KeyDistribution same(Zipf(1), 100, 1);
  const KeyDistribution other(Zipf(1), 100, 2);
  EXPECT_EQ(one.probabilities(), same.probabilities());
  EXPECT_NE(one.probabilities(), other.probabilities());
}

TEST(DrawsTest, StepsFollowTheMixAndTheSeed) {
  const KeyDistribution uniform(Skew{}, 50, 1);
  const Mix mix = {80, 5, 10};  // and 5 of Delete, in the step of the New
  const Draws draws(uniform, 50, mix, 1, 0);
  Draws::Cursor one = draws.Begin();
  const Draws again(uniform, 50, mix, 1, 0);
  Draws::Cursor same = again.Begin();
  const Draws others(uniform, 50, mix, 1, 1);
  Draws::Cursor other = others.Begin();
  constexpr int kDraws = 50000;
  int steps[3] = {};
  int differences = 0;
  for (int i = 0; i < kDraws; ++i) {
    const Draw draw = one.Next();
    const Draw twin = same.Next();
    ASSERT_EQ(draw.cell(), twin.cell());
    ASSERT_EQ(draw.step(), twin.step());
    differences += draw.cell() != other.Next().cell() ? 1 : 0;
    ++steps[static_cast<int>(draw.step())];
    ASSERT_LT(draw.cell(), 50U);
  }
  EXPECT_GT(differences, kDraws / 2);
  EXPECT_NEAR(steps[0], kDraws * 80.0 / 95, kDraws * 0.01);
  EXPECT_NEAR(steps[1], kDraws * 10.0 / 95, kDraws * 0.01);
  EXPECT_NEAR(steps[2], kDraws * 5.0 / 95, kDraws * 0.01);
}

TEST(RandomTest, NumbersAreTheSameOnEveryMachine) {
  Random random(37033, 1);
  EXPECT_EQ(random.Below(1000000), 864124U);
  EXPECT_EQ(random.Below(1000000), 996912U);
}

// --- Members -----------------------------------------------------------------

struct Least {
  explicit Least(std::size_t) {}
  Key New(Value);
  bool Find(Key, Value*);
  bool Delete(Key);
};

struct Most {
  explicit Most(std::size_t) {}
  struct Session {
    explicit Session(Most&) {}
  };
  // Either form of each is found.
  Key New(Session&, const Value&);
  bool Find(Session&, Key, Value*);
  bool Delete(Key);
  std::size_t NewBatch(const Value*, std::size_t, Key*);
  std::size_t DeleteBatch(Session&, const Key*, std::size_t);
  struct Held {
    explicit operator bool() const;
    Value value() const;
  };
  Held Pin(Session&, Key);
  void Unpin(Held&);
  struct Scope {
    explicit Scope(Session&);
  };
  bool DeleteUnlessPinned(Key);
  int Stats();
  static constexpr const char* kVersion = "7";
  static constexpr const char* kProgress = "wait-free";
  static constexpr std::size_t kMaxThreads = 3;
  static constexpr bool kRefusesStale = false;
};

constexpr unsigned kAll = ~0U & ~unsigned{Needs::kRefusesStale};

TEST(MembersTest, TableWithAllLacksNothing) {
  EXPECT_EQ((MissingOf<Most, Value>(kAll)), nullptr);
  EXPECT_STREQ((MissingOf<Most, Value>(kRefusesStale)), "kRefusesStale");
  EXPECT_STREQ(VersionOf<Most>(), "7");
  EXPECT_STREQ(ProgressOf<Most>(), "wait-free");
  EXPECT_EQ(MaxThreadsOf<Most>(), 3U);
}

TEST(MembersTest, MissingMemberIsNamed) {
  EXPECT_EQ((MissingOf<Least, Value>(kFind | kDelete | kRefusesStale)),
            nullptr);
  EXPECT_STREQ((MissingOf<Least, Value>(kNewBatch)), "NewBatch");
  EXPECT_STREQ((MissingOf<Least, Value>(kDeleteBatch)), "DeleteBatch");
  EXPECT_STREQ((MissingOf<Least, Value>(kPin)), "Pin");
  EXPECT_STREQ((MissingOf<Least, Value>(kScope)), "Scope");
  EXPECT_STREQ((MissingOf<Least, Value>(kDeleteUnlessPinned)),
               "DeleteUnlessPinned");
  EXPECT_STREQ((MissingOf<Least, Value>(kStats)), "Stats");
  EXPECT_EQ(VersionOf<Least>(), nullptr);
  EXPECT_EQ(MaxCapacityOf<Least>(), 0U);
}

TEST(MembersTest, MemberOfAnotherTypeIsNone) {
  struct Other {
    explicit Other(std::size_t) {}
    Key New(Value);
    bool Find(const std::string&, Value*);
  };
  EXPECT_STREQ((MissingOf<Other, Value>(kFind)), "Find");
  EXPECT_STREQ((MissingOf<Other, Value>(kDelete)), "Delete");
  EXPECT_STREQ((MissingOf<Other, Words<2>>(kFind)), "New");
}

// --- Values and facts --------------------------------------------------------

TEST(ValuesTest, TornValueHasNoAddress) {
  auto value = MakeValue<Words<4>>(0x1000);
  EXPECT_EQ(AddressIn(value), 0x1000U);
  value.word[2] = 0x2000;
  EXPECT_EQ(AddressIn(value), 0U);
}

TEST(FactsTest, ProcessKnowsItself) {
  const std::uint64_t before = MemoryNow().resident_bytes;
  EXPECT_GT(before, 100000U);
  // A megabyte is seen to the page, whatever the kernel sums up.
  const std::vector<char> touched(1U << 20U, 1);
  const std::uint64_t more = MemoryNow().resident_bytes - before;
  EXPECT_GE(more, 1U << 20U) << touched[1000];
  EXPECT_LE(more, 5U << 18U);
  EXPECT_GE(MemoryNow().peak_bytes, MemoryNow().resident_bytes / 2);
  EXPECT_NE(AllocatorPath(), "unknown");
  EXPECT_GT(MeasureClock().cost_ns, 0);
  EXPECT_GT(MeasureClock().granularity_ns, 0);
  EXPECT_GT(MeasureTurn(), 0);
  SeenCpus seen;
  seen.Look();
  ASSERT_EQ(seen.cpus().size(), 1U);
  const std::vector<int> allowed = AllowedCpus();
  EXPECT_EQ(std::count(allowed.begin(), allowed.end(), seen.cpus()[0]), 1);
}

}  // namespace
}  // namespace haft::study
