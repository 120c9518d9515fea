#!/usr/bin/env bash
# Builds the crates as they would be published: DIR/haft-sys-VERSION.crate and DIR/haft-VERSION.crate, and unpacks them beside.
# Needs no registry. HAFT_LIB_DIR or pkg-config must tell where libhaft.so is, because haft-sys is compiled from its package.
#   package.sh DIR
set -euo pipefail

[[ $# == 1 ]] || { echo 'usage: package.sh DIR' >&2; exit 2; }
mkdir -p "$1"
out=$(cd "$1" && pwd)
cd "${BASH_SOURCE[0]%/*}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A registry in which haft would find haft-sys does not exist for cargo until 1.90, so test.sh compiles the package of haft.
cargo package --offline --quiet --allow-dirty --package haft-sys --target-dir "$work"
if ! log=$(cargo package --offline --quiet --allow-dirty --no-verify --package haft --target-dir "$work" 2>&1); then
  cargo package --offline --quiet --allow-dirty --package haft-sys --package haft --target-dir "$work" ||
    { printf '%s\n' "$log" >&2; exit 1; }
fi
for crate in "$work"/package/*.crate; do
  name=${crate##*/}
  rm -rf "${out:?}/${name%.crate}"
  tar -xzf "$crate" -C "$out"
  cp "$crate" "$out"
  echo "$out/$name"
done
