//! The declarations of haft.h that this crate uses.

use std::os::raw::{c_char, c_int, c_void};

#[repr(C)]
pub struct haft_type {
    pub name: *const c_char,
    pub identity: *const c_char,
    pub destroy: Option<unsafe extern "C" fn(object: *mut c_void)>,
    pub size: usize,
    pub alignment: usize,
}
// SAFETY: it contains only constants.
unsafe impl Sync for haft_type {}

#[repr(C)]
pub struct haft_table {
    opaque: [u8; 0],
}

#[repr(C)]
#[derive(Default)]
pub struct haft_pin {
    pub words: [usize; 4],
}

extern "C" {
    pub fn haft_table_create(capacity: usize, table: *mut *mut haft_table) -> c_int;
    pub fn haft_table_destroy(table: *mut haft_table);
    pub fn haft_table_new_with(
        table: *mut haft_table,
        object: *mut c_void,
        of: *const haft_type,
        destroy: Option<unsafe extern "C" fn(context: *mut c_void)>,
        context: *mut c_void,
        handle: *mut usize,
    ) -> c_int;
    pub fn haft_table_check(table: *mut haft_table, handle: usize) -> c_int;
    pub fn haft_table_pin_object(
        table: *mut haft_table,
        handle: usize,
        of: *const haft_type,
        pin: *mut haft_pin,
        object: *mut *mut c_void,
    ) -> c_int;
    pub fn haft_unpin(pin: *mut haft_pin);
    pub fn haft_table_delete(table: *mut haft_table, handle: usize, of: *const haft_type) -> c_int;
    pub fn haft_table_delete_unless_pinned(
        table: *mut haft_table,
        handle: usize,
        of: *const haft_type,
    ) -> c_int;
    pub fn haft_table_delete_and_wait(
        table: *mut haft_table,
        handle: usize,
        of: *const haft_type,
        nanoseconds: u64,
    ) -> c_int;
    pub fn haft_table_take(
        table: *mut haft_table,
        handle: usize,
        of: *const haft_type,
        object: *mut *mut c_void,
    ) -> c_int;
    pub fn haft_to_pointer(handle: usize) -> *mut c_void;
    pub fn haft_from_pointer(pointer: *const c_void) -> usize;
    pub fn haft_strerror(status: c_int) -> *const c_char;
    pub fn haft_table_describe(
        table: *mut haft_table,
        handle: usize,
        buffer: *mut c_char,
        size: usize,
    ) -> usize;
}
