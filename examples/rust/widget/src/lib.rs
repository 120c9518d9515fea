//! The C++ library of widget.h, for Rust.

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

/// The handle of a C++ widget, which may be gone. It can be copied as a number can.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Widget {
    handle: usize,
}

/// The listener that widgets call.
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

// SAFETY, for all of them: the C API accepts any word, from any thread.
impl Widget {
    pub fn new(sum: i64) -> Result<Widget, Error> {
        let mut handle = 0;
        Error::check(unsafe { widget_new(sum, &mut handle) })?;
        Ok(Widget { handle })
    }

    /// Returns the new sum. If a listener panics, this panics.
    pub fn add(self, amount: i64) -> Result<i64, Error> {
        let mut sum = 0;
        let status = unwind::call(|| unsafe { widget_add(self.handle, amount, &mut sum) });
        Error::check(status).and(Ok(sum))
    }

    /// Calls `listener` with every new sum until the caller deletes it. It may be deleted at any time, by any thread, and by
    /// itself: the widget's next call of it is refused.
    pub fn subscribe(self, listener: Handle<Listener>) -> Result<(), Error> {
        Error::check(unsafe {
            widget_subscribe(self.handle, Some(call_listener), listener.to_pointer())
        })
    }

    /// Adds on a thread of the library; see [`join`].
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
