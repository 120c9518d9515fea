#!/usr/bin/env bash
cd "${BASH_SOURCE[0]%/*}"
. ../common.sh
c99 -O2 bench.c -o "$out/bench"
"$out/bench"
