# Sourced by test.sh and bench.sh: includes common.sh, finds node and its header, and defines how addons are compiled.

# shellcheck source=examples/common.sh
. ../../examples/common.sh
"$haft/tools/packages.sh" bindings_node || exit 77

# has_header FOLDER...: prints the first that has node_api.h.
has_header() {
  local each
  for each; do
    if [[ -e $each/node_api.h ]]; then
      (cd "$each" && pwd)
      return
    fi
  done
  return 1
}
# Debian's node has no header and no npm. Another node has both, and Debian's packages of these cannot be installed beside it.
if ! command -v node npm > /dev/null ||
  ! has_header "$(dirname "$(node -p process.execPath)")/../include/node" /usr/include/node > /dev/null; then
  "$haft/tools/packages.sh" bindings_node_debian || exit 77
fi
NODE_INCLUDE=$(has_header "$(dirname "$(node -p process.execPath)")/../include/node" /usr/include/node) ||
  { echo 'missing Debian package: libnode-dev'; exit 77; }
export NODE_INCLUDE

libraries=$(HAFT_LIBRARY_DIR=$library "$haft/examples/widget/build.sh" 2> "$out/log") || { tail -n 30 "$out/log" >&2; exit 1; }
flags=("${warnings[@]}" -fPIC -fvisibility=hidden -shared "-I$NODE_INCLUDE" "-I$haft/lib" "-I$haft/examples/widget" -Iinclude)
link=("-L$libraries" -lhaft -pthread "-Wl,-rpath,$libraries" -Wl,-z,nodelete)

# addon_c NAME SOURCE FLAGS..., addon_cc: compile an addon. It is linked with nodelete, because Node would unload it with the
# last worker that has loaded it, and the table still has its types.
addon_c() { cc -std=gnu11 -O2 "${flags[@]}" "$2" -o "$out/$1.node" "${@:3}" "${link[@]}"; }
addon_cc() { g++ -std=c++17 -O2 "${flags[@]}" "$2" -o "$out/$1.node" "${@:3}" "${link[@]}"; }
