#!/usr/bin/env bash
# Tests the answers of tools/gdb/haft.py about handles and tables in every state: in a running process and in its core file,
# with the debug information of each compiler, with and without optimisation. Ends with "N passed" or "N passed, M failed".
#   tests/gdb/run.sh [COMPILER...]
set -euo pipefail
cd "${BASH_SOURCE[0]%/*}/../.."
root=$PWD

compilers=("$@")
(( ${#compilers[@]} )) || compilers=(g++ clang++-14)
for tool in gdb "${compilers[@]}"; do
  command -v "$tool" > /dev/null || { echo "$0: no $tool; see tools/packages.txt"; echo '0 passed, 1 failed'; exit 1; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0
failed=0

# Each line is a command and, after |, all that it must print, as an extended regular expression.
h='0x[0-9a-f]+'
at='\{ generation: [0-9]+, index: [0-9]+ \}'
now='that slot is now'
points="haft::HandleTable<Point> $h <points>"
widgets="haft::ObjectTable<Widget> $h; $at"
tiny="haft::HandleTable<int> $h <tiny>"
compact="haft::HandleTable<Point \\*> $h <compact>"
any="haft::ObjectTable<haft::internal::AnyObject> $h"
abi=$(sed -n 's/^#define HAFT_ABI \(abi[0-9]*\)$/\1/p' lib/haft/internal/base/abi.h)
widget() { echo "\{number = $1, more = \{0, 0, 0, 0, 0\}\}"; }
ready="
haft point points|$h: live in $points; $at, value: \{x = 3, y = 4\}
haft stale_point points|$h: stale in $points; $at, $now free at generation [0-9]+
haft next_point &points|$h: never issued in $points; $at, $now free at generation [0-9]+
haft point.word_+0x100 points|$h: never issued in $points; $at, that slot is untouched
haft point.word_+0x1000000 points|$h: never issued in $points; $at, the table has no such slot
haft 0 points|0x0: null in $points
haft 2 points|0x2: malformed in $points
haft -1 points|0xffffffffffffffff: malformed in $points
print points|\\\$[0-9]+ = haft::HandleTable<Point> of capacity 8, slots: 1 live, [0-9]+ free = \{\[$h\] = \{x = 3, y = 4\}\}
haft live widgets|$h: live in $widgets, value: $(widget 11)
haft 'live.word_ + 0' widgets|$h: live in $widgets, value: $(widget 11)
haft pinned widgets|$h: live in $widgets, pinned 2, value: $(widget 12)
haft retired widgets|$h: stale, retired in $widgets, pinned 1, value: $(widget 13)
haft deferred widgets|$h: stale, deferred in $widgets, value: $(widget 14)
haft stale widgets|$h: stale in $widgets, $now free at generation [0-9]+
haft frozen widgets|$h: live, frozen in $widgets, value: $(widget 17)
haft tiny_last tiny|$h: stale in $tiny; \{ generation: 3, index: 0 \}, $now exhausted at generation 3
haft tiny_marked tiny|$h: live in $tiny; \{ generation: 1, index: 1 \}, value: 77
print tiny|\\\$[0-9]+ = haft::HandleTable<int> of capacity 8, slots: 1 live, 1 exhausted = \{\[$h\] = 77\}
haft compact_last compact|$h: stale in $compact; \{ generation: 3, index: 0 \}, $now exhausted at generation 3
haft compact_live compact|$h: live in $compact; \{ generation: 1, index: 1 \}, value: $h <a_point>
haft compact_stale compact|$h: stale in $compact; \{ generation: 1, index: 2 \}, $now free at generation 2
haft compact_live.word_+4 compact|$h: never issued in $compact; \{ generation: 1, index: 3 \}, that slot is untouched
print compact|\\\$[0-9]+ = haft::HandleTable<Point \*> of capacity 8, slots: 1 live, 1 exhausted, 1 free = \{\[$h\] = $h <a_point>\}
haft counted_pinned counted|$h: live in haft::ObjectTable<Widget> $h <counted>; $at, pinned 1, value: $(widget 21)
print counted|\\\$[0-9]+ = haft::ObjectTable<Widget> of capacity 8, slots: 1 live, [0-9]+ free = \{\[$h\] = $(widget 21)\}
print in_process|\\\$[0-9]+ = $h: live in $any; $at, a Point at $h: \{x = 5, y = 6\}
haft in_process|$h: live in $any; $at, a Point at $h: \{x = 5, y = 6\}
haft in_process_declared|$h: live in $any; $at, a Declared at $h: \{number = 9\}
print in_process_stale|\\\$[0-9]+ = $h: stale in $any; $at, $now live at generation [0-9]+
print null|\\\$[0-9]+ = 0x0: null
print point|\\\$[0-9]+ = $h: (stale|never issued) in $any; $at, .*
print in_c|\\\$[0-9]+ = $h: live in $any; $at, a c\.object at $h
print/r in_c|\\\$[0-9]+ = [0-9]+
print in_c_pinned|\\\$[0-9]+ = $h: live in $any; $at, pinned 1, a c\.object at $h
print *(haft::internal::$abi::CTable*)c_table|\\\$[0-9]+ = haft::ObjectTable<haft::internal::AnyObject> of capacity 8, slots: 1 live, [0-9]+ free = \{\[$h\] = a c\.object at $h\}
haft c_table_handle c_table|$h: live in $any; $at, a c\.object at $h
haft in_c c_table|$h: never issued in $any; $at, that slot is untouched
haft in_c (haft_table*)0|$h: live in $any; $at, a c\.object at $h
haft in_c c_object|c_object is not a Haft table
haft no_such_name|No symbol \"no_such_name\" in current context\.
haft|usage: haft HANDLE \[TABLE\]
"
before='
print in_process|\$[0-9]+ = 0x0: null
haft 7|the process-wide table has not been created yet, or there are no debug symbols of process_table\.cc
'
destroying="
haft destroying widgets|$h: stale, destroying in $widgets, value: $(widget 16)
"

# ask EXPECTATIONS: their commands, as arguments of gdb, each after a line that numbers it.
ask() {
  local number=0 command
  arguments=()
  while IFS='|' read -r command _; do
    [[ -n $command ]] || continue
    number=$((number + 1))
    arguments+=(-ex "echo \\n@$number\\n" -ex "$command")
  done <<< "$1"
  arguments+=(-ex 'echo \n@end\n')
}

# judge EXPECTATIONS: compares them with the output of gdb in $work/said.
judge() {
  local number=0 command wanted said
  while IFS='|' read -r command wanted; do
    [[ -n $command ]] || continue
    number=$((number + 1))
    said=$(sed -n "/^@$number\$/,/^@/{/^@/d;p}" "$work/said" | sed '/^$/d')
    if [[ $said =~ ^($wanted)$ ]]; then
      passed=$((passed + 1))
    else
      failed=$((failed + 1))
      echo "FAILED  $where: $command"
      echo "        wanted: $wanted"
      echo "        said:   $said"
    fi
  done <<< "$1"
}

debug() {
  timeout 120 gdb -nx -batch -iex 'set debuginfod enabled off' -iex 'set environment HAFT_CAPACITY 64' "$@" \
    > "$work/all" 2>&1 < /dev/null || { tail -n 30 "$work/all"; return 1; }
}
# Extracts the answers to the commands of the last `ask`.
said() { sed -n '/^@1$/,/^@end$/p' "$work/all" > "$work/said"; }

source=(-ex "source $root/tools/gdb/haft.py")
for compiler in "${compilers[@]}"; do
  for level in -O0 -O2; do
    "$compiler" -std=c++17 -g "$level" -Wall -Wextra -Werror -Ilib -I. tests/gdb/program.cc lib/haft/internal/{process,diagnostics}/*.cc \
      -o "$work/program" -pthread

    where="$compiler $level, running"
    ask "$before"
    debug "${source[@]}" -ex 'break main' -ex run "${arguments[@]}" "$work/program"
    said
    judge "$before"
    ask "$ready"
    rm -f "$work/core"
    debug "${source[@]}" -ex 'break TablesAreReady' -ex run "${arguments[@]}" -ex "generate-core-file $work/core" "$work/program"
    said
    judge "$ready"
    ask "$destroying"
    debug "${source[@]}" -ex 'break AnObjectIsBeingDestroyed' -ex run "${arguments[@]}" "$work/program"
    said
    judge "$destroying"

    where="$compiler $level, core file"
    ask "$ready"
    debug "${source[@]}" "${arguments[@]}" "$work/program" "$work/core"
    said
    judge "$ready"
  done
done

# Loaded by gdb itself, from beside the program.
where='auto-load'
cp tools/gdb/haft.py "$work/program-gdb.py"
one='
print in_process|\$[0-9]+ = 0x[0-9a-f]+: live in .*
'
ask "$one"
debug -iex "add-auto-load-safe-path $work" "${arguments[@]}" "$work/program" "$work/core"
said
judge "$one"

# Another version of the ABI.
where='abi12'
cp -r lib "$work/lib"
sed -i 's/^#define HAFT_ABI abi[0-9]*$/#define HAFT_ABI abi12/' "$work/lib/haft/internal/base/abi.h"
"${compilers[0]}" -std=c++17 -g -O0 -I"$work/lib" -I. tests/gdb/program.cc "$work"/lib/haft/internal/{process,diagnostics}/*.cc \
  -o "$work/program" -pthread
abi12=${ready//$abi::/abi12::}
ask "$abi12"
debug "${source[@]}" -ex 'break TablesAreReady' -ex run "${arguments[@]}" "$work/program"
said
judge "$abi12"

if (( failed )); then
  echo "$passed passed, $failed failed"
  exit 1
fi
echo "$passed passed"
