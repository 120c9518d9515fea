#![doc = include_str!("../README.md")]
#![no_std]
#![deny(missing_docs, unsafe_op_in_unsafe_fn)]
#![warn(clippy::pedantic)]
// The names are those of the header.
#![allow(non_camel_case_types)]
// A look-up is a few loads, for which a call is too much.
#![allow(clippy::inline_always)]

extern crate std;

use core::marker::{PhantomData, PhantomPinned};
use std::os::raw::{c_char, c_int, c_uint, c_void};

pub mod view;

pub use view::{
    haft_lend, haft_loan, haft_return, haft_settle, haft_slot, haft_table_view, haft_value_inline, haft_view,
    HAFT_LEND_TO_THREAD, HAFT_LOAN_HANDLES, HAFT_VIEW_ABI, HAFT_VIEW_FREE, HAFT_VIEW_WATCHED,
};

/// The version of the header that these declarations are of: major × 10000 + minor × 100 + patch.
///
/// [`haft_version`] returns that of the library that is loaded. Everything declared here is there if the major
/// versions are equal and the library's is not smaller.
pub const HAFT_VERSION: c_int = 100;

/// An opaque word. 0 is the null handle, and every other handle is odd.
pub type haft_handle = usize;

/// One of the `HAFT_` statuses. It is a number because a newer library may return others.
pub type haft_status = c_int;

/// The call has succeeded.
pub const HAFT_OK: haft_status = 0;
/// It is the null handle.
pub const HAFT_NULL: haft_status = 1;
/// No table issues such a word.
pub const HAFT_MALFORMED: haft_status = 2;
/// This table has not issued it: it is forged, or another table's.
pub const HAFT_NEVER_ISSUED: haft_status = 3;
/// It was issued by this table, and deleted.
pub const HAFT_STALE: haft_status = 4;
/// It is live, and of another type.
pub const HAFT_WRONG_TYPE: haft_status = 5;
/// The table has no room for another handle.
pub const HAFT_FULL: haft_status = 6;
/// There is no memory, or no room for a pin.
pub const HAFT_OUT_OF_MEMORY: haft_status = 7;
/// It is live and pinned, so it was not deleted.
pub const HAFT_PINNED: haft_status = 8;
/// It is deleted, and still pinned.
pub const HAFT_TIMED_OUT: haft_status = 9;
/// An argument other than the handle is invalid, or the handle was never interned.
pub const HAFT_INVALID: haft_status = 10;
/// It is deleted, and destroyed when the innermost `destroy` that is running in this thread returns.
pub const HAFT_DEFERRED: haft_status = 11;

/// For [`haft_diagnose`]: record where handles are created and deleted.
pub const HAFT_DIAGNOSE_SITES: c_uint = 1;
/// For [`haft_diagnose`]: report at exit which handles are live.
pub const HAFT_DIAGNOSE_LEAKS: c_uint = 2;

/// A function that destroys an object. It should return, and must not unwind.
pub type haft_destroy = unsafe extern "C" fn(object: *mut c_void);

/// The descriptor of a type of objects.
///
/// Two are one type if they have the same address, or if both have an identity, and the identities, the sizes and the
/// alignments are equal (0 is equal to any). A descriptor and its strings must never be freed or unloaded.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct haft_type {
    /// For messages; may be null.
    pub name: *const c_char,
    /// Null: no other descriptor is this type.
    pub identity: *const c_char,
    /// None: objects are borrowed.
    pub destroy: Option<haft_destroy>,
    /// The size of an object; 0: unknown.
    pub size: usize,
    /// The alignment of an object; 0: unknown.
    pub alignment: usize,
}
// SAFETY: its contents are never changed, and any thread may read them.
unsafe impl Sync for haft_type {}
// SAFETY: as above.
unsafe impl Send for haft_type {}

/// A table of handles. Every function takes null for the process's table.
#[repr(C)]
pub struct haft_table {
    opaque: [u8; 0],
    marker: PhantomData<(*mut u8, PhantomPinned)>,
}

/// Handles that are deleted together.
#[repr(C)]
pub struct haft_scope {
    opaque: [u8; 0],
    marker: PhantomData<(*mut u8, PhantomPinned)>,
}

/// A pin keeps its object alive until [`haft_unpin`]. Copies are the same pin; end only one.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct haft_pin {
    /// Known to the library only.
    pub words: [usize; 4],
}

