//! The layout of a table in memory, for look-ups that make no call: `haft/view.h`.

use core::cell::UnsafeCell;
use core::mem;
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize, Ordering};
use std::os::raw::{c_uint, c_void};

use crate::{haft_destroy, haft_handle, haft_status, haft_table, haft_table_value, haft_type, HAFT_OK};

mod look_up;

use look_up::{look_up, Memory};

/// The number of the interface of this module, for [`haft_table_view`].
pub const HAFT_VIEW_ABI: c_uint = 1;

/// The value of `*gate` while diagnostics watch.
pub const HAFT_VIEW_WATCHED: usize = 1;

/// The words of a slot. Nobody but the library writes to them, and it may write at any time, so they are atomic.
#[repr(C)]
#[derive(Debug)]
pub struct haft_slot {
    users: AtomicUsize,
    /// The address of the live handle's object.
    pub object: AtomicPtr<c_void>,
    /// The address of the object's descriptor, a [`haft_type`].
    pub type_: AtomicPtr<c_void>,
    /// The live handle, or a word that is no live handle.
    pub state: AtomicUsize,
    /// This and the next three words are what the library destroys the object with. A borrower of handles writes two
    /// of them.
    pub content_object: UnsafeCell<*mut c_void>,
    content_type: UnsafeCell<*const haft_type>,
    content_destroy: UnsafeCell<Option<haft_destroy>>,
    /// See `content_object`.
    pub content_context: UnsafeCell<*mut c_void>,
}
// SAFETY: the words that are not atomic are only used by the thread that owns the slot, as haft/view.h says.
unsafe impl Sync for haft_slot {}
// SAFETY: as above.
unsafe impl Send for haft_slot {}

/// Where a table's slots are. A view is good until its table is destroyed, also in the child of a fork.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct haft_view {
    /// The table, as [`haft_table_value`] takes it.
    pub table: *mut haft_table,
    /// While `*gate` is [`HAFT_VIEW_WATCHED`], diagnostics watch, and only calls will do.
    pub gate: *const usize,
    /// The first slot.
    pub slots: *mut haft_slot,
    /// `handle * (size_of::<haft_slot>() / 2) & mask` is the distance of the handle's slot from the first one, in
    /// bytes.
    pub mask: usize,
    /// The distance between two handles of a slot.
    pub generation: usize,
    /// The bits that are set in a slot's last handle.
    pub generations: usize,
}

/// How many handles each list of a [`haft_loan`] has room for.
pub const HAFT_LOAN_HANDLES: usize = 128;

/// The word by which a borrower marks a slot that it has freed differs from the slot's next handle in this bit.
pub const HAFT_VIEW_FREE: usize = 2;

/// For [`haft_lend`]: the loan belongs to the calling thread, and ends with it at the latest.
pub const HAFT_LEND_TO_THREAD: c_uint = 1;

/// Handles that a borrower issues and ends itself. `haft/view.h` says how. This crate declares the calls only.
#[repr(C)]
#[derive(Debug)]
pub struct haft_loan {
    /// How many of `ready` are there.
    pub ready_count: AtomicU32,
    /// How many of `ended` are there.
    pub ended_count: AtomicU32,
    /// The type of all objects.
    pub type_: *const haft_type,
    /// Handles that are ready to be issued.
    pub ready: [haft_handle; HAFT_LOAN_HANDLES],
    /// Handles that have been ended.
    pub ended: [haft_handle; HAFT_LOAN_HANDLES],
}

extern "C" {
    /// Gives the view of `table`, which for null is the process's table.
    ///
    /// Returns [`HAFT_INVALID`](crate::HAFT_INVALID) if the library that is loaded has another [`HAFT_VIEW_ABI`] than
    /// `abi`: then only calls will do.
    pub fn haft_table_view(table: *mut haft_table, abi: c_uint, view: *mut haft_view) -> haft_status;
    /// Opens a loan of `table` for handles of the type `of`.
    pub fn haft_lend(
        table: *mut haft_table,
        of: *const haft_type,
        flags: c_uint,
        loan: *mut *mut haft_loan,
    ) -> haft_status;
    /// Destroys the objects of the ended handles, and fetches ready handles if there are none.
    pub fn haft_settle(loan: *mut haft_loan) -> haft_status;
    /// Settles a loan, gives its ready handles back, and ends it.
    pub fn haft_return(loan: *mut haft_loan);
}

