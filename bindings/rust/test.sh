#!/usr/bin/env bash
# Tests the crates with Debian's Rust and, if there is another one in PATH, with that: tests, doc tests, programs that must not
# compile, declarations against the headers, versions, the build script, packages, the README's lines, lints, Miri and Loom. What
# needs another Rust than Debian's, or a registry, is skipped with a line if that is not to be had.
set -euo pipefail

cd "${BASH_SOURCE[0]%/*}"
exec < /dev/null
../../tools/packages.sh bindings_rust
# shellcheck source=examples/common.sh
. ../../examples/common.sh

export HAFT_LIBRARY_DIR=$library CARGO_NET_OFFLINE=true CARGO_BUILD_JOBS=2 RUST_BACKTRACE=0
HAFT_LIB_DIR=$("$haft/examples/widget/build.sh" 2> "$out/log") || { tail -n 30 "$out/log"; exit 1; }
export HAFT_LIB_DIR WIDGET_LIB_DIR=$HAFT_LIB_DIR LD_LIBRARY_PATH=$HAFT_LIB_DIR
path=$PATH
cache=$haft/.cache/bindings/rust

# with_debian, with_newest: choose a Rust, and a folder for what it builds.
with_debian() { export PATH=/usr/bin:/bin CARGO_TARGET_DIR=$cache/debian RUSTFLAGS='-D warnings' RUSTDOCFLAGS=''; }
with_newest() { export PATH=$path CARGO_TARGET_DIR=$cache/newest RUSTFLAGS='-D warnings' RUSTDOCFLAGS='-D warnings'; }

# counts: adds the tests that $out/log tells of. Panics are part of them, so their messages are shown only if one fails.
counts() {
  local passes
  passes=$(sed -n 's/^test result: ok\. \([0-9]*\) passed; 0 failed; 0 ignored.*/\1/p' "$1" | paste -sd+)
  (( passes > 0 )) || return 1
  passed=$((passed + passes - 1))
}
tests() { cargo test --locked --workspace && counts "$out/log"; }
# models_hold: adds what models/test.sh counts.
models_hold() {
  local count
  models/test.sh || return 1
  count=$(tail -n 1 "$out/log")
  passed=$((passed + ${count% passed} - 1))
}
# reports WHAT PATTERN FUNCTION ARGUMENTS...: as `shows`, for a function.
reports() {
  local what=$1 pattern=$2
  shift 2
  if ! "$@" > "$out/log" 2>&1 && grep -q -- "$pattern" "$out/log"; then note ok "$what"; else note FAILED "$what"; fi
}
skip() { echo "skipped  $1"; }

with_debian
proves "tests, with $(rustc --version | cut -d ' ' -f 1,2)" tests

programs_are_refused() { cargo build --locked --quiet --package haft && ./compile_fail.sh "$CARGO_TARGET_DIR"; }
proves 'programs that must not compile' programs_are_refused

declarations_are_those_of_the_headers() {
  cc -std=c11 -Wall -Wextra -Werror -I"$haft/lib" haft-sys/examples/layout.c -o "$out/layout" &&
    cargo build --locked --quiet --package haft-sys --example layout || return 1
  diff <("$out/layout") <("$CARGO_TARGET_DIR/debug/examples/layout") || return 1
  # Every function that the library exports, and no other.
  diff <(grep -oh 'pub fn haft_[a-z_]*' haft-sys/src/lib.rs haft-sys/src/view.rs | sed 's/pub fn //' | sort) \
    <(nm -D --defined-only "$library/libhaft.so.0" | sed -n 's/.* T \(haft_[a-z_]*\).*/\1/p' | sort)
}
proves 'layouts, constants and functions are those of the headers' declarations_are_those_of_the_headers

