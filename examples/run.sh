#!/usr/bin/env bash
# Builds and runs the tests of all examples and bindings, which are the test.sh of each folder that has one. A test.sh ends
# with status 0 and "N passed", with 77 if a package is missing, or it fails. If root runs this, it first installs packages.
set -euo pipefail

cd "${BASH_SOURCE[0]%/*}"
exec < /dev/null

../tools/packages.sh build examples || echo 'going on with what there is'

# The library is built once for all examples.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(cd .. && ./bazelw build -c opt --jobs=2 --noshow_progress --show_result=0 //:libhaft.so) > "$work/log" 2>&1 ||
  { tail -n 30 "$work/log"; echo '0 passed, 1 failed'; exit 1; }
cp ../bazel-bin/libhaft.so "$work/libhaft.so.0"
ln -s libhaft.so.0 "$work/libhaft.so"
export HAFT_LIBRARY_DIR=$work

passed=0
failed=0
skipped=0
for test in */test.sh ../bindings/*/test.sh; do
  [[ -e $test ]] || continue
  echo "== ${test%/*}"
  status=0
  "$test" 2>&1 | tee "$work/log" || status=$?
  counts=$(tail -n 1 "$work/log")
  if [[ $counts =~ ^([0-9]+)\ passed(,\ ([0-9]+)\ failed)?$ ]]; then
    passed=$((passed + BASH_REMATCH[1]))
    more=${BASH_REMATCH[3]:-0}
  else
    more=0
  fi
  if (( status == 77 )); then
    skipped=$((skipped + 1))
  elif (( status != 0 && more == 0 )) || [[ $counts != *passed* ]]; then
    more=1
  fi
  failed=$((failed + more))
done

if (( skipped )); then
  echo "$passed passed, $failed failed, $skipped skipped"
else
  echo "$passed passed, $failed failed"
fi
(( failed == 0 ))
