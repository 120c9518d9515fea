// Values that one thread only may use and drop.
//
// Each thread has an `Owner` with descriptors of its own for the types of such values, so the table itself refuses
// the handle of another thread's value as one of another type, before anything is read of it. The owner's thread
// therefore knows that an object it finds is its own, and nobody else frees it.
//
// C may delete such a handle on any thread. The table then calls `destroy` there. If that is not the owner's thread,
// or if the value is in use (`with` is running on it), `destroy` buries the entry in a list from which the owner's
// thread drops it later.
//
// When a thread ends, its handles are deleted and its values dropped. If C has a value pinned then, or is just
// deleting it, its `destroy` comes after the end. Such a value is leaked, because no thread may drop it, and so is
// its owner. Otherwise the next thread gets the owner, with its descriptors, so their number is bounded by that of
// threads at one time.

use std::any::{self, TypeId};
use std::cell::Cell;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::os::raw::{c_int, c_void};
use std::ptr;
use std::sync::Mutex;
use std::thread;

use haft_sys as sys;

use crate::diagnostics::check_library_version;
use crate::error::{Error, ErrorKind, Refused};
use crate::registry::{Record, Registry};
use crate::sync::{AtomicPtr, Ordering};
use crate::table::Table;
use crate::types::Descriptor;
use crate::unwind;

const BUCKETS: usize = 32;

/// The store of a thread for its values.
struct Owner {
    // Written by the owner's thread, read by it.
    types: Registry<Descriptor, BUCKETS>,
    /// The entries that exist, and were neither buried nor removed: a list.
    live: Cell<*mut Header>,
    /// How many entries exist, buried or not.
    entries: Cell<usize>,
    is_ending: Cell<bool>,
    /// Pushed to by any thread: entries that the owner's thread must drop. `closed()` once it no longer will.
    buried: AtomicPtr<Header>,
}

// SAFETY: only `buried` is used by other threads than the owner's.
unsafe impl Sync for Owner {}

/// The part of an entry that does not depend on the type of its value.
#[repr(C)]
struct Header {
    owner: &'static Owner,
    drop: unsafe fn(*mut Header),
    // All of these are used by the owner's thread only, except that `next_buried` is first written by the thread that
    // buries it.
    uses: Cell<usize>,
    is_linked: Cell<bool>,
    previous: Cell<*mut Header>,
    next: Cell<*mut Header>,
    next_buried: Cell<*mut Header>,
    word: Cell<usize>,
}

#[repr(C)]
struct Entry<T> {
    header: Header,
    value: T,
}

thread_local! {
    // Two variables, because one with a destructor costs more to read.
    static CURRENT: Cell<Option<&'static Owner>> = const { Cell::new(None) };
    static ENDING: Ending = const { Ending };
}

/// Ends the thread's values when the thread does.
struct Ending;

impl Drop for Ending {
    fn drop(&mut self) {
        if let Some(owner) = CURRENT.with(Cell::get) {
            owner.end();
            CURRENT.with(|current| current.set(None));
        }
    }
}

/// The owners of threads that have ended, for others.
static IDLE: Mutex<Vec<&'static Owner>> = Mutex::new(Vec::new());

/// The addresses of all descriptors of all owners, with their types, to tell why a handle is refused.
static DESCRIPTORS: Mutex<Vec<(TypeId, usize)>> = Mutex::new(Vec::new());

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The mark of a list to which nothing can be pushed any more.
fn closed() -> *mut Header {
    static MARK: usize = 0;
    // Nothing is read or written through it.
    ptr::addr_of!(MARK) as *mut Header
}

