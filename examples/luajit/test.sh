#!/usr/bin/env bash
cd "${BASH_SOURCE[0]%/*}"
. ../common.sh
. ../sorting.sh
needs_command luajit luajit

test_sorting luajit example.lua
finish
