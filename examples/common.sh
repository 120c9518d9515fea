# The part that the test.sh and bench.sh of the examples share: they run
# `. ../common.sh` in their own folder. Sets $haft (the checkout), $library (the
# folder of libhaft.so) and $out (a folder that is removed at the end), and defines
# the functions below.
set -euo pipefail

haft=$(cd "${BASH_SOURCE[0]%/*}/.." && pwd)
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
passed=0
failed=0

# run.sh builds the library once for all examples.
library=${HAFT_LIBRARY_DIR:-}
if [[ -z $library ]]; then
  (cd "$haft" && ./bazelw build -c opt --jobs=2 --noshow_progress --show_result=0 \
    //:libhaft.so > "$out/log" 2>&1) || { tail -n 30 "$out/log" >&2; exit 1; }
  library=$out/lib
  mkdir "$library"
  cp "$haft/bazel-bin/libhaft.so" "$library/libhaft.so.0"
  ln -s libhaft.so.0 "$library/libhaft.so"
fi

# needs PACKAGE HEADER: if the header is missing, prints the package that has it and ends with 77.
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

# holds WHAT COMMAND...: the command must end with status 0.
holds() {
  local what=$1
  shift
  if timeout 120 "$@" > "$out/log" 2>&1; then note ok "$what"; else note FAILED "$what"; fi
}

# proves WHAT FUNCTION: the shell function returns 0.
proves() {
  if "$2" > "$out/log" 2>&1; then note ok "$1"; else note FAILED "$1"; fi
}

# shows WHAT PATTERN COMMAND...: the command must fail, and its output must match PATTERN.
shows() {
  local what=$1 pattern=$2
  shift 2
  # In a shell of its own, because the shell prints a message if a signal ends the command.
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
