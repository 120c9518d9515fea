// error[E0505]: cannot move out of `pin` because it is borrowed
pub fn main() {
    let pin = haft::Handle::new(String::new()).unwrap().pin().unwrap();
    let text: &str = &pin;
    #[cfg(not(fixed))]
    drop(pin);
    assert_eq!(text, "");
    #[cfg(fixed)]
    drop(pin);
}
