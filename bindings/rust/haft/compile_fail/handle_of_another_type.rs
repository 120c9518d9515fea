// error[E0308]: mismatched types
pub fn main() {
    let handle = haft::Handle::new(1_u32).unwrap();
    #[cfg(not(fixed))]
    let _: haft::Handle<u64> = handle;
    #[cfg(fixed)]
    let _: haft::Handle<u32> = handle;
}
