#include "bench/worker/key_distribution.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace haft::study {
namespace {

// Returns the weight of each rank, the most frequent first.
std::vector<double> Weights(const Skew& skew, std::size_t n) {
  std::vector<double> weights(n, 1);
  if (skew.kind == Skew::Kind::kZipf) {
    for (std::size_t i = 0; i < n; ++i)
      weights[i] = std::pow(static_cast<double>(i + 1), -skew.s);
  } else if (skew.kind == Skew::Kind::kHot && skew.keys < n) {
    const double hot = skew.percent / static_cast<double>(skew.keys);
    const double cold =
        (100 - skew.percent) / static_cast<double>(n - skew.keys);
    for (std::size_t i = 0; i < n; ++i) weights[i] = i < skew.keys ? hot : cold;
  }
  return weights;
}

}  // namespace

KeyDistribution::KeyDistribution(const Skew& skew, std::size_t n,
                                 std::uint64_t seed)
    : n_(n) {
  if (skew.kind == Skew::Kind::kUniform) return;
  std::vector<double> weights = Weights(skew, n);
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  // Far from the streams of the threads.
  Random random(seed, ~std::uint64_t{0});
  random.Shuffle(weights);
  for (double& weight : weights) weight /= sum;
  probabilities_ = std::move(weights);
  MakeAliases();
}

void KeyDistribution::MakeAliases() {
  keep_.assign(n_, 1);
  alias_.resize(n_);
  std::iota(alias_.begin(), alias_.end(), 0U);
  std::vector<double> height(n_);
  std::vector<std::uint32_t> small;
  std::vector<std::uint32_t> large;
  for (std::uint32_t i = 0; i < n_; ++i) {
    height[i] = probabilities_[i] * static_cast<double>(n_);
    (height[i] < 1 ? small : large).push_back(i);
  }
  while (!small.empty() && !large.empty()) {
    const std::uint32_t low = small.back();
    const std::uint32_t high = large.back();
    small.pop_back();
    keep_[low] = height[low];
    alias_[low] = high;
    height[high] -= 1 - height[low];
    if (height[high] >= 1) continue;
    large.pop_back();
    small.push_back(high);
  }
}

std::uint32_t KeyDistribution::Draw(Random& random) const {
  const auto column = static_cast<std::uint32_t>(random.Below(n_));
  if (probabilities_.empty()) return column;
  return random.Unit() < keep_[column] ? column : alias_[column];
}

}  // namespace haft::study