# A library of another version, for a program that was built before.
build_first() {
  mkdir -p "$out/first/src"
  cp -r "$out/crates/haft-0.1.0" "$out/crates/haft-sys-0.1.0" "$out/first"
  cat > "$out/first/Cargo.toml" << 'END'
[package]
name = "first"
version = "0.1.0"
edition = "2021"

[dependencies]
haft = { path = "haft-0.1.0" }

[patch.crates-io]
haft-sys = { path = "haft-sys-0.1.0" }

[workspace]
END
  cat > "$out/first/src/main.rs" << 'END'
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let handle = haft::Handle::new(3)?;
    let table = haft::Table::new(1)?;
    println!("{} {}", *handle.pin()?, table.stats()?.live);
    let local = haft::LocalHandle::new(std::rc::Rc::new(4))?;
    println!("{}", local.with(|value| **value)?);
    Ok(())
}
END
  (cd "$out/first" && CARGO_HOME=$out/home CARGO_TARGET_DIR=$out/first/target cargo build --offline --quiet)
}
packages_are_used_in_a_clean_folder() {
  ./package.sh "$out/crates" && build_first && [[ $("$out/first/target/debug/first") == $'3 0\n4' ]] || return 1
  # It must be linked by the SONAME, so that the process has one table.
  readelf -d "$out/first/target/debug/first" | grep -q 'NEEDED.*\[libhaft\.so\.0\]'
}
proves 'packages are built and used, without a registry' packages_are_used_in_a_clean_folder

# Two shared libraries, each with a copy of haft, in one process: one table, and two types.
copies_refuse_each_other() {
  local name
  mkdir "$out/pair"
  printf '[workspace]\nmembers = ["one", "two"]\n\n[patch.crates-io]\nhaft-sys = { path = "%s" }\n' \
    "$out/crates/haft-sys-0.1.0" > "$out/pair/Cargo.toml"
  for name in one two; do
    mkdir -p "$out/pair/$name/src"
    printf '[package]\nname = "%s"\nversion = "0.1.0"\nedition = "2021"\n\n[lib]\ncrate-type = ["cdylib"]\n\n[dependencies]\n' \
      "$name" > "$out/pair/$name/Cargo.toml"
    printf 'haft = { path = "%s" }\n' "$out/crates/haft-0.1.0" >> "$out/pair/$name/Cargo.toml"
    sed "s/NAME/$name/" > "$out/pair/$name/src/lib.rs" << 'END'
#[no_mangle]
pub extern "C" fn NAME_make() -> usize {
    haft::Handle::new(7_u64).map_or(0, haft::Handle::word)
}
#[no_mangle]
pub extern "C" fn NAME_status(word: usize) -> i32 {
    haft::Handle::<u64>::from_word(word).pin().map_or_else(|error| error.status(), |pin| i32::from(*pin != 7))
}
END
  done
  cat > "$out/pair/main.c" << 'END'
#include "haft/haft.h"
uintptr_t one_make(void), two_make(void);
int one_status(uintptr_t word), two_status(uintptr_t word);
int main(void) {
  const uintptr_t one = one_make(), two = two_make();
  return one_status(one) != HAFT_OK || two_status(two) != HAFT_OK || two_status(one) != HAFT_WRONG_TYPE ||
         one_status(two) != HAFT_WRONG_TYPE || haft_check(one) != HAFT_OK;
}
END
  (cd "$out/pair" && CARGO_HOME=$out/home CARGO_TARGET_DIR=$out/pair/target cargo build --offline --quiet) &&
    cc "$out/pair/main.c" -o "$out/pair/main" -I"$haft/lib" -L"$out/pair/target/debug" -lone -ltwo -L"$HAFT_LIB_DIR" -lhaft &&
    LD_LIBRARY_PATH=$LD_LIBRARY_PATH:$out/pair/target/debug "$out/pair/main"
}
proves "two copies of the crate share the table, and refuse each other's values" copies_refuse_each_other

# other_version NUMBER: a library that says that it has this version.
other_version() {
  mkdir -p "$out/version$1"
  printf 'int haft_version(void) { return %d; }\n' "$1" | cc -shared -fPIC -x c - -o "$out/version$1/version.so"
  LD_PRELOAD=$out/version$1/version.so "$out/first/target/debug/first"
}
newer_library_will_do() { [[ $(other_version 109) == $'3 0\n4' && $(other_version 9999) == $'3 0\n4' ]]; }
proves 'a newer library of the same major version will do' newer_library_will_do
for version in 99 10000; do
  reports "library of version $version is refused" 'libhaft.so [01].0.[0-9]* is loaded, and the crate haft needs 0.1.0' \
    other_version "$version"
done

