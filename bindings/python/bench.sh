#!/usr/bin/env bash
cd "${BASH_SOURCE[0]%/*}"
. ../common.sh
HAFT_LIBRARY=$library/libhaft.so.0 PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 bench.py
