//! The hash map of papaya. Each call pins its reclamation, as a user's call does who keeps no guard.

use std::ptr::NonNull;

use papaya::{HashMap, LocalGuard};

use super::keyed::{HashKeys, KeyBlock, KeyCounter};
use crate::arm::Arm;
use crate::build::version_of;
use crate::table::{Key, Pins, Scopes, Table, Value};
use crate::values_of;

pub struct Papaya<V> {
    counter: KeyCounter,
    map: HashMap<Key, V, HashKeys>,
}

impl<V: Value> Table for Papaya<V> {
    type Value = V;
    type Session = KeyBlock;

    fn with_capacity(capacity: usize) -> Self {
        Papaya { counter: KeyCounter::new(), map: HashMap::with_capacity_and_hasher(capacity, HashKeys::default()) }
    }
    #[inline(always)]
    fn insert(&self, keys: &mut KeyBlock, value: V) -> Option<Key> {
        let key = self.counter.next(keys);
        let before = self.map.insert(key, value, &self.map.guard()).is_some();
        if before { None } else { Some(key) }
    }
    #[inline(always)]
    fn find(&self, key: Key) -> Option<V> {
        self.map.get(&key, &self.map.guard()).copied()
    }
    #[inline(always)]
    fn remove(&self, key: Key) -> bool {
        self.map.remove(&key, &self.map.guard()).is_some()
    }
}

/// A value with the guard that protects it. The library ties the two by a lifetime, and so they could not be kept together.
pub struct Pinned<'t, V> {
    value: NonNull<V>,
    _guard: LocalGuard<'t>,
}

impl<V: Value> Pins for Papaya<V> {
    type Pin<'t> = Pinned<'t, V>;

    #[inline(always)]
    fn pin(&self, key: Key) -> Option<Pinned<'_, V>> {
        let guard = self.map.guard();
        let value = NonNull::from(self.map.get(&key, &guard)?);
        Some(Pinned { value, _guard: guard })
    }
    #[inline(always)]
    fn pinned(pin: &Pinned<'_, V>) -> V {
        // SAFETY: the entry is not reclaimed while the guard lives, which was there before the look-up, and entries do not move.
        unsafe { *pin.value.as_ref() }
    }
}

impl<V: Value> Scopes for Papaya<V> {
    type Scope<'t> = LocalGuard<'t>;

    #[inline(always)]
    fn open(&self) -> LocalGuard<'_> {
        self.map.guard()
    }
    #[inline(always)]
    fn find_in(&self, scope: &LocalGuard<'_>, key: Key) -> Option<V> {
        self.map.get(&key, scope).copied()
    }
    #[inline(always)]
    fn insert_in(&self, scope: &LocalGuard<'_>, keys: &mut KeyBlock, value: V) -> Option<Key> {
        let key = self.counter.next(keys);
        let before = self.map.insert(key, value, scope).is_some();
        if before { None } else { Some(key) }
    }
    #[inline(always)]
    fn remove_in(&self, scope: &LocalGuard<'_>, key: Key) -> bool {
        self.map.remove(&key, scope).is_some()
    }
}

pub fn arm() -> Arm {
    Arm {
        name: "rust/papaya",
        version: version_of("papaya"),
        // A call may wait for a thread that copies its entry into another array.
        progress: "blocking",
        max_threads: None,
        max_capacity: None,
        crates: &["seize"],
        values: values_of!(Papaya, with_pins, with_scopes),
    }
}
