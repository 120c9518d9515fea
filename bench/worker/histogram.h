// A histogram of times, for any time without loss of relative precision.

#ifndef HAFT_BENCH_WORKER_HISTOGRAM_H_
#define HAFT_BENCH_WORKER_HISTOGRAM_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace haft::study {

// Log-linear: each power of two is divided into 64 buckets of equal width, and
// below 128 each nanosecond has a bucket of its own. A bucket's width is
// therefore 1 ns or at most 1/64 of its lower bound. Counts are exact.
class Histogram {
 public:
  // `upper` is exclusive.
  struct Bucket {
    std::int64_t lower;
    std::int64_t upper;
    std::uint64_t count;
  };

  Histogram() : counts_(kBuckets) {}

  // A time below 0, from a clock that is set back, counts as 0.
  void Record(std::int64_t ns) {
    if (ns < 0) ns = 0;
    ++counts_[IndexOf(static_cast<std::uint64_t>(ns))];
    ++sampled_;
    if (ns > max_) max_ = ns;
  }

  void Merge(const Histogram& other);
  void Clear();

  std::uint64_t sampled() const { return sampled_; }
  std::int64_t max() const { return max_; }

  // Returns the buckets whose count is not zero, in ascending order.
  std::vector<Bucket> Buckets() const;

  // Returns the greatest time that the bucket of the q-quantile may contain
  // (0 < q <= 1), which is never less than the exact quantile. The histogram
  // must not be empty.
  std::int64_t Quantile(double q) const;

 private:
  static constexpr unsigned kBitsPerOctave = 6;
  static constexpr std::size_t kPerOctave = std::size_t{1} << kBitsPerOctave;
  // The last index is that of the greatest std::int64_t.
  static constexpr std::size_t kBuckets =
      (62 - kBitsPerOctave + 2) * kPerOctave;

  static std::size_t IndexOf(std::uint64_t ns) {
    const unsigned log2 =
        63U - static_cast<unsigned>(__builtin_clzll(ns | kPerOctave));
    const unsigned shift = log2 - kBitsPerOctave;
    return shift * kPerOctave + static_cast<std::size_t>(ns >> shift);
  }
  // Returns the least time of a bucket.
  static std::uint64_t LowerOf(std::size_t index);

  std::vector<std::uint64_t> counts_;
  std::uint64_t sampled_ = 0;
  std::int64_t max_ = 0;
};

}  // namespace haft::study

#endif  // HAFT_BENCH_WORKER_HISTOGRAM_H_
