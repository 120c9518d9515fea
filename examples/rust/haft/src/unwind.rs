//! Panics must not unwind through C: `catch` stops them on the inner side of C, and the `call` that has called C on the same
//! thread resumes them on the outer side.

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::{mem, ptr};

type Payload = Box<dyn Any + Send>;

thread_local! {
    // The place for a panic in the innermost `call` of this thread.
    static CAUGHT: Cell<*mut Option<Payload>> = const { Cell::new(ptr::null_mut()) };
}

/// Runs `enter_c`, which calls C and cannot itself panic, and then resumes a panic that was caught inside.
pub fn call<R>(enter_c: impl FnOnce() -> R) -> R {
    let mut caught = None;
    let outer = CAUGHT.with(|place| place.replace(&mut caught));
    let result = enter_c();
    CAUGHT.with(|place| place.set(outer));
    if let Some(payload) = caught {
        panic::resume_unwind(payload);
    }
    result
}

/// Runs a callback of C's. Returns None if it panicked: then the panic hook has reported it, and the `call` below this on the
/// stack, if there is one, resumes it.
pub fn catch<R>(callback: impl FnOnce() -> R) -> Option<R> {
    // Unwind safe, because on this thread no code sees the half-done work before the panic is resumed. For other threads it
    // is the same as any panic.
    match panic::catch_unwind(AssertUnwindSafe(callback)) {
        Ok(result) => Some(result),
        Err(payload) => {
            let place = CAUGHT.with(|place| place.get());
            // SAFETY: it is null, or points into a `call` that is on the stack of this thread.
            match unsafe { place.as_mut() } {
                Some(first @ None) => *first = Some(payload),
                // It is not dropped, because that may panic too.
                _ => mem::forget(payload),
            }
            None
        }
    }
}
