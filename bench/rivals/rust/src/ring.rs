//! A bounded queue from one thread to another.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;

/// One side of a ring: its own position, and the other side's as it has last read it. Only the side itself writes here.
#[repr(align(128))]
#[derive(Default)]
struct Side {
    position: AtomicUsize,
    seen: AtomicUsize,
}

/// Lamport's ring.
pub struct Ring<const SIZE: usize> {
    tail: Side,
    head: Side,
    limit: usize,
    keys: Box<[AtomicU64; SIZE]>,
}

// relaxed: `seen` is the side's own, and a key is ordered by the positions.
impl<const SIZE: usize> Ring<SIZE> {
    /// It holds up to `limit` keys, which is at most SIZE.
    pub fn new(limit: usize) -> Self {
        assert!(limit <= SIZE);
        let keys = Box::new([const { AtomicU64::new(0) }; SIZE]);
        Ring { tail: Side::default(), head: Side::default(), limit, keys }
    }

    /// Returns false, and does nothing, if there is no room.
    #[inline(always)]
    pub fn try_push(&self, key: u64) -> bool {
        let tail = self.tail.position.load(Ordering::Relaxed);
        if tail - self.tail.seen.load(Ordering::Relaxed) >= self.limit {
            // acquire: the other side has read the popped keys before they are overwritten.
            let head = self.head.position.load(Ordering::Acquire);
            self.tail.seen.store(head, Ordering::Relaxed);
            if tail - head >= self.limit {
                return false;
            }
        }
        self.keys[tail % SIZE].store(key, Ordering::Relaxed);
        // release: publishes the key.
        self.tail.position.store(tail + 1, Ordering::Release);
        true
    }

    /// Returns nothing if there is no key.
    #[inline(always)]
    pub fn try_pop(&self) -> Option<u64> {
        let head = self.head.position.load(Ordering::Relaxed);
        if self.head.seen.load(Ordering::Relaxed) == head {
            // acquire: sees the pushed keys.
            let tail = self.tail.position.load(Ordering::Acquire);
            self.head.seen.store(tail, Ordering::Relaxed);
            if tail == head {
                return None;
            }
        }
        let key = self.keys[head % SIZE].load(Ordering::Relaxed);
        // release: the key has been read before the other side overwrites it.
        self.head.position.store(head + 1, Ordering::Release);
        Some(key)
    }

    /// Waits until the key is pushed. Returns false if `should_stop` has ended the wait.
    #[inline(always)]
    pub fn push(&self, key: u64, should_stop: impl Fn() -> bool) -> bool {
        wait_until(|| self.try_push(key).then_some(()), should_stop).is_some()
    }
    #[inline(always)]
    pub fn pop(&self, should_stop: impl Fn() -> bool) -> Option<u64> {
        wait_until(|| self.try_pop(), should_stop)
    }
}

/// Polling without a pause would take the cache line of the position away from the other side for each single key. The other
/// side may also need this CPU.
#[inline(always)]
fn wait_until<R>(attempt: impl Fn() -> Option<R>, should_stop: impl Fn() -> bool) -> Option<R> {
    loop {
        if let Some(result) = attempt() {
            return Some(result);
        }
        if should_stop() {
            return None;
        }
        thread::yield_now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_as_many_keys_as_its_limit() {
        let ring = Ring::<4>::new(3);
        for round in 0..5 {
            assert!((0..3).all(|i| ring.try_push(10 * round + i)));
            assert!(!ring.try_push(99) && !ring.push(99, || true));
            assert_eq!([0; 4].map(|_| ring.try_pop()), [Some(10 * round), Some(10 * round + 1), Some(10 * round + 2), None]);
            assert_eq!(ring.pop(|| true), None);
        }
    }

    #[test]
    fn every_key_arrives_once_and_in_order() {
        let ring = Ring::<4>::new(4);
        thread::scope(|scope| {
            scope.spawn(|| (0..20_000).for_each(|key| assert!(ring.push(key, || false))));
            (0..20_000).for_each(|key| assert_eq!(ring.pop(|| false), Some(key)));
        });
    }
}
