#!/usr/bin/env bash
# Runs the tests, with every JNI call checked.
set -euo pipefail

source "${BASH_SOURCE[0]%/*}/env.sh"
if ! java -Xcheck:jni -enableassertions HaftTest > "$out/log" 2>&1; then
  tail -n 60 "$out/log" >&2
  exit 1
fi
if grep -E 'WARNING|FATAL' "$out/log" >&2; then exit 1; fi
tail -n 1 "$out/log" | grep -x '[1-9][0-9]* passed'
