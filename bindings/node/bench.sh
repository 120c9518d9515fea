#!/usr/bin/env bash
# Measures a handle in Node beside a Map, a reference and napi_wrap: new + value + delete, and look-ups. bench.sh [ROUNDS]
cd "${BASH_SOURCE[0]%/*}" || exit
# shellcheck source=bindings/node/env.sh
. ./env.sh

HAFT_LIBRARY_DIR=$library scripts/build.sh "$out/addon" > "$out/log" 2>&1 || { cat "$out/log"; exit 1; }
mkdir -p "$out/app/node_modules"
ln -s "$PWD" "$out/app/node_modules/haft"
cp bench/bench.js examples/widget/widget.js "$out/app"
addon_cc raw bench/raw.cc
addon_cc widget examples/widget/addon.cc -lwidget
HAFT_ADDON_DIR=$out/addon WIDGET_ADDON=$out/widget.node TEST_ADDONS=$out node --expose-gc "$out/app/bench.js" "${1:-40}"
