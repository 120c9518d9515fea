//! How this worker was compiled, as the build script has recorded it.

include!(concat!(env!("OUT_DIR"), "/build.rs"));

/// Returns the version of a crate that this worker is linked with.
pub fn version_of(name: &str) -> &'static str {
    let found = CRATES.iter().find(|(crate_name, _)| *crate_name == name);
    found.unwrap_or_else(|| panic!("the lock file has no crate {name}")).1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_those_of_the_lock_file() {
        assert_eq!(version_of("sharded-slab"), "0.1.7");
        assert_eq!(version_of("concurrent-slotmap"), "0.2.0-alpha.1");
    }

    #[test]
    fn the_compiler_is_known() {
        assert!(COMPILER.starts_with("rustc "), "{COMPILER}");
        assert!(FLAGS.starts_with("profile "), "{FLAGS}");
    }
}
