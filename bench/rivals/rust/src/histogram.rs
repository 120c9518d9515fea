//! A histogram of times, for any time without loss of relative precision.

const BITS_PER_OCTAVE: u32 = 6;
const PER_OCTAVE: usize = 1 << BITS_PER_OCTAVE;
/// The last index is that of the greatest i64.
const BUCKETS: usize = (62 - BITS_PER_OCTAVE as usize + 2) * PER_OCTAVE;

/// Log-linear: each power of two is divided into 64 buckets of equal width, and below 128 each nanosecond has a bucket of its
/// own. A bucket's width is therefore 1 ns or at most 1/64 of its lower bound. Counts are exact.
pub struct Histogram {
    counts: Vec<u64>,
    sampled: u64,
    max: i64,
}

/// The upper bound is exclusive.
#[derive(Debug, PartialEq)]
pub struct Bucket {
    pub lower: i64,
    pub upper: i64,
    pub count: u64,
}

impl Histogram {
    pub fn new() -> Self {
        Histogram { counts: vec![0; BUCKETS], sampled: 0, max: 0 }
    }

    /// A time below 0, from a clock that is set back, counts as 0.
    pub fn record(&mut self, ns: i64) {
        let ns = ns.max(0);
        self.counts[index_of(ns as u64)] += 1;
        self.sampled += 1;
        self.max = self.max.max(ns);
    }

    pub fn clear(&mut self) {
        self.counts.fill(0);
        self.sampled = 0;
        self.max = 0;
    }

    pub fn sampled(&self) -> u64 {
        self.sampled
    }
    pub fn max(&self) -> i64 {
        self.max
    }

    /// Returns the buckets whose count is not zero, in ascending order.
    pub fn buckets(&self) -> Vec<Bucket> {
        let counted = self.counts.iter().enumerate().filter(|(_, count)| **count != 0);
        counted
            .map(|(i, count)| Bucket {
                lower: lower_of(i) as i64,
                // The last bucket ends where the type does.
                upper: lower_of(i + 1).min(i64::MAX as u64) as i64,
                count: *count,
            })
            .collect()
    }
}

fn index_of(ns: u64) -> usize {
    let shift = (ns | PER_OCTAVE as u64).ilog2() - BITS_PER_OCTAVE;
    shift as usize * PER_OCTAVE + (ns >> shift) as usize
}

/// Returns the least time of a bucket.
fn lower_of(index: usize) -> u64 {
    if index < 2 * PER_OCTAVE {
        return index as u64;
    }
    let shift = index / PER_OCTAVE - 1;
    ((index - shift * PER_OCTAVE) as u64) << shift
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket_of(ns: i64) -> Bucket {
        let mut histogram = Histogram::new();
        histogram.record(ns);
        histogram.buckets().pop().unwrap()
    }

    #[test]
    fn buckets_are_narrow_and_contain_their_times() {
        let mut ns = 0i64;
        while ns < i64::MAX / 2 {
            for ns in [ns, ns + 1] {
                let bucket = bucket_of(ns);
                assert!(bucket.lower <= ns && ns < bucket.upper, "{ns}: {bucket:?}");
                let width = bucket.upper - bucket.lower;
                assert!(width == 1 || width <= bucket.lower / 64, "{ns}: {bucket:?}");
            }
            ns += ns / 37 + 1;
        }
    }

    #[test]
    fn buckets_follow_each_other() {
        for index in 0..BUCKETS {
            assert_eq!(index_of(lower_of(index)), index);
            if index > 0 {
                assert_eq!(index_of(lower_of(index) - 1), index - 1);
            }
        }
        assert_eq!(index_of(i64::MAX as u64), BUCKETS - 1);
    }

    #[test]
    fn counts_are_exact_and_ascend() {
        let mut histogram = Histogram::new();
        for ns in [1000, 5, 5, -3, 1001, i64::MAX] {
            histogram.record(ns);
        }
        let found: Vec<(i64, i64, u64)> = histogram.buckets().iter().map(|b| (b.lower, b.upper, b.count)).collect();
        assert_eq!(found[..3], [(0, 1, 1), (5, 6, 2), (1000, 1008, 2)]);
        assert_eq!(found[3].1, i64::MAX);
        assert_eq!((histogram.sampled(), histogram.max()), (6, i64::MAX));
        histogram.clear();
        assert_eq!((histogram.sampled(), histogram.max(), histogram.buckets()), (0, 0, vec![]));
    }
}
