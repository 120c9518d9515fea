// The atomics of what a model checker runs, which puts its own in the place of this file.

pub use std::sync::atomic::{AtomicPtr, Ordering};
