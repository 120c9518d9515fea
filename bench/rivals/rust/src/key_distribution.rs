//! The frequencies with which keys are drawn.

use crate::random::Random;
use crate::request::Skew;

/// Draws numbers from 0 to n-1 by the alias method (Walker, Vose), in constant time. If they are not uniform, the frequent ones
/// are spread over the range by a permutation that the seed determines, and so are the same for all threads.
pub struct KeyDistribution {
    n: usize,
    /// Empty: uniform.
    probabilities: Vec<f64>,
    /// Column i yields i with the probability `keep[i]`, otherwise `alias[i]`.
    keep: Vec<f64>,
    alias: Vec<u32>,
}

impl KeyDistribution {
    pub fn new(skew: &Skew, n: usize, seed: u64) -> Self {
        let mut made = KeyDistribution { n, probabilities: vec![], keep: vec![], alias: vec![] };
        let Some(mut weights) = weights(skew, n) else { return made };
        let sum: f64 = weights.iter().sum();
        // Far from the streams of the threads.
        let mut random = Random::new(seed, u64::MAX);
        for i in (1..n).rev() {
            weights.swap(i, random.below(i as u64 + 1) as usize);
        }
        made.probabilities = weights.into_iter().map(|weight| weight / sum).collect();
        made.make_aliases();
        made
    }

    pub fn draw(&self, random: &mut Random) -> u32 {
        let column = random.below(self.n as u64) as u32;
        if self.probabilities.is_empty() || random.unit() < self.keep[column as usize] {
            return column;
        }
        self.alias[column as usize]
    }

    fn make_aliases(&mut self) {
        let n = self.n;
        self.keep = vec![1.0; n];
        self.alias = (0..n as u32).collect();
        let mut height: Vec<f64> = self.probabilities.iter().map(|p| p * n as f64).collect();
        let (mut small, mut large): (Vec<u32>, Vec<u32>) = (0..n as u32).partition(|i| height[*i as usize] < 1.0);
        while let (Some(low), Some(high)) = (small.last().copied(), large.last().copied()) {
            small.pop();
            self.keep[low as usize] = height[low as usize];
            self.alias[low as usize] = high;
            height[high as usize] -= 1.0 - height[low as usize];
            if height[high as usize] < 1.0 {
                large.pop();
                small.push(high);
            }
        }
    }
}

/// Returns the weight of each rank, the most frequent first; nothing if all are equal by definition.
fn weights(skew: &Skew, n: usize) -> Option<Vec<f64>> {
    match *skew {
        Skew::Uniform => None,
        Skew::Zipf { s } => Some((0..n).map(|i| ((i + 1) as f64).powf(-s)).collect()),
        Skew::Hot { keys, .. } if keys >= n => Some(vec![1.0; n]),
        Skew::Hot { keys, percent } => {
            let hot = percent / keys as f64;
            let cold = (100.0 - percent) / (n - keys) as f64;
            Some((0..n).map(|i| if i < keys { hot } else { cold }).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the probability of each number, as the columns and their aliases yield it.
    fn yielded(distribution: &KeyDistribution) -> Vec<f64> {
        let mut sums = vec![0.0; distribution.n];
        for i in 0..distribution.n {
            sums[i] += distribution.keep[i];
            sums[distribution.alias[i] as usize] += 1.0 - distribution.keep[i];
        }
        sums.into_iter().map(|sum| sum / distribution.n as f64).collect()
    }

    fn sorted(mut values: Vec<f64>) -> Vec<f64> {
        values.sort_by(|a, b| b.total_cmp(a));
        values
    }

    fn assert_near(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-12, "{a} is not {b}");
    }

    #[test]
    fn zipf_falls_as_the_power_of_the_rank() {
        let found = sorted(yielded(&KeyDistribution::new(&Skew::Zipf { s: 1.0 }, 100, 7)));
        let sum: f64 = (1..=100).map(|rank| 1.0 / rank as f64).sum();
        for (i, probability) in found.iter().enumerate() {
            assert_near(*probability, 1.0 / (i + 1) as f64 / sum);
        }
    }

    #[test]
    fn hot_keys_get_their_percentage() {
        let skew = Skew::Hot { keys: 4, percent: 80.0 };
        let found = sorted(yielded(&KeyDistribution::new(&skew, 1000, 7)));
        assert_near(found[..4].iter().sum(), 0.8);
        assert_near(found[3], 0.2);
        assert_near(found[999], 0.2 / 996.0);
    }

    #[test]
    fn so_many_hot_keys_as_keys_are_uniform() {
        let skew = Skew::Hot { keys: 9, percent: 10.0 };
        yielded(&KeyDistribution::new(&skew, 8, 7)).iter().for_each(|p| assert_near(*p, 0.125));
    }

    #[test]
    fn the_seed_determines_which_keys_are_frequent() {
        let skew = Skew::Hot { keys: 1, percent: 100.0 };
        let hottest = |seed| {
            let found = yielded(&KeyDistribution::new(&skew, 1 << 20, seed));
            found.iter().position(|p| *p > 0.5).unwrap()
        };
        assert_eq!(hottest(1), hottest(1));
        assert_ne!(hottest(1), hottest(2));
    }

    /// The figures are those of bench/worker/key_distribution.cc.
    #[test]
    fn draws_are_those_of_the_worker_in_cpp() {
        let skew = Skew::Hot { keys: 3, percent: 80.0 };
        let distribution = KeyDistribution::new(&skew, 50, 9);
        let mut random = Random::new(9, 1);
        let expected = [38, 17, 17, 17, 44, 17, 44, 44, 17, 38, 17, 38, 38, 15, 39, 44, 17, 38, 32, 1];
        assert_eq!([0; 20].map(|_| distribution.draw(&mut random)), expected);
    }
}
