#!/usr/bin/env bash
# What neither the compiler nor clang-format checks. Usage: tools/lint.sh [CHECKOUT]. Exit 1 with FILE:LINE: WHAT.
#   seam     only system_sync.h names what a checker must replace (docs/design.md)
#   order    a non-relaxed memory order has a label, as [S2], in a comment at most 6 lines above or on its line
#   label    a label is defined once (a comment line "// [S2] release: ..."), names only labels that exist, and is named
#            back from another label's comment block, or again from its own when it is its own partner
#   mutant   a label has a mutant in tests/model/mutants/*.txt (tools/mutants.py)
#   test     lib/haft/x.h has a tests/unit/x_test.cc, and lib/haft/internal/y/x.h a tests/unit/internal/y/x_test.cc
set -euo pipefail

root=${1:-$(cd "${BASH_SOURCE[0]%/*}/.." && pwd)}
cd "$root"

# Headers that need no test of their own: "NAME: reason", one a line.
untested='
internal/base/sync.h: the choice of a backend; every other test and model is built on it
internal/base/system_sync.h: aliases and one-line functions; every other test runs on them, and each backend replaces them
internal/base/abi.h: a name; sanitizer_test.cc and every link depend on it
haft.h: declarations; haft_test.cc tests what they declare
facility.h: includes process_table.h
internal/diagnostics/describe.h: diagnostics_test.cc tests it through haft.h
internal/diagnostics/leak_report.h: diagnostics_test.cc tests it through haft.h
internal/diagnostics/observed_calls.h: diagnostics_test.cc tests it through haft.h
internal/diagnostics/refusals.h: diagnostics_test.cc tests it through haft.h
'

mapfile -t sources < <(find lib/haft -type f \( -name '*.h' -o -name '*.cc' -o -name '*.c' -o -name '*.inc' \) | LC_ALL=C sort)
if (( ${#sources[@]} == 0 )); then
  echo "lint: no sources in $root/lib/haft" >&2
  exit 1
fi

seam() {
  local file
  for file in "${sources[@]}"; do
    [[ $file == lib/haft/internal/base/system_sync.h ]] && continue
    grep -nHoE '(^|[^A-Za-z0-9_])(std::atomic[A-Za-z0-9_]*|thread_local|mmap *\(|sched_getcpu|(__)?volatile|(std::)?atomic_thread_fence)' \
      "$file" | sed -E 's/^([^:]*:[0-9]+:)[^A-Za-z_]*(.*)/\1 seam: "\2" belongs in internal\/base\/system_sync.h/' || true
  done
}

orders() {
  awk '
    FNR == 1 { labelled = -100 }
    {
      code = $0; comment = ""
      if ((at = index($0, "//")) > 0) { code = substr($0, 1, at - 1); comment = substr($0, at) }
      if (comment ~ /\[[A-Z][0-9]+\]/) labelled = FNR
      if (code ~ /atomic_signal_fence/) next  # orders nothing between threads
      if (match(code, /memory_order(_|::)(acquire|release|acq_rel|seq_cst|consume)/) && FNR - labelled > 6)
        print FILENAME ":" FNR ": order: " substr(code, RSTART, RLENGTH) " without a label in the 6 lines above"
    }' "${sources[@]}"
}

labels() {
  awk '
    FNR == 1 { block = "" }
    {
      if (match($0, /^[ \t]*\/\/ \[[A-Z][0-9]+\] [^.:]*:/)) {
        block = $0
        sub(/^[ \t]*\/\/ \[/, "", block); sub(/\].*/, "", block)
        if (block in defined) print FILENAME ":" FNR ": label: [" block "] is defined already at " defined[block]
        else { defined[block] = FILENAME ":" FNR; order[++count] = block }
        rest = substr($0, RSTART + RLENGTH)
      } else if ($0 ~ /^[ \t]*\/\// && block != "") {
        rest = $0
      } else {
        block = ""
        next
      }
      while (match(rest, /\[[A-Z][0-9]+\]/)) {
        name = substr(rest, RSTART + 1, RLENGTH - 2)
        answered[name] = 1
        if (!(name in seen)) { seen[name] = FILENAME ":" FNR; mention[++mentions] = name }
        rest = substr(rest, RSTART + RLENGTH)
      }
    }
    END {
      for (i = 1; i <= count; ++i)
        if (!(order[i] in answered)) print defined[order[i]] ": label: nobody answers [" order[i] "]"
      for (i = 1; i <= mentions; ++i)
        if (!(mention[i] in defined)) print seen[mention[i]] ": label: [" mention[i] "] is not defined"
    }' "${sources[@]}"
}

mutants() {
  local mutated
  mutated=" $(cat tests/model/mutants/*.txt 2> /dev/null | sed -n 's/^label //p' | tr '\n' ' ') "
  grep -nHoE '^[[:space:]]*// \[[A-Z][0-9]+\] [^.:]*:' "${sources[@]}" | sed -E 's/^([^:]*:[0-9]+):.*\[([A-Z][0-9]+)\].*/\1 \2/' |
    while read -r place label; do
      [[ $mutated == *" $label "* ]] || echo "$place: mutant: no mutant of [$label]"
    done
}

tests() {
  local file name
  for file in "${sources[@]}"; do
    [[ $file == *.h ]] || continue
    name=${file#lib/haft/}
    [[ $untested == *$'\n'"$name: "* ]] && continue
    [[ -f tests/unit/${name%.h}_test.cc ]] || echo "$file:1: test: no tests/unit/${name%.h}_test.cc"
  done
}

found=$(seam; orders; labels; mutants; tests)
if [[ -n $found ]]; then
  printf '%s\n' "$found"
  exit 1
fi
