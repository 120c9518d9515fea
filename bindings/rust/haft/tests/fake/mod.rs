//! A table in Rust with the functions of libhaft, for Miri, which cannot call C. It is slow and takes a lock for everything, but its
//! slots are laid out as `haft/view.h` says, and it publishes, pins, ends and destroys as `haft.h` says.

#![allow(clippy::missing_safety_doc, clippy::missing_panics_doc)]

use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::os::raw::{c_char, c_int, c_uint, c_void};
use std::ptr;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::{Release, SeqCst};
use std::sync::{Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use haft::sys::*;

const SLOTS: usize = 64;
const SHIFT: u32 = SLOTS.trailing_zeros() + 1;

static GATE: AtomicUsize = AtomicUsize::new(0);

/// The content of a slot besides its words.
#[derive(Clone, Copy)]
struct Kept {
    generation: usize,
    used: bool,
    live: bool,
    pins: usize,
    object: usize,
    of: usize,
    destroy: Option<haft_destroy>,
    context: usize,
}

struct Table {
    capacity: usize,
    first: usize,
    deleted: u64,
    kept: [Kept; SLOTS],
    words: *mut [haft_slot; SLOTS],
}
unsafe impl Send for Table {}

/// All tables, by what C calls them; the process's is null.
static TABLES: Mutex<BTreeMap<usize, Table>> = Mutex::new(BTreeMap::new());

fn tables() -> MutexGuard<'static, BTreeMap<usize, Table>> {
    let mut tables = TABLES.lock().unwrap();
    if tables.is_empty() {
        tables.insert(0, Table::new(SLOTS, 1));
    }
    tables
}

impl Table {
    fn new(capacity: usize, number: usize) -> Table {
        let first = number << 20;
        let kept = Kept {
            generation: first,
            used: false,
            live: false,
            pins: 0,
            object: 0,
            of: 0,
            destroy: None,
            context: 0,
        };
        // SAFETY: all of its words may be zero.
        let words: Box<[haft_slot; SLOTS]> = Box::new(unsafe { std::mem::zeroed() });
        Table {
            capacity,
            first,
            deleted: 0,
            kept: [kept; SLOTS],
            words: Box::into_raw(words),
        }
    }

    fn word(&self, place: usize) -> &haft_slot {
        unsafe { &(*self.words)[place] }
    }

    fn handle(&self, place: usize) -> usize {
        self.kept[place].generation << SHIFT | place << 1 | 1
    }

    /// Returns the place of a live handle of a type, or the status.
    fn find(&self, handle: usize, of: *const haft_type) -> Result<usize, haft_status> {
        if handle == 0 {
            return Err(HAFT_NULL);
        }
        if handle & 1 == 0 {
            return Err(HAFT_MALFORMED);
        }
        let place = handle >> 1 & (SLOTS - 1);
        let generation = handle >> SHIFT;
        if generation <= self.first || generation > self.kept[place].generation {
            return Err(HAFT_NEVER_ISSUED);
        }
        if self.handle(place) != handle || !self.kept[place].live {
            return Err(HAFT_STALE);
        }
        if !of.is_null() && self.kept[place].of != of as usize {
            return Err(HAFT_WRONG_TYPE);
        }
        Ok(place)
    }

    /// Ends a live handle.
    fn end(&mut self, place: usize) {
        self.word(place).state.store(self.handle(place) ^ 1, SeqCst);
        self.kept[place].live = false;
        self.deleted += 1;
    }
}

type Destruction = Option<(haft_destroy, usize)>;

impl Kept {
    /// Frees the slot, and returns what is to be called when the lock is released.
    fn free(&mut self) -> Destruction {
        self.used = false;
        self.destroy.take().map(|destroy| (destroy, self.context))
    }
}

fn destroy(what: Destruction) {
    if let Some((destroy, context)) = what {
        unsafe { destroy(context as *mut c_void) };
    }
}

#[no_mangle]
unsafe extern "C" fn haft_table_new_with(
    table: *mut haft_table,
    object: *mut c_void,
    of: *const haft_type,
    destroy: Option<haft_destroy>,
    context: *mut c_void,
    handle: *mut haft_handle,
) -> haft_status {
    let mut tables = tables();
    let table = tables.get_mut(&(table as usize)).unwrap();
    let place = match (0..table.capacity).find(|place| !table.kept[*place].used) {
        Some(place) => place,
        None => return HAFT_FULL,
    };
    let kept = &mut table.kept[place];
    *kept = Kept {
        generation: kept.generation + 1,
        used: true,
        live: true,
        pins: 0,
        object: object as usize,
        of: of as usize,
        destroy,
        context: context as usize,
    };
    let word = table.word(place);
    word.object.store(object, Release);
    word.type_.store(of as *mut c_void, Release);
    word.state.store(table.handle(place), Release);
    unsafe { *handle = table.handle(place) };
    HAFT_OK
}

