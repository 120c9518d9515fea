#!/usr/bin/env bash
# Packs the package as README.md says, installs it into a clean folder, and tests it there: as it is, with the ways that take over
# where JavaScript cannot see or store to the table, while diagnostics watch, and under a sanitizer. Then come types, lints and
# documents. Core tests need no network; those that need programs from npm are skipped if it does not answer.
cd "${BASH_SOURCE[0]%/*}" || exit
# shellcheck source=bindings/node/env.sh
. ./env.sh
here=$PWD
export npm_config_audit=false npm_config_fund=false npm_config_update_notifier=false npm_config_loglevel=error
unset HAFT_DIAGNOSE HAFT_BUILD HAFT_LINK HAFT_ADDON_DIR HAFT_NODE_STORES HAFT_NODE_MEMORY HAFT_PREBUILD NODE_OPTIONS NODE_PATH

skip() { echo "--  $1"; }
# block NAME: prints the code of README.md that the comment with this name is before.
block() {
  awk -v mark="<!-- test: $1 -->" '$0 == mark { on = 1; next } on && /^```/ { if (inside) exit; inside = 1; next } inside' README.md
}

# --- The package, as README.md says ---

mkdir -p "$out/clean/bindings" "$out/app" "$out/source"
cp -r "$here" "$out/clean/bindings/node"
rm -rf "$out/clean/bindings/node"/{LICENSE,build,deps,prebuilds,docs,*.tgz}
cp -r "$haft/lib" "$haft/LICENSE" "$out/clean"
tarball=$out/clean/bindings/node/haft-0.1.0.tgz

packed() {
  block pack > "$out/pack.sh"
  (cd "$out/clean" && HAFT_LIBRARY_DIR=$library bash -euo pipefail "$out/pack.sh") && [[ -s $tarball ]]
}
proves 'npm pack, as README.md says' packed
[[ -s $tarball ]] || finish
what_is_inside() {
  tar -tzf "$tarball" | grep -v '^package/deps/haft/' | sort | tee "$out/list" &&
    diff - "$out/list" << 'LIST'
package/LICENSE
package/README.md
package/include/haft_node.h
package/lib/errors.js
package/lib/handle.js
package/lib/index.d.ts
package/lib/index.js
package/lib/native.js
package/lib/table.js
package/package.json
package/prebuilds/linux-x64/haft.node
package/prebuilds/linux-x64/libhaft.so.0
package/scripts/build.sh
package/scripts/install.js
package/src/addon.c
LIST
}
proves 'what is in the tarball' what_is_inside

installed() {
  cp "$tarball" "$out/app" && echo '{ "name": "app", "private": true }' > "$out/app/package.json"
  block install > "$out/install.sh"
  block first.js > "$out/app/first.js"
  (cd "$out/app" && npm_config_offline=true bash -euo pipefail "$out/install.sh") &&
    [[ ! -e $out/app/node_modules/haft/build ]] &&
    [[ $(cd "$out/app" && node first.js | tee /dev/stderr) == $'an object\nHAFT_STALE true' ]]
}
proves 'npm install of the tarball, and a first handle, as README.md says' installed
[[ -e $out/app/node_modules/haft ]] || finish
modules() {
  cat > "$out/app/first.mjs" << 'END'
import haft, { Handle, StaleHandleError } from 'haft';
const handle = new Handle('imported');
console.log(handle.value(), haft.libraryVersion, typeof StaleHandleError);
END
  [[ $(cd "$out/app" && node first.mjs | tee /dev/stderr) == 'imported 0.1.0 function' ]]
}
proves 'it can be imported as a module' modules

# --- Tests ---

addon_c natives tests/natives.c
addon_c sorting examples/sorting/addon.c
addon_cc widget examples/widget/addon.cc -lwidget
addon_cc raw bench/raw.cc
export TEST_ADDONS=$out WIDGET_ADDON=$out/widget.node SORTING_ADDON=$out/sorting.node RAW_ADDON=$out/raw.node
mkdir "$out/app/tests"
cp tests/*.js bench/bench.js examples/*/*.js "$out/app/tests"
cd "$out/app" || exit

