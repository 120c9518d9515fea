# What the test.sh and bench.sh of the examples share: `. ../common.sh` in the
# example's own folder. Gives $haft (the checkout), $library (the folder of
# libhaft.so), $out (a folder that goes away), and the functions below.
set -euo pipefail

haft=$(cd "${BASH_SOURCE[0]%/*}/.." && pwd)
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
passed=0
failed=0

# run.sh builds it once for all.
library=${HAFT_LIBRARY_DIR:-}
if [[ -z $library ]]; then
  (cd "$haft" && ./bazelw build -c opt --jobs=2 --noshow_progress --show_result=0 \
    //:libhaft.so > "$out/log" 2>&1) || { tail -n 30 "$out/log" >&2; exit 1; }
  library=$out/lib
  mkdir "$library"
  cp "$haft/bazel-bin/libhaft.so" "$library/libhaft.so.0"
  ln -s libhaft.so.0 "$library/libhaft.so"
fi

# needs PACKAGE HEADER: without the header, says which package has it.
needs() {
  echo "#include <$2>" | cc -E -x c - > /dev/null 2>&1 && return
  echo "missing Debian package: $1"
  exit 77
}

warnings=(-Wall -Wextra -Werror)
with_haft=(-I "$haft/lib" "-L$library" "-Wl,-rpath,$library" -lhaft -pthread)
sanitized=(-g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all)

# c99 ARGUMENTS...: compiles and links C.
c99() { cc -std=c99 -D_POSIX_C_SOURCE=200809L -pedantic "${warnings[@]}" "$@" "${with_haft[@]}"; }

note() {
  echo "$1  $2"
  if [[ $1 == ok ]]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    tail -n 40 "$out/log" | cut -c 1-200 | sed 's/^/        /'
  fi
}

# holds WHAT COMMAND...: the command ends with status 0.
holds() {
  local what=$1
  shift
  if timeout 120 "$@" > "$out/log" 2>&1; then note ok "$what"; else note FAILED "$what"; fi
}

# shows WHAT PATTERN COMMAND...: the command fails, and says why.
shows() {
  local what=$1 pattern=$2
  shift 2
  # In a shell of its own, which has something to say of signals.
  if ! (timeout 120 "$@"; exit) > "$out/log" 2>&1 && grep -q -- "$pattern" "$out/log"; then
    note ok "$what"
  else
    note FAILED "$what"
  fi
}

finish() {
  if (( failed )); then
    echo "$passed passed, $failed failed"
    exit 1
  fi
  echo "$passed passed"
}
