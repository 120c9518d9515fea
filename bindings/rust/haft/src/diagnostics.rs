//! The information that the library gives: versions, descriptions of handles, refusals.

use std::ffi::CStr;
use std::os::raw::{c_char, c_int, c_void};
use std::sync::atomic::{AtomicBool, Ordering};

use haft_sys as sys;

use crate::error::{Error, ErrorKind};
use crate::unwind;

/// Records where, and by which thread, handles are created and deleted. See [`diagnose`].
pub const SITES: u32 = sys::HAFT_DIAGNOSE_SITES;
/// The same, and reports at exit which handles of the process's table are live.
pub const LEAKS: u32 = sys::HAFT_DIAGNOSE_LEAKS;

/// Returns the version of the libhaft.so that is loaded: major, minor, patch.
#[must_use]
pub fn library_version() -> (u32, u32, u32) {
    // SAFETY: it returns a number.
    split(unsafe { sys::haft_version() })
}

fn split(version: c_int) -> (u32, u32, u32) {
    let version = u32::try_from(version).unwrap_or(0);
    (version / 10000, version / 100 % 100, version % 100)
}

/// Returns whether the libhaft.so that is loaded has all that this crate needs. Everything that makes a handle or a
/// table checks this once, so a program need not.
///
/// # Errors
///
/// [`ErrorKind::Incompatible`], with both versions, if its major version is another one, or if it is older than the
/// interface that this crate was written for.
pub fn check_library_version() -> Result<(), Error> {
    // relaxed: the library that is loaded stays the same.
    static CHECKED: AtomicBool = AtomicBool::new(false);
    if CHECKED.load(Ordering::Relaxed) {
        return Ok(());
    }
    // SAFETY: it returns a number.
    is_compatible(unsafe { sys::haft_version() })?;
    CHECKED.store(true, Ordering::Relaxed);
    Ok(())
}

fn is_compatible(loaded: c_int) -> Result<(), Error> {
    let needed = sys::HAFT_VERSION;
    if loaded >= needed && split(loaded).0 == split(needed).0 {
        return Ok(());
    }
    let text = |(major, minor, patch)| format!("{major}.{minor}.{patch}");
    let details = format!(
        "libhaft.so {} is loaded, and the crate haft needs {} or a newer one of that major version",
        text(split(loaded)),
        text(split(needed))
    );
    Err(Error::with_details(ErrorKind::Incompatible, details))
}

/// Describes a handle.
///
/// # Safety
///
/// `table` is null, or exists.
pub(crate) unsafe fn describe(table: *mut sys::haft_table, handle: usize) -> String {
    let mut text = vec![0_u8; 256];
    loop {
        let (buffer, size) = (text.as_mut_ptr().cast(), text.len());
        // It pins the object, so it may be the one that drops it.
        // SAFETY: it writes at most that many bytes.
        let length = unwind::call(|| unsafe { sys::haft_table_describe(table, handle, buffer, size) });
        if length < text.len() {
            text.truncate(length);
            return String::from_utf8_lossy(&text).into_owned();
        }
        // Longer than it was: what is known may change between two calls.
        text.resize(length + 1, 0);
    }
}

/// Turns diagnostics on: [`SITES`], [`LEAKS`], or both, in addition to those that the environment variable
/// `HAFT_DIAGNOSE` asks for. It must be the program's first use of Haft, and is for programs; libraries leave the
/// choice to them.
///
/// # Errors
///
/// [`ErrorKind::Invalid`] if there is a table already, or if there is no such flag.
pub fn diagnose(flags: u32) -> Result<(), Error> {
    check_library_version()?;
    // SAFETY: it takes any number.
    Error::check(unsafe { sys::haft_diagnose(flags) })
}

/// A refused handle, for [`on_refusal`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Refusal {
    /// Its word.
    pub handle: usize,
    /// Why it was refused.
    pub kind: ErrorKind,
    /// All that is known about it. If refusals were suppressed, it begins with their number.
    pub description: String,
}

/// From now on calls `callback` whenever any code of the process uses a handle that is refused, `per_second` times a
/// second at most (0: without a limit). This turns diagnostics on, and one callback serves the process for ever, so
/// it is for programs. If the callback panics, the panic hook reports it, and the use of the handle goes on.
///
/// # Errors
///
/// [`ErrorKind::Invalid`] if there is a callback already.
pub fn on_refusal(per_second: u32, callback: impl Fn(&Refusal) + Send + Sync + 'static) -> Result<(), Error> {
    unsafe extern "C" fn refusal<F: Fn(&Refusal)>(
        context: *mut c_void,
        _: *mut sys::haft_table,
        handle: usize,
        status: c_int,
        description: *const c_char,
    ) {
        unwind::contain(|| {
            // SAFETY: it is the callback of on_refusal, which is never freed, and C gives a string.
            let (callback, text) = unsafe { (&*context.cast::<F>(), CStr::from_ptr(description)) };
            callback(&Refusal {
                handle,
                kind: ErrorKind::from_status(status),
                description: text.to_string_lossy().into_owned(),
            });
        });
    }
    fn function<F: Fn(&Refusal)>(_: &F) -> sys::haft_refusal {
        refusal::<F>
    }

    check_library_version()?;
    let function = function(&callback);
    let context = Box::into_raw(Box::new(callback));
    // SAFETY: the function fits the context, which any thread may use at any time.
    let status = unsafe { sys::haft_set_refusal_callback(Some(function), context.cast(), per_second) };
    Error::check(status).map_err(|error| {
        // SAFETY: it has not been taken.
        drop(unsafe { Box::from_raw(context) });
        error
    })
}

#[cfg(test)]
mod tests {
    use super::{is_compatible, split};
    use crate::ErrorKind;
    use haft_sys::HAFT_VERSION;

    #[test]
    fn versions_of_the_same_major_number_that_are_not_older_are_compatible() {
        for good in [HAFT_VERSION, HAFT_VERSION + 1, HAFT_VERSION + 100, 9999] {
            assert!(is_compatible(good).is_ok(), "{good}");
        }
        for bad in [HAFT_VERSION - 1, 0, -1, 10000, 10000 + HAFT_VERSION] {
            let error = is_compatible(bad).unwrap_err();
            assert_eq!(error, ErrorKind::Incompatible, "{bad}");
        }
        let text = is_compatible(20304).unwrap_err().to_string();
        assert!(
            text.contains("libhaft.so 2.3.4 is loaded") && text.contains("needs 0.1.0"),
            "{text}"
        );
        assert_eq!(split(123_456), (12, 34, 56));
    }
}
