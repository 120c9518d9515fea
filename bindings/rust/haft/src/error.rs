use std::error;
use std::ffi::CStr;
use std::fmt;
use std::os::raw::c_int;

use haft_sys as sys;

/// Why a call was refused. All but the last three are the statuses of `haft.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// It is the null handle.
    Null,
    /// No table issues such a word.
    Malformed,
    /// This table has not issued it: it is forged, or another table's.
    NeverIssued,
    /// It was issued by this table, and deleted.
    Stale,
    /// It is live, and of another type.
    WrongType,
    /// The table has no room for another handle.
    Full,
    /// There is no memory, or no room for a pin.
    OutOfMemory,
    /// The value is pinned, or in use, so its handle was not deleted.
    Pinned,
    /// The handle is deleted, and its value still pinned.
    TimedOut,
    /// An argument other than the handle is invalid.
    Invalid,
    /// The handle is deleted, and its value dropped when the innermost drop that is running in this thread returns.
    Deferred,
    /// It is live, and its value is confined to another thread (see [`LocalHandle`](crate::LocalHandle)); or this
    /// thread is ending, and can keep no such values any more.
    WrongThread,
    /// The libhaft.so that is loaded is of another version than this crate needs.
    Incompatible,
    /// A status of a libhaft.so that is newer than this crate.
    Unknown(c_int),
}

impl ErrorKind {
    const OF_STATUS: [ErrorKind; 11] = [
        ErrorKind::Null,
        ErrorKind::Malformed,
        ErrorKind::NeverIssued,
        ErrorKind::Stale,
        ErrorKind::WrongType,
        ErrorKind::Full,
        ErrorKind::OutOfMemory,
        ErrorKind::Pinned,
        ErrorKind::TimedOut,
        ErrorKind::Invalid,
        ErrorKind::Deferred,
    ];

    /// Returns the kind of a status other than 0.
    #[must_use]
    pub fn from_status(status: c_int) -> ErrorKind {
        let place = usize::try_from(status).unwrap_or(0).wrapping_sub(1);
        Self::OF_STATUS
            .get(place)
            .copied()
            .unwrap_or(ErrorKind::Unknown(status))
    }

    /// Returns the status of `haft.h` that comes closest, for a callback to return to C.
    #[must_use]
    pub fn status(self) -> c_int {
        match self {
            ErrorKind::Null => sys::HAFT_NULL,
            ErrorKind::Malformed => sys::HAFT_MALFORMED,
            ErrorKind::NeverIssued => sys::HAFT_NEVER_ISSUED,
            ErrorKind::Stale => sys::HAFT_STALE,
            ErrorKind::WrongType | ErrorKind::WrongThread => sys::HAFT_WRONG_TYPE,
            ErrorKind::Full => sys::HAFT_FULL,
            ErrorKind::OutOfMemory => sys::HAFT_OUT_OF_MEMORY,
            ErrorKind::Pinned => sys::HAFT_PINNED,
            ErrorKind::TimedOut => sys::HAFT_TIMED_OUT,
            ErrorKind::Invalid | ErrorKind::Incompatible => sys::HAFT_INVALID,
            ErrorKind::Deferred => sys::HAFT_DEFERRED,
            ErrorKind::Unknown(status) => status,
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ErrorKind::WrongThread => f.write_str("the value is confined to another thread"),
            ErrorKind::Incompatible => f.write_str("the libhaft.so that is loaded is of another version"),
            ErrorKind::Unknown(status) => write!(f, "unknown status {status}"),
            _ => {
                // SAFETY: it returns static strings, for any number.
                let text = unsafe { CStr::from_ptr(sys::haft_strerror(self.status())) };
                f.write_str(&text.to_string_lossy())
            }
        }
    }
}

/// A refused call: why, for which handle, and everything that the library knew about the handle then.
///
/// With diagnostics on (`HAFT_DIAGNOSE=sites`), that includes where and by which thread it was created and deleted.
/// Nothing has been changed, unless [`ErrorKind`] says so.
///
/// ```
/// use haft::{ErrorKind, Handle};
///
/// let handle = Handle::new(1_u32)?;
/// handle.delete()?;
/// let error = handle.pin().unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Stale);
/// assert!(error.to_string().starts_with("the handle has been deleted (0x"), "{error}");
/// # Ok::<(), haft::Error>(())
/// ```
// A box, so that a result is no larger than a word.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    handle: Option<usize>,
    details: String,
}

impl Error {
    /// Converts a status that a function of C has returned to a result.
    ///
    /// # Errors
    ///
    /// If it is not 0.
    #[inline]
    pub fn check(status: c_int) -> Result<(), Error> {
        if status == sys::HAFT_OK {
            Ok(())
        } else {
            Err(Error::from(ErrorKind::from_status(status)))
        }
    }

    /// The same for a status about a handle of the process's table, which the error then describes.
    ///
    /// # Errors
    ///
    /// If it is not 0.
    #[inline]
    pub fn check_handle(status: c_int, handle: usize) -> Result<(), Error> {
        if status == sys::HAFT_OK {
            Ok(())
        } else {
            Err(Error::refused(
                ErrorKind::from_status(status),
                std::ptr::null_mut(),
                handle,
            ))
        }
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn refused(kind: ErrorKind, table: *mut sys::haft_table, handle: usize) -> Error {
        // SAFETY: the callers' table exists, or is null for the process's.
        let details = unsafe { crate::diagnostics::describe(table, handle) };
        Error(Box::new(Inner {
            kind,
            handle: Some(handle),
            details,
        }))
    }

    pub(crate) fn with_details(kind: ErrorKind, details: String) -> Error {
        Error(Box::new(Inner {
            kind,
            handle: None,
            details,
        }))
    }

    /// Returns why the call was refused.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns the word of the handle that was refused, if it is about one.
    #[must_use]
    pub fn handle(&self) -> Option<usize> {
        self.0.handle
    }

    /// Returns all that was known about the handle when it was refused; empty if the error is about none.
    #[must_use]
    pub fn details(&self) -> &str {
        &self.0.details
    }

    /// Returns the status of `haft.h` that comes closest, for a callback to return to C.
    #[must_use]
    pub fn status(&self) -> c_int {
        self.0.kind.status()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.kind.fmt(f)?;
        if !self.0.details.is_empty() {
            write!(f, " ({})", self.0.details)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("details", &self.0.details)
            .finish()
    }
}

impl error::Error for Error {}

impl From<ErrorKind> for Error {
    #[cold]
    fn from(kind: ErrorKind) -> Error {
        Error(Box::new(Inner {
            kind,
            handle: None,
            details: String::new(),
        }))
    }
}

impl PartialEq<ErrorKind> for Error {
    fn eq(&self, kind: &ErrorKind) -> bool {
        self.0.kind == *kind
    }
}

/// A value that a call did not take, and the reason.
///
/// It is an error for every `T`, and `?` converts it to an [`Error`], or to a boxed error.
pub struct Refused<T> {
    /// The reason.
    pub error: Error,
    /// The value, as it was given.
    pub value: T,
}

impl<T> fmt::Debug for Refused<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refused")
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}

impl<T> fmt::Display for Refused<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl<T> error::Error for Refused<T> {}

impl<T> From<Refused<T>> for Error {
    fn from(refused: Refused<T>) -> Error {
        refused.error
    }
}
