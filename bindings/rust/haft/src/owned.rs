use std::fmt;
use std::mem;
use std::sync::Arc;

use crate::error::{Error, Refused};
use crate::handle::Handle;
use crate::pin::Pin;
use crate::table::Table;
use crate::types::Of;

/// A handle that is deleted when its owner is dropped.
///
/// Give [`OwnedHandle::handle`] to C, and keep this where the value's life should end. Others may still delete the
/// handle before: its owner then has a handle that is stale, and dropping it does nothing.
///
/// ```
/// use haft::{ErrorKind, OwnedHandle};
///
/// let owner = OwnedHandle::new(vec![1, 2, 3])?;
/// let handle = owner.handle();
/// assert_eq!(handle.pin()?.len(), 3);
/// drop(owner);
/// assert_eq!(handle.pin().unwrap_err(), ErrorKind::Stale);
/// # Ok::<(), haft::Error>(())
/// ```
#[must_use = "dropping it deletes the handle"]
pub struct OwnedHandle<T: 'static> {
    handle: Handle<T>,
}

impl<T: 'static> OwnedHandle<T> {
    /// Moves a value into the process's table.
    ///
    /// # Errors
    ///
    /// As [`Handle::new`], with the value.
    #[inline]
    pub fn new(value: T) -> Result<Self, Refused<T>>
    where
        T: Send + Sync,
    {
        Handle::new(value).map(Self::from)
    }

    /// Returns the handle, which stays owned.
    #[must_use]
    #[inline]
    pub fn handle(&self) -> Handle<T> {
        self.handle
    }

    /// Gives the ownership up: nothing is deleted any more.
    #[must_use]
    #[inline]
    pub fn into_handle(self) -> Handle<T> {
        let handle = self.handle;
        mem::forget(self);
        handle
    }

    /// As [`Handle::pin`]. The pin may outlive the owner.
    ///
    /// # Errors
    ///
    /// As [`Handle::pin`].
    #[inline]
    pub fn pin(&self) -> Result<Pin<'static, T>, Error> {
        self.handle.pin()
    }

    /// Ends the handle and moves the value out, if it is not pinned.
    ///
    /// # Errors
    ///
    /// As [`Handle::take`], with the owner, so that nothing is lost.
    #[inline]
    pub fn take(self) -> Result<T, Refused<Self>> {
        match self.handle.take() {
            Ok(value) => {
                mem::forget(self);
                Ok(value)
            }
            Err(error) => Err(Refused { error, value: self }),
        }
    }

    /// Ends the handle now, and tells if another has done it before.
    ///
    /// # Errors
    ///
    /// As [`Handle::delete`].
    #[inline]
    pub fn delete(self) -> Result<(), Error> {
        self.into_handle().delete()
    }
}

impl<T: ?Sized + 'static> OwnedHandle<Arc<T>> {
    /// Moves an `Arc` into the process's table, without an allocation if `T` is sized.
    ///
    /// # Errors
    ///
    /// As [`Handle::from_arc`], with the `Arc`.
    #[inline]
    pub fn from_arc(value: Arc<T>) -> Result<Self, Refused<Arc<T>>>
    where
        T: Send + Sync,
    {
        Handle::from_arc(value).map(Self::from)
    }
}

/// Takes the ownership of a handle.
impl<T: 'static> From<Handle<T>> for OwnedHandle<T> {
    #[inline]
    fn from(handle: Handle<T>) -> Self {
        OwnedHandle { handle }
    }
}

impl<T: 'static> Drop for OwnedHandle<T> {
    #[inline]
    fn drop(&mut self) {
        // If others have deleted it, there is nothing to do, and nobody to tell.
        if let Ok(of) = Of::get() {
            Table::process_of(of).end(of, self.handle);
        }
    }
}

impl<T: 'static> fmt::Debug for OwnedHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OwnedHandle({:#x})", self.handle.word())
    }
}
