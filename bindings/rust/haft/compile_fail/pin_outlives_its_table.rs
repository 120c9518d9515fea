// error[E0505]: cannot move out of `table` because it is borrowed
pub fn main() {
    let table = haft::Table::new(1).unwrap();
    let handle = table.insert(1).unwrap();
    let pin = table.pin(handle).unwrap();
    #[cfg(not(fixed))]
    drop(table);
    assert_eq!(*pin, 1);
    #[cfg(fixed)]
    drop(pin);
    #[cfg(fixed)]
    drop(table);
}