/// Figures of a table. They are exact if no other thread is inside a call.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct haft_stats {
    /// Handles issued and not deleted.
    pub live: u64,
    /// Objects deleted and still in use.
    pub retired_objects: u64,
    /// Handles ever issued.
    pub created: u64,
    /// Handles ever deleted.
    pub deleted: u64,
    /// Slots that have used up their generations.
    pub exhausted_slots: u64,
    /// Slots ever taken into use, free ones included.
    pub high_water: u64,
    /// Objects that can always exist at the same time, after subtraction of the exhausted slots.
    pub capacity: u64,
    /// Thread caches that a fork has left half written, so that no thread uses them any more.
    pub lost_caches: u64,
    /// Pins of all tables that [`haft_unpin`] has refused, because they had ended before.
    pub refused_unpins: u64,
}

/// A callback of [`haft_table_for_each`], which ends the walk by returning non-zero.
pub type haft_visit =
    unsafe extern "C" fn(context: *mut c_void, handle: haft_handle, of: *const haft_type, object: *mut c_void) -> c_int;

/// A callback of [`haft_table_report`].
pub type haft_line = unsafe extern "C" fn(context: *mut c_void, text: *const c_char);

/// A callback for refused handles; see [`haft_set_refusal_callback`].
pub type haft_refusal = unsafe extern "C" fn(
    context: *mut c_void,
    table: *mut haft_table,
    handle: haft_handle,
    status: haft_status,
    description: *const c_char,
);

