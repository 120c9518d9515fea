#!/usr/bin/env bash
cd "${BASH_SOURCE[0]%/*}"
. ../common.sh
needs libmicrohttpd-dev microhttpd.h

c11=(cc -std=c11 -D_POSIX_C_SOURCE=200809L -pedantic "${warnings[@]}" "${sanitized[@]}")
"${c11[@]}" test.c raw.c -o "$out/raw" "${with_haft[@]}" -lmicrohttpd
"${c11[@]}" test.c site.c -o "$out/cured" "${with_haft[@]}" -lmicrohttpd

shows 'pointer: a request goes on with an application that was replaced' heap-use-after-free "$out/raw"
holds 'handle: each request keeps its application, by a pin' "$out/cured"
finish
