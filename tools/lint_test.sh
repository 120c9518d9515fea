#!/usr/bin/env bash
# Shows that lint.sh refuses what it says it refuses, and nothing else. Usage: tools/lint_test.sh
set -euo pipefail

lint=$(cd "${BASH_SOURCE[0]%/*}" && pwd)/lint.sh
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir -p "$tree/lib/haft/internal/"{base,table,process,diagnostics,attic} "$tree/tests/model/mutants" "$tree/tests/unit/internal/base"
printf 'label %s\n' 'S1 S2' none S3 > "$tree/tests/model/mutants/y.txt"
touch "$tree/tests/unit/x_test.cc" "$tree/tests/unit/internal/base/system_sync_test.cc"

failures=0
# expect REGEX|clean: the source on stdin, as x.h (or as $file), gives exactly one finding of the rules that matches, or none.
rules=(seam order label mutant test)
expect() {
  local file=${file:-x.h} output
  find "$tree/lib/haft" -type f -delete
  cat > "$tree/lib/haft/$file"
  output=$("$lint" "$tree" "${rules[@]}" 2>&1) && [[ $1 == clean && -z $output ]] && return
  [[ $1 != clean && $(wc -l <<< "$output") == 1 ]] && grep -qE -- "$1" <<< "$output" && return
  printf 'lint_test: wanted %s, got:\n%s\n' "$1" "${output:-(nothing)}"
  failures=$((failures + 1))
}

for word in 'std::atomic<int> a;' 'thread_local int a;' 'p = mmap(0);' 'sched_getcpu();' 'volatile int a;' \
  'std::atomic_ref<int> a;' 'atomic_thread_fence(o);' 'asm __volatile__("");' '// the std::atomic here'; do
  expect '^lib/haft/x.h:2: seam: ' <<< $'\n'"$word"
  file=internal/base/system_sync.h expect clean <<< "$word"
done
expect clean <<< 'int nonvolatile; int my_thread_local_count;  // std::memory_order_relaxed'

expect '^lib/haft/x.h:1: order: memory_order_acquire ' <<< 'a.load(std::memory_order_acquire);'
expect '^lib/haft/x.h:1: order: ' <<< 'a.load(std::memory_order::seq_cst);'
expect clean <<< 'a.load(std::memory_order_relaxed);  // never memory_order_acquire'
expect '^lib/haft/x.h:8: order: ' <<< $'// as [A1]\n\n\n\n\n\n\na.load(std::memory_order_acquire);'
expect clean <<< $'// as [A1]\n\n\n\n\n\na.load(std::memory_order_acquire);'
expect clean <<< 'a.load(std::memory_order_acquire);  // [A1]'

pair=$'// [S1] release: synchronises with [S2].\na.store(1, std::memory_order_release);\n'
expect clean <<< "$pair"$'// [S2] acquire: sees what\n// [S1] published.\n// It is [S1].\na.load(std::memory_order_acquire);'
expect clean <<< "$pair"$'// [S2] acquire: sees [S1].\na.load(std::memory_order_acquire);'
expect 'x.h:3: label: nobody answers \[S3\]' <<< "${pair//S2/S1}"$'// [S3] acquire: sees [S1].\na.load(std::memory_order_acquire);'
expect 'x.h:1: label: \[S2\] is not defined' <<< "${pair/release: /release: [S1] itself, }"
expect 'x.h:3: label: \[S1\] is defined already at lib/haft/x.h:1' <<< "${pair//S2/S1}${pair//S2/S1}"

expect 'x.h:3: mutant: no mutant of \[S4\]' <<< "${pair/S2/S4}"$'// [S4] acquire: sees [S1].\na.load(std::memory_order_acquire);'

file=internal/base/y.h expect '^lib/haft/internal/base/y.h:1: test: no tests/unit/internal/base/y_test.cc' <<< 'int y;'
file=internal/base/sync.h expect clean <<< 'int y;'
file=internal/base/abi.h expect clean <<< 'int y;'

