// error[E0597]: `local` does not live long enough
pub fn main() {
    #[cfg(not(fixed))]
    {
        let local = 1;
        let _ = haft::LocalHandle::<&'static i32>::new(&local);
    }
    #[cfg(fixed)]
    {
        static LOCAL: i32 = 1;
        let _ = haft::LocalHandle::<&'static i32>::new(&LOCAL);
    }
}
