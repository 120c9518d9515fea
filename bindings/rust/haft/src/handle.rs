use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::os::raw::c_void;
use std::sync::Arc;
use std::time::Duration;

use haft_sys as sys;

use crate::error::{Error, Refused};
use crate::pin::{Pin, Unpinned};
use crate::table::Table;
use crate::types::Of;

/// The handle of a `T`, which may be gone.
///
/// It is a word: it keeps nothing alive, borrows nothing, can be copied as a number can, and any thread may use it,
/// for every `T`. Every use is checked: whether the word is null, forged, of another table, deleted, or of another
/// type, that is an [`Error`](crate::Error) and nothing else.
///
/// The functions here are about the process's table, which all libraries share that load libhaft.so. [`Table`] has
/// the same ones for tables of your own.
pub struct Handle<T> {
    word: usize,
    // The T is neither shortened nor lengthened, so that its TypeId stays.
    of: PhantomData<fn(T) -> T>,
}

impl<T: 'static> Handle<T> {
    /// Accepts any word. If it is not the handle of a `T`, every use of it returns an error.
    #[must_use]
    #[inline(always)]
    pub const fn from_word(word: usize) -> Self {
        Handle { word, of: PhantomData }
    }

    /// Returns the word, which C calls `haft_handle`.
    #[must_use]
    #[inline(always)]
    pub const fn word(self) -> usize {
        self.word
    }

    /// Converts to the `void *` that callbacks carry. The pointer must not be dereferenced.
    #[must_use]
    pub fn to_pointer(self) -> *mut c_void {
        // SAFETY: it takes any word.
        unsafe { sys::haft_to_pointer(self.word) }
    }

    /// Converts back. Accepts any pointer, and reads nothing through it.
    #[must_use]
    #[allow(clippy::not_unsafe_ptr_arg_deref)] // it is not dereferenced: C takes it as a number
    pub fn from_pointer(pointer: *const c_void) -> Self {
        // SAFETY: it takes any pointer, which it does not dereference.
        Self::from_word(unsafe { sys::haft_from_pointer(pointer) })
    }

    /// Moves a value into the process's table; see [`Table::insert`].
    ///
    /// # Errors
    ///
    /// [`Full`](crate::ErrorKind::Full), [`OutOfMemory`](crate::ErrorKind::OutOfMemory) or
    /// [`Incompatible`](crate::ErrorKind::Incompatible), with the value.
    #[inline]
    pub fn new(value: T) -> Result<Self, Refused<T>>
    where
        T: Send + Sync,
    {
        match Of::get() {
            Ok(of) => Table::process_of(of).insert_as(of, value),
            Err(error) => Err(Refused { error, value }),
        }
    }

    /// The same for a value that is in a box already. Nothing is allocated.
    ///
    /// # Errors
    ///
    /// As [`Handle::new`], with the box.
    #[inline]
    pub fn from_box(value: Box<T>) -> Result<Self, Refused<Box<T>>>
    where
        T: Send + Sync,
    {
        match Of::get() {
            Ok(of) => Table::process_of(of).insert_box_as(of, value),
            Err(error) => Err(Refused { error, value }),
        }
    }

    /// Gives the value and keeps it alive until the pin is dropped; see [`Table::pin`].
    ///
    /// # Errors
    ///
    /// Why the handle is refused; [`OutOfMemory`](crate::ErrorKind::OutOfMemory) if there is no room for a pin.
    #[inline]
    pub fn pin(self) -> Result<Pin<'static, T>, Error> {
        let of = Of::get()?;
        Table::process_of(of).pin_as(of, self)
    }

    /// Gives the value without keeping it alive; see [`Table::value`].
    ///
    /// # Errors
    ///
    /// Why the handle is refused.
    ///
    /// # Safety
    ///
    /// As long as the result is used, nobody deletes or takes the handle, neither here nor in C.
    #[inline(always)]
    pub unsafe fn value<'t>(self) -> Result<Unpinned<'t, T>, Error> {
        let of = Of::get()?;
        // SAFETY: by this function's contract.
        unsafe { Table::process_of(of).value_as(of, self) }
    }

    /// Returns whether this is the handle of a live `T`, or why not; see [`Table::check`].
    ///
    /// # Errors
    ///
    /// Why the handle is refused.
    #[inline(always)]
    pub fn check(self) -> Result<(), Error> {
        Table::process().check(self)
    }

    /// Returns whether this is the handle of a live `T`. It may have ended when this returns, unless you know better.
    #[must_use]
    #[inline(always)]
    pub fn is_live(self) -> bool {
        Of::get().map_or(false, |of| Table::process_of(of).is_live_as(of, self))
    }

    /// Ends the handle; see [`Table::delete`].
    ///
    /// # Errors
    ///
    /// Why the handle is refused.
    #[inline]
    pub fn delete(self) -> Result<(), Error> {
        let of = Of::get()?;
        Table::process_of(of).delete_as(of, self)
    }

    /// Ends the handle, if its value is not pinned.
    ///
    /// # Errors
    ///
    /// As [`Handle::delete`], or [`Pinned`](crate::ErrorKind::Pinned).
    #[inline]
    pub fn delete_unless_pinned(self) -> Result<(), Error> {
        Table::process().delete_unless_pinned(self)
    }

    /// Ends the handle and waits until the value is dropped; see [`Table::delete_and_wait`].
    ///
    /// # Errors
    ///
    /// As [`Table::delete_and_wait`].
    pub fn delete_and_wait(self, timeout: Duration) -> Result<(), Error> {
        Table::process().delete_and_wait(self, timeout)
    }

    /// Ends the handle and moves the value out, if it is not pinned.
    ///
    /// # Errors
    ///
    /// As [`Handle::delete`], or [`Pinned`](crate::ErrorKind::Pinned).
    #[inline]
    pub fn take(self) -> Result<T, Error> {
        Table::process().take(self)
    }

    /// Returns all that is known about the handle, live or not.
    #[must_use]
    pub fn describe(self) -> String {
        Table::process().describe(self)
    }
}

impl<T: ?Sized + 'static> Handle<Arc<T>> {
    /// Moves an `Arc` into the process's table. If `T` is sized, nothing is allocated: the slot keeps the pointer of
    /// the `Arc`.
    ///
    /// ([`Handle::new`] would put the `Arc` in a box. Both kinds can be used alike.)
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// let shared = Arc::new(String::from("shared"));
    /// let handle = haft::Handle::from_arc(Arc::clone(&shared))?;
    /// assert!(Arc::ptr_eq(&handle.get()?, &shared));
    /// handle.delete()?;
    /// assert_eq!(Arc::strong_count(&shared), 1);
    /// # Ok::<(), haft::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Handle::new`], with the `Arc`.
    #[inline]
    pub fn from_arc(value: Arc<T>) -> Result<Self, Refused<Arc<T>>>
    where
        T: Send + Sync,
    {
        match Of::get() {
            Ok(of) => Table::process_of(of).insert_arc_as(of, value),
            Err(error) => Err(Refused { error, value }),
        }
    }

    /// Returns the `Arc`, which keeps the value alive, also after the handle has been deleted.
    ///
    /// # Errors
    ///
    /// As [`Handle::pin`].
    #[inline]
    pub fn get(self) -> Result<Arc<T>, Error> {
        Table::process().get(self)
    }
}

impl<T> Clone for Handle<T> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Handle<T> {}
impl<T> PartialEq for Handle<T> {
    #[inline(always)]
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
