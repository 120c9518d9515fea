#!/usr/bin/env bash
cd "${BASH_SOURCE[0]%/*}"
. ../common.sh
pkg-config --exists glib-2.0 || { echo 'missing Debian package: libglib2.0-dev'; exit 77; }
read -ra glib < <(pkg-config --cflags --libs glib-2.0 | sed 's/-I/-isystem /g')

c99 "${sanitized[@]}" test.c raw.c -o "$out/raw" "${glib[@]}"
c99 "${sanitized[@]}" test.c timer.c idle.c -o "$out/cured" "${glib[@]}"

shows "pointer: GLib's notification frees what the callback has freed" 'double-free\|heap-use-after-free' "$out/raw" timer
holds 'handle: the second of the two is refused' "$out/cured" timer
shows 'pointer: an idle source of a thread outlives its object' heap-use-after-free "$out/raw" idle
holds 'handle: the source finds that the job was closed' "$out/cured" idle
finish
