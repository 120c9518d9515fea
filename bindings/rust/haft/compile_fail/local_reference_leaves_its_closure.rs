// error: lifetime may not live long enough
pub fn main() {
    let handle = haft::LocalHandle::new(String::new()).unwrap();
    #[cfg(not(fixed))]
    let _: &String = handle.with(|text| text).unwrap();
    #[cfg(fixed)]
    let _: String = handle.with(|text| text.clone()).unwrap();
}
