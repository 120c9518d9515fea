//! Panics do not unwind through C: `catch` holds them on its inner side, and the `call` that is C's caller on the same thread
//! lets them go on at its outer side.

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::{mem, ptr};

type Payload = Box<dyn Any + Send>;

thread_local! {
    // Where the innermost `call` of this thread wants them.
    static CAUGHT: Cell<*mut Option<Payload>> = const { Cell::new(ptr::null_mut()) };
}

/// Runs `enter_c`, which calls C and cannot itself panic, and then resumes what was caught inside.
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

/// Runs a callback of C's. None if it panicked: the panic hook has reported it, and the `call` below this on the stack, if
/// there is one, resumes it.
pub fn catch<R>(callback: impl FnOnce() -> R) -> Option<R> {
    // Unwind safe: nobody looks at what it has left half done before the panic goes on, but for other threads, and to them
    // it is what any panic is.
    match panic::catch_unwind(AssertUnwindSafe(callback)) {
        Ok(result) => Some(result),
        Err(payload) => {
            let place = CAUGHT.with(|place| place.get());
            // SAFETY: it is null, or points into a `call` that this thread is inside of.
            match unsafe { place.as_mut() } {
                Some(first @ None) => *first = Some(payload),
                // Not dropped: that may panic too.
                _ => mem::forget(payload),
            }
            None
        }
    }
}
