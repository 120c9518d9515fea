#!/usr/bin/env bash
cd "${BASH_SOURCE[0]%/*}"
. ./env.sh

addon haft_sanitized "${sanitized[@]}" addon.cc environment.cc
addon raw_sanitized "${sanitized[@]}" raw.cc
addon pins -O2 pins.cc
export PINS_ADDON=$out/pins.node
plain=(env "HAFT_ADDON=$out/haft.node" "RAW_ADDON=$out/raw.node")
sanitizer=(env "HAFT_ADDON=$out/haft_sanitized.node" "RAW_ADDON=$out/raw_sanitized.node"
  "LD_PRELOAD=$(g++ -print-file-name=libasan.so)")

shows 'pointer: an object is used after its end' heap-use-after-free \
  "${sanitizer[@]}" node bug.js closed
shows 'pointer: a listener is collected while C has it' heap-use-after-free \
  "${sanitizer[@]}" node --expose-gc bug.js collected
shows 'pointer: a listener is called when its worker has ended' heap-use-after-free \
  "${sanitizer[@]}" node bug.js worker

# run KIND COMMAND...: counts each test as one of this example's.
run() {
  local kind=$1 status=0 before=$((passed + failed)) failed_before=$failed
  shift
  timeout 120 "$@" --expose-gc --test-reporter=tap haft_test.js > "$out/tap" 2>&1 || status=$?
  while read -r result number what; do
    sed -n "/^not ok $number /,/^  \.\.\./p" "$out/tap" > "$out/log"
    if [[ $result == ok ]]; then note ok "$kind: $what"; else note FAILED "$kind: $what"; fi
  done < <(sed -n 's/^ok \([0-9]*\) - /ok \1 /p; s/^not ok \([0-9]*\) - /FAILED \1 /p' "$out/tap")
  cp "$out/tap" "$out/log"
  if (( status && failed == failed_before || passed + failed == before )); then note FAILED "$kind: to the end"; fi
}
run handle "${plain[@]}" node
run 'handle, sanitized' "${sanitizer[@]}" node
finish
