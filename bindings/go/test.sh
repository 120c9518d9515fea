#!/usr/bin/env bash
# Runs go vet, gofmt, and the tests under the race detector and cgo's checks of pointers.
set -euo pipefail

source "${BASH_SOURCE[0]%/*}/env.sh"
log=$(mktemp)
trap 'rm -f "$log"' EXIT

unformatted=$(gofmt -l .)
[[ -z $unformatted ]] || { echo "gofmt: $unformatted" >&2; exit 1; }
go vet ./...

passed=0
# test CGOCHECK FLAG...: runs the tests.
test() {
  if ! GODEBUG=cgocheck=$1 go test -count=1 -p 2 -v "${@:2}" ./... > "$log" 2>&1; then
    tail -n 60 "$log" >&2
    exit 1
  fi
  passed=$((passed + $(grep -c '^ *--- PASS' "$log")))
}
test 1 -race
test 2
test 1 -gcflags=all=-d=checkptr
(( passed > 0 ))
echo "$passed passed"
