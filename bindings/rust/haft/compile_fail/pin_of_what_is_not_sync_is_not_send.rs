// error[E0277]: `Cell<i32>` cannot be shared between threads safely
fn send<T: Send>(_: Option<T>) {}

pub fn main() {
    #[cfg(not(fixed))]
    send(None::<haft::Pin<'static, std::cell::Cell<i32>>>);
    #[cfg(fixed)]
    send(None::<haft::Pin<'static, i32>>);
}