#[no_mangle]
unsafe extern "C" fn haft_table_new(
    table: *mut haft_table,
    object: *mut c_void,
    of: *const haft_type,
    handle: *mut haft_handle,
) -> haft_status {
    unsafe { haft_table_new_with(table, object, of, (*of).destroy, object, handle) }
}
#[no_mangle]
unsafe extern "C" fn haft_new(object: *mut c_void, of: *const haft_type, handle: *mut haft_handle) -> haft_status {
    unsafe { haft_table_new(ptr::null_mut(), object, of, handle) }
}

#[no_mangle]
unsafe extern "C" fn haft_table_value(
    table: *mut haft_table,
    handle: haft_handle,
    of: *const haft_type,
    object: *mut *mut c_void,
) -> haft_status {
    let tables = tables();
    let table = &tables[&(table as usize)];
    match table.find(handle, of) {
        Ok(place) => {
            unsafe { *object = table.kept[place].object as *mut c_void };
            HAFT_OK
        }
        Err(status) => status,
    }
}
#[no_mangle]
unsafe extern "C" fn haft_check(handle: haft_handle) -> haft_status {
    let mut object = ptr::null_mut();
    unsafe { haft_table_value(ptr::null_mut(), handle, ptr::null(), &mut object) }
}

#[no_mangle]
unsafe extern "C" fn haft_table_pin_object(
    name: *mut haft_table,
    handle: haft_handle,
    of: *const haft_type,
    pin: *mut haft_pin,
    object: *mut *mut c_void,
) -> haft_status {
    let mut tables = tables();
    let table = tables.get_mut(&(name as usize)).unwrap();
    match table.find(handle, of) {
        Ok(place) => {
            table.kept[place].pins += 1;
            unsafe {
                *object = table.kept[place].object as *mut c_void;
                (*pin).words = [name as usize, place, handle, 1];
            }
            HAFT_OK
        }
        Err(status) => status,
    }
}
#[no_mangle]
unsafe extern "C" fn haft_pin_object(
    handle: haft_handle,
    of: *const haft_type,
    pin: *mut haft_pin,
    object: *mut *mut c_void,
) -> haft_status {
    unsafe { haft_table_pin_object(ptr::null_mut(), handle, of, pin, object) }
}
#[no_mangle]
unsafe extern "C" fn haft_unpin(pin: *mut haft_pin) {
    let [table, place, handle, held] = unsafe { ptr::replace(pin, haft_pin::default()).words };
    assert_eq!(held, 1);
    let what = {
        let mut tables = tables();
        let table = tables.get_mut(&table).unwrap();
        assert_eq!(table.handle(place), handle);
        let kept = &mut table.kept[place];
        kept.pins -= 1;
        if kept.pins == 0 && !kept.live {
            kept.free()
        } else {
            None
        }
    };
    destroy(what);
}

/// Ends a handle. Returns the status, and whether the object is still pinned.
fn end(table: *mut haft_table, handle: haft_handle, of: *const haft_type, unless_pinned: bool) -> (haft_status, bool) {
    let (what, pinned) = {
        let mut tables = tables();
        let table = tables.get_mut(&(table as usize)).unwrap();
        let place = match table.find(handle, of) {
            Ok(place) => place,
            Err(status) => return (status, false),
        };
        let pinned = table.kept[place].pins != 0;
        if pinned && unless_pinned {
            return (HAFT_PINNED, true);
        }
        table.end(place);
        (if pinned { None } else { table.kept[place].free() }, pinned)
    };
    destroy(what);
    (HAFT_OK, pinned)
}
#[no_mangle]
unsafe extern "C" fn haft_table_delete(
    table: *mut haft_table,
    handle: haft_handle,
    of: *const haft_type,
) -> haft_status {
    end(table, handle, of, false).0
}
#[no_mangle]
unsafe extern "C" fn haft_delete(handle: haft_handle, of: *const haft_type) -> haft_status {
    end(ptr::null_mut(), handle, of, false).0
}
#[no_mangle]
unsafe extern "C" fn haft_table_delete_unless_pinned(
    table: *mut haft_table,
    handle: haft_handle,
    of: *const haft_type,
) -> haft_status {
    end(table, handle, of, true).0
}
#[no_mangle]
unsafe extern "C" fn haft_table_delete_and_wait(
    table: *mut haft_table,
    handle: haft_handle,
    of: *const haft_type,
    nanoseconds: u64,
) -> haft_status {
    let begin = Instant::now();
    let (status, pinned) = end(table, handle, of, false);
    if status != HAFT_OK || !pinned {
        return status;
    }
    let place = handle >> 1 & (SLOTS - 1);
    loop {
        let kept = tables()[&(table as usize)].kept[place];
        if kept.pins == 0 || kept.generation != handle >> SHIFT {
            return HAFT_OK;
        }
        if begin.elapsed() >= Duration::from_nanos(nanoseconds) {
            return HAFT_TIMED_OUT;
        }
        thread::yield_now();
    }
}
#[no_mangle]
unsafe extern "C" fn haft_table_take(
    table: *mut haft_table,
    handle: haft_handle,
    of: *const haft_type,
    object: *mut *mut c_void,
) -> haft_status {
    let mut tables = tables();
    let table = tables.get_mut(&(table as usize)).unwrap();
    match table.find(handle, of) {
        Ok(place) if table.kept[place].pins != 0 => HAFT_PINNED,
        Ok(place) => {
            table.end(place);
            table.kept[place].free();
            unsafe { *object = table.kept[place].object as *mut c_void };
            HAFT_OK
        }
        Err(status) => status,
    }
}
#[no_mangle]
unsafe extern "C" fn haft_take(handle: haft_handle, of: *const haft_type, object: *mut *mut c_void) -> haft_status {
    unsafe { haft_table_take(ptr::null_mut(), handle, of, object) }
}