impl Owner {
    /// Returns the owner of this thread; None if the thread is past the end of its values.
    #[inline(always)]
    fn current() -> Option<&'static Owner> {
        match CURRENT.with(Cell::get) {
            Some(owner) => Some(owner),
            None => Self::adopt(),
        }
    }

    #[cold]
    fn adopt() -> Option<&'static Owner> {
        // Its first use registers its destructor.
        ENDING.try_with(|_| ()).ok()?;
        let idle = lock(&IDLE).pop();
        let owner = idle.unwrap_or_else(|| {
            #[allow(clippy::declare_interior_mutable_const)] // for copies
            const EMPTY: AtomicPtr<Record<Descriptor>> = AtomicPtr::new(ptr::null_mut());
            Box::leak(Box::new(Owner {
                types: Registry::from_empty([EMPTY; BUCKETS]),
                live: Cell::new(ptr::null_mut()),
                entries: Cell::new(0),
                is_ending: Cell::new(false),
                buried: AtomicPtr::new(ptr::null_mut()),
            }))
        });
        CURRENT.with(|current| current.set(Some(owner)));
        Some(owner)
    }

    fn is_current(&self) -> bool {
        CURRENT.with(Cell::get).map_or(false, |owner| ptr::eq(owner, self))
    }

    #[inline(always)]
    fn type_of<T: 'static>(&self) -> Result<*const sys::haft_type, Error> {
        match self.types.get(TypeId::of::<T>()) {
            Some(descriptor) => Ok(descriptor.raw()),
            None => self.describe::<T>(),
        }
    }

    #[cold]
    #[inline(never)]
    fn describe<T: 'static>(&self) -> Result<*const sys::haft_type, Error> {
        check_library_version()?;
        let _ = Table::process();
        let id = TypeId::of::<T>();
        let descriptor = self.types.get_or_insert(id, || {
            let name = format!("{}, confined to a thread", any::type_name::<T>());
            Descriptor::new(
                &name,
                destroy,
                std::mem::size_of::<Entry<T>>(),
                std::mem::align_of::<Entry<T>>(),
            )
        });
        lock(&DESCRIPTORS).push((id, descriptor.raw() as usize));
        Ok(descriptor.raw())
    }

    fn link(&self, entry: *mut Header) {
        // SAFETY: the entries of the list exist, and this is their thread.
        unsafe {
            let first = self.live.replace(entry);
            (*entry).next.set(first);
            if let Some(first) = first.as_ref() {
                first.previous.set(entry);
            }
            (*entry).is_linked.set(true);
        }
    }

    fn unlink(&self, entry: &Header) {
        if !entry.is_linked.replace(false) {
            return;
        }
        // SAFETY: the entries of the list exist, and this is their thread.
        unsafe {
            match entry.previous.get().as_ref() {
                Some(previous) => previous.next.set(entry.next.get()),
                None => self.live.set(entry.next.get()),
            }
            if let Some(next) = entry.next.get().as_ref() {
                next.previous.set(entry.previous.get());
            }
        }
    }

    /// Leaves an entry to the owner's thread. Any thread may call it. It must not use the entry any more.
    fn bury(&self, entry: *mut Header) {
        // relaxed: the head is only compared.
        let mut head = self.buried.load(Ordering::Relaxed);
        while head != closed() {
            // SAFETY: the entry exists until it has been pushed.
            unsafe { (*entry).next_buried.set(head) };
            // release: `next_buried`, and that this thread has done with the entry; partner of the acquire in
            // `collect` and `end`. An entry below it was pushed before it, by a compare-and-swap that this one
            // continues.
            match self
                .buried
                .compare_exchange(head, entry, Ordering::Release, Ordering::Relaxed)
            {
                Ok(_) => return,
                Err(newer) => head = newer,
            }
        }
        // Leaked: its thread has ended.
    }

    #[inline(always)]
    fn collect_if_any(&self) {
        // relaxed: what was buried just now may be collected later.
        if !self.buried.load(Ordering::Relaxed).is_null() {
            self.collect();
        }
    }

    /// Drops what is buried and not in use.
    #[cold]
    #[inline(never)]
    fn collect(&self) {
        // acquire: partner of the release in `bury`.
        let list = self.buried.swap(ptr::null_mut(), Ordering::Acquire);
        if thread::panicking() {
            self.drop_list(list);
        } else {
            unwind::call(|| self.drop_list(list));
        }
    }

    fn drop_list(&self, list: *mut Header) {
        let mut at = list;
        while !at.is_null() {
            let entry = at;
            // SAFETY: a buried entry exists until this thread drops it, and only here is it dropped.
            unsafe {
                at = (*entry).next_buried.get();
                if (*entry).uses.get() == 0 {
                    self.drop_entry(entry);
                } else {
                    self.bury(entry);
                }
            }
        }
    }

    /// # Safety
    ///
    /// This is the owner's thread, and the entry exists, is not in use, and is neither in the table nor buried.
    unsafe fn drop_entry(&self, entry: *mut Header) {
        // SAFETY: by this function's contract.
        unsafe {
            self.unlink(&*entry);
            self.entries.set(self.entries.get() - 1);
            let drop = (*entry).drop;
            unwind::catch(|| drop(entry));
        }
    }

    /// Deletes and drops all values of the thread, which ends.
    fn end(&'static self) {
        self.is_ending.set(true);
        self.delete_all();
        // acquire: partner of the release in `bury`.
        let list = self.buried.swap(closed(), Ordering::Acquire);
        self.drop_list(list);
        self.delete_all();
        if self.entries.get() == 0 {
            // No `destroy` is left to come that would use the owner.
            self.is_ending.set(false);
            // relaxed: the mutex publishes it.
            self.buried.store(ptr::null_mut(), Ordering::Relaxed);
            lock(&IDLE).push(self);
        }
    }

    fn delete_all(&self) {
        // SAFETY: the entries of the list exist, and this is their thread.
        while let Some(entry) = unsafe { self.live.get().as_ref() } {
            let word = entry.word.get();
            self.unlink(entry);
            // If it succeeds, it calls `destroy` here and now, unless C has pinned the value. If not, C is deleting it.
            // SAFETY: it takes any word.
            let _ = unsafe { sys::haft_delete(word, ptr::null()) };
        }
    }
}

