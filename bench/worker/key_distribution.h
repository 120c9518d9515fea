// The frequencies with which keys are drawn.

#ifndef HAFT_BENCH_WORKER_KEY_DISTRIBUTION_H_
#define HAFT_BENCH_WORKER_KEY_DISTRIBUTION_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "bench/worker/random.h"
#include "bench/worker/request.h"

namespace haft::study {

// Draws numbers from 0 to n-1 by the alias method (Walker, Vose), in constant
// time. If they are not uniform, the frequent ones are spread over the range by
// a permutation that the seed determines, and so are the same for all threads.
class KeyDistribution {
 public:
  KeyDistribution(const Skew& skew, std::size_t n, std::uint64_t seed);

  std::uint32_t Draw(Random& random) const;

  // Returns the probability of each number.
  const std::vector<double>& probabilities() const { return probabilities_; }

 private:
  void MakeAliases();

  std::size_t n_;
  std::vector<double> probabilities_;  // empty: uniform
  // Column i yields i with the probability keep_[i], otherwise alias_[i].
  std::vector<double> keep_;
  std::vector<std::uint32_t> alias_;
};

}  // namespace haft::study

#endif  // HAFT_BENCH_WORKER_KEY_DISTRIBUTION_H_
