#!/usr/bin/env bash
# Measures new, value and delete, and look-ups, in Go beside the alternatives, with the newest Go: ns for each cycle or look-up, the
# least of many short interleaved rounds, which other programs disturb least. bench.sh [ROUNDS]
cd "${BASH_SOURCE[0]%/*}" || exit
# shellcheck source=examples/common.sh
. ../../examples/common.sh

"$haft/tools/packages.sh" bindings_go
export LD_LIBRARY_PATH=$library CGO_ENABLED=1 CGO_CFLAGS="-O2 -I$haft/lib" CGO_LDFLAGS="-L$library"
export GOCACHE=$haft/.cache/go/build GOTOOLCHAIN=local GOFLAGS='-mod=mod -buildvcs=false' GOPROXY=off
go version
go test -c -o "$out/haft.test" .
for (( i = 0; i < ${1:-40}; ++i )); do
  "$out/haft.test" -test.run '^$' -test.bench . -test.benchtime 20000x -test.cpu 2
done | awk '
  /^Benchmark/ {
    sub(/^Benchmark\//, "", $1); sub(/-[0-9]+$/, "", $1)
    if (!($1 in least) || $3 < least[$1]) least[$1] = $3
  }
  END { for (name in least) printf "%-28s %8.1f\n", name, least[name] }' | sort -t / -k 2,3 -k 1,1