/// The table that a view describes. Whoever makes one promises that the view is one of [`haft_table_view`] and that
/// its table exists.
struct Slots<'v>(&'v haft_view);

impl Slots<'_> {
    #[inline(always)]
    fn at(&self, slot: usize) -> &haft_slot {
        #[allow(clippy::cast_ptr_alignment)] // `slot` is a multiple of the size of a slot
        // SAFETY: by that promise, the mask confines `slot` to the slots of the table, whose words are only written
        // by atomic operations.
        unsafe {
            &*self.0.slots.cast::<u8>().add(slot).cast::<haft_slot>()
        }
    }
}

impl Memory for Slots<'_> {
    #[inline(always)]
    fn is_watched(&self) -> bool {
        // SAFETY: by that promise; the library writes it by atomic operations.
        // relaxed: a call that begins while diagnostics are turned on may be one that they do not see.
        unsafe { &*self.0.gate.cast::<AtomicUsize>() }.load(Ordering::Relaxed) == HAFT_VIEW_WATCHED
    }
    #[inline(always)]
    fn slot(&self, handle: usize) -> usize {
        handle.wrapping_mul(mem::size_of::<haft_slot>() / 2) & self.0.mask
    }
    #[inline(always)]
    fn state(&self, slot: usize, order: Ordering) -> usize {
        self.at(slot).state.load(order)
    }
    #[inline(always)]
    fn object(&self, slot: usize, order: Ordering) -> *mut c_void {
        self.at(slot).object.load(order)
    }
    #[inline(always)]
    fn type_of(&self, slot: usize, order: Ordering) -> *mut c_void {
        self.at(slot).type_.load(order)
    }
}

/// Returns the object of a handle of the type `of`, or why [`haft_table_value`] refuses it. There is no call if the
/// handle is live and its type has the descriptor `of`, or if `of` is null.
///
/// # Errors
///
/// The status that [`haft_table_value`] has returned.
///
/// # Safety
///
/// `view` is one that [`haft_table_view`] has given, and its table exists. `of` is null or a descriptor, as for
/// [`haft_table_value`].
#[inline(always)]
pub unsafe fn value_by_view(
    view: &haft_view,
    handle: haft_handle,
    of: *const haft_type,
) -> Result<*mut c_void, haft_status> {
    match look_up(&Slots(view), handle) {
        Some(found) if ptr::eq(found.type_of.cast(), of) || of.is_null() => Ok(found.object),
        // SAFETY: by this function's contract.
        _ => unsafe { value_by_call(view.table, handle, of) },
    }
}

/// Does what [`haft_table_value`] does for the view's table, as the function of the same name in `haft/view.h`.
///
/// # Safety
///
/// As for [`value_by_view`].
#[inline(always)]
pub unsafe fn haft_value_inline(
    view: &haft_view,
    handle: haft_handle,
    of: *const haft_type,
    object: &mut *mut c_void,
) -> haft_status {
    // SAFETY: by this function's contract.
    match unsafe { value_by_view(view, handle, of) } {
        Ok(found) => {
            *object = found;
            HAFT_OK
        }
        Err(status) => status,
    }
}

/// Returns where the descriptor of a live handle's type is, whether diagnostics watch or not; null if the handle is
/// not live.
///
/// It says why [`haft_table_value`] has answered `HAFT_WRONG_TYPE`.
///
/// # Safety
///
/// `view` is one that [`haft_table_view`] has given, and its table exists.
#[cold]
#[must_use]
pub unsafe fn type_of_live(view: &haft_view, handle: haft_handle) -> *const haft_type {
    static UNWATCHED: AtomicUsize = AtomicUsize::new(0);
    let view = haft_view {
        gate: ptr::addr_of!(UNWATCHED).cast(),
        ..*view
    };
    look_up(&Slots(&view), handle).map_or(ptr::null(), |found| found.type_of.cast::<haft_type>() as *const _)
}

#[cold]
#[inline(never)]
unsafe fn value_by_call(
    table: *mut haft_table,
    handle: haft_handle,
    of: *const haft_type,
) -> Result<*mut c_void, haft_status> {
    let mut object = ptr::null_mut();
    // SAFETY: by the contract of value_by_view.
    match unsafe { haft_table_value(table, handle, of, &mut object) } {
        HAFT_OK => Ok(object),
        status => Err(status),
    }
}

#[cfg(test)]
mod tests;
