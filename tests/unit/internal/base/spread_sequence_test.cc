#include "haft/internal/base/spread_sequence.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <set>

namespace haft::internal {
namespace {

// Returns the least distance of two of the fractions, on a circle.
std::uint64_t LeastDistance(const std::set<std::uint64_t>& fractions) {
  std::uint64_t least = *fractions.begin() - *fractions.rbegin();
  std::uint64_t last = *fractions.begin();
  for (const std::uint64_t fraction : fractions) {
    if (fraction != last && fraction - last < least) least = fraction - last;
    last = fraction;
  }
  return least;
}

TEST(SpreadSequenceTest, AnyNOfThemLieFarApart) {
  SpreadSequence sequence;
  for (int skipped = 0; skipped < 5; ++skipped) (void)sequence.Next();
  std::set<std::uint64_t> fractions;
  for (unsigned n = 1; n <= 5000; ++n) {
    ASSERT_TRUE(fractions.insert(sequence.Next()).second);
    if (n == 2 || n == 3 || n == 200 || n == 1000 || n == 5000) {
      EXPECT_GE(static_cast<double>(LeastDistance(fractions)),
                18446744073709551616.0 / (2.3 * n))
          << n;
    }
  }
}

TEST(SpreadSequenceTest, EachBeginsElsewhereAndSoItDoesAfterARestart) {
  std::set<std::uint64_t> starts;
  SpreadSequence restarted;
  for (int n = 0; n < 50; ++n) {
    SpreadSequence sequence;
    EXPECT_TRUE(starts.insert(sequence.Next()).second);
    restarted.Restart();
    EXPECT_TRUE(starts.insert(restarted.Next()).second);
  }
}

TEST(SpreadSequenceTest, ARestartDoesNotGoOnAsBefore) {
  SpreadSequence sequence;
  const std::uint64_t first = sequence.Next(), second = sequence.Next();
  sequence.Restart();
  EXPECT_NE(sequence.Next() - second, second - first);
}

}  // namespace
}  // namespace haft::internal
