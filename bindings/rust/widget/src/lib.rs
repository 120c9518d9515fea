//! The C++ library of `examples/widget`, for Rust: objects of C++ that Rust uses by their handles, and objects of
//! Rust, listeners, that C++ calls by theirs. All of them are in the process's table.
//!
//! ```
//! use widget::{Listener, Widget};
//!
//! let widget = Widget::new(40)?;
//! let listener = haft::Handle::new(Box::new(|sum| println!("now {sum}")) as Listener)?;
//! widget.subscribe(listener)?;
//! assert_eq!(widget.add(2)?, 42);
//! listener.delete()?;
//! assert_eq!(widget.add(1)?, 43); // the listener is not called any more
//! widget.delete()?;
//! assert_eq!(widget.add(1).unwrap_err(), haft::ErrorKind::Stale);
//! # Ok::<(), haft::Error>(())
//! ```

#![deny(missing_docs, unsafe_op_in_unsafe_fn)]
#![warn(clippy::pedantic)]

use std::os::raw::{c_int, c_void};

use haft::{unwind, Error, ErrorKind, Handle};

type Callback = unsafe extern "C" fn(user_data: *mut c_void, sum: i64) -> c_int;

extern "C" {
    fn widget_new(sum: i64, widget: *mut usize) -> c_int;
    fn widget_add(widget: usize, amount: i64, sum: *mut i64) -> c_int;
    fn widget_subscribe(widget: usize, callback: Option<Callback>, user_data: *mut c_void) -> c_int;
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
    unwind::catch(call).unwrap_or(ErrorKind::Invalid.status())
}

impl Widget {
    /// Makes a widget with a sum.
    ///
    /// # Errors
    ///
    /// If C++ has no memory, or the table no room.
    pub fn new(sum: i64) -> Result<Widget, Error> {
        let mut handle = 0;
        // SAFETY: it writes a handle, or nothing.
        Error::check(unsafe { widget_new(sum, &mut handle) })?;
        Ok(Widget { handle })
    }

    /// Returns the word of the handle.
    #[must_use]
    pub fn word(self) -> usize {
        self.handle
    }

    /// Accepts any word. If it is not the handle of a widget, every use of it returns an error.
    #[must_use]
    pub fn from_word(handle: usize) -> Widget {
        Widget { handle }
    }

    /// Adds to the sum, and returns the new one.
    ///
    /// # Errors
    ///
    /// Why the handle is refused.
    ///
    /// # Panics
    ///
    /// If a listener does, or the drop of one.
    #[allow(clippy::should_implement_trait)] // that one cannot fail
    pub fn add(self, amount: i64) -> Result<i64, Error> {
        let mut sum = 0;
        // SAFETY: it accepts any word, from any thread.
        let status = unwind::call(|| unsafe { widget_add(self.handle, amount, &mut sum) });
        self.check(status).map(|()| sum)
    }

    /// Calls `listener` with every new sum until the listener is deleted. It may be deleted at any time, by any
    /// thread, and by itself: the widget's next call of it is refused.
    ///
    /// # Errors
    ///
    /// Why the widget's handle is refused.
    pub fn subscribe(self, listener: Handle<Listener>) -> Result<(), Error> {
        // SAFETY: it accepts any word, from any thread, and the callback accepts any pointer.
        self.check(unsafe { widget_subscribe(self.handle, Some(call_listener), listener.to_pointer()) })
    }

    /// Adds on a thread of the library; see [`join`].
    ///
    /// # Errors
    ///
    /// Why the handle is refused, or that there is no memory or no thread.
    pub fn add_later(self, amount: i64) -> Result<(), Error> {
        // SAFETY: it accepts any word, from any thread.
        self.check(unsafe { widget_add_later(self.handle, amount) })
    }

    /// Ends the handle. The widget is destroyed when nobody uses it any more.
    ///
    /// # Errors
    ///
    /// Why the handle is refused.
    pub fn delete(self) -> Result<(), Error> {
        // SAFETY: it accepts any word, from any thread.
        self.check(unwind::call(|| unsafe { widget_delete(self.handle) }))
    }

    fn check(self, status: c_int) -> Result<(), Error> {
        Error::check_handle(status, self.handle)
    }
}

/// Waits for everything that [`Widget::add_later`] has started. A listener must not call it.
pub fn join() {
    // SAFETY: any thread may call it.
    unsafe { widget_join() }
}

/// Returns how many widgets exist.
#[must_use]
pub fn count() -> i64 {
    // SAFETY: any thread may call it.
    unsafe { widget_count() }
}
