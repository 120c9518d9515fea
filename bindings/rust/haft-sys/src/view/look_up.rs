// The look-up of haft/view.h over any memory. Tests put slots of their own in the place of a table, with atomics that
// a model checker schedules; see ../../../models.

use core::sync::atomic::Ordering;
use std::os::raw::c_void;

/// The words of a table.
pub trait Memory {
    /// Whether only calls will do.
    fn is_watched(&self) -> bool;
    /// Which slot any word selects.
    fn slot(&self, handle: usize) -> usize;
    /// Loads the state of a slot.
    fn state(&self, slot: usize, order: Ordering) -> usize;
    /// Loads the address of a slot's object.
    fn object(&self, slot: usize, order: Ordering) -> *mut c_void;
    /// Loads the address of the descriptor of the object's type.
    fn type_of(&self, slot: usize, order: Ordering) -> *mut c_void;
}

/// The content of a slot for a handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    pub object: *mut c_void,
    pub type_of: *mut c_void,
}

/// Returns what belongs to a live handle, or None if the call must be made.
#[inline(always)]
pub fn look_up<M: Memory>(memory: &M, handle: usize) -> Option<Found> {
    if memory.is_watched() {
        return None;
    }
    let slot = memory.slot(handle);
    // acquire: partner of the release by which the library has published this handle, so the two words below are at
    // least as new.
    if memory.state(slot, Ordering::Acquire) != handle {
        return None;
    }
    let found = Found {
        // acquire, both: if either is of a later handle, then the state is read below as it was after the end of this
        // one. The library stores them with release, after that.
        object: memory.object(slot, Ordering::Acquire),
        type_of: memory.type_of(slot, Ordering::Acquire),
    };
    // relaxed: the loads above keep it behind them.
    if memory.state(slot, Ordering::Relaxed) != handle {
        return None;
    }
    Some(found)
}
