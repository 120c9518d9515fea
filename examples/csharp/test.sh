#!/usr/bin/env bash
cd "${BASH_SOURCE[0]%/*}"
. ../common.sh
. ../sorting.sh
needs_command mcs mono-mcs
needs_command mono mono-runtime

mcs -warnaserror -out:"$out/example.exe" ./*.cs
test_sorting mono "$out/example.exe"
finish
