#include "bench/worker/histogram.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace haft::study {

std::uint64_t Histogram::LowerOf(std::size_t index) {
  if (index < 2 * kPerOctave) return index;
  const std::size_t shift = index / kPerOctave - 1;
  return static_cast<std::uint64_t>(index - shift * kPerOctave) << shift;
}

void Histogram::Merge(const Histogram& other) {
  for (std::size_t i = 0; i < kBuckets; ++i) counts_[i] += other.counts_[i];
  sampled_ += other.sampled_;
  max_ = std::max(max_, other.max_);
}

void Histogram::Clear() {
  std::fill(counts_.begin(), counts_.end(), 0);
  sampled_ = 0;
  max_ = 0;
}

std::vector<Histogram::Bucket> Histogram::Buckets() const {
  std::vector<Bucket> buckets;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    if (counts_[i] == 0) continue;
    // The last bucket ends where the type does.
    const std::uint64_t upper = std::min(
        LowerOf(i + 1),
        static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()));
    buckets.push_back({static_cast<std::int64_t>(LowerOf(i)),
                       static_cast<std::int64_t>(upper), counts_[i]});
  }
  return buckets;
}

std::int64_t Histogram::Quantile(double q) const {
  // The rank of the quantile by the inverse of the distribution function.
  const double exact = std::ceil(q * static_cast<double>(sampled_));
  const std::uint64_t rank =
      std::clamp<std::uint64_t>(static_cast<std::uint64_t>(exact), 1, sampled_);
  std::uint64_t seen = 0;
  for (const Bucket& bucket : Buckets()) {
    seen += bucket.count;
    if (seen >= rank) return std::min(bucket.upper - 1, max_);
  }
  return max_;
}

}  // namespace haft::study