// haft.h says in full what each function does, when it may be called and what it costs.
extern "C" {
    /// Makes `object` reachable through a new handle.
    pub fn haft_new(object: *mut c_void, of: *const haft_type, handle: *mut haft_handle) -> haft_status;
    /// As [`haft_new`], but calls `destroy(context)` instead of the type's `destroy(object)`.
    pub fn haft_new_with(
        object: *mut c_void,
        of: *const haft_type,
        destroy: Option<haft_destroy>,
        context: *mut c_void,
        handle: *mut haft_handle,
    ) -> haft_status;
    /// Gives the object of `handle`, which nothing keeps alive.
    pub fn haft_value(handle: haft_handle, of: *const haft_type, object: *mut *mut c_void) -> haft_status;
    /// Returns [`HAFT_OK`] if `handle` is live, or why it is refused.
    pub fn haft_check(handle: haft_handle) -> haft_status;
    /// Gives the object and keeps it alive until [`haft_unpin`].
    pub fn haft_pin_object(
        handle: haft_handle,
        of: *const haft_type,
        pin: *mut haft_pin,
        object: *mut *mut c_void,
    ) -> haft_status;
    /// Ends a pin, and destroys the object if it has been deleted and this was its last pin.
    pub fn haft_unpin(pin: *mut haft_pin);
    /// Ends `handle`. The object is destroyed before this returns, or before its last pin has ended.
    pub fn haft_delete(handle: haft_handle, of: *const haft_type) -> haft_status;
    /// As [`haft_delete`], if the object is not pinned.
    pub fn haft_delete_unless_pinned(handle: haft_handle, of: *const haft_type) -> haft_status;
    /// Ends `handle`, then waits until the object is destroyed.
    pub fn haft_delete_and_wait(handle: haft_handle, of: *const haft_type, nanoseconds: u64) -> haft_status;
    /// Ends `handle` unless the object is pinned, and gives the object back.
    pub fn haft_take(handle: haft_handle, of: *const haft_type, object: *mut *mut c_void) -> haft_status;
    /// As [`haft_take`], and gives what was to destroy the object.
    pub fn haft_take_owned(
        handle: haft_handle,
        of: *const haft_type,
        object: *mut *mut c_void,
        destroy: *mut Option<haft_destroy>,
        context: *mut *mut c_void,
    ) -> haft_status;
    /// As [`haft_value`] for a handle that must be live; otherwise it reports and aborts.
    pub fn haft_must_value(handle: haft_handle, of: *const haft_type) -> *mut c_void;
    /// As [`haft_delete`] for a handle that must be live; otherwise it reports and aborts.
    pub fn haft_must_delete(handle: haft_handle, of: *const haft_type);

    /// Creates a table for `capacity` live handles.
    pub fn haft_table_create(capacity: usize, table: *mut *mut haft_table) -> haft_status;
    /// Destroys all live objects, and the table. No thread may be inside a call.
    pub fn haft_table_destroy(table: *mut haft_table);
    /// As [`haft_new`].
    pub fn haft_table_new(
        table: *mut haft_table,
        object: *mut c_void,
        of: *const haft_type,
        handle: *mut haft_handle,
    ) -> haft_status;
    /// As [`haft_new_with`].
    pub fn haft_table_new_with(
        table: *mut haft_table,
        object: *mut c_void,
        of: *const haft_type,
        destroy: Option<haft_destroy>,
        context: *mut c_void,
        handle: *mut haft_handle,
    ) -> haft_status;
    /// As [`haft_value`].
    pub fn haft_table_value(
        table: *mut haft_table,
        handle: haft_handle,
        of: *const haft_type,
        object: *mut *mut c_void,
    ) -> haft_status;
    /// As [`haft_check`].
    pub fn haft_table_check(table: *mut haft_table, handle: haft_handle) -> haft_status;
    /// As [`haft_pin_object`].
    pub fn haft_table_pin_object(
        table: *mut haft_table,
        handle: haft_handle,
        of: *const haft_type,
        pin: *mut haft_pin,
        object: *mut *mut c_void,
    ) -> haft_status;
    /// As [`haft_delete`].
    pub fn haft_table_delete(table: *mut haft_table, handle: haft_handle, of: *const haft_type) -> haft_status;
    /// As [`haft_delete_unless_pinned`].
    pub fn haft_table_delete_unless_pinned(
        table: *mut haft_table,
        handle: haft_handle,
        of: *const haft_type,
    ) -> haft_status;
    /// As [`haft_delete_and_wait`].
    pub fn haft_table_delete_and_wait(
        table: *mut haft_table,
        handle: haft_handle,
        of: *const haft_type,
        nanoseconds: u64,
    ) -> haft_status;
    /// As [`haft_take`].
    pub fn haft_table_take(
        table: *mut haft_table,
        handle: haft_handle,
        of: *const haft_type,
        object: *mut *mut c_void,
    ) -> haft_status;
    /// As [`haft_take_owned`].
    pub fn haft_table_take_owned(
        table: *mut haft_table,
        handle: haft_handle,
        of: *const haft_type,
        object: *mut *mut c_void,
        destroy: *mut Option<haft_destroy>,
        context: *mut *mut c_void,
    ) -> haft_status;
    /// Calls [`haft_table_new`] for each of `count` objects, until one is refused.
    pub fn haft_table_new_batch(
        table: *mut haft_table,
        objects: *const *mut c_void,
        count: usize,
        of: *const haft_type,
        handles: *mut haft_handle,
        made: *mut usize,
    ) -> haft_status;
    /// Calls [`haft_table_delete`] for each of `count` handles, and returns how many were live and of the type.
    pub fn haft_table_delete_batch(
        table: *mut haft_table,
        handles: *const haft_handle,
        count: usize,
        of: *const haft_type,
        statuses: *mut haft_status,
    ) -> usize;
    /// Calls `visit` for live handles, each pinned for the call.
    pub fn haft_table_for_each(table: *mut haft_table, visit: Option<haft_visit>, context: *mut c_void) -> c_int;
    /// Writes the figures of a table.
    pub fn haft_table_stats(table: *mut haft_table, stats: *mut haft_stats) -> haft_status;
    /// Does now what the first calls would do later, for up to `expected` live handles.
    pub fn haft_table_prepare(table: *mut haft_table, expected: usize) -> haft_status;
    /// As [`haft_table_prepare`], for the process's table.
    pub fn haft_prepare(expected: usize) -> haft_status;
    /// Gives the system back the memory of pages that contain only free slots, and returns how many bytes.
    pub fn haft_table_trim(table: *mut haft_table) -> usize;
    /// As [`haft_table_trim`], for the process's table.
    pub fn haft_trim() -> usize;

    /// Opens a scope for handles of `table`.
    pub fn haft_scope_open(table: *mut haft_table, scope: *mut *mut haft_scope) -> haft_status;
    /// Makes room for one handle, so that the next [`haft_scope_add`] succeeds.
    pub fn haft_scope_reserve(scope: *mut haft_scope) -> haft_status;
    /// Adds a handle.
    pub fn haft_scope_add(scope: *mut haft_scope, handle: haft_handle) -> haft_status;
    /// Takes a handle out again and adds it to `outer`, unless that is null.
    pub fn haft_scope_escape(scope: *mut haft_scope, handle: haft_handle, outer: *mut haft_scope) -> haft_status;
    /// Deletes the remaining handles and the scope, and returns how many handles.
    pub fn haft_scope_close(scope: *mut haft_scope) -> usize;

    /// Converts a handle to the `void *` that callbacks carry.
    pub fn haft_to_pointer(handle: haft_handle) -> *mut c_void;
    /// Converts it back.
    pub fn haft_from_pointer(pointer: *const c_void) -> haft_handle;

    /// Returns the name of a status, as `HAFT_STALE`.
    pub fn haft_status_name(status: c_int) -> *const c_char;
    /// Returns a sentence for a status.
    pub fn haft_strerror(status: c_int) -> *const c_char;
    /// Returns the [`HAFT_VERSION`] of the library that is loaded.
    pub fn haft_version() -> c_int;

    /// Turns diagnostics on, before any table has been created.
    pub fn haft_diagnose(flags: c_uint) -> haft_status;
    /// As [`haft_new`], and gives the line that is recorded.
    pub fn haft_new_at(
        object: *mut c_void,
        of: *const haft_type,
        handle: *mut haft_handle,
        file: *const c_char,
        line: c_uint,
    ) -> haft_status;
    /// As [`haft_table_new_with`], and gives the line that is recorded.
    pub fn haft_table_new_with_at(
        table: *mut haft_table,
        object: *mut c_void,
        of: *const haft_type,
        destroy: Option<haft_destroy>,
        context: *mut c_void,
        handle: *mut haft_handle,
        file: *const c_char,
        line: c_uint,
    ) -> haft_status;
    /// As [`haft_table_delete`], and gives the line that is recorded.
    pub fn haft_table_delete_at(
        table: *mut haft_table,
        handle: haft_handle,
        of: *const haft_type,
        file: *const c_char,
        line: c_uint,
    ) -> haft_status;
    /// From now on calls `callback` for refusals, `per_second` times a second at most (0: without a limit).
    pub fn haft_set_refusal_callback(
        callback: Option<haft_refusal>,
        context: *mut c_void,
        per_second: u32,
    ) -> haft_status;
    /// Writes all that is known about `handle`, as `snprintf` does.
    pub fn haft_describe(handle: haft_handle, buffer: *mut c_char, size: usize) -> usize;
    /// As [`haft_describe`].
    pub fn haft_table_describe(table: *mut haft_table, handle: haft_handle, buffer: *mut c_char, size: usize) -> usize;
    /// Calls `line` for each of the first `most` live handles and for each line of a summary, and returns how many
    /// were live.
    pub fn haft_table_report(
        table: *mut haft_table,
        most: usize,
        line: Option<haft_line>,
        context: *mut c_void,
    ) -> usize;

    /// Gives the handle of `object`: the one it has, or a new one.
    pub fn haft_intern(object: *mut c_void, of: *const haft_type, handle: *mut haft_handle) -> haft_status;
    /// As [`haft_intern`], but destroys as [`haft_new_with`] does.
    pub fn haft_intern_with(
        object: *mut c_void,
        of: *const haft_type,
        destroy: Option<haft_destroy>,
        context: *mut c_void,
        handle: *mut haft_handle,
    ) -> haft_status;
    /// Takes back one [`haft_intern`]. The last one ends the handle.
    pub fn haft_release(handle: haft_handle) -> haft_status;
    /// As [`haft_intern`].
    pub fn haft_table_intern(
        table: *mut haft_table,
        object: *mut c_void,
        of: *const haft_type,
        handle: *mut haft_handle,
    ) -> haft_status;
    /// As [`haft_intern_with`].
    pub fn haft_table_intern_with(
        table: *mut haft_table,
        object: *mut c_void,
        of: *const haft_type,
        destroy: Option<haft_destroy>,
        context: *mut c_void,
        handle: *mut haft_handle,
    ) -> haft_status;
    /// As [`haft_release`].
    pub fn haft_table_release(table: *mut haft_table, handle: haft_handle) -> haft_status;
}
