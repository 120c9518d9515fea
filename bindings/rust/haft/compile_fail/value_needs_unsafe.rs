// error[E0133]: call to unsafe function
pub fn main() {
    let handle = haft::Handle::new(1_u32).unwrap();
    #[cfg(not(fixed))]
    let _ = handle.value();
    // SAFETY: nobody deletes it meanwhile.
    #[cfg(fixed)]
    let _ = unsafe { handle.value() };
}