/// Drops the value and frees the entry.
///
/// # Safety
///
/// It is an `Entry<T>` of this thread, which is not used any more.
unsafe fn drop_entry_of<T>(entry: *mut Header) {
    // SAFETY: by this function's contract.
    drop(unsafe { Box::from_raw(entry.cast::<Entry<T>>()) });
}

/// The `destroy` of all values that are confined to a thread.
unsafe extern "C" fn destroy(object: *mut c_void) {
    let entry: *mut Header = object.cast();
    // SAFETY: the table calls it once for an entry, which exists. `owner` never changes. If this is its thread, the
    // rest may be used.
    unsafe {
        let owner = (*entry).owner;
        if owner.is_current() && (*entry).uses.get() == 0 {
            owner.drop_entry(entry);
        } else {
            owner.bury(entry);
        }
    }
}

/// The handle of a `T` that only the thread may use that has made it. The `T` need be neither `Send` nor `Sync`.
///
/// The handle itself is a word that any thread may have and pass on, for instance through C. On another thread than
/// its own, every function answers [`ErrorKind::WrongThread`] and does nothing. It is a handle of the process's
/// table.
///
/// No pin is needed, so a look-up makes no call and no write that other threads see: nobody but its own thread drops
/// the value. C may delete the handle on any thread. It is then stale at once, and the value is dropped when its own
/// thread next makes, uses or deletes such a value, calls [`collect_local`], or ends. When a thread ends, all its
/// handles are deleted and their values dropped. (If C has a value pinned at that moment, or is in the middle of
/// deleting it, the value is leaked, because no thread may drop it then.)
///
/// ```
/// use std::cell::RefCell;
/// use haft::{ErrorKind, LocalHandle};
///
/// let lines = LocalHandle::new(RefCell::new(Vec::new()))?;
/// lines.with(|lines| lines.borrow_mut().push("one"))?;
///
/// std::thread::spawn(move || {
///     assert_eq!(lines.with(|_| ()).unwrap_err(), ErrorKind::WrongThread);
/// }).join().unwrap();
///
/// assert_eq!(lines.take()?.into_inner(), ["one"]);
/// assert_eq!(lines.with(|_| ()).unwrap_err(), ErrorKind::Stale);
/// # Ok::<(), haft::Error>(())
/// ```
pub struct LocalHandle<T> {
    word: usize,
    of: PhantomData<fn(T) -> T>,
}

