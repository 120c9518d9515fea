// error[E0308]: mismatched types
pub fn main() {
    let handle = haft::LocalHandle::new(1_u32).unwrap();
    #[cfg(not(fixed))]
    let _: haft::LocalHandle<u64> = handle;
    #[cfg(fixed)]
    let _: haft::LocalHandle<u32> = handle;
}
