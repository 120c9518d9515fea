//! Finds libwidget.so, which is beside libhaft.so.

fn main() {
    println!("cargo:rerun-if-env-changed=HAFT_LIB_DIR");
    if let Ok(folder) = std::env::var("HAFT_LIB_DIR") {
        println!("cargo:rustc-link-search=native={folder}");
    }
    println!("cargo:rustc-link-lib=dylib=widget");
}
