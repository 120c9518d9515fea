#!/usr/bin/env bash
# Builds a worker of the contention study in another language: bench/rivals/build.sh LANGUAGE [--out=DIR] [--test].
# LANGUAGE is go or rust; --test runs the worker's own tests before. The program is DIR/worker, by default bench/rivals/out/LANGUAGE/worker, where //bench:study finds it.
# The exit status is 0 if it is built, 1 if it does not compile or fails a test, 2 if the arguments are wrong, and 3 if it is not to be had here,
# which a sentence on stderr explains.
set -euo pipefail

folder=$(cd "${BASH_SOURCE[0]%/*}" && pwd)

# refuse STATUS SENTENCE
refuse() {
  echo "build.sh: $2" >&2
  exit "$1"
}

language='' out='' test=''
for argument; do
  case $argument in
    --out=?*) out=${argument#*=} ;;
    --test) test=1 ;;
    -*) refuse 2 "unknown option $argument" ;;
    *)
      [[ -z $language ]] || refuse 2 "one language at a time, and not $language and $argument"
      language=$argument
      ;;
  esac
done
out=$(realpath -m "${out:-$folder/out/$language}")

# build_go: leaves the program at $built. Nothing is fetched.
build_go() {
  command -v go > /dev/null || refuse 3 "go is missing: install the package golang-go, or a newer Go"
  cd "$folder/go"
  # cgo.Handle is for programs with cgo.
  export CGO_ENABLED=1 GOCACHE=${GOCACHE:-$folder/out/go/cache} GOFLAGS='-mod=mod -buildvcs=false' GOPROXY=off GOTOOLCHAIN=local
  if [[ -n $test ]]; then
    local unformatted
    unformatted=$(gofmt -l .)
    [[ -z $unformatted ]] || refuse 1 "gofmt would change $unformatted"
    go vet . || refuse 1 "go vet complains"
    go test -count=1 . >&2 || refuse 1 "a test fails"
  fi
  built=$folder/out/go/built
  go build -trimpath -o "$built" . || refuse 1 "the worker does not compile"
}

# build_rust: leaves the program at $built.
build_rust() {
  local least=1.85 version host
  command -v cargo > /dev/null || refuse 3 "cargo is missing: install Rust $least or newer"
  version=$(rustc --version 2> /dev/null | cut -d ' ' -f 2) || refuse 3 "rustc is missing: install Rust $least or newer"
  printf '%s\n' "$least" "$version" | sort -C -V || refuse 3 "Rust $least or newer is missing: rustc is of version $version"
  cd "$folder/rust"
  cargo read-manifest > /dev/null || refuse 1 "bench/rivals/rust/Cargo.toml is wrong"
  host=$(rustc -vV | sed -n 's/^host: //p')
  # Crates that were fetched before are enough.
  cargo fetch --quiet --target "$host" || cargo fetch --quiet --target "$host" --offline 2> /dev/null ||
    refuse 3 "the crates are missing: cargo cannot fetch them from its registry"
  [[ -z $test ]] || cargo test --quiet --offline >&2 || refuse 1 "a test fails"
  cargo build --release --offline || refuse 1 "the worker does not compile"
  built=${CARGO_TARGET_DIR:-target}/release/worker
}

built=''
case $language in
  go) build_go ;;
  rust) build_rust ;;
  '') refuse 2 "name a language: go or rust" ;;
  *) refuse 2 "there is no worker in $language, but in go and in rust" ;;
esac

mkdir -p "$out"
# Not over a program that may be running.
install "$built" "$out/worker.new"
mv "$out/worker.new" "$out/worker"
echo "$out/worker"
