#!/usr/bin/env bash
cd "${BASH_SOURCE[0]%/*}"
. ../common.sh
needs libcurl4-openssl-dev curl/curl.h

c99 "${sanitized[@]}" test.c server.c raw.c -o "$out/raw" -lcurl
c99 "${sanitized[@]}" test.c server.c fetch.c loop.c -o "$out/cured" -lcurl

shows 'pointer: a socket is closed after its download is freed' heap-use-after-free "$out/raw" close
holds 'handle: a socket is closed after its download is deleted' "$out/cured" close
shows 'pointer: a kept connection calls for the download that opened it' heap-use-after-free "$out/raw" reuse
holds 'handle: a kept connection calls for a deleted download' "$out/cured" reuse
shows 'pointer: a socket is taken back from a loop that is freed' heap-use-after-free "$out/raw" loop
holds 'handle: a socket is taken back from a loop that is deleted' "$out/cured" loop
holds 'handle: a download to its end' "$out/cured" fetch
finish
