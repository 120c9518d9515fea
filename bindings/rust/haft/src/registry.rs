// A map from types to records that are made once and never freed. Nothing in it calls C, so Miri and a model checker
// run it.

use std::any::TypeId;
use std::hash::{Hash, Hasher};
use std::ptr;

use crate::sync::{AtomicPtr, Ordering};

/// A record, and the next one in its bucket. It is never changed once it has been published.
pub struct Record<V> {
    id: TypeId,
    next: *mut Record<V>,
    value: V,
}

/// Lists of records, one for each bucket. A list only grows, at its head.
pub struct Registry<V: 'static, const BUCKETS: usize> {
    buckets: [AtomicPtr<Record<V>>; BUCKETS],
}

impl<V, const BUCKETS: usize> Registry<V, BUCKETS> {
    /// Makes a registry of buckets that contain null. (A model checker's atomics cannot be made in a constant.)
    pub const fn from_empty(buckets: [AtomicPtr<Record<V>>; BUCKETS]) -> Self {
        Registry { buckets }
    }

    /// Returns the record of a type, if there is one. If `id` is a constant, the bucket is, too.
    #[inline(always)]
    pub fn get(&self, id: TypeId) -> Option<&'static V> {
        // acquire: the contents of the record, and of all further ones, each of which was published before the one in
        // front of it.
        Self::find(
            self.buckets[bucket(id) % BUCKETS].load(Ordering::Acquire),
            ptr::null_mut(),
            id,
        )
    }

    /// Returns the record of a type, and makes it if there is none. If several threads make it, all get the same one.
    #[cold]
    #[inline(never)]
    pub fn get_or_insert(&self, id: TypeId, make: impl FnOnce() -> V) -> &'static V {
        let bucket = &self.buckets[bucket(id) % BUCKETS];
        // acquire: as in `get`.
        let mut head = bucket.load(Ordering::Acquire);
        if let Some(found) = Self::find(head, ptr::null_mut(), id) {
            return found;
        }
        let record = Box::into_raw(Box::new(Record {
            id,
            next: head,
            value: make(),
        }));
        loop {
            // release: the record; partner of the acquire loads. acquire: the records that others have added, if it
            // fails.
            match bucket.compare_exchange(head, record, Ordering::AcqRel, Ordering::Acquire) {
                // SAFETY: it is never freed.
                Ok(_) => return unsafe { &(*record).value },
                Err(newer) => {
                    if let Some(found) = Self::find(newer, head, id) {
                        // SAFETY: no other thread has seen the record.
                        drop(unsafe { Box::from_raw(record) });
                        return found;
                    }
                    head = newer;
                    // SAFETY: as above.
                    unsafe { (*record).next = head };
                }
            }
        }
    }

    /// Calls `visit` with each record.
    #[cfg(test)]
    pub fn for_each(&self, mut visit: impl FnMut(TypeId, &'static V)) {
        for bucket in &self.buckets {
            // acquire: as in `get`.
            let mut at = bucket.load(Ordering::Acquire);
            // SAFETY: records are never freed.
            while let Some(record) = unsafe { at.as_ref() } {
                visit(record.id, &record.value);
                at = record.next;
            }
        }
    }

    /// Looks through a list, from its head to the record `end`, exclusively.
    #[inline(always)]
    fn find(head: *mut Record<V>, end: *mut Record<V>, id: TypeId) -> Option<&'static V> {
        let mut at = head;
        while at != end {
            // SAFETY: `end` is null or in the list, so `at` is a record, which is never freed.
            let record: &'static Record<V> = unsafe { &*at };
            if record.id == id {
                return Some(&record.value);
            }
            at = record.next;
        }
        None
    }
}

/// Returns the hash that a `TypeId` already is.
#[inline(always)]
fn bucket(id: TypeId) -> usize {
    struct Taken(u64);
    impl Hasher for Taken {
        #[inline(always)]
        fn write_u64(&mut self, word: u64) {
            self.0 ^= word;
        }
        fn write(&mut self, bytes: &[u8]) {
            for byte in bytes {
                self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
            }
        }
        #[inline(always)]
        fn finish(&self) -> u64 {
            self.0
        }
    }
    let mut hash = Taken(0);
    id.hash(&mut hash);
    #[allow(clippy::cast_possible_truncation)] // any bits will do
    let bucket = hash.finish() as usize;
    bucket
}

#[cfg(test)]
mod tests {
    use std::any::TypeId;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    use std::sync::Barrier;
    use std::thread;

    use super::{Record, Registry};
    use crate::sync::AtomicPtr;

    fn registry<V, const N: usize>() -> &'static Registry<V, N> {
        let empty = |_| AtomicPtr::<Record<V>>::new(std::ptr::null_mut());
        let numbers: [usize; N] = [0; N];
        Box::leak(Box::new(Registry::from_empty(numbers.map(empty))))
    }

    #[test]
    fn each_type_has_one_record_also_in_one_bucket() {
        let one: &'static Registry<&str, 1> = registry();
        assert!(one.get(TypeId::of::<u8>()).is_none());
        let a = one.get_or_insert(TypeId::of::<u8>(), || "u8");
        let b = one.get_or_insert(TypeId::of::<u16>(), || "u16");
        let c = one.get_or_insert(TypeId::of::<u32>(), || "u32");
        assert_eq!((*a, *b, *c), ("u8", "u16", "u32"));
        assert!(std::ptr::eq(a, one.get(TypeId::of::<u8>()).unwrap()));
        assert!(std::ptr::eq(
            b,
            one.get_or_insert(TypeId::of::<u16>(), || panic!("it is there"))
        ));
        assert!(one.get(TypeId::of::<i8>()).is_none());
        let mut all = Vec::new();
        one.for_each(|_, value| all.push(*value));
        assert_eq!(all, ["u32", "u16", "u8"]);
    }

    #[test]
    fn types_of_equal_name_are_two() {
        mod one {
            pub struct Same;
        }
        mod two {
            pub struct Same;
        }
        let types: &'static Registry<u8, 4> = registry();
        let first = types.get_or_insert(TypeId::of::<one::Same>(), || 1);
        let second = types.get_or_insert(TypeId::of::<two::Same>(), || 2);
        assert_eq!((*first, *second), (1, 2));
    }

    #[test]
    fn threads_that_make_a_record_at_once_get_the_same() {
        const THREADS: usize = 4;
        for _ in 0..if cfg!(miri) { 10 } else { 1000 } {
            let types: &'static Registry<usize, 2> = registry();
            let made = AtomicUsize::new(0);
            let start = Barrier::new(THREADS);
            let work = |thread: usize| {
                start.wait();
                let ids = [
                    TypeId::of::<u8>(),
                    TypeId::of::<u16>(),
                    TypeId::of::<u32>(),
                    TypeId::of::<u64>(),
                ];
                let mut got = [0; 4];
                for place in 0..4 {
                    let place = (place + thread) % 4;
                    got[place] = *types.get_or_insert(ids[place], || made.fetch_add(1, SeqCst));
                }
                got
            };
            let work = &work;
            let all: Vec<_> = thread::scope(|scope| {
                let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || work(thread))).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            assert!(all.iter().all(|got| *got == all[0]), "{all:?}");
            let mut records = 0;
            types.for_each(|_, _| records += 1);
            assert_eq!(records, 4);
        }
    }
}
