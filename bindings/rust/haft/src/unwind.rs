//! Panics stop where C begins, and go on where Rust has called it.
//!
//! A panic must not unwind through C. If the drop of a value panics, or a callback that you give to C:
//!
//! - The panic hook reports it, as it does any panic.
//! - [`catch`] stops it before it reaches C.
//! - If the C function was called by [`call`] on the same thread, `call` resumes the panic when C has returned. All
//!   functions of this crate call C so, therefore `handle.delete()` panics if the drop of its value does.
//! - If not, because C itself has deleted the handle or ended the last pin, the panic ends there, and C is not told.
//!   Its handle is deleted all the same.
//!
//! The value counts as dropped: what its drop had not done yet is leaked. If the drops of several values panic in one
//! call, the first panic is resumed and the others are reported only.
//!
//! In a program that is built with `panic = "abort"`, each panic ends the process at once.

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::{mem, ptr};

type Payload = Box<dyn Any + Send>;

thread_local! {
    /// The place for a panic in the innermost `call` of this thread.
    static CAUGHT: Cell<*mut Option<Payload>> = const { Cell::new(ptr::null_mut()) };
}

/// Puts the place of the next outer `call` back.
struct Outer(*mut Option<Payload>);

impl Drop for Outer {
    fn drop(&mut self) {
        CAUGHT.with(|place| place.set(self.0));
    }
}

/// Runs `enter_c`, which calls C, and then resumes a panic that [`catch`] has stopped inside.
///
/// # Panics
///
/// If a callback did that ran inside.
#[inline]
pub fn call<R>(enter_c: impl FnOnce() -> R) -> R {
    let mut caught = None;
    let result = {
        let _outer = Outer(CAUGHT.with(|place| place.replace(&mut caught)));
        enter_c()
    };
    if let Some(payload) = caught {
        panic::resume_unwind(payload);
    }
    result
}

/// The same for a call of C that drops a `T` and nothing else, if a drop of a `T` can panic at all.
#[inline(always)]
pub(crate) fn call_that_drops<T, R>(enter_c: impl FnOnce() -> R) -> R {
    if mem::needs_drop::<T>() {
        call(enter_c)
    } else {
        enter_c()
    }
}

/// Runs a callback of C's.
///
/// Returns None if it panicked: then the panic hook has reported it, and the [`call`] below this on the stack, if
/// there is one, resumes it.
#[inline]
pub fn catch<R>(callback: impl FnOnce() -> R) -> Option<R> {
    // Unwind safe, because on this thread no code sees the half-done work before the panic is resumed. For other
    // threads it is the same as any panic.
    match panic::catch_unwind(AssertUnwindSafe(callback)) {
        Ok(result) => Some(result),
        Err(payload) => {
            keep(payload);
            None
        }
    }
}

/// Runs a callback of C's that is not part of what its caller does, so that a panic of it is only reported.
pub(crate) fn contain(callback: impl FnOnce()) {
    if let Err(payload) = panic::catch_unwind(AssertUnwindSafe(callback)) {
        discard(payload);
    }
}

/// Drops what a panic was called with. That may panic, too; what it was called with is leaked.
#[cold]
fn discard(payload: Payload) {
    if let Err(payload) = panic::catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        mem::forget(payload);
    }
}

#[cold]
fn keep(payload: Payload) {
    let place = CAUGHT.with(Cell::get);
    // SAFETY: it is null, or points into a `call` that is on the stack of this thread.
    match unsafe { place.as_mut() } {
        Some(first @ None) => *first = Some(payload),
        _ => discard(payload),
    }
}

#[cfg(test)]
mod tests {
    use super::{call, catch};
    use std::panic;

    // C would do nothing between the two, so these need no library, and Miri runs them.

    fn message(run: impl FnOnce() + panic::UnwindSafe) -> &'static str {
        *panic::catch_unwind(run).unwrap_err().downcast().unwrap()
    }

    #[test]
    fn a_panic_goes_on_in_the_innermost_call() {
        let outer = message(|| {
            call(|| {
                assert_eq!(
                    message(|| call(|| assert!(catch(|| panic!("inner")).is_none()))),
                    "inner"
                );
                assert!(catch(|| panic!("outer")).is_none());
            });
        });
        assert_eq!(outer, "outer");
    }

    #[test]
    fn the_first_of_several_panics_goes_on() {
        let first = message(|| {
            call(|| {
                assert!(catch(|| panic!("first")).is_none());
                assert!(catch(|| panic!("second")).is_none());
                assert_eq!(catch(|| 3), Some(3));
            });
        });
        assert_eq!(first, "first");
    }

    #[test]
    fn a_panic_without_a_call_ends_and_is_not_kept_for_the_next() {
        assert!(catch(|| panic!("nobody is told")).is_none());
        assert_eq!(call(|| 1), 1);
    }

    #[test]
    #[cfg_attr(miri, ignore)] // it leaks, which is all that can be done
    fn a_payload_whose_drop_panics_ends_nothing_else() {
        struct Nasty;
        impl Drop for Nasty {
            fn drop(&mut self) {
                panic!("again");
            }
        }
        assert!(catch(|| panic::panic_any(Nasty)).is_none());
        super::contain(|| panic::panic_any(Nasty));
        assert_eq!(call(|| 3), 3);
    }

    #[test]
    fn a_call_that_is_left_by_a_panic_leaves_nothing_behind() {
        assert_eq!(message(|| call(|| panic!("through"))), "through");
        assert!(catch(|| panic!("after it")).is_none());
        assert_eq!(call(|| 2), 2);
    }
}
