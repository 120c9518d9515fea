// error[E0308]: mismatched types
pub fn main() {
    let handle = haft::Handle::<for<'a> fn(&'a u8)>::from_word(0);
    #[cfg(not(fixed))]
    let _: haft::Handle<fn(&'static u8)> = handle;
    #[cfg(fixed)]
    let _: haft::Handle<for<'a> fn(&'a u8)> = handle;
}
