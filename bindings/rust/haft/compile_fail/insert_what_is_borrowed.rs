// error[E0597]: `local` does not live long enough
pub fn main() {
    #[cfg(not(fixed))]
    let local = 1;
    #[cfg(fixed)]
    static LOCAL: i32 = 1;
    #[cfg(fixed)]
    let local = LOCAL;
    #[cfg(not(fixed))]
    let _ = haft::Handle::<&'static i32>::new(&local);
    #[cfg(fixed)]
    let _ = haft::Handle::<&'static i32>::new(&LOCAL);
    let _ = local;
}
