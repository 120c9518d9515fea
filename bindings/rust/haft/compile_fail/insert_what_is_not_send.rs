// error[E0277]: `MutexGuard<'_, ()>` cannot be sent between threads safely
use std::sync::{Mutex, MutexGuard};

static LOCK: Mutex<()> = Mutex::new(());

#[cfg(not(fixed))]
fn insert(guard: MutexGuard<'static, ()>) {
    let _ = haft::Handle::new(guard);
}
#[cfg(fixed)]
fn insert(guard: &'static Mutex<()>) {
    let _ = haft::Handle::new(guard);
}

pub fn main() {
    #[cfg(not(fixed))]
    insert(LOCK.lock().unwrap());
    #[cfg(fixed)]
    insert(&LOCK);
}