#[no_mangle]
unsafe extern "C" fn haft_table_create(capacity: usize, table: *mut *mut haft_table) -> haft_status {
    static NAMES: Mutex<usize> = Mutex::new(1);
    if capacity == 0 {
        return HAFT_INVALID;
    }
    if capacity > 1 << 40 {
        return HAFT_FULL;
    }
    let mut tables = tables();
    let mut names = NAMES.lock().unwrap();
    *names += 1;
    tables.insert(*names * 16, Table::new(capacity.min(SLOTS), *names));
    unsafe { *table = (*names * 16) as *mut haft_table };
    HAFT_OK
}
#[no_mangle]
unsafe extern "C" fn haft_table_destroy(table: *mut haft_table) {
    let Table { mut kept, words, .. } = tables().remove(&(table as usize)).unwrap();
    drop(unsafe { Box::from_raw(words) });
    for kept in kept.iter_mut().filter(|kept| kept.used && kept.pins == 0) {
        destroy(kept.free());
    }
}
#[no_mangle]
unsafe extern "C" fn haft_table_view(table: *mut haft_table, abi: c_uint, view: *mut haft_view) -> haft_status {
    if abi != HAFT_VIEW_ABI {
        return HAFT_INVALID;
    }
    let slots = tables()[&(table as usize)].words.cast();
    let mask = (SLOTS - 1) * std::mem::size_of::<haft_slot>();
    let gate = ptr::addr_of!(GATE).cast();
    unsafe {
        *view = haft_view {
            table,
            gate,
            slots,
            mask,
            generation: 1 << SHIFT,
            generations: 0,
        }
    };
    HAFT_OK
}

#[no_mangle]
unsafe extern "C" fn haft_table_describe(
    table: *mut haft_table,
    handle: haft_handle,
    buffer: *mut c_char,
    size: usize,
) -> usize {
    let tables = tables();
    let inside = &tables[&(table as usize)];
    let text = match inside.find(handle, ptr::null()) {
        Ok(place) => {
            let kept = inside.kept[place];
            let name = unsafe { CStr::from_ptr((*(kept.of as *const haft_type)).name) };
            format!(
                "{handle:#x}: live in table {table:p}, a {} at {:#x}",
                name.to_string_lossy(),
                kept.object
            )
        }
        Err(status) if status == HAFT_STALE => format!("{handle:#x}: HAFT_STALE in table {table:p}"),
        Err(status) => format!("{handle:#x}: status {status} in table {table:p}"),
    };
    let text = CString::new(text).unwrap();
    let bytes = text.as_bytes_with_nul();
    if bytes.len() <= size {
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), buffer.cast(), bytes.len()) };
    }
    bytes.len() - 1
}

#[no_mangle]
unsafe extern "C" fn haft_to_pointer(handle: haft_handle) -> *mut c_void {
    handle as *mut c_void
}
#[no_mangle]
unsafe extern "C" fn haft_from_pointer(pointer: *const c_void) -> haft_handle {
    pointer as usize
}
#[no_mangle]
extern "C" fn haft_strerror(status: c_int) -> *const c_char {
    let text: &'static [u8] = match status {
        HAFT_STALE => b"the handle has been deleted\0",
        1..=11 => b"it is refused\0",
        _ => b"unknown status\0",
    };
    text.as_ptr().cast()
}
#[no_mangle]
extern "C" fn haft_version() -> c_int {
    HAFT_VERSION
}
