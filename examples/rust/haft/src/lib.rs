//! Handles of Rust values: words that C may keep, copy, forge or use too late.
//!
//! ```
//! let handle = haft::Handle::new(String::from("hello"))?;
//! let user_data = handle.to_pointer(); // what a C callback carries
//!
//! let handle = haft::Handle::<String>::from_pointer(user_data);
//! assert_eq!(*handle.pin()?, "hello");
//! handle.delete()?;
//! assert_eq!(handle.pin().unwrap_err(), haft::Error::Stale);
//! # Ok::<(), haft::Error>(())
//! ```
//!
//! The table is that of libhaft.so, one for the process, or a [`Table`] that the program makes.

#![deny(unsafe_op_in_unsafe_fn)]

mod error;
pub mod sys;
pub mod unwind;

use std::any::TypeId;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::ops::Deref;
use std::os::raw::{c_int, c_void};
use std::ptr::{self, NonNull};
use std::time::Duration;

pub use error::{Error, Refused};

/// The object that the table holds. The C ABI distinguishes Rust's objects from others, and the first field distinguishes
/// them from one another, because Rust cannot make a `haft_type` for each T.
#[repr(C)]
struct Entry<T> {
    of: TypeId,
    value: T,
}

static RUST: sys::haft_type = sys::haft_type {
    name: b"Rust value\0".as_ptr().cast(),
    identity: ptr::null(), // because another copy of this crate has other layouts
    destroy: None,         // destroy::<T> of each
    size: 0,
    alignment: 0,
};

unsafe extern "C" fn destroy<T>(entry: *mut c_void) {
    // SAFETY: the table calls it once, with the pointer that `insert` has made.
    let entry = unsafe { Box::from_raw(entry.cast::<Entry<T>>()) };
    unwind::catch(move || drop(entry));
}

/// The handle of a `T`, which may be gone. It is a word: it keeps nothing alive, borrows nothing, and any thread may use it,
/// for every T.
pub struct Handle<T> {
    word: usize,
    of: PhantomData<fn(T) -> T>,
}

impl<T: 'static> Handle<T> {
    /// Accepts any word. If it is not the handle of a `T`, every use of it returns an error.
    pub const fn from_word(word: usize) -> Self {
        Handle {
            word,
            of: PhantomData,
        }
    }
    pub const fn word(self) -> usize {
        self.word
    }

    /// Converts to the `void *` that callbacks carry, and back. The pointer must not be dereferenced.
    pub fn to_pointer(self) -> *mut c_void {
        // SAFETY: takes any word.
        unsafe { sys::haft_to_pointer(self.word) }
    }
    pub fn from_pointer(pointer: *const c_void) -> Self {
        // SAFETY: takes any pointer, which it does not dereference.
        Self::from_word(unsafe { sys::haft_from_pointer(pointer) })
    }

    /// [`Table::insert`] and the other functions, in the process's table.
    pub fn new(value: T) -> Result<Self, Refused<T>>
    where
        T: Send + Sync,
    {
        PROCESS.insert(value)
    }
    pub fn pin(self) -> Result<Pin<'static, T>, Error> {
        PROCESS.pin(self)
    }
    pub fn delete(self) -> Result<(), Error> {
        PROCESS.delete(self)
    }
}

impl<T> Clone for Handle<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Handle<T> {}
impl<T> PartialEq for Handle<T> {
    fn eq(&self, other: &Self) -> bool {
        self.word == other.word
    }
}
impl<T> Eq for Handle<T> {}
impl<T> Hash for Handle<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.word.hash(state);
    }
}
impl<T> fmt::Debug for Handle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Handle({:#x})", self.word)
    }
}

/// Keeps a `T` alive, deleted or not, until it is dropped. Its table must live as long.
pub struct Pin<'t, T> {
    _raw: RawPin,
    value: NonNull<T>,
    table: PhantomData<&'t Table>,
}

// SAFETY: it is a `&T` for the threads that share it, and the thread that drops it may drop the T.
unsafe impl<T: Send + Sync> Send for Pin<'_, T> {}
unsafe impl<T: Sync> Sync for Pin<'_, T> {}

impl<T> Deref for Pin<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: `_raw` keeps it alive.
        unsafe { self.value.as_ref() }
    }
}
impl<T: fmt::Debug> fmt::Debug for Pin<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

struct RawPin(sys::haft_pin);

impl Drop for RawPin {
    fn drop(&mut self) {
        // SAFETY: it holds one pin, which is released once.
        unwind::call(|| unsafe { sys::haft_unpin(&mut self.0) });
    }
}

/// A table of handles. Dropping it drops the live values in it.
#[derive(Debug)]
pub struct Table {
    raw: *mut sys::haft_table,
}

static PROCESS: Table = Table {
    raw: ptr::null_mut(),
};

// SAFETY: any thread may call the C ABI, and `insert` accepts only values that are Send and Sync.
unsafe impl Send for Table {}
unsafe impl Sync for Table {}

impl Table {
    /// Makes a table for `capacity` live handles.
    pub fn new(capacity: usize) -> Result<Table, Error> {
        let mut raw = ptr::null_mut();
        // SAFETY: writes a table that it has made, or nothing.
        Error::check(unsafe { sys::haft_table_create(capacity, &mut raw) })?;
        Ok(Table { raw })
    }

