# Sourced by test.sh and bench.sh: selects Debian's Rust, even if there is another, and sets the paths of the libraries.

here=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
root=$(cd "$here/../.." && pwd)
"$root/tools/packages.sh" examples_rust
HAFT_LIB_DIR=$("$here/../widget/build.sh")
export PATH=/usr/bin:/bin HAFT_LIB_DIR LD_LIBRARY_PATH=$HAFT_LIB_DIR CARGO_TARGET_DIR=$root/.cache/examples/rust
cd "$here"
