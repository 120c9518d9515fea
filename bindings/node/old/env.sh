# Sourced by test.sh and bench.sh: includes common.sh and builds the addons.

. ../common.sh
# Only what is missing is installed, because another node than Debian's has headers of its own, and libnode-dev cannot be
# installed beside it.
if ! command -v node > /dev/null || ! (needs libnode-dev node/node_api.h > /dev/null); then
  ../../tools/packages.sh examples_node || true
fi
command -v node > /dev/null || { echo 'missing Debian package: nodejs'; exit 77; }
needs libnode-dev node/node_api.h

libraries=$(HAFT_LIBRARY_DIR=$library ../widget/build.sh 2> "$out/log") || { tail -n 30 "$out/log" >&2; exit 1; }

# addon NAME FLAGS... SOURCES...: builds an addon. It is linked with nodelete, because Node would unload it with the last
# worker that has loaded it, and the table still has its type and its `destroy`.
addon() {
  g++ -std=c++17 "${warnings[@]}" -fPIC -fvisibility=hidden -shared -I"$libraries/../include" "${@:2}" -o "$out/$1.node" \
    -L"$libraries" -lwidget -lhaft -Wl,-rpath,"$libraries" -Wl,-z,nodelete
}
addon haft -O2 addon.cc environment.cc
addon raw -O2 raw.cc
