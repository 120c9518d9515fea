//! Sources of keys and of hashes for maps, which need both.

use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::table::Key;

/// A map needs a source of keys. A counter from which threads draw blocks is the cheapest source that never repeats a key. The
/// study's maps in C++ have the same.
#[repr(align(128))]
pub struct KeyCounter(AtomicU64);

const BLOCK: Key = 1024;

/// The keys of one thread.
#[derive(Default)]
pub struct KeyBlock {
    next: Key,
    end: Key,
}

impl KeyCounter {
    pub fn new() -> Self {
        KeyCounter(AtomicU64::new(1))
    }

    #[inline(always)]
    pub fn next(&self, block: &mut KeyBlock) -> Key {
        if block.next == block.end {
            // relaxed: the number alone.
            block.next = self.0.fetch_add(BLOCK, Ordering::Relaxed);
            block.end = block.next + BLOCK;
        }
        block.next += 1;
        block.next - 1
    }
}

/// A hash of one multiplication. The default of both maps is SipHash with a random seed, which costs more than the rest of a
/// look-up, and which would let two runs of one seed differ.
#[derive(Clone, Copy, Default)]
pub struct KeyHasher(u64);

pub type HashKeys = BuildHasherDefault<KeyHasher>;

impl Hasher for KeyHasher {
    #[inline(always)]
    fn write_u64(&mut self, key: u64) {
        // Maps use high and low bits, and the two halves of a product have both.
        let product = u128::from(key) * 0x9e37_79b9_7f4a_7c15;
        self.0 = (product >> 64) as u64 ^ product as u64;
    }
    fn write(&mut self, _bytes: &[u8]) {
        unreachable!("a key is a word");
    }
    #[inline(always)]
    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::hash::BuildHasher;

    #[test]
    fn no_key_is_drawn_twice() {
        let counter = KeyCounter::new();
        let mut blocks = [KeyBlock::default(), KeyBlock::default()];
        let keys: HashSet<Key> = (0..5000).map(|i| counter.next(&mut blocks[i % 2])).collect();
        assert_eq!(keys.len(), 5000);
        assert!(!keys.contains(&0));
    }

    #[test]
    fn low_and_high_bits_of_hashes_are_spread() {
        let hashes: Vec<u64> = (1u64..=4096).map(|key| HashKeys::default().hash_one(key)).collect();
        for shift in [0, 57] {
            let mut counts = [0; 128];
            hashes.iter().for_each(|hash| counts[(hash >> shift) as usize & 127] += 1);
            assert!(counts.iter().all(|count| (10..=60).contains(count)), "{shift}: {counts:?}");
        }
    }
}
