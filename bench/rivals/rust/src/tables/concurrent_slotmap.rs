//! The slot map of concurrent-slotmap. Each call pins the epoch of its reclamation, as a user's call does who keeps no guard.

use std::ptr::NonNull;

use concurrent_slotmap::hyaline::Guard;
use concurrent_slotmap::{SlotId, SlotMap};

use crate::arm::Arm;
use crate::build::version_of;
use crate::table::{Key, Pins, Scopes, Table, Value};
use crate::values_of;

pub struct ConcurrentSlotMap<V>(SlotMap<SlotId, V>);

/// An insert beyond this panics. It is address space only, and as much as there can be, because slots that wait for reclamation
/// need room too, as many as there happen to be.
const MAX_SLOTS: u32 = 1 << 31;

#[inline(always)]
fn key_of(id: SlotId) -> Key {
    Key::from(id.generation()) << 32 | Key::from(id.index())
}
#[inline(always)]
fn id_of(key: Key) -> SlotId {
    SlotId::new(key as u32, (key >> 32) as u32)
}

impl<V: Value> Table for ConcurrentSlotMap<V> {
    type Value = V;
    type Session = ();

    fn with_capacity(_capacity: usize) -> Self {
        ConcurrentSlotMap(SlotMap::new(MAX_SLOTS))
    }
    #[inline(always)]
    fn insert(&self, _session: &mut (), value: V) -> Option<Key> {
        Some(key_of(self.0.insert(value, &self.0.pin())))
    }
    #[inline(always)]
    fn find(&self, key: Key) -> Option<V> {
        self.0.get(id_of(key), &self.0.pin()).copied()
    }
    #[inline(always)]
    fn remove(&self, key: Key) -> bool {
        self.0.remove(id_of(key), &self.0.pin()).is_some()
    }
}

/// A value with the guard that protects it. The library ties the two by a lifetime, and so they could not be kept together.
pub struct Pinned<'t, V> {
    value: NonNull<V>,
    _guard: Guard<'t>,
}

impl<V: Value> Pins for ConcurrentSlotMap<V> {
    type Pin<'t> = Pinned<'t, V>;

    #[inline(always)]
    fn pin(&self, key: Key) -> Option<Pinned<'_, V>> {
        let guard = self.0.pin();
        let value = NonNull::from(self.0.get(id_of(key), &guard)?);
        Some(Pinned { value, _guard: guard })
    }
    #[inline(always)]
    fn pinned(pin: &Pinned<'_, V>) -> V {
        // SAFETY: the slot is not reclaimed while the guard lives, which was there before the look-up, and slots do not move.
        unsafe { *pin.value.as_ref() }
    }
}

impl<V: Value> Scopes for ConcurrentSlotMap<V> {
    type Scope<'t> = Guard<'t>;

    #[inline(always)]
    fn open(&self) -> Guard<'_> {
        self.0.pin()
    }
    #[inline(always)]
    fn find_in(&self, scope: &Guard<'_>, key: Key) -> Option<V> {
        self.0.get(id_of(key), scope).copied()
    }
    #[inline(always)]
    fn insert_in(&self, scope: &Guard<'_>, _session: &mut (), value: V) -> Option<Key> {
        Some(key_of(self.0.insert(value, scope)))
    }
    #[inline(always)]
    fn remove_in(&self, scope: &Guard<'_>, key: Key) -> bool {
        self.0.remove(id_of(key), scope).is_some()
    }
}

pub fn arm() -> Arm {
    Arm {
        name: "rust/concurrent-slotmap",
        version: version_of("concurrent-slotmap"),
        progress: "lock-free",
        max_threads: None,
        // Half of them, and the other half for slots that wait for reclamation.
        max_capacity: Some(MAX_SLOTS as usize / 2),
        crates: &["thread_local", "virtual-buffer"],
        values: values_of!(ConcurrentSlotMap, with_pins, with_scopes),
    }
}
