//! Records how the worker is compiled and which versions its crates have, for the answer to `describe`.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// Returns the text between the quotes of a line `key = "value"`.
fn value_of<'t>(line: &'t str, key: &str) -> Option<&'t str> {
    line.strip_prefix(key)?.strip_prefix(" = \"")?.strip_suffix('"')
}

/// Returns the crates of a lock file with their versions.
fn locked(lock: &str) -> Vec<(&str, &str)> {
    let mut crates = Vec::new();
    let mut name = "";
    for line in lock.lines() {
        if let Some(found) = value_of(line, "name") {
            name = found;
        } else if let Some(version) = value_of(line, "version") {
            crates.push((name, version));
        }
    }
    crates
}

/// Returns the settings of [profile.release], which Cargo does not tell a build script.
fn release_profile(manifest: &str) -> String {
    let lines = manifest.lines().skip_while(|line| *line != "[profile.release]").skip(1);
    let settings: Vec<&str> = lines.take_while(|line| !line.is_empty()).collect();
    settings.join(", ")
}

fn main() {
    let folder = PathBuf::from(env::var("CARGO_MANIFEST_DIR").unwrap());
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let version = Command::new(env::var("RUSTC").unwrap()).arg("--version").output().unwrap();
    let compiler = String::from_utf8(version.stdout).unwrap().trim().to_string();

    let profile = env::var("PROFILE").unwrap();
    let mut flags = format!("profile {profile}: opt-level {}", env::var("OPT_LEVEL").unwrap());
    if profile == "release" {
        write!(flags, "; in Cargo.toml: {}", release_profile(&read("Cargo.toml"))).unwrap();
    }
    // Cargo separates them by this character.
    let rustflags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default().replace('\x1f', " ");
    if !rustflags.is_empty() {
        write!(flags, "; RUSTFLAGS: {rustflags}").unwrap();
    }

    let mut source = String::new();
    writeln!(source, "pub const COMPILER: &str = {compiler:?};").unwrap();
    writeln!(source, "pub const FLAGS: &str = {flags:?};").unwrap();
    let optimized = env::var("OPT_LEVEL").unwrap() != "0";
    writeln!(source, "pub const OPTIMIZED: bool = {optimized};").unwrap();
    writeln!(source, "const CRATES: &[(&str, &str)] = &{:?};", locked(&read("Cargo.lock"))).unwrap();
    fs::write(Path::new(&env::var("OUT_DIR").unwrap()).join("build.rs"), source).unwrap();

    for name in ["Cargo.toml", "Cargo.lock", "build.rs"] {
        println!("cargo:rerun-if-changed={name}");
    }
}
