#!/usr/bin/env bash
# What a handle costs through each language: new + value + delete, beside what its users do today. Runs the bench.sh of
# each example that has one.
set -euo pipefail

cd "${BASH_SOURCE[0]%/*}"
../tools/packages.sh build examples || echo 'going on with what there is'
for bench in */bench.sh; do
  "$bench"
done
