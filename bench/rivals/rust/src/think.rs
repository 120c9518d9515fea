//! Time that passes between operations without any access to memory.

use std::arch::asm;

use crate::clock::now_ns;
use crate::random::Random;
use crate::request::Think;

/// Returns the word, of which the compiler knows nothing then.
#[inline(always)]
pub fn opaque(mut word: u64) -> u64 {
    // SAFETY: there is no instruction.
    unsafe { asm!("/* {} */", inout(reg) word, options(nomem, nostack, preserves_flags)) };
    word
}

/// Spends `turns` turns of a loop whose turns depend on each other.
#[inline(always)]
fn spin(turns: u32) {
    let mut x = u64::from(turns);
    for _ in 0..turns {
        x = opaque(x.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    }
}

/// Returns the least time that a turn has taken, in nanoseconds.
pub fn measure_turn() -> f64 {
    const ROUNDS: usize = 20;
    const TURNS: u32 = 20_000;
    let round = || {
        let begin = now_ns();
        spin(TURNS);
        (now_ns() - begin) as f64 / f64::from(TURNS)
    };
    (0..ROUNDS).map(|_| round()).fold(f64::MAX, f64::min)
}

/// The thinking of one thread, drawn ahead.
pub struct Thinker {
    /// Their number is a power of two.
    turns: Vec<u32>,
    at: usize,
}

impl Thinker {
    pub fn new(think: &Think, turn_ns: f64, seed: u64, stream: u64) -> Self {
        // Another stream than that of the thread's draws.
        let mut random = Random::new(!seed, stream);
        let turns_of = |ns: f64| (ns / turn_ns).round().min(f64::from(u32::MAX)) as u32;
        let turns = match *think {
            Think::None => vec![0],
            Think::Constant { ns } => vec![turns_of(ns)],
            // There must be many.
            Think::Exponential { ns } => (0..1024).map(|_| turns_of(-(-random.unit()).ln_1p() * ns)).collect(),
        };
        Thinker { turns, at: 0 }
    }

    #[inline(always)]
    pub fn think(&mut self) {
        self.at = (self.at + 1) & (self.turns.len() - 1);
        spin(self.turns[self.at]);
    }

    /// Returns how long a call takes on average, in nanoseconds.
    pub fn measure_mean(&mut self) -> f64 {
        const AT_LEAST_NS: i64 = 2_000_000;
        let begin = now_ns();
        let mut calls = 0;
        loop {
            for _ in 0..self.turns.len() {
                self.think();
            }
            calls += self.turns.len();
            let took = now_ns() - begin;
            if took >= AT_LEAST_NS {
                return took as f64 / calls as f64;
            }
        }
    }
}
