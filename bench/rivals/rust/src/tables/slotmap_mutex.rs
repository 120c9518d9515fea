//! The slot map of slotmap under a mutex of the standard library.

use std::sync::Mutex;

use slotmap::{DefaultKey, Key as _, KeyData, SlotMap};

use crate::arm::Arm;
use crate::build::version_of;
use crate::table::{Key, Table, Value};
use crate::values_of;

#[repr(align(128))]
pub struct SlotMapMutex<V>(Mutex<SlotMap<DefaultKey, V>>);

#[inline(always)]
fn key_of(key: Key) -> DefaultKey {
    KeyData::from_ffi(key).into()
}

impl<V: Value> Table for SlotMapMutex<V> {
    type Value = V;
    type Session = ();

    fn with_capacity(capacity: usize) -> Self {
        SlotMapMutex(Mutex::new(SlotMap::with_capacity(capacity)))
    }
    #[inline(always)]
    fn insert(&self, _session: &mut (), value: V) -> Option<Key> {
        Some(self.0.lock().unwrap().insert(value).data().as_ffi())
    }
    #[inline(always)]
    fn find(&self, key: Key) -> Option<V> {
        self.0.lock().unwrap().get(key_of(key)).copied()
    }
    #[inline(always)]
    fn remove(&self, key: Key) -> bool {
        self.0.lock().unwrap().remove(key_of(key)).is_some()
    }
}

pub fn arm() -> Arm {
    Arm {
        name: "rust/slotmap-mutex",
        version: version_of("slotmap"),
        progress: "blocking",
        max_threads: None,
        max_capacity: Some((1 << 32) - 2),
        crates: &[],
        values: values_of!(SlotMapMutex),
    }
}