# suite WHAT VARIABLE=VALUE... -- FILE...: runs test files, and adds their tests to the count. The limit is for a test that hangs:
# a busy machine takes many times the usual seconds.
suite() {
  local what=$1 status=0 settings=() count file failed_files=() all=0
  shift
  while [[ $1 != -- ]]; do
    settings+=("$1")
    shift
  done
  shift
  : > "$out/all"
  for file; do
    status=0
    timeout 900 env "${settings[@]}" node --expose-gc --test-reporter=tap "tests/$file.test.js" > "$out/log" 2>&1 || status=$?
    count=$(grep -c '^ok ' "$out/log") || count=0
    if (( status || count == 0 )) || grep -q '^not ok' "$out/log"; then
      failed_files+=("$file")
      { grep -A 30 '^not ok' "$out/log" || cat "$out/log"; } >> "$out/all"
    fi
    all=$((all + count))
  done
  cp "$out/all" "$out/log"
  if (( ${#failed_files[@]} )); then
    note FAILED "$what: ${failed_files[*]}"
  else
    note ok "$what: $all tests"
    passed=$((passed + all - 1))
  fi
}
all=(handle resource worker widget sorting)
suite "all, Node $(node --version)" -- "${all[@]}"
suite 'handles are made by calls' HAFT_NODE_STORES=0 -- handle resource worker
suite 'the memory of the table is not seen' HAFT_NODE_MEMORY=0 -- handle resource worker
suite 'while diagnostics watch' HAFT_DIAGNOSE=sites -- handle worker
by_itself() { [[ $(node tests/sorting.js | tee /dev/stderr) == $'30 20 10\ntoo late' ]]; }
proves 'the example sorting by itself' by_itself
holds 'the benchmark runs' node --expose-gc tests/bench.js 1

# --- Another library than that of the headers ---

cp -r node_modules/haft/prebuilds/linux-x64 "$out/other"
{
  nm -D --defined-only "$library/libhaft.so.0" | sed -n 's/.* T \(haft_[a-z_]*\)@.*/\1/p' | grep -vx haft_version |
    sed 's/.*/void &(void) {}/'
  echo 'int haft_version(void) { return 20304; }'
} > "$out/other.c"
cc -shared -fPIC -Wl,-soname,libhaft.so.0 "-Wl,--version-script=$haft/lib/haft/internal/process/haft.lds" "$out/other.c" \
  -o "$out/other/libhaft.so.0"
shows 'a library of another version is refused' 'has version 2.3.4, and this package was built for 0.1.0' \
  env "HAFT_ADDON_DIR=$out/other" node -e "require('haft')"
echo 'int haft_table_view(void *t, unsigned a, void *v) { (void)t, (void)a, (void)v; return 10; }' > "$out/no_view.c"
cc -shared -fPIC "$out/no_view.c" -o "$out/no_view.so"
shows 'a library with another view is refused' 'InvalidArgumentError.*haft_table_view' \
  env "LD_PRELOAD=$out/no_view.so" node -e "require('haft').create(1)"
shows 'an installation without the addon says what to do' 'npm rebuild haft' \
  bash -c "cp -r node_modules/haft/lib $out/bare && node -e \"require('$out/bare')\""

# --- From the sources ---

from_source() {
  (cd "$out/source" && echo '{ "name": "source", "private": true }' > package.json &&
    HAFT_BUILD=source npm_config_offline=true npm install "$tarball" && cp -r "$out/app/tests" .) &&
    [[ -s $out/source/node_modules/haft/build/libhaft.so.0 ]] &&
    (cd "$out/source" && node --expose-gc tests/resource.test.js)
}
proves 'npm install from the sources, with a compiler and no network' from_source

# --- Sanitizers ---

sanitizer=("LD_PRELOAD=$(g++ -print-file-name=libasan.so)" "HAFT_ADDON_DIR=$out/sanitized")
(cd "$here" && HAFT_LIBRARY_DIR=$library CFLAGS="${sanitized[*]} -Werror" scripts/build.sh "$out/sanitized") > "$out/log" 2>&1 ||
  note FAILED 'the addon, sanitized, is built'
suite 'sanitized' "${sanitizer[@]}" -- "${all[@]}"
suite 'sanitized, the memory of the table is not seen' "${sanitizer[@]}" HAFT_NODE_MEMORY=0 -- handle resource worker
(cd "$here" && g++ -std=c++17 "${sanitized[@]}" "${flags[@]}" bench/raw.cc -o "$out/raw_sanitized.node")
raw=(env "${sanitizer[@]}" "RAW_ADDON=$out/raw_sanitized.node")
shows 'pointer: an object is used after its end' heap-use-after-free "${raw[@]}" node tests/bug.js closed
shows 'pointer: a listener is collected while C has it' heap-use-after-free "${raw[@]}" node --expose-gc tests/bug.js collected
shows 'pointer: a listener is called when its worker has ended' heap-use-after-free "${raw[@]}" node tests/bug.js worker

# --- Types, lints, documents ---

tools=(typescript@5.9.3 @types/node@20.19.25 eslint@9.39.1 @eslint/js@9.39.1 typedoc@0.28.14)
folder=$haft/.cache/bindings/node-$(printf '%s\n' "${tools[@]}" | sha256sum | cut -c 1-12)
if [[ ! -e $folder/done ]]; then
  mkdir -p "$folder"
  if timeout 240 npm install --no-save --ignore-scripts --no-package-lock --prefix "$folder" "${tools[@]}" > "$out/log" 2>&1; then
    touch "$folder/done"
  fi
fi
if [[ -e $folder/done ]]; then
  cp -r "$here/tests/types" "$out/app/types"
  holds 'types: tsc --strict, a program' node "$folder/node_modules/typescript/bin/tsc" -p "$out/app/types"
  ln -s "$folder/node_modules" "$out/clean/bindings/node/node_modules"
  cd "$out/clean/bindings/node" || exit
  holds 'lint: eslint' node node_modules/eslint/bin/eslint.js --max-warnings 0 lib scripts tests examples bench eslint.config.js
  documented() {
    node node_modules/typedoc/bin/typedoc --out "$out/docs" &&
      [[ -s $out/docs/classes/Resource.html && -s $out/docs/functions/create.html ]]
  }
  proves 'documents: typedoc, without a warning' documented
else
  skip "types, lints and documents, because npm does not answer for ${tools[*]}"
fi
finish
