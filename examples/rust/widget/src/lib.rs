//! widget.h from Rust.

#![deny(unsafe_op_in_unsafe_fn)]

use std::os::raw::{c_int, c_void};

use haft::{unwind, Error, Handle};

type Callback = unsafe extern "C" fn(user_data: *mut c_void, sum: i64) -> c_int;

extern "C" {
    fn widget_new(sum: i64, widget: *mut usize) -> c_int;
    fn widget_add(widget: usize, amount: i64, sum: *mut i64) -> c_int;
    fn widget_subscribe(widget: usize, callback: Option<Callback>, user_data: *mut c_void)
        -> c_int;
    fn widget_add_later(widget: usize, amount: i64) -> c_int;
    fn widget_join();
    fn widget_delete(widget: usize) -> c_int;
    fn widget_count() -> i64;
}

/// The name of a C++ widget, which may be gone: as copyable and as harmless as a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Widget {
    handle: usize,
}

/// What widgets call.
pub type Listener = Box<dyn Fn(i64) + Send + Sync>;

unsafe extern "C" fn call_listener(user_data: *mut c_void, sum: i64) -> c_int {
    let call = || match Handle::<Listener>::from_pointer(user_data).pin() {
        Ok(listener) => {
            listener(sum);
            0
        }
        Err(error) => error.status(),
    };
    unwind::catch(call).unwrap_or(Error::Invalid.status())
}

// SAFETY, all of them: the C API takes any word, from any thread.
impl Widget {
    pub fn new(sum: i64) -> Result<Widget, Error> {
        let mut handle = 0;
        Error::check(unsafe { widget_new(sum, &mut handle) })?;
        Ok(Widget { handle })
    }

    /// The new sum. A listener that panics, panics here.
    pub fn add(self, amount: i64) -> Result<i64, Error> {
        let mut sum = 0;
        let status = unwind::call(|| unsafe { widget_add(self.handle, amount, &mut sum) });
        Error::check(status).and(Ok(sum))
    }

    /// Calls `listener` with every new sum until it is deleted, which is up to the caller. Deleted too early, too late, by
    /// another thread, or by itself: the widget's next call of it is refused.
    pub fn subscribe(self, listener: Handle<Listener>) -> Result<(), Error> {
        Error::check(unsafe {
            widget_subscribe(self.handle, Some(call_listener), listener.to_pointer())
        })
    }

    /// By a thread of the library's own; see [`join`].
    pub fn add_later(self, amount: i64) -> Result<(), Error> {
        Error::check(unsafe { widget_add_later(self.handle, amount) })
    }

    pub fn delete(self) -> Result<(), Error> {
        Error::check(unwind::call(|| unsafe { widget_delete(self.handle) }))
    }
}

pub fn join() {
    unsafe { widget_join() }
}

pub fn count() -> i64 {
    unsafe { widget_count() }
}
