//! Finds libwidget.so: in the folder `WIDGET_LIB_DIR`, otherwise on the search path of the linker.

fn main() {
    println!("cargo:rerun-if-env-changed=WIDGET_LIB_DIR");
    println!("cargo:rerun-if-changed=build.rs");
    if let Ok(folder) = std::env::var("WIDGET_LIB_DIR") {
        println!("cargo:rustc-link-search=native={folder}");
    }
    println!("cargo:rustc-link-lib=dylib=widget");
}
