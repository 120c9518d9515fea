//! Random numbers that are the same on every machine, and the same as those of the study's worker in C++, so that all arms of
//! a block do the same operations.

const WORDS: usize = 312;

/// The Mersenne Twister of 64 bits, seeded as C++'s `std::seed_seq` does it.
pub struct Random {
    state: Box<[u64; WORDS]>,
    at: usize,
}

impl Random {
    /// Streams of one seed are independent.
    pub fn new(seed: u64, stream: u64) -> Self {
        let entropy = [seed as u32, (seed >> 32) as u32, stream as u32, (stream >> 32) as u32];
        let words = seed_sequence(&entropy, 2 * WORDS);
        let mut state = Box::new([0; WORDS]);
        for (word, pair) in state.iter_mut().zip(words.chunks_exact(2)) {
            *word = u64::from(pair[0]) | u64::from(pair[1]) << 32;
        }
        // A state without any bit would stay so.
        if state[0] >> 31 == 0 && state[1..].iter().all(|word| *word == 0) {
            state[0] = 1 << 63;
        }
        Random { state, at: WORDS }
    }

    /// Returns a number from 0 to n-1, for n up to 2^32.
    pub fn below(&mut self, n: u64) -> u64 {
        ((self.next() >> 32) * n) >> 32
    }

    /// Returns a number in [0, 1).
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    fn next(&mut self) -> u64 {
        if self.at == WORDS {
            self.twist();
        }
        let mut x = self.state[self.at];
        self.at += 1;
        x ^= (x >> 29) & 0x5555_5555_5555_5555;
        x ^= (x << 17) & 0x71d6_7fff_eda6_0000;
        x ^= (x << 37) & 0xfff7_eee0_0000_0000;
        x ^ (x >> 43)
    }

    fn twist(&mut self) {
        const MIDDLE: usize = 156;
        const LOWER: u64 = (1 << 31) - 1;
        let state = &mut self.state;
        for i in 0..WORDS {
            let x = (state[i] & !LOWER) | (state[(i + 1) % WORDS] & LOWER);
            let odd = if x & 1 == 0 { 0 } else { 0xb502_6f5a_a966_19e9 };
            state[i] = state[(i + MIDDLE) % WORDS] ^ (x >> 1) ^ odd;
        }
        self.at = 0;
    }
}

/// Returns `n` words, for n of at least 623, as `std::seed_seq::generate` does (ISO C++, [rand.util.seedseq]).
fn seed_sequence(entropy: &[u32], n: usize) -> Vec<u32> {
    let s = entropy.len();
    let t = 11;
    let p = (n - t) / 2;
    let q = p + t;
    let m = n.max(s + 1);
    let mix = |x: u32| x ^ (x >> 27);
    let mut words = vec![0x8b8b_8b8bu32; n];
    for k in 0..m {
        let (a, b, c) = (k % n, (k + p) % n, (k + n - 1) % n);
        let r1 = mix(words[a] ^ words[b] ^ words[c]).wrapping_mul(1_664_525);
        let r2 = r1.wrapping_add(match k {
            0 => s as u32,
            _ if k <= s => (a as u32).wrapping_add(entropy[k - 1]),
            _ => a as u32,
        });
        words[b] = words[b].wrapping_add(r1);
        words[(k + q) % n] = words[(k + q) % n].wrapping_add(r2);
        words[a] = r2;
    }
    for k in m..m + n {
        let (a, b, c) = (k % n, (k + p) % n, (k + n - 1) % n);
        let sum = words[a].wrapping_add(words[b]).wrapping_add(words[c]);
        let r3 = mix(sum).wrapping_mul(1_566_083_941);
        let r4 = r3.wrapping_sub(a as u32);
        words[b] ^= r3;
        words[(k + q) % n] ^= r4;
        words[a] = r4;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The figures are those of bench/worker/random.h, with g++ and libstdc++.
    #[test]
    fn numbers_are_those_of_the_worker_in_cpp() {
        for (seed, stream, first, later, unit) in [
            (37033, 0, [1715292509, 3535986145, 1725634539], 623177999, 0.48464494090615606),
            (u64::MAX, 1 << 32, [3975990884, 1835944938, 983931253], 2830211653, 0.48190000337428096),
            (0, u64::MAX, [1618663303, 1162906575, 3825576983], 2276732317, 0.6180723617474847),
        ] {
            let mut random = Random::new(seed, stream);
            assert_eq!([0; 3].map(|_| random.below(1 << 32)), first);
            for _ in 0..400 {
                assert!(random.below(3) < 3);
            }
            assert_eq!(random.unit(), unit);
            assert_eq!(random.below(1 << 32), later);
        }
    }
}
