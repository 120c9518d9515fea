// error[E0277]: `MutexGuard<'_, ()>` cannot be sent between threads safely
fn send<T: Send>(_: Option<T>) {}

pub fn main() {
    #[cfg(not(fixed))]
    send(None::<haft::Pin<'static, std::sync::MutexGuard<'static, ()>>>);
    #[cfg(fixed)]
    send(None::<haft::Pin<'static, std::sync::Mutex<()>>>);
}
