#!/usr/bin/env bash
# Measures new, value and delete in Go beside the alternatives: ns for all three, medians of interleaved repetitions.
set -euo pipefail

source "${BASH_SOURCE[0]%/*}/env.sh"
go test -c -o "$root/.cache/examples/haft.test" ./haft
for (( i = 0; i < 15; ++i )); do
  "$root/.cache/examples/haft.test" -test.run '^$' -test.bench . -test.benchtime 50000x -test.cpu 2
done | awk '
  /^Benchmark/ { sub(/-[0-9]+$/, "", $1); count[$1]++; ns[$1, count[$1]] = $3 }
  END {
    for (name in count) {
      n = count[name]
      for (i = 1; i <= n; ++i) for (j = i + 1; j <= n; ++j)
        if (ns[name, j] < ns[name, i]) { t = ns[name, i]; ns[name, i] = ns[name, j]; ns[name, j] = t }
      printf "%-32s %10.1f\n", substr(name, 10), ns[name, int((n + 1) / 2)]
    }
  }' | sort
