#!/usr/bin/env bash
cd "${BASH_SOURCE[0]%/*}"
. ../common.sh
needs libuv1-dev uv.h

c99 "${sanitized[@]}" test.c raw.c -o "$out/raw" -luv
c99 "${sanitized[@]}" test.c timer.c work.c -o "$out/cured" -luv

shows 'pointer: a timer is freed before its close callback' heap-use-after-free "$out/raw" timer
holds 'handle: a timer is ended in its callback; its next beat closes it' "$out/cured" timer
holds 'handle: a timer is ended by another thread than the loop'"'"'s' "$out/cured" timer_other_thread
shows 'pointer: work outlives its job' heap-use-after-free "$out/raw" work
holds 'handle: the job lasts as long as its work; the result is dropped' "$out/cured" work
holds 'handle: a job that nobody ends gives its result' "$out/cured" work_to_the_end
finish
