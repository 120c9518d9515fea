#include "bench/worker/think.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "bench/worker/clock.h"
#include "bench/worker/random.h"

namespace haft::study {

double MeasureTurn() {
  constexpr int kRounds = 20;
  constexpr std::uint32_t kTurns = 20000;
  double least = std::numeric_limits<double>::max();
  for (int round = 0; round < kRounds; ++round) {
    const std::int64_t begin = NowNs();
    Spin(kTurns);
    least = std::min(least, static_cast<double>(NowNs() - begin) / kTurns);
  }
  return least;
}

Thinker::Thinker(const Think& think, double turn_ns, std::uint64_t seed,
                 std::uint64_t stream) {
  // Of exponential times there must be many. Their number is a power of two.
  const bool varies = think.kind == Think::Kind::kExponential;
  turns_.resize(varies ? 1024 : 1);
  // Another stream than that of the thread's draws.
  Random random(~seed, stream);
  for (std::uint32_t& turns : turns_) {
    const double ns =
        varies ? -std::log1p(-random.Unit()) * think.ns : think.ns;
    const double exact = std::round(ns / turn_ns);
    turns = static_cast<std::uint32_t>(
        std::min<double>(exact, std::numeric_limits<std::uint32_t>::max()));
  }
}

double Thinker::MeasureMean() {
  constexpr std::int64_t kAtLeastNs = 2'000'000;
  const std::int64_t begin = NowNs();
  std::int64_t calls = 0;
  std::int64_t took = 0;
  do {
    for (std::size_t i = 0; i < turns_.size(); ++i) (*this)();
    calls += static_cast<std::int64_t>(turns_.size());
    took = NowNs() - begin;
  } while (took < kAtLeastNs);
  return static_cast<double>(took) / static_cast<double>(calls);
}

}  // namespace haft::study
