use std::ffi::CStr;
use std::fmt;
use std::os::raw::c_int;

use crate::sys;

/// The reason why a call was refused: a variant for each status of haft.h.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Error {
    Null,
    Malformed,
    NeverIssued,
    Stale,
    WrongType,
    Full,
    OutOfMemory,
    Pinned,
    TimedOut,
    Invalid,
    Deferred,
    /// A status of a libhaft.so that is newer than this crate.
    Unknown(c_int),
}

impl Error {
    const KNOWN: [Error; 11] = [
        Error::Null,
        Error::Malformed,
        Error::NeverIssued,
        Error::Stale,
        Error::WrongType,
        Error::Full,
        Error::OutOfMemory,
        Error::Pinned,
        Error::TimedOut,
        Error::Invalid,
        Error::Deferred,
    ];

    /// Converts the status that a function of the C ABI has returned to a result.
    pub fn check(status: c_int) -> Result<(), Error> {
        match status {
            0 => Ok(()),
            1..=11 => Err(Self::KNOWN[status as usize - 1]),
            _ => Err(Error::Unknown(status)),
        }
    }

    pub fn status(self) -> c_int {
        match self {
            Error::Unknown(status) => status,
            known => {
                let place = Self::KNOWN.iter().position(|error| *error == known);
                place.expect("every other variant is in KNOWN") as c_int + 1
            }
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SAFETY: it returns static strings, for any number.
        let text = unsafe { CStr::from_ptr(sys::haft_strerror(self.status())) };
        f.write_str(&text.to_string_lossy())
    }
}

impl std::error::Error for Error {}

/// A value that the table did not take, and the reason.
pub struct Refused<T> {
    pub error: Error,
    pub value: T,
}

impl<T> fmt::Debug for Refused<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Refused({:?})", self.error)
    }
}

impl<T> From<Refused<T>> for Error {
    fn from(refused: Refused<T>) -> Error {
        refused.error
    }
}
