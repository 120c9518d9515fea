#!/usr/bin/env bash
cd "${BASH_SOURCE[0]%/*}"
. ../common.sh
python=/usr/bin/python3
for module in ctypes cffi; do
  "$python" -c "import $module" 2> /dev/null || { echo "missing Debian package: python3-$module"; exit 77; }
done

cxx17=(g++ -std=c++17 -fPIC -shared "${warnings[@]}")
c99 -O2 -fPIC -shared emitter.c -o "$out/emitter.so"
"${cxx17[@]}" -O2 accounts.cc -o "$out/accounts.so" "${with_haft[@]}"
"${cxx17[@]}" "${sanitized[@]}" accounts_raw.cc -o "$out/accounts_raw.so"

export HAFT_LIBRARY=$library/libhaft.so.0 PYTHONDONTWRITEBYTECODE=1
export EMITTER=$out/emitter.so ACCOUNTS=$out/accounts.so ACCOUNTS_RAW=$out/accounts_raw.so

# PYTHONMALLOC=debug overwrites freed memory.
shows 'ctypes today: an object is collected while C holds it' 'Segmentation fault' \
  env PYTHONMALLOC=debug PYTHONFAULTHANDLER=1 "$python" bug.py object
shows 'ctypes today: a C++ object is used after its end' heap-use-after-free \
  env LD_PRELOAD="$(g++ -print-file-name=libasan.so)" ASAN_OPTIONS=detect_leaks=0 "$python" bug.py closed

status=0
timeout 300 "$python" -X dev -m unittest -v haft_test > "$out/log" 2>&1 || status=$?
while read -r what result; do
  if [[ $result == ok ]]; then note ok "$what"; else note FAILED "$what"; fi
done < <(sed -n 's/^\([a-z_]*\) (haft_test\.\([A-Za-z]*\).* \.\.\. \(ok\|ERROR\|FAIL\)$/\2.\1 \3/p' "$out/log")
if (( status && ! failed || passed < 3 )); then note FAILED 'the unit tests to their end'; fi
finish
