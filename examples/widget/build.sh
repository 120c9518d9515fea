#!/usr/bin/env bash
# Builds libhaft.so and libwidget.so, which the bindings use. Prints their folder, which has include/ beside it.
#   examples/widget/build.sh
set -euo pipefail

here=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
root=$(cd "$here/../.." && pwd)
out=$root/.cache/examples
mkdir -p "$out/lib" "$out/include/haft/internal/base"
exec 3>&1 1>&2
exec 9> "$out/lock" && flock 9  # one at a time

# run.sh builds it once for all examples.
library=${HAFT_LIBRARY_DIR:-$root/bazel-bin}/libhaft.so
if [[ -z ${HAFT_LIBRARY_DIR:-} ]]; then
  (cd "$root" && ./bazelw build -c opt --jobs=2 --noshow_progress --show_result=0 //:libhaft.so) 3>&- 9>&-
fi
install -m 755 "$library" "$out/lib/libhaft.so.0"
ln -sf libhaft.so.0 "$out/lib/libhaft.so"
install -m 644 "$root"/lib/haft/{haft,process_table,facility,handle,status}.h "$out/include/haft"
install -m 644 "$root/lib/haft/internal/base/abi.h" "$out/include/haft/internal/base"
install -m 644 "$here/widget.h" "$out/include"

# shellcheck disable=SC2016  # $ORIGIN is the dynamic linker's
g++ -std=c++17 -O2 -g -Wall -Wextra -Werror -fPIC -pthread -shared \
  -I"$out/include" "$here/widget.cc" -o "$out/lib/libwidget.so" \
  -L"$out/lib" -lhaft -Wl,-rpath,'$ORIGIN' -Wl,-z,defs -Wl,-z,nodelete

echo "$out/lib" >&3
