#![doc = include_str!("../README.md")]
#![deny(missing_docs, unsafe_op_in_unsafe_fn)]
#![warn(clippy::pedantic)]
// A look-up is a few loads, for which a call is too much.
#![allow(clippy::inline_always)]

pub mod diagnostics;
mod error;
mod handle;
mod local;
mod object;
mod owned;
mod pin;
mod registry;
mod sync;
mod table;
mod types;
pub mod unwind;

pub use haft_sys as sys;

pub use error::{Error, ErrorKind, Refused};
pub use handle::Handle;
pub use local::{collect_local, LocalHandle};
pub use owned::OwnedHandle;
pub use pin::{Pin, Unpinned};
pub use table::{Stats, Table};