# The build script, by its own package.
build_sys() { (cd "$out/crates/haft-sys-0.1.0" && CARGO_HOME=$out/home CARGO_TARGET_DIR=$out/sys env "$@" cargo build --offline); }
reports 'HAFT_LIB_DIR without a library is reported' 'HAFT_LIB_DIR is set, but there is no libhaft.so in' \
  build_sys "HAFT_LIB_DIR=$out"
reports 'HAFT_LIB_DIR that is no folder is reported' 'HAFT_LIB_DIR is set, but /nowhere: No such file' \
  build_sys HAFT_LIB_DIR=/nowhere
reports 'nothing to be found is reported, with the cure' 'Set HAFT_LIB_DIR to the folder of libhaft.so, or install Haft' \
  build_sys -u HAFT_LIB_DIR PKG_CONFIG_LIBDIR="$out"
installed_library_is_found() {
  : > "$out/empty.c"
  cc -c "$out/empty.c" -o "$out/empty.o" && ar rcs "$out/libhaft.a" "$out/empty.o" || return 1
  "$haft/tools/install.sh" "--prefix=$out/prefix" "$library/libhaft.so" "$out/libhaft.a" "$haft"/lib/haft/*.h "$haft"/tools/package/*.in \
    "$haft/tools/gdb/haft.py" "$haft/LICENSE" || return 1
  build_sys -u HAFT_LIB_DIR PKG_CONFIG_PATH="$out/prefix/lib/pkgconfig" &&
    grep -qx "cargo:lib_dir=$out/prefix/lib" "$out"/sys/debug/build/haft-sys-*/output
}
proves 'installed library is found by pkg-config' installed_library_is_found
too_old_is_installed() {
  mkdir "$out/old"
  sed 's/^Version: .*/Version: 0.0.9/' "$out/prefix/lib/pkgconfig/haft.pc" > "$out/old/haft.pc"
  build_sys -u HAFT_LIB_DIR PKG_CONFIG_PATH="$out/old"
}
reports 'installed library that is too old is reported' '0.0.9' too_old_is_installed

# The second block of the README, as it stands.
readme_works() {
  mkdir -p "$out/readme"
  awk '/^```sh$/ { block++; inside = 1; next } /^```$/ { inside = 0 } inside && block == 2' README.md |
    sed "s#/tmp/haft-crates#$out/crates#" > "$out/readme/lines.sh"
  (cd "$out/readme" && CARGO_HOME=$out/home CARGO_TARGET_DIR=$out/readme/target RUSTFLAGS='' bash -e lines.sh) \
    > "$out/readme/said" 2>&1
  cat "$out/readme/said"
  grep -qx 'it works' "$out/readme/said" && grep -q '^the handle has been deleted (0x' "$out/readme/said"
}
proves 'lines of the README' readme_works

with_newest
if [[ $(command -v rustc) == /usr/bin/rustc ]] || ! rustc --version > "$out/log" 2>&1; then
  skip 'newer Rust: there is none in PATH'
else
  proves "tests, with $(rustc --version | cut -d ' ' -f 1,2)" tests
  proves 'programs that must not compile, with it' programs_are_refused
  documentation() { cargo doc --locked --quiet --workspace --no-deps; }
  proves 'rustdoc' documentation
  for tool in fmt clippy; do
    if ! cargo "$tool" --version > "$out/log" 2>&1; then
      skip "cargo $tool: not installed"
    elif [[ $tool == fmt ]]; then
      holds 'rustfmt' cargo fmt --all --check
    else
      holds 'clippy, pedantic' cargo clippy --locked --quiet --workspace --all-targets -- -D warnings -W clippy::pedantic
    fi
  done
  packages_of_the_newest() { ./package.sh "$out/newest" && cmp_sources "$out/crates" "$out/newest"; }
  cmp_sources() { diff -r "$1/haft-0.1.0/src" "$2/haft-0.1.0/src" && diff -r "$1/haft-sys-0.1.0/src" "$2/haft-sys-0.1.0/src"; }
  proves 'packages, with it' packages_of_the_newest
fi
if [[ ${HAFT_RUST_MODELS:-} == 1 ]]; then
  proves 'Miri and Loom' models_hold
else
  skip 'Miri and Loom: models/test.sh runs them, or HAFT_RUST_MODELS=1'
fi
finish
