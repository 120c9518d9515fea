use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::os::raw::c_void;

use haft_sys as sys;

use crate::object::Place;
use crate::table::Table;
use crate::unwind;

/// Keeps a `T` alive, deleted or not, until it is dropped. It is a reference to the `T`, and borrows the table.
///
/// If the handle has been deleted meanwhile, the thread that drops the last pin drops the value.
pub struct Pin<'t, T> {
    place: Place<T>,
    // After the place, which it keeps valid.
    _raw: RawPin<T>,
    table: PhantomData<&'t Table>,
}

// SAFETY: it is a `&T` for the threads that share it, and the thread that drops it may drop the T.
unsafe impl<T: Send + Sync> Send for Pin<'_, T> {}
// SAFETY: as above; it can be dropped only by its owner.
unsafe impl<T: Sync> Sync for Pin<'_, T> {}

impl<T> Pin<'_, T> {
    /// # Safety
    ///
    /// `raw` is a pin that nobody else ends, of the object, which is from the module `object` and of this T.
    #[inline(always)]
    pub(crate) unsafe fn from_raw(raw: sys::haft_pin, object: *mut c_void) -> Self {
        Pin {
            // SAFETY: the pin keeps it alive.
            place: unsafe { Place::of(object) },
            _raw: RawPin(raw, PhantomData),
            table: PhantomData,
        }
    }
}

impl<T> Deref for Pin<'_, T> {
    type Target = T;
    #[inline(always)]
    fn deref(&self) -> &T {
        self.place.get()
    }
}

impl<T> AsRef<T> for Pin<'_, T> {
    fn as_ref(&self) -> &T {
        self
    }
}

impl<T: fmt::Debug> fmt::Debug for Pin<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: fmt::Display> fmt::Display for Pin<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

struct RawPin<T>(sys::haft_pin, PhantomData<T>);

impl<T> Drop for RawPin<T> {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: it holds one pin, which is released once.
        unwind::call_that_drops::<T, _>(|| unsafe { sys::haft_unpin(&mut self.0) });
    }
}

/// A reference to a value that nothing keeps alive, from [`Handle::value`](crate::Handle::value).
pub struct Unpinned<'t, T> {
    place: Place<T>,
    lives: PhantomData<&'t T>,
}

// SAFETY: it is a `&T`.
unsafe impl<T: Sync> Send for Unpinned<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for Unpinned<'_, T> {}

impl<T> Unpinned<'_, T> {
    /// # Safety
    ///
    /// The object is from the module `object`, of this T, and lives as long as the caller chooses.
    #[inline(always)]
    pub(crate) unsafe fn from_raw(object: *mut c_void) -> Self {
        // SAFETY: by this function's contract.
        Unpinned {
            place: unsafe { Place::of(object) },
            lives: PhantomData,
        }
    }
}

impl<T> Deref for Unpinned<'_, T> {
    type Target = T;
    #[inline(always)]
    fn deref(&self) -> &T {
        self.place.get()
    }
}

impl<T: fmt::Debug> fmt::Debug for Unpinned<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
