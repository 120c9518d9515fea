#!/usr/bin/env bash
# What neither the compiler nor clang-format checks. Usage: tools/lint.sh [CHECKOUT [RULE...]].
# Prints FILE:LINE: RULE: FINDING and exits with 1. The rules:
#   seam       only system_sync.h names what a checker must replace (docs/design.md)
#   order      a non-relaxed memory order has a label, as [S2], in a comment at most 6 lines above or on its line
#   label      a label is defined once (a comment line "// [S2] release: ..."), names only labels that exist, and is named
#              back from another label's comment block, or again from its own when it is its own partner
#   mutant     a label has a mutant in tests/model/mutants/*.txt (tools/mutants.py)
#   test       lib/haft/x.h has a tests/unit/x_test.cc, and lib/haft/internal/y/x.h a tests/unit/internal/y/x_test.cc
#   words      no file comment, and no sentence of a // comment in lib/haft, begins with What, Who, So, By or Of
#   public     lib/haft/*.h are the documented public headers and no others
#   namespace  every header has its code in `inline namespace HAFT_ABI`, those in lib/haft/internal within haft::internal
#   layer      includes between the folders of lib/haft/internal go down
#   include    handle_table.h includes no costly standard header, directly or not (where g++ is installed)
set -euo pipefail

root=${1:-$(cd "${BASH_SOURCE[0]%/*}/.." && pwd)}
cd "$root"

# Headers that need no test of their own: "NAME: reason", one a line.
untested='
internal/base/sync.h: the choice of a backend; every other test and model is built on it
internal/base/abi.h: a name; sanitizer_test.cc and every link depend on it
haft.h: declarations; haft_test.cc tests what they declare
facility.h: includes process_table.h
internal/diagnostics/describe.h: diagnostics_test.cc tests it through haft.h
internal/diagnostics/leak_report.h: diagnostics_test.cc tests it through haft.h
internal/diagnostics/observed_calls.h: diagnostics_test.cc tests it through haft.h
internal/diagnostics/refusals.h: diagnostics_test.cc tests it through haft.h
'

# The public headers.
public=' counted_reclamation facility global_free_list haft handle handle_layout handle_table hazard_reclamation
  magazine_free_list object_table pinned process_table read_scope status striped_free_list table_stats traits
  view '
public=${public//$'\n'/ }

# Headers without the inline namespace: "NAME: reason", one a line.
unversioned='
haft.h: C, and macros
view.h: C, and macros
facility.h: includes process_table.h
internal/base/abi.h: names it
internal/base/probes.h: macros
internal/base/sync.h: chooses a file
'

# The folders of lib/haft/internal, lowest first. The last two are one layer: the diagnostics report on the process-wide table,
# and the C functions of the process call the diagnostics.
layers='base=1 slot=2 thread=3 free_list=4 reclamation=5 table=6 process=7 diagnostics=7'

# Headers of libstdc++ that cost a user of handle_table.h more time to compile than the rest of it: those of <chrono>, <algorithm>
# and <functional>.
costly='bits/(chrono|stl_algo|std_function)\.h'

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

words() {
  local prose
  mapfile -t prose < <(find lib bench tests examples bindings -type f \( -name '*.h' -o -name '*.cc' -o -name '*.c' \
    -o -path 'bindings/*.go' -o -path 'bindings/*.java' -o -path 'bindings/*.rs' -o -path 'bindings/*.js' -o -path 'bindings/*.ts' \) \
    -not -path '*/node_modules/*' -not -path '*/target/*' 2> /dev/null | LC_ALL=C sort)
  awk '
    FNR == 1 && match($0, /^\/[\/*]+ (What|Who|So|By|Of) /) { print FILENAME ":1: words: the file comment begins with \"" word() "\""; next }
    FILENAME ~ /^(lib\/haft|bindings)\// && match($0, /(\/\/[\/!]?|\/\*\*) (.*[.?!] )?(What|Who|So|By|Of) /) {
      print FILENAME ":" FNR ": words: a sentence begins with \"" word() "\""
    }
    function word(    text) { text = substr($0, RSTART, RLENGTH - 1); sub(/.* /, "", text); return text }' "${prose[@]}"
}

public() {
  local file name
  for file in "${sources[@]}"; do
    name=${file#lib/haft/}
    [[ $name == *.h && $name != */* && $public != *" ${name%.h} "* ]] || continue
    echo "$file:1: public: not a public header of the list in tools/lint.sh; does it belong in internal?"
  done
}

namespaces() {
  local file name
  for file in "${sources[@]}"; do
    name=${file#lib/haft/}
    [[ $name == *.h && $unversioned != *$'\n'"$name: "* ]] || continue
    awk -v internal="$([[ $name == internal/* ]] && echo 1)" '
      /^namespace haft(::internal)?(::[a-z_]+)* \{$/ {
        opened = FNR
        if (internal && $2 !~ /^haft::internal/) print FILENAME ":" FNR ": namespace: an internal header opens " $2
        next
      }
      opened && FNR == opened + 1 {
        if (/^inline namespace HAFT_ABI \{$/) versioned = 1
        else if (!/^(class|struct|template)[^{]*;$/) print FILENAME ":" opened ": namespace: no inline namespace HAFT_ABI follows"
      }
      END { if (!versioned) print FILENAME ":1: namespace: nothing is in inline namespace HAFT_ABI" }' "$file"
  done
}

layers() {
  local place header from to
  while IFS=' ' read -r place header; do
    from=${place#lib/haft/internal/}
    from=${from%%/*} to=${header%%/*}
    if [[ " $layers" != *" $from="* || " $layers" != *" $to="* ]]; then
      echo "$place layer: $from or $to is not in the list of layers in tools/lint.sh"
    elif (( $(layer "$to") > $(layer "$from") )); then
      echo "$place layer: $from is below $to"
    fi
  done < <(grep -nH '^#include "haft/internal/' "${sources[@]}" | sed -nE 's#^(lib/haft/internal/[^:]*:[0-9]+:)\#include "haft/internal/([^"]*)".*#\1 \2#p')
}
layer() {
  local rest=" $layers"
  rest=${rest#*" $1="}
  echo "${rest%% *}"
}

includes() {
  local place=lib/haft/handle_table.h headers header
  [[ -f $place ]] && command -v g++ > /dev/null || return 0
  headers=$(g++ -std=c++17 -Ilib -M -x c++ "$place" 2> /dev/null) || { echo "$place:1: include: g++ cannot preprocess it"; return 0; }
  { grep -oE "$costly" <<< "$headers" || true; } | LC_ALL=C sort -u | while read -r header; do
    echo "$place:1: include: <$header> is included, directly or by another header"
  done
}

rules=("${@:2}")
(( ${#rules[@]} )) || rules=(seam order label mutant test words public namespace layer include)
found=$(for rule in "${rules[@]}"; do
  case $rule in
    order | label | mutant | test | namespace | layer | include) "${rule}s" ;;
    *) "$rule" ;;
  esac
done)
if [[ -n $found ]]; then
  printf '%s\n' "$found"
  exit 1
fi
