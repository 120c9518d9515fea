// error[E0277]: `Cell<i32>` cannot be shared between threads safely
pub fn main() {
    #[cfg(not(fixed))]
    let value = std::cell::Cell::new(1_i32);
    #[cfg(fixed)]
    let value = std::sync::atomic::AtomicI32::new(1);
    #[allow(clippy::arc_with_non_send_sync)]
    let _ = haft::Handle::from_arc(std::sync::Arc::new(value));
}
