#!/usr/bin/env bash
# Runs Miri, over the crates' own tests, and Loom, over the models. ../test.sh leaves this out unless HAFT_RUST_MODELS is
# 1, for its time. A tool that neither the machine nor a registry has is skipped with a line; rustup is asked for Miri.
set -euo pipefail

cd "${BASH_SOURCE[0]%/*}/.."
exec < /dev/null
# shellcheck source=examples/common.sh
. ../../examples/common.sh

export HAFT_LIB_DIR=$library LD_LIBRARY_PATH=$library CARGO_BUILD_JOBS=2 RUST_BACKTRACE=0
cache=$haft/.cache/bindings/rust

# models_hold: each of them is a test.
models_hold() {
  local count
  (cd models && CARGO_TARGET_DIR=$cache/models cargo run --quiet) || return 1
  count=$(tail -n 1 "$out/log")
  passed=$((passed + ${count% models} - 1))
}
if (cd models && timeout 120 cargo fetch) > "$out/log" 2>&1; then
  proves 'Loom' models_hold
else
  echo 'skipped  Loom: there is no cargo, or no registry answers'
fi

# miri ARGUMENTS...: the tests, of which there must be some.
miri() {
  local passes
  CARGO_NET_OFFLINE=true CARGO_TARGET_DIR=$cache/miri cargo +nightly miri test "$@" || return 1
  passes=$(sed -n 's/^test result: ok\. \([0-9]*\) passed; 0 failed.*/\1/p' "$out/log" | paste -sd+)
  (( passes > 0 )) && passed=$((passed + passes - 1))
}
miri_of_look_ups() { miri -p haft-sys --lib; }
miri_of_values() { miri -p haft --lib -- object:: unwind::; }
# Records of types are never freed, so there Miri must not look for leaks.
miri_of_types() { MIRIFLAGS=-Zmiri-ignore-leaks miri -p haft --lib -- registry:: types::; }
# Over a table that is written in Rust, because Miri cannot call C. It keeps pointers as numbers.
miri_of_handles() { MIRIFLAGS=-Zmiri-permissive-provenance miri -p haft --test handles --test values; }
# One of these leaks on purpose.
miri_of_threads() { MIRIFLAGS='-Zmiri-permissive-provenance -Zmiri-ignore-leaks' miri -p haft --test local; }
if cargo +nightly miri --version > "$out/log" 2>&1 ||
  timeout 120 rustup component add --toolchain nightly miri rust-src > "$out/log" 2>&1; then
  holds "Miri's own library" timeout 600 cargo +nightly miri setup
  proves 'Miri, look-ups' miri_of_look_ups
  proves 'Miri, values and panics' miri_of_values
  proves 'Miri, types' miri_of_types
  proves 'Miri, handles' miri_of_handles
  proves 'Miri, values of one thread' miri_of_threads
else
  echo 'skipped  Miri: it is not installed, and rustup cannot fetch it'
fi
finish
