// error[E0382]: use of moved value: `owner`
pub fn main() {
    let owner = haft::OwnedHandle::new(1).unwrap();
    assert_eq!(owner.take().unwrap(), 1);
    #[cfg(not(fixed))]
    drop(owner);
}
