use std::cell::UnsafeCell;
use std::ffi::CStr;
use std::fmt;
use std::mem::{self, MaybeUninit};
use std::os::raw::{c_char, c_int, c_void};
use std::ptr;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Once};
use std::time::Duration;

use haft_sys as sys;

use crate::diagnostics::{self, check_library_version};
use crate::error::{Error, ErrorKind, Refused};
use crate::handle::Handle;
use crate::object;
use crate::pin::{Pin, Unpinned};
use crate::types::Of;
use crate::unwind;

/// A table of handles. Dropping it drops the live values in it.
///
/// [`Handle`] has the functions of the process's table. A table of your own is for handles that must not be confused
/// with others, because it refuses every handle that it has not issued itself; and all its values end with it.
pub struct Table {
    raw: *mut sys::haft_table,
    view: sys::haft_view,
}

// SAFETY: any thread may call the C ABI, and `insert` accepts only values that are Send and Sync.
unsafe impl Send for Table {}
// SAFETY: as above.
unsafe impl Sync for Table {}

/// The process's table, which the first use fills in.
struct Process {
    once: Once,
    table: UnsafeCell<MaybeUninit<Table>>,
}
// SAFETY: the table is written once, before `once` is completed, and read afterwards.
unsafe impl Sync for Process {}

static PROCESS: Process = Process {
    once: Once::new(),
    table: UnsafeCell::new(MaybeUninit::uninit()),
};

impl Process {
    #[cold]
    #[inline(never)]
    fn fill(&'static self) {
        self.once.call_once(|| {
            let table = Table {
                raw: ptr::null_mut(),
                view: view_of(ptr::null_mut()),
            };
            // SAFETY: nobody reads it yet.
            unsafe { (*self.table.get()).write(table) };
        });
    }
}

/// Returns the view of a table, or one that sends every look-up to the call if the library has none that this crate
/// knows.
fn view_of(raw: *mut sys::haft_table) -> sys::haft_view {
    const WORDS: usize = mem::size_of::<sys::haft_slot>() / mem::size_of::<usize>();
    static WATCHED: AtomicUsize = AtomicUsize::new(sys::HAFT_VIEW_WATCHED);
    #[allow(clippy::declare_interior_mutable_const)] // for copies
    const ZERO: AtomicUsize = AtomicUsize::new(0);
    // A look-up that does not care for the gate finds no live handle in it.
    static NOTHING: [AtomicUsize; WORDS] = [ZERO; WORDS];
    let mut view = sys::haft_view {
        table: raw,
        gate: ptr::addr_of!(WATCHED).cast(),
        slots: NOTHING.as_ptr() as *mut sys::haft_slot, // nothing is written by it
        mask: 0,
        generation: 0,
        generations: 0,
    };
    if check_library_version().is_ok() {
        // SAFETY: the table exists, or is null for the process's. If it does not return HAFT_OK, it has written
        // nothing.
        let _ = unsafe { sys::haft_table_view(raw, sys::HAFT_VIEW_ABI, &mut view) };
    }
    view
}

impl Table {
    /// Makes a table for `capacity` live handles.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] for 0, [`ErrorKind::Full`] if no table can have so many, [`ErrorKind::OutOfMemory`],
    /// [`ErrorKind::Incompatible`].
    pub fn new(capacity: usize) -> Result<Table, Error> {
        check_library_version()?;
        let mut raw = ptr::null_mut();
        // SAFETY: it writes a table that it has made, or nothing.
        Error::check(unsafe { sys::haft_table_create(capacity, &mut raw) })?;
        Ok(Table {
            raw,
            view: view_of(raw),
        })
    }

