//! The table of idr-ebr with its default configuration. Each value is an allocation of its own, which epochs reclaim.

use idr_ebr::{EbrGuard, Idr, OwnedEntry};

use crate::arm::Arm;
use crate::build::version_of;
use crate::table::{Key, Pins, Scopes, Table, Value};
use crate::values_of;

pub struct IdrEbr<V: Value>(Idr<V>);

#[inline(always)]
fn key_of(key: Key) -> Option<idr_ebr::Key> {
    idr_ebr::Key::try_from(key).ok()
}

impl<V: Value> Table for IdrEbr<V> {
    type Value = V;
    type Session = ();

    fn with_capacity(_capacity: usize) -> Self {
        IdrEbr(Idr::new())
    }
    #[inline(always)]
    fn insert(&self, _session: &mut (), value: V) -> Option<Key> {
        self.0.insert(value).map(Key::from)
    }
    #[inline(always)]
    fn find(&self, key: Key) -> Option<V> {
        self.0.get(key_of(key)?, &EbrGuard::new()).map(|entry| *entry)
    }
    #[inline(always)]
    fn remove(&self, key: Key) -> bool {
        key_of(key).is_some_and(|key| self.0.remove(key))
    }
}

/// A pin is an entry that counts its owners, which is what the library has for keeping an object.
impl<V: Value> Pins for IdrEbr<V> {
    type Pin<'t> = OwnedEntry<V>;

    #[inline(always)]
    fn pin(&self, key: Key) -> Option<OwnedEntry<V>> {
        self.0.get_owned(key_of(key)?)
    }
    #[inline(always)]
    fn pinned(pin: &OwnedEntry<V>) -> V {
        **pin
    }
}

impl<V: Value> Scopes for IdrEbr<V> {
    type Scope<'t> = EbrGuard;

    #[inline(always)]
    fn open(&self) -> EbrGuard {
        EbrGuard::new()
    }
    #[inline(always)]
    fn find_in(&self, scope: &EbrGuard, key: Key) -> Option<V> {
        self.0.get(key_of(key)?, scope).map(|entry| *entry)
    }
}

pub fn arm() -> Arm {
    Arm {
        name: "rust/idr-ebr",
        version: version_of("idr-ebr"),
        // But for the first use of each of its pages, for which threads may wait.
        progress: "lock-free",
        max_threads: None,
        max_capacity: None,
        crates: &["fastrand", "sdd"],
        values: values_of!(IdrEbr, with_pins, with_scopes),
    }
}
