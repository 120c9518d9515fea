//! Finds libhaft.so in the folder HAFT_LIB_DIR, otherwise on the search path of the linker.

fn main() {
    println!("cargo:rerun-if-env-changed=HAFT_LIB_DIR");
    if let Ok(folder) = std::env::var("HAFT_LIB_DIR") {
        println!("cargo:rustc-link-search=native={folder}");
    }
    println!("cargo:rustc-link-lib=dylib=haft");
}