    /// Returns the process's table, which all libraries that load libhaft.so share. It is never dropped.
    #[must_use]
    #[inline(always)]
    pub fn process() -> &'static Table {
        if !PROCESS.once.is_completed() {
            PROCESS.fill();
        }
        // SAFETY: it has been written.
        unsafe { (*PROCESS.table.get()).assume_init_ref() }
    }

    /// Returns what C calls this table: null for the process's.
    #[must_use]
    pub fn as_ptr(&self) -> *mut sys::haft_table {
        self.raw
    }

    /// The same without a check.
    ///
    /// # Safety
    ///
    /// `process` has been called, on this thread or before something that has happened before.
    #[inline(always)]
    pub(crate) unsafe fn process_again() -> &'static Table {
        // SAFETY: it has been written.
        unsafe { (*PROCESS.table.get()).assume_init_ref() }
    }

    /// The same, because nobody has a descriptor before it has been called.
    #[inline(always)]
    pub(crate) fn process_of<T>(_: Of<T>) -> &'static Table {
        // SAFETY: as just said.
        unsafe { Self::process_again() }
    }

    #[inline(always)]
    pub(crate) fn view(&self) -> &sys::haft_view {
        &self.view
    }

    #[inline(always)]
    fn answer(&self, status: c_int, word: usize) -> Result<(), Error> {
        if status == sys::HAFT_OK {
            Ok(())
        } else {
            Err(self.refused(status, word))
        }
    }

    #[cold]
    #[inline(never)]
    fn refused(&self, status: c_int, word: usize) -> Error {
        Error::refused(ErrorKind::from_status(status), self.raw, word)
    }

    /// Moves a value in, and makes a handle for it. Any thread may reach it. The thread that deletes it, or that
    /// releases its last pin, drops it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Full`], [`ErrorKind::OutOfMemory`] or [`ErrorKind::Incompatible`], with the value.
    #[inline]
    pub fn insert<T: Send + Sync + 'static>(&self, value: T) -> Result<Handle<T>, Refused<T>> {
        match Of::get() {
            Ok(of) => self.insert_as(of, value),
            Err(error) => Err(Refused { error, value }),
        }
    }

    #[inline(always)]
    pub(crate) fn insert_as<T: Send + Sync + 'static>(&self, of: Of<T>, value: T) -> Result<Handle<T>, Refused<T>> {
        self.insert_box_as(of, Box::new(value)).map_err(|refused| Refused {
            error: refused.error,
            value: *refused.value,
        })
    }

    /// The same for a value that is in a box already. Nothing is allocated.
    ///
    /// # Errors
    ///
    /// As [`Table::insert`], with the box.
    #[inline]
    pub fn insert_box<T: Send + Sync + 'static>(&self, value: Box<T>) -> Result<Handle<T>, Refused<Box<T>>> {
        match Of::get() {
            Ok(of) => self.insert_box_as(of, value),
            Err(error) => Err(Refused { error, value }),
        }
    }

    #[inline(always)]
    pub(crate) fn insert_box_as<T>(&self, of: Of<T>, value: Box<T>) -> Result<Handle<T>, Refused<Box<T>>>
    where
        T: Send + Sync + 'static,
    {
        let object = object::from_box(value);
        // SAFETY: it is an object of T.
        unsafe { self.insert_object(of, object) }.map_err(|error| {
            // SAFETY: it is the box from above, which the table has not taken.
            Refused {
                error,
                value: unsafe { Box::from_raw(object.cast::<T>()) },
            }
        })
    }

    /// Moves an `Arc` in. If `T` is sized, nothing is allocated: the slot keeps the pointer of the `Arc`.
    ///
    /// # Errors
    ///
    /// As [`Table::insert`], with the `Arc`.
    #[inline]
    pub fn insert_arc<T>(&self, value: Arc<T>) -> Result<Handle<Arc<T>>, Refused<Arc<T>>>
    where
        T: Send + Sync + ?Sized + 'static,
    {
        match Of::get() {
            Ok(of) => self.insert_arc_as(of, value),
            Err(error) => Err(Refused { error, value }),
        }
    }

    #[inline(always)]
    pub(crate) fn insert_arc_as<T>(&self, of: Of<Arc<T>>, value: Arc<T>) -> Result<Handle<Arc<T>>, Refused<Arc<T>>>
    where
        T: Send + Sync + ?Sized + 'static,
    {
        let object = object::from_arc(value);
        // SAFETY: it is an object of Arc<T>.
        unsafe { self.insert_object(of, object) }.map_err(|error| {
            // SAFETY: it is the object from above, which the table has not taken.
            Refused {
                error,
                value: unsafe { object::into_value(object) },
            }
        })
    }

    /// # Safety
    ///
    /// The object is from the module `object` and of this `T`, and the table owns it if this succeeds.
    #[inline(always)]
    unsafe fn insert_object<T: 'static>(&self, of: Of<T>, object: *mut c_void) -> Result<Handle<T>, Error> {
        let mut word = 0;
        // SAFETY: the table exists, and the descriptor's `destroy` is that of T.
        let status = unsafe { sys::haft_table_new(self.raw, object, of.raw(), &mut word) };
        Error::check(status)?;
        Ok(Handle::from_word(word))
    }

    /// Gives the value and keeps it alive until the pin is dropped, even if the handle is deleted.
    ///
    /// # Errors
    ///
    /// Why the handle is refused; [`ErrorKind::OutOfMemory`] if there is no room for a pin.
    #[inline]
    pub fn pin<T: 'static>(&self, handle: Handle<T>) -> Result<Pin<'_, T>, Error> {
        self.pin_as(Of::get()?, handle)
    }

    #[inline(always)]
    pub(crate) fn pin_as<T: 'static>(&self, of: Of<T>, handle: Handle<T>) -> Result<Pin<'_, T>, Error> {
        let mut pin = MaybeUninit::<sys::haft_pin>::uninit();
        let mut object = ptr::null_mut();
        // SAFETY: the table exists. It writes both results, or neither.
        let status =
            unsafe { sys::haft_table_pin_object(self.raw, handle.word(), of.raw(), pin.as_mut_ptr(), &mut object) };
        self.answer(status, handle.word())?;
        // The words are copied one by one, as C has written them. Larger loads would have to wait until C's stores have
        // left the CPU, which took longer than all the rest; so the compiler is kept from making them.
        // SAFETY: it has been written.
        let words = [0, 1, 2, 3].map(|i| unsafe { ptr::addr_of!((*pin.as_ptr()).words[i]).read_volatile() });
        let pin = sys::haft_pin { words };
        // SAFETY: it was taken just now, and the descriptor says that the object is a T.
        Ok(unsafe { Pin::from_raw(pin, object) })
    }

    /// Gives the value without keeping it alive. No other way is faster: a look-up makes no call and writes nothing.
    ///
    /// # Errors
    ///
    /// Why the handle is refused.
    ///
    /// # Safety
    ///
    /// As long as the result is used, nobody deletes or takes the handle, neither here nor in C, and the table is not
    /// dropped.
    #[inline(always)]
    pub unsafe fn value<'t, T: 'static>(&self, handle: Handle<T>) -> Result<Unpinned<'t, T>, Error> {
        // SAFETY: by this function's contract.
        unsafe { self.value_as(Of::get()?, handle) }
    }

    /// # Safety
    ///
    /// As for `value`.
    #[inline(always)]
    pub(crate) unsafe fn value_as<'t, T: 'static>(
        &self,
        of: Of<T>,
        handle: Handle<T>,
    ) -> Result<Unpinned<'t, T>, Error> {
        match self.look_up(of, handle) {
            // SAFETY: by this function's contract it lives, and the descriptor says that it is a T.
            Ok(object) => Ok(unsafe { Unpinned::from_raw(object) }),
            Err(status) => Err(self.refused(status, handle.word())),
        }
    }

    #[inline(always)]
    fn look_up<T: 'static>(&self, of: Of<T>, handle: Handle<T>) -> Result<*mut c_void, c_int> {
        // SAFETY: the view is this table's, which exists.
        unsafe { sys::view::value_by_view(&self.view, handle.word(), of.raw()) }
    }

    /// Returns whether this is the handle of a live `T`, or why not. Like [`Table::value`], it makes no call if it is.
    ///
    /// # Errors
    ///
    /// Why the handle is refused.
    #[inline(always)]
    pub fn check<T: 'static>(&self, handle: Handle<T>) -> Result<(), Error> {
        match self.look_up(Of::get()?, handle) {
            Ok(_) => Ok(()),
            Err(status) => Err(self.refused(status, handle.word())),
        }
    }

    /// The same as a truth value, without what an error tells.
    #[must_use]
    #[inline(always)]
    pub fn is_live<T: 'static>(&self, handle: Handle<T>) -> bool {
        Of::get().map_or(false, |of| self.is_live_as(of, handle))
    }

    #[inline(always)]
    pub(crate) fn is_live_as<T: 'static>(&self, of: Of<T>, handle: Handle<T>) -> bool {
        self.look_up(of, handle).is_ok()
    }

    /// Ends the handle, and returns the status.
    #[inline(always)]
    pub(crate) fn end<T: 'static>(&self, of: Of<T>, handle: Handle<T>) -> c_int {
        // SAFETY: the table exists.
        unwind::call_that_drops::<T, _>(|| unsafe { sys::haft_table_delete(self.raw, handle.word(), of.raw()) })
    }

    /// Ends the handle: from now on it is stale. The value is dropped before this returns or, if it is pinned, with
    /// its last pin.
    ///
    /// # Errors
    ///
    /// Why the handle is refused.
    ///
    /// # Panics
    ///
    /// If the drop of the value does; see [`unwind`]. The handle has ended all the same.
    #[inline]
    pub fn delete<T: 'static>(&self, handle: Handle<T>) -> Result<(), Error> {
        self.delete_as(Of::get()?, handle)
    }

    #[inline(always)]
    pub(crate) fn delete_as<T: 'static>(&self, of: Of<T>, handle: Handle<T>) -> Result<(), Error> {
        self.answer(self.end(of, handle), handle.word())
    }

    /// Ends the handle, if its value is not pinned.
    ///
    /// # Errors
    ///
    /// As [`Table::delete`]; [`ErrorKind::Pinned`], and the handle stays live.
    #[inline]
    pub fn delete_unless_pinned<T: 'static>(&self, handle: Handle<T>) -> Result<(), Error> {
        let of = Of::<T>::get()?.raw();
        // SAFETY: the table exists.
        let end = || unsafe { sys::haft_table_delete_unless_pinned(self.raw, handle.word(), of) };
        self.answer(unwind::call_that_drops::<T, _>(end), handle.word())
    }

    /// Ends the handle and waits until the value is dropped, for `timeout` at most. A thread that has it pinned
    /// itself waits in vain.
    ///
    /// # Errors
    ///
    /// As [`Table::delete`]. [`ErrorKind::TimedOut`]: the handle is deleted, and the value still pinned.
    /// [`ErrorKind::Deferred`]: the handle is deleted, and the value is dropped when the drop returns that this
    /// thread is running.
    pub fn delete_and_wait<T: 'static>(&self, handle: Handle<T>, timeout: Duration) -> Result<(), Error> {
        let of = Of::<T>::get()?.raw();
        let nanoseconds = timeout.as_nanos().try_into().unwrap_or(u64::MAX);
        // SAFETY: the table exists.
        let end = || unsafe { sys::haft_table_delete_and_wait(self.raw, handle.word(), of, nanoseconds) };
        self.answer(unwind::call_that_drops::<T, _>(end), handle.word())
    }

    /// Ends the handle and moves the value out, if it is not pinned.
    ///
    /// # Errors
    ///
    /// As [`Table::delete`]; [`ErrorKind::Pinned`], and the handle stays live.
    #[inline]
    pub fn take<T: 'static>(&self, handle: Handle<T>) -> Result<T, Error> {
        let of = Of::<T>::get()?.raw();
        let mut object = ptr::null_mut();
        // SAFETY: the table exists.
        let status = unsafe { sys::haft_table_take(self.raw, handle.word(), of, &mut object) };
        self.answer(status, handle.word())?;
        // SAFETY: the descriptor says that it is a T, and the table has released it.
        Ok(unsafe { object::into_value(object) })
    }

    /// Returns the `Arc`, which keeps the value alive, also after the handle has been deleted.
    ///
    /// # Errors
    ///
    /// As [`Table::pin`].
    #[inline]
    pub fn get<T: ?Sized + 'static>(&self, handle: Handle<Arc<T>>) -> Result<Arc<T>, Error> {
        self.pin(handle).map(|pin| Arc::clone(&pin))
    }

    /// Calls `visit` for the live values of type `T`, each pinned for the call, in no particular order, until `visit`
    /// returns false. Other threads may go on; a value that is live throughout is visited exactly once. `visit` may
    /// use the table.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Incompatible`].
    ///
    /// # Panics
    ///
    /// If `visit` does, which ends the walk.
    pub fn for_each<T: 'static>(&self, visit: impl FnMut(Handle<T>, &T) -> bool) -> Result<(), Error> {
        struct Walk<T, F> {
            of: *const sys::haft_type,
            visit: F,
            marker: std::marker::PhantomData<T>,
        }
        unsafe extern "C" fn step<T: 'static, F: FnMut(Handle<T>, &T) -> bool>(
            context: *mut c_void,
            word: usize,
            of: *const sys::haft_type,
            object: *mut c_void,
        ) -> c_int {
            // SAFETY: it is the walk below, which nobody else uses meanwhile.
            let walk = unsafe { &mut *context.cast::<Walk<T, F>>() };
            if walk.of != of {
                return 0;
            }
            // SAFETY: the object is pinned, and of the descriptor's T.
            let value = unsafe { Unpinned::<T>::from_raw(object) };
            let goes_on = unwind::catch(|| (walk.visit)(Handle::from_word(word), &value));
            c_int::from(goes_on != Some(true))
        }
        fn function<T: 'static, F: FnMut(Handle<T>, &T) -> bool>(_: &Walk<T, F>) -> sys::haft_visit {
            step::<T, F>
        }

        let mut walk = Walk {
            of: Of::<T>::get()?.raw(),
            visit,
            marker: std::marker::PhantomData,
        };
        let function = function(&walk);
        let context: *mut Walk<_, _> = &mut walk;
        // SAFETY: the table exists, and the function fits the context.
        unwind::call(|| unsafe { sys::haft_table_for_each(self.raw, Some(function), context.cast()) });
        Ok(())
    }

    /// Returns the figures of the table. They are exact if no other thread is inside a call.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::OutOfMemory`] if the process's table cannot be made, [`ErrorKind::Incompatible`].
    pub fn stats(&self) -> Result<Stats, Error> {
        check_library_version()?;
        let mut stats = sys::haft_stats::default();
        // SAFETY: the table exists.
        Error::check(unsafe { sys::haft_table_stats(self.raw, &mut stats) })?;
        Ok(stats)
    }

    /// Does now what the first calls would do later, for callers that must not pay then: memory for `expected` live
    /// handles, and what the calling thread needs. Each other thread that must not pay calls it, too, with 0.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Full`] if `expected` is more than the capacity, [`ErrorKind::OutOfMemory`],
    /// [`ErrorKind::Incompatible`].
    pub fn prepare(&self, expected: usize) -> Result<(), Error> {
        check_library_version()?;
        // SAFETY: the table exists.
        Error::check(unsafe { sys::haft_table_prepare(self.raw, expected) })
    }

    /// Gives the system back the memory of pages that contain only free slots, and returns how many bytes.
    #[allow(clippy::must_use_candidate)] // it is called for its effect
    pub fn trim(&self) -> usize {
        // SAFETY: the table exists.
        unwind::call(|| unsafe { sys::haft_table_trim(self.raw) })
    }

    /// Returns all that is known about a handle, live or not.
    #[must_use]
    pub fn describe<T: 'static>(&self, handle: Handle<T>) -> String {
        // SAFETY: the table exists.
        unsafe { diagnostics::describe(self.raw, handle.word()) }
    }

    /// Returns a line for each of the first `most` live handles, and the lines of a summary: how many handles are
    /// live, by type and, if sites are recorded, by the place of their creation.
    #[must_use]
    pub fn report(&self, most: usize) -> Vec<String> {
        unsafe extern "C" fn line(context: *mut c_void, text: *const c_char) {
            unwind::catch(|| {
                // SAFETY: it is the vector below, and C gives a string.
                let (lines, text) = unsafe { (&mut *context.cast::<Vec<String>>(), CStr::from_ptr(text)) };
                lines.push(text.to_string_lossy().into_owned());
            });
        }
        let mut lines = Vec::new();
        let context: *mut Vec<String> = &mut lines;
        // SAFETY: the table exists, and the function fits the context.
        unwind::call(|| unsafe { sys::haft_table_report(self.raw, most, Some(line), context.cast()) });
        lines
    }
}

/// Figures of a table.
pub type Stats = sys::haft_stats;

impl Drop for Table {
    fn drop(&mut self) {
        // SAFETY: no call is under way and no pin is left, because they borrow the table. A pin that was forgotten
        // keeps its value permanently.
        unwind::call(|| unsafe { sys::haft_table_destroy(self.raw) });
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.raw.is_null() {
            f.write_str("Table(the process's)")
        } else {
            write!(f, "Table({:p})", self.raw)
        }
    }
}
