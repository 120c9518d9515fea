//! The random choices of one thread, drawn ahead.

use crate::key_distribution::KeyDistribution;
use crate::random::Random;
use crate::request::Mix;

/// The operations of a step of a mixed workload.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step {
    Find,
    Stale,
    Update,
}

/// A step and the cell that it is about, in one word.
#[derive(Clone, Copy)]
pub struct Draw(u32);

impl Draw {
    fn new(step: Step, cell: u32) -> Self {
        Draw(cell << 2 | step as u32)
    }
    #[inline(always)]
    pub fn step(self) -> Step {
        match self.0 & 3 {
            0 => Step::Find,
            1 => Step::Stale,
            _ => Step::Update,
        }
    }
    #[inline(always)]
    pub fn cell(self) -> usize {
        (self.0 >> 2) as usize
    }
}

pub const MAX_CELLS: u64 = 1 << 30;

/// A cyclic sequence of draws. To take one costs a load that is prefetched, so that it costs the same beside every table.
pub struct Draws {
    /// Their number is a power of two.
    draws: Vec<Draw>,
    at: usize,
}

impl Draws {
    /// For `cells` cells. The length grows with their number, so that every cell of a large table is used, and those of a small
    /// one leave the L1 cache to it as far as a stream can.
    pub fn new(distribution: &KeyDistribution, cells: usize, mix: &Mix, seed: u64, stream: u64) -> Self {
        let mut random = Random::new(seed, stream);
        // An update is two operations in one step, a New and a Delete.
        let sum = mix.find + mix.stale + mix.updates;
        let find = mix.find / sum;
        let find_or_stale = (mix.find + mix.stale) / sum;
        let draws = (0..length_for(cells)).map(|_| {
            let choice = random.unit();
            let step = match choice {
                _ if choice < find => Step::Find,
                _ if choice < find_or_stale => Step::Stale,
                _ => Step::Update,
            };
            Draw::new(step, distribution.draw(&mut random))
        });
        Draws { draws: draws.collect(), at: 0 }
    }

    #[inline(always)]
    pub fn next(&mut self) -> Draw {
        self.at = (self.at + 1) & (self.draws.len() - 1);
        self.draws[self.at]
    }
}

fn length_for(cells: usize) -> usize {
    const SHORT: usize = 1 << 16;
    const LONG: usize = 1 << 20;
    if cells * 4 <= SHORT { SHORT } else { LONG }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Skew;

    const MIX: Mix = Mix { find: 90.0, updates: 4.0, stale: 2.0 };

    /// The figures are those of bench/worker/draws.cc.
    #[test]
    fn draws_are_those_of_the_worker_in_cpp() {
        let distribution = KeyDistribution::new(&Skew::Zipf { s: 0.99 }, 1000, 37033);
        let mut draws = Draws::new(&distribution, 1000, &MIX, 37033, 5);
        let found = [0; 8].map(|_| draws.next()).map(|draw| (draw.step(), draw.cell()));
        let find = |cell| (Step::Find, cell);
        assert_eq!(found, [find(842), find(939), find(96), find(939), find(651), find(331), find(842), (Step::Stale, 866)]);
    }

    #[test]
    fn steps_are_as_frequent_as_the_mix_says() {
        let mut draws = Draws::new(&KeyDistribution::new(&Skew::Uniform, 8, 1), 8, &MIX, 1, 0);
        let steps: Vec<Step> = (0..1 << 16).map(|_| draws.next().step()).collect();
        for (step, share) in [(Step::Find, 90.0 / 96.0), (Step::Stale, 2.0 / 96.0), (Step::Update, 4.0 / 96.0)] {
            let found = steps.iter().filter(|one| **one == step).count() as f64 / steps.len() as f64;
            assert!((found - share).abs() < 0.01, "{step:?}: {found}");
        }
    }
}
