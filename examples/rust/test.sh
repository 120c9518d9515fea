#!/usr/bin/env bash
# Runs the crates' tests and doc tests, and checks the programs that must not compile.
set -euo pipefail

source "${BASH_SOURCE[0]%/*}/env.sh"
export CARGO_NET_OFFLINE=true CARGO_BUILD_JOBS=2
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Panics are part of the tests, so their messages are shown only if a test fails. `build` puts the crate where
# compile_fail.sh expects it.
export RUSTFLAGS='-D warnings'
if ! { cargo build --locked --package haft && cargo test --locked; } > "$log" 2>&1; then
  tail -n 100 "$log" >&2
  exit 1
fi
passed=$(sed -n 's/^test result: ok\. \([0-9]*\) passed; 0 failed; 0 ignored.*/\1/p' "$log" | paste -sd+)
refused=$(./compile_fail.sh "$CARGO_TARGET_DIR")
(( passed > 0 && ${refused% refused} > 0 ))
echo "$((passed + ${refused% refused})) passed"
