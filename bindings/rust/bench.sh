#!/usr/bin/env bash
# Measures handles in Rust beside the alternatives, with the Rust in PATH.
#   bench.sh [ROUNDS]
set -euo pipefail

cd "${BASH_SOURCE[0]%/*}"
../../tools/packages.sh bindings_rust
. ../../examples/common.sh
export HAFT_LIB_DIR=$library LD_LIBRARY_PATH=$library CARGO_TARGET_DIR=$haft/.cache/bindings/rust/bench
cargo bench --offline --locked --quiet --package haft --bench compare -- "$@"
