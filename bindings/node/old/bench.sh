#!/usr/bin/env bash
cd "${BASH_SOURCE[0]%/*}"
. ./env.sh
HAFT_ADDON=$out/haft.node RAW_ADDON=$out/raw.node node --expose-gc bench.js
