// error[E0596]: cannot borrow data in dereference of `haft::Pin<'_, String>` as mutable
pub fn main() {
    #[allow(unused_mut)]
    let mut pin = haft::Handle::new(String::new()).unwrap().pin().unwrap();
    #[cfg(not(fixed))]
    pin.push('x');
    #[cfg(fixed)]
    assert!(pin.is_empty());
}
