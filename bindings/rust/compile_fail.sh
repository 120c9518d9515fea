#!/usr/bin/env bash
# Each haft/compile_fail/*.rs must be refused for the reason in its first line, and compile with --cfg fixed.
# Prints "N refused".
#   compile_fail.sh TARGET_DIR
set -euo pipefail

cd "${BASH_SOURCE[0]%/*}/haft/compile_fail"
refused=0
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
for file in *.rs; do
  compile=(rustc --edition 2021 --crate-type lib --emit metadata --out-dir "$out" --cap-lints warn
    --extern "haft=$1/debug/libhaft.rlib" -L "dependency=$1/debug/deps" "$file")
  if ! log=$("${compile[@]}" --cfg fixed 2>&1); then
    printf '%s: fixed, it must compile:\n%s\n' "$file" "$log" >&2
    exit 1
  fi
  wanted=$(sed -n '1s|^// ||p' "$file")
  compiles=
  log=$("${compile[@]}" 2>&1) && compiles=1
  log=${log//std::sync::/}  # newer compilers name types by their paths
  if [[ -n $compiles || -z $wanted || $log != *"$wanted"* || $log != *'due to '*'previous error'* ]]; then
    printf '%s: wanted: %s\n%s\n' "$file" "$wanted" "$log" >&2
    exit 1
  fi
  refused=$((refused + 1))
done
echo "$refused refused"
