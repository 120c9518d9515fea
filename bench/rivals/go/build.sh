#!/usr/bin/env bash
# Builds the worker of Go's own handle tables as bench/rivals/out/go/worker.
#   bench/rivals/go/build.sh [--test]
#     --test   runs go vet, gofmt and the unit tests before
# Exit status: 0: it is built; 1: it does not compile, or a test fails; 3: there is no Go.
# It can also be sourced, for the function build_go, which returns the same.
#
# It is the Go in PATH, Debian's package golang-go or a later one: the worker's answer names the version. Nothing is fetched.

# build_go [--test]
build_go() (
  cd "${BASH_SOURCE[0]%/*}" || return 1
  if ! command -v go > /dev/null; then
    echo 'bench/rivals/go: there is no go in PATH: the arms go/* need the package golang-go' >&2
    return 3
  fi
  root=$(cd ../../.. && pwd) || return 1
  # cgo.Handle is for programs with cgo.
  export CGO_ENABLED=1 GOCACHE=${GOCACHE:-$root/.cache/rivals/go} GOFLAGS='-mod=mod -buildvcs=false' GOPROXY=off GOTOOLCHAIN=local
  if [[ ${1:-} == --test ]]; then
    unformatted=$(gofmt -l .) || return 1
    [[ -z $unformatted ]] || { echo "gofmt: $unformatted" >&2; return 1; }
    { go vet . && go test -count=1 . >&2; } || return 1
  fi
  go build -trimpath -o ../out/go/worker . || return 1
)

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  set -euo pipefail
  build_go "$@"
fi