/// Counts a use of an entry, which stays until the last of them is over.
struct Use<'e>(&'e Header);

impl<'e> Use<'e> {
    #[inline(always)]
    fn begin(entry: &'e Header) -> Self {
        entry.uses.set(entry.uses.get() + 1);
        Use(entry)
    }
}

impl Drop for Use<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        let owner = self.0.owner;
        self.0.uses.set(self.0.uses.get() - 1);
        // The entry may be gone after this.
        owner.collect_if_any();
    }
}

impl<T: 'static> LocalHandle<T> {
    /// Accepts any word. If it is not the handle of a `T` of the calling thread, every use of it returns an error.
    #[must_use]
    #[inline(always)]
    pub const fn from_word(word: usize) -> Self {
        LocalHandle { word, of: PhantomData }
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

    /// Moves a value into the process's table, confined to this thread.
    ///
    /// # Errors
    ///
    /// As [`Handle::new`](crate::Handle::new), with the value; [`ErrorKind::WrongThread`] if this thread is ending.
    #[inline]
    pub fn new(value: T) -> Result<Self, Refused<T>> {
        let owner = match Owner::current() {
            Some(owner) if !owner.is_ending.get() => owner,
            _ => {
                return Err(Refused {
                    error: ErrorKind::WrongThread.into(),
                    value,
                })
            }
        };
        let of = match owner.type_of::<T>() {
            Ok(of) => of,
            Err(error) => return Err(Refused { error, value }),
        };
        owner.collect_if_any();
        let entry = Box::into_raw(Box::new(Entry {
            header: Header {
                owner,
                drop: drop_entry_of::<T>,
                uses: Cell::new(0),
                is_linked: Cell::new(false),
                previous: Cell::new(ptr::null_mut()),
                next: Cell::new(ptr::null_mut()),
                next_buried: Cell::new(ptr::null_mut()),
                word: Cell::new(0),
            },
            value,
        }));
        let mut word = 0;
        // SAFETY: the descriptor's `destroy` is that of entries.
        let status = unsafe { sys::haft_new(entry.cast(), of, &mut word) };
        if status != sys::HAFT_OK {
            // SAFETY: the table has not taken it.
            let value = unsafe { Box::from_raw(entry) }.value;
            return Err(Refused {
                error: ErrorKind::from_status(status).into(),
                value,
            });
        }
        // Even if another thread has found and deleted the handle meanwhile, the entry is only buried.
        owner.entries.set(owner.entries.get() + 1);
        // SAFETY: it exists, because only this thread drops it.
        unsafe { (*entry).header.word.set(word) };
        owner.link(entry.cast());
        Ok(Self::from_word(word))
    }

    /// Calls `f` with the value, which stays until `f` has returned, even if `f` deletes its handle.
    ///
    /// # Errors
    ///
    /// Why the handle is refused; then `f` is not called.
    #[inline(always)]
    pub fn with<R>(self, f: impl FnOnce(&T) -> R) -> Result<R, Error> {
        let entry = self.find()?;
        // SAFETY: an entry of this thread, and only this thread frees it, which it does not during a use.
        let entry = unsafe { &*entry };
        let _use = Use::begin(&entry.header);
        Ok(f(&entry.value))
    }

    /// Returns whether this is the handle of a live `T` of the calling thread, or why not.
    ///
    /// # Errors
    ///
    /// Why the handle is refused.
    #[inline(always)]
    pub fn check(self) -> Result<(), Error> {
        self.find().map(|_| ())
    }

    /// Ends the handle, and drops the value, unless it is in use: then the end of the use does.
    ///
    /// # Errors
    ///
    /// Why the handle is refused.
    ///
    /// # Panics
    ///
    /// If the drop of the value does; see [`unwind`].
    #[inline]
    pub fn delete(self) -> Result<(), Error> {
        let (owner, of) = Self::here()?;
        // SAFETY: it takes any word.
        let status = unwind::call(|| unsafe { sys::haft_delete(self.word, of) });
        if status != sys::HAFT_OK {
            return Err(self.refused(status));
        }
        owner.collect_if_any();
        Ok(())
    }

    /// Ends the handle and moves the value out.
    ///
    /// # Errors
    ///
    /// Why the handle is refused; [`ErrorKind::Pinned`] if the value is in use, or pinned by C, and then the handle
    /// stays live.
    pub fn take(self) -> Result<T, Error> {
        let (owner, of) = Self::here()?;
        let entry = self.find()?;
        // SAFETY: an entry of this thread.
        if unsafe { (*entry).header.uses.get() } != 0 {
            return Err(self.refused(sys::HAFT_PINNED));
        }
        let mut object = ptr::null_mut();
        // SAFETY: it takes any word.
        let status = unsafe { sys::haft_take(self.word, of, &mut object) };
        if status != sys::HAFT_OK {
            return Err(self.refused(status));
        }
        // SAFETY: the table has released the entry, which is not in use.
        let entry = unsafe { Box::from_raw(object.cast::<Entry<T>>()) };
        owner.unlink(&entry.header);
        owner.entries.set(owner.entries.get() - 1);
        owner.collect_if_any();
        Ok(entry.value)
    }

    /// Returns all that is known about the handle, live or not, of whichever thread.
    #[must_use]
    pub fn describe(self) -> String {
        crate::Handle::<T>::from_word(self.word).describe()
    }

    #[inline(always)]
    fn here() -> Result<(&'static Owner, *const sys::haft_type), Error> {
        match Owner::current() {
            Some(owner) => Ok((owner, owner.type_of::<T>()?)),
            None => Err(ErrorKind::WrongThread.into()),
        }
    }

    #[inline(always)]
    fn find(self) -> Result<*mut Entry<T>, Error> {
        let (_, of) = Self::here()?;
        // SAFETY: the table was filled in before the thread had a descriptor.
        match unsafe { sys::view::value_by_view(Table::process_again().view(), self.word, of) } {
            Ok(object) => Ok(object.cast()),
            Err(status) => Err(self.refused(status)),
        }
    }

    #[cold]
    #[inline(never)]
    fn refused(self, status: c_int) -> Error {
        let mut kind = ErrorKind::from_status(status);
        if kind == ErrorKind::WrongType {
            // SAFETY: it is the view of the process's table.
            let actual = unsafe { sys::view::type_of_live(Table::process().view(), self.word) } as usize;
            if lock(&DESCRIPTORS).contains(&(TypeId::of::<T>(), actual)) {
                kind = ErrorKind::WrongThread;
            }
        }
        Error::refused(kind, ptr::null_mut(), self.word)
    }
}

/// Drops the values of this thread whose handles C has deleted on other threads. The other functions of
/// [`LocalHandle`] do it as well.
///
/// # Panics
///
/// If the drop of a value does.
pub fn collect_local() {
    if let Some(owner) = CURRENT.with(Cell::get) {
        owner.collect_if_any();
    }
}

impl<T> Clone for LocalHandle<T> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for LocalHandle<T> {}
impl<T> PartialEq for LocalHandle<T> {
    fn eq(&self, other: &Self) -> bool {
        self.word == other.word
    }
}
impl<T> Eq for LocalHandle<T> {}
impl<T> Hash for LocalHandle<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.word.hash(state);
    }
}
impl<T> fmt::Debug for LocalHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalHandle({:#x})", self.word)
    }
}
