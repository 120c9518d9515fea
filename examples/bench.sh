#!/usr/bin/env bash
# Measures the cost of a handle in each language: new + value + delete, beside the ways that its users have today. Runs the
# bench.sh of each example that has one.
set -euo pipefail

cd "${BASH_SOURCE[0]%/*}"
../tools/packages.sh build examples || echo 'going on with what there is'
for bench in */bench.sh; do
  "$bench"
done