rules=(words)
for word in What Who So By Of; do
  expect "^lib/haft/x.h:1: words: the file comment begins with \"$word\"" <<< "// $word is here."
  expect "^lib/haft/x.h:2: words: a sentence begins with \"$word\"" <<< $'\n'"  int x;  // $word is here."
  expect "^lib/haft/x.h:2: words: a sentence begins with \"$word\"" <<< $'\n'"// It is. $word is here."
done
expect '^lib/haft/x.h:1: words: the file comment' <<< '/* What is here. */'
mkdir -p "$tree/bindings"
for binding in x.go X.java x.rs x.js; do
  printf '%s\n' 'x' '/// It is. What is here.' > "$tree/bindings/$binding"
  expect "^bindings/$binding:2: words: a sentence begins with \"What\"" <<< 'int x;'
  rm "$tree/bindings/$binding"
done
expect clean <<< $'// It is what Who.h holds, by Ofelia.\n// "What" is a word, Sofia another. Somebody says so.\nint What, Who;'

rules=(public)
expect '^lib/haft/x.h:1: public: ' <<< 'int x;'
file=internal/base/x.h expect clean <<< 'int x;'
file=handle.h expect clean <<< 'int x;'

rules=(namespace)
file=handle.h expect clean <<< $'namespace haft {\ninline namespace HAFT_ABI {\n}\n}'
file=internal/base/x.h expect clean <<< $'namespace haft::internal {\ninline namespace HAFT_ABI {\n}\n}'
file=internal/base/x.h expect 'x.h:1: namespace: an internal header opens haft$' <<< $'namespace haft {\ninline namespace HAFT_ABI {\n}\n}'
file=handle.h expect 'handle.h:1: namespace: nothing is in' <<< 'int x;'
file=handle.h expect 'handle.h:4: namespace: no inline namespace HAFT_ABI follows' <<< $'namespace haft {\ninline namespace HAFT_ABI {\n}\nnamespace haft {\nint x;'
file=internal/base/abi.h expect clean <<< '#define HAFT_ABI v0'

rules=(layer)
file=internal/table/x.h expect clean <<< $'#include "haft/internal/base/y.h"\n#include "haft/internal/table/y.h"\n#include "haft/handle.h"'
file=internal/base/x.h expect '^lib/haft/internal/base/x.h:1: layer: base is below table$' <<< '#include "haft/internal/table/y.h"'
file=internal/process/x.h expect clean <<< '#include "haft/internal/diagnostics/y.h"'
file=internal/diagnostics/x.h expect clean <<< '#include "haft/internal/process/y.h"'
file=internal/attic/x.h expect ':1: layer: attic or base is not in the list' <<< '#include "haft/internal/base/y.h"'

if command -v g++ > /dev/null; then
  rules=(include)
  file=handle_table.h expect clean <<< $'#include <atomic>\n#include <cstdint>\n#include <optional>'
  for header in chrono algorithm bits/std_function.h; do
    file=handle_table.h expect '^lib/haft/handle_table.h:1: include: <bits/.*> is included' <<< "#include <$header>"
  done
  file=handle_table.h expect ':1: include: g\+\+ cannot preprocess it' <<< '#include "haft/missing.h"'
fi

# Without a rule it runs them all.
rules=()
printf '%s\n' '// What is here: std::atomic' 'a.load(std::memory_order_acquire);' '// [S4] acquire: sees [S5].' \
  '#include "haft/internal/table/y.h"' | tee "$tree/lib/haft/internal/base/y.h" > "$tree/lib/haft/q.h"
echo '#include <chrono>' > "$tree/lib/haft/handle_table.h"
found=$("$lint" "$tree" || true)
for rule in seam order label mutant test words public namespace layer include; do
  [[ $rule != include ]] || command -v g++ > /dev/null || continue
  grep -q ": $rule: " <<< "$found" || { echo "lint_test: $rule is not run"; failures=$((failures + 1)); }
done

(( failures == 0 )) || exit 1
echo 'lint_test: ok'
