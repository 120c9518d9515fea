#!/usr/bin/env bash
# Measures the cost of a handle in each language: new + value + delete, beside the ways that its users have today. Runs the
# bench.sh of each binding, of C, and of each example of a language that has no binding yet.
set -euo pipefail

cd "${BASH_SOURCE[0]%/*}"
../tools/packages.sh build examples || echo 'going on with what there is'
for bench in ../examples/*/bench.sh */bench.sh; do
  [[ ! -e $bench ]] || "$bench"
done
