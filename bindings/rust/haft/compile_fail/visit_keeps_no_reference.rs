// error[E0521]: borrowed data escapes outside of closure
pub fn main() {
    #[allow(unused_mut)]
    let mut seen: Vec<&String> = Vec::new();
    let _ = haft::Table::process().for_each(|_, text: &String| {
        #[cfg(not(fixed))]
        seen.push(text);
        #[cfg(fixed)]
        let _ = text;
        true
    });
    let _ = seen;
}