    /// Returns the process's table, which all libraries that load libhaft.so share. It is never dropped.
    pub fn process() -> &'static Table {
        &PROCESS
    }

    /// Moves a value in. Any thread may reach it. The thread that deletes it, or that releases its last pin, drops it.
    pub fn insert<T: Send + Sync + 'static>(&self, value: T) -> Result<Handle<T>, Refused<T>> {
        let entry = Box::into_raw(Box::new(Entry {
            of: TypeId::of::<T>(),
            value,
        }));
        let mut word = 0;
        // SAFETY: the table owns the entry if it takes it, and `destroy` is that of its T.
        let status = unsafe {
            let object = entry.cast();
            let destroy = Some(destroy::<T> as _);
            sys::haft_table_new_with(self.raw, object, &RUST, destroy, object, &mut word)
        };
        match Error::check(status) {
            Ok(()) => Ok(Handle::from_word(word)),
            // SAFETY: the table has not taken it.
            Err(error) => Err(Refused {
                error,
                value: unsafe { Box::from_raw(entry) }.value,
            }),
        }
    }

    pub fn pin<T: 'static>(&self, handle: Handle<T>) -> Result<Pin<'_, T>, Error> {
        let mut pin = sys::haft_pin::default();
        let mut object = ptr::null_mut();
        // SAFETY: writes both, or neither. An object of type RUST is an Entry.
        let entry = unsafe {
            let status =
                sys::haft_table_pin_object(self.raw, handle.word, &RUST, &mut pin, &mut object);
            Error::check(status)?;
            object.cast::<Entry<T>>()
        };
        let raw = RawPin(pin);
        // SAFETY: it is pinned, and an Entry of any type begins with this.
        if unsafe { *entry.cast::<TypeId>() } != TypeId::of::<T>() {
            return Err(Error::WrongType);
        }
        Ok(Pin {
            _raw: raw,
            // SAFETY: not null, and it is an Entry<T>.
            value: unsafe { NonNull::from(&(*entry).value) },
            table: PhantomData,
        })
    }

    /// Returns why the word is refused. It does not check whether the object is a `T`; the other functions do.
    pub fn check<T: 'static>(&self, handle: Handle<T>) -> Result<(), Error> {
        // SAFETY: takes any word.
        Error::check(unsafe { sys::haft_table_check(self.raw, handle.word) })
    }

    /// Ends the handle. The value is dropped before this returns, or if it is pinned, with its last pin. If its drop panics,
    /// the call that drops it panics.
    pub fn delete<T: 'static>(&self, handle: Handle<T>) -> Result<(), Error> {
        // SAFETY: takes any word.
        self.end(handle, |word| unsafe {
            sys::haft_table_delete(self.raw, word, &RUST)
        })
    }

    /// The same if it is not pinned; otherwise [`Error::Pinned`].
    pub fn delete_unless_pinned<T: 'static>(&self, handle: Handle<T>) -> Result<(), Error> {
        // SAFETY: takes any word.
        self.end(handle, |word| unsafe {
            sys::haft_table_delete_unless_pinned(self.raw, word, &RUST)
        })
    }

    /// Ends the handle and waits until the value is dropped. [`Error::TimedOut`] means that the handle is deleted, and the value
    /// is not yet dropped.
    pub fn delete_and_wait<T: 'static>(
        &self,
        handle: Handle<T>,
        timeout: Duration,
    ) -> Result<(), Error> {
        let nanoseconds = timeout.as_nanos().try_into().unwrap_or(u64::MAX);
        // SAFETY: takes any word.
        self.end(handle, |word| unsafe {
            sys::haft_table_delete_and_wait(self.raw, word, &RUST, nanoseconds)
        })
    }

    /// Ends the handle and moves the value out, if it is not pinned.
    pub fn take<T: 'static>(&self, handle: Handle<T>) -> Result<T, Error> {
        let mut object = ptr::null_mut();
        // SAFETY: takes any word.
        self.end(handle, |word| unsafe {
            sys::haft_table_take(self.raw, word, &RUST, &mut object)
        })?;
        // SAFETY: `insert` has boxed it, and the table has released it.
        Ok(unsafe { Box::from_raw(object.cast::<Entry<T>>()) }.value)
    }

    // It cannot become another type in between, because no word is issued twice.
    fn end<T: 'static>(
        &self,
        handle: Handle<T>,
        end: impl FnOnce(usize) -> c_int,
    ) -> Result<(), Error> {
        drop(self.pin(handle)?);
        Error::check(unwind::call(|| end(handle.word)))
    }

    /// Returns everything that is known about the handle.
    pub fn describe<T: 'static>(&self, handle: Handle<T>) -> String {
        let mut text = vec![0; 256];
        // SAFETY: writes at most that many bytes.
        let length = unsafe {
            let buffer = text.as_mut_ptr().cast();
            sys::haft_table_describe(self.raw, handle.word, buffer, text.len())
        };
        text.truncate(length.min(text.len() - 1));
        String::from_utf8_lossy(&text).into_owned()
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        // SAFETY: no call is under way and no pin is left, because they borrow the table. A pin that was forgotten keeps its
        // value permanently.
        unwind::call(|| unsafe { sys::haft_table_destroy(self.raw) });
    }
}
