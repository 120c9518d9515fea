#!/usr/bin/env bash
# Builds a program and plugins that all contain Haft's headers, in all the ways in which they may or may not share symbols, and
# runs them: each table must answer correctly, whichever copy of Haft its caller has, and a plugin may be closed at any time.
#   tests/consumer/copies_test.sh
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

# The same headers as those of a later version: everything shared has another name and another size.
mkdir -p "$work/next"
cp -rL lib/haft "$work/next/"
grep -q 'HAFT_ABI abi0$' "$work/next/haft/internal/base/abi.h"
sed -i 's/HAFT_ABI abi0$/HAFT_ABI abi_next/' "$work/next/haft/internal/base/abi.h"
grep -q 'kMaxCaches = 512;' "$work/next/haft/internal/base/system_sync.h"
sed -i 's/kMaxCaches = 512;/kMaxCaches = 1024;/' "$work/next/haft/internal/base/system_sync.h"

source=tests/consumer/copies
compilers=(g++)
if command -v clang++ > /dev/null; then compilers+=(clang++); fi
build() { "$@" || { echo "copies_test: cannot build: $*" >&2; exit 1; }; }
for compiler in "${compilers[@]}"; do
  flags=(-std=c++17 -O1 -I. -pthread)
  for visibility in default hidden; do
    for number in 1 2; do
      build "$compiler" "${flags[@]}" -Ilib -shared -fPIC "-fvisibility=$visibility" $source/plugin.cc \
        -o "$work/$compiler-$visibility-$number.so"
    done
  done
  build "$compiler" "${flags[@]}" "-I$work/next" -shared -fPIC $source/plugin.cc -o "$work/$compiler-next.so"
  build "$compiler" "${flags[@]}" -Ilib -c $source/program.cc -o "$work/program.o"
  build "$compiler" -pthread "$work/program.o" -o "$work/$compiler-program"
  build "$compiler" -pthread -rdynamic "$work/program.o" -o "$work/$compiler-program-rdynamic"
done

# expect_right PROGRAM ARGUMENT...
expect_right() {
  local said
  said=$("$@" 2>&1) || true
  if [[ $said != '0 wrong' ]]; then
    echo "copies_test: ${*//"$work/"/}: ${said:-it crashes}" >&2
    failures=$((failures + 1))
  fi
}
cases=0
for compiler in "${compilers[@]}"; do
  for program in "$work/$compiler-program" "$work/$compiler-program-rdynamic"; do
    for visibility in default hidden; do
      expect_right "$program" same "$work/$compiler-$visibility-1.so" "$work/$compiler-$visibility-2.so"
      cases=$((cases + 1))
    done
    # Plugins of all compilers together.
    expect_right "$program" same "$work"/*-default-1.so "$work"/*-hidden-1.so
    expect_right "$program" other "$work/$compiler-next.so" "$work/$compiler-default-1.so"
    cases=$((cases + 2))
  done
done
(( failures == 0 )) || exit 1
echo "copies_test: $cases cases"
