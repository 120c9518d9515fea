//! The slab of sharded-slab with its default configuration: 4096 threads, and generations of 13 bits.

use sharded_slab::{Entry, Slab};

use crate::arm::Arm;
use crate::build::version_of;
use crate::table::{Key, Pins, Table, Value};
use crate::values_of;

pub struct ShardedSlab<V>(Slab<V>);

impl<V: Value> Table for ShardedSlab<V> {
    type Value = V;
    type Session = ();

    fn with_capacity(_capacity: usize) -> Self {
        ShardedSlab(Slab::new())
    }
    #[inline(always)]
    fn insert(&self, _session: &mut (), value: V) -> Option<Key> {
        self.0.insert(value).map(|key| key as Key)
    }
    #[inline(always)]
    fn find(&self, key: Key) -> Option<V> {
        self.0.get(key as usize).map(|entry| *entry)
    }
    #[inline(always)]
    fn remove(&self, key: Key) -> bool {
        self.0.remove(key as usize)
    }
}

impl<V: Value> Pins for ShardedSlab<V> {
    type Pin<'t> = Entry<'t, V>;

    #[inline(always)]
    fn pin(&self, key: Key) -> Option<Entry<'_, V>> {
        self.0.get(key as usize)
    }
    #[inline(always)]
    fn pinned(pin: &Entry<'_, V>) -> V {
        **pin
    }
}

pub fn arm() -> Arm {
    Arm {
        name: "rust/sharded-slab",
        version: version_of("sharded-slab"),
        progress: "lock-free",
        // One less than its shards, because the thread that fills the table has one too.
        max_threads: Some(4095),
        max_capacity: None,
        crates: &[],
        values: values_of!(ShardedSlab, with_pins),
    }
}
