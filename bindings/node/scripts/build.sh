#!/usr/bin/env bash
# Compiles haft.node and the libhaft.so.0 that it uses, without a network.
#   scripts/build.sh FOLDER
# Variables: CC, CXX, CFLAGS; HAFT_LIBRARY_DIR, a folder with a libhaft.so.0 that is copied in place of being compiled;
# HAFT_LINK=system, for the libhaft.so.0 that the system has; NODE_INCLUDE, the folder of node_api.h.
set -euo pipefail

folder=$(mkdir -p "$1" && cd "$1" && pwd)
cd "${BASH_SOURCE[0]%/*}/.."
# The sources of the library: in the package they are in deps, in a checkout two folders up.
lib=deps
[[ -d $lib/haft ]] || lib=../../lib

include=${NODE_INCLUDE:-}
if [[ -z $include ]]; then
  node=$(node -p process.execPath)
  for each in "${node%/*}/../include/node" /usr/include/node /usr/include/nodejs/src; do
    [[ ! -e $each/node_api.h ]] || { include=$each; break; }
  done
fi
[[ -n $include ]] || { echo 'haft: there is no node_api.h; on Debian, install libnode-dev, or set NODE_INCLUDE' >&2; exit 1; }

link=(-lhaft)
if [[ ${HAFT_LINK:-bundled} != system ]]; then
  if [[ -n ${HAFT_LIBRARY_DIR:-} ]]; then
    cp -f "$HAFT_LIBRARY_DIR/libhaft.so.0" "$folder/libhaft.so.0"
  else
    "${CXX:-g++}" -std=c++17 -O2 -fPIC -fvisibility=hidden -fno-exceptions -fno-rtti -DHAFT_BUILDING_SHARED_LIBRARY "-I$lib" \
      -shared -s -Wl,-soname,libhaft.so.0 "-Wl,--version-script=$lib/haft/internal/process/haft.lds" -Wl,-z,nodelete \
      -o "$folder/libhaft.so.0" "$lib"/haft/internal/*/*.cc -pthread
  fi
  link=("$folder/libhaft.so.0")
fi
# nodelete, because Node would unload it with the last worker that has loaded it, and the table still has its type.
read -ra flags <<< "${CFLAGS:--O2}"
# shellcheck disable=SC2016  # $ORIGIN is the dynamic linker's
"${CC:-cc}" -std=gnu11 "${flags[@]}" -Wall -Wextra -fPIC -fvisibility=hidden -shared "-I$lib" "-I$include" src/addon.c \
  -o "$folder/haft.node" "${link[@]}" -pthread -Wl,-rpath,'$ORIGIN' -Wl,-z,nodelete
