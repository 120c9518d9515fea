//! The hash map of scc, whose buckets have locks.

use scc::HashMap;

use super::keyed::{HashKeys, KeyBlock, KeyCounter};
use crate::arm::Arm;
use crate::build::version_of;
use crate::table::{Key, Table, Value};
use crate::values_of;

pub struct Scc<V> {
    counter: KeyCounter,
    map: HashMap<Key, V, HashKeys>,
}

impl<V: Value> Table for Scc<V> {
    type Value = V;
    type Session = KeyBlock;

    fn with_capacity(capacity: usize) -> Self {
        Scc { counter: KeyCounter::new(), map: HashMap::with_capacity_and_hasher(capacity, HashKeys::default()) }
    }
    #[inline(always)]
    fn insert(&self, keys: &mut KeyBlock, value: V) -> Option<Key> {
        let key = self.counter.next(keys);
        self.map.insert_sync(key, value).ok()?;
        Some(key)
    }
    #[inline(always)]
    fn find(&self, key: Key) -> Option<V> {
        self.map.read_sync(&key, |_, value| *value)
    }
    #[inline(always)]
    fn remove(&self, key: Key) -> bool {
        self.map.remove_sync(&key).is_some()
    }
}

pub fn arm() -> Arm {
    Arm {
        name: "rust/scc",
        version: version_of("scc"),
        progress: "blocking",
        max_threads: None,
        max_capacity: None,
        crates: &["saa", "sdd"],
        values: values_of!(Scc),
    }
}
