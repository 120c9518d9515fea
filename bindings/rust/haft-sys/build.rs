//! Finds libhaft.so: in the folder `HAFT_LIB_DIR`, otherwise by pkg-config, which knows what `tools/install.sh` has
//! installed. Gives the folder to the build scripts of dependent packages as `DEP_HAFT_LIB_DIR`.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{self, Command};

/// The oldest version that has everything that this crate declares, and the first that is another interface.
const LEAST: &str = "0.1.0";
const TOO_NEW: &str = "1.0.0";

fn main() {
    for variable in [
        "HAFT_LIB_DIR",
        "PKG_CONFIG",
        "PKG_CONFIG_PATH",
        "PKG_CONFIG_LIBDIR",
        "PKG_CONFIG_SYSROOT_DIR",
    ] {
        println!("cargo:rerun-if-env-changed={variable}");
    }
    println!("cargo:rerun-if-changed=build.rs");
    if env::var_os("DOCS_RS").is_some() {
        return; // documentation is made without the library
    }
    match find() {
        Ok(folder) => {
            let folder = folder.display();
            println!("cargo:rustc-link-search=native={folder}");
            println!("cargo:rustc-link-lib=dylib=haft");
            println!("cargo:lib_dir={folder}");
        }
        Err(reason) => {
            eprintln!("haft-sys: cannot find libhaft.so: {reason}");
            eprintln!("Set HAFT_LIB_DIR to the folder of libhaft.so, or install Haft where pkg-config finds haft.pc:");
            eprintln!("    ./bazelw run -c opt //:install -- --prefix=/usr/local");
            process::exit(1);
        }
    }
}

fn find() -> Result<PathBuf, String> {
    match env::var_os("HAFT_LIB_DIR") {
        Some(folder) if !folder.is_empty() => {
            has_library(Path::new(&folder)).map_err(|reason| format!("HAFT_LIB_DIR is set, but {reason}"))
        }
        _ => {
            pkg_config(&[
                "--exists",
                "--print-errors",
                &format!("haft >= {LEAST} haft < {TOO_NEW}"),
            ])
            .map_err(|reason| format!("HAFT_LIB_DIR is not set, and {reason}"))?;
            let folder = pkg_config(&["--variable=libdir", "haft"])?;
            has_library(Path::new(folder.trim())).map_err(|reason| format!("pkg-config knows haft, but {reason}"))
        }
    }
}

/// Returns the folder as an absolute path, because the linker runs elsewhere.
fn has_library(folder: &Path) -> Result<PathBuf, String> {
    let absolute = folder
        .canonicalize()
        .map_err(|error| format!("{}: {error}", folder.display()))?;
    if absolute.join("libhaft.so").exists() {
        Ok(absolute)
    } else {
        Err(format!("there is no libhaft.so in {}", absolute.display()))
    }
}

fn pkg_config(arguments: &[&str]) -> Result<String, String> {
    let program = env::var_os("PKG_CONFIG").unwrap_or_else(|| "pkg-config".into());
    let output = Command::new(&program)
        .args(arguments)
        .output()
        .map_err(|error| format!("{} cannot be run: {error}", program.to_string_lossy()))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        let said = String::from_utf8_lossy(&output.stderr);
        Err(format!("{} says: {}", program.to_string_lossy(), said.trim()))
    }
}
