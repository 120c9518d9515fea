#!/usr/bin/env bash
# Tests the C++ library by itself under AddressSanitizer, and that docs/embedding-cpp.md shows code that is tested.
set -euo pipefail

here=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
root=$(cd "$here/../.." && pwd)
"$root/tools/packages.sh" examples_widget
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

g++ -std=c++17 -O1 -g -Wall -Wextra -Werror -pthread -fsanitize=address,undefined -fno-sanitize-recover=all \
  -I"$root/lib" -I"$here" "$here"/widget{,_test}.cc "$root"/lib/haft/internal/{process,diagnostics}/*.cc -o "$scratch/widget_test" -lgtest -lgtest_main
"$scratch/widget_test" --gtest_brief=1 | tee "$scratch/log" >&2
passed=$(sed -n 's/^\[  PASSED  \] \([0-9]*\) tests\{0,1\}\.$/\1/p' "$scratch/log")
(( passed > 0 ))

blocks=$("$root/tools/check_page.sh" docs/embedding-cpp.md)
echo "$((passed + ${blocks% blocks})) passed"
