#!/usr/bin/env bash
cd "${BASH_SOURCE[0]%/*}"
. ../common.sh
needs libsqlite3-dev sqlite3.h

c99 "${sanitized[@]}" test.c raw.c -o "$out/raw" -lsqlite3
c99 "${sanitized[@]}" test.c function.c hooks.c -o "$out/cured" -lsqlite3

shows 'pointer: a function frees its object and goes on with it' heap-use-after-free "$out/raw" function
holds 'handle: a function ends its object; later calls are an SQL error' "$out/cured" function
shows 'pointer: a hook takes itself off, frees its object and goes on with it' heap-use-after-free "$out/raw" hooks
holds 'handle: a hook takes itself off; what it has not seen is rolled back' "$out/cured" hooks
finish
