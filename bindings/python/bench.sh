#!/usr/bin/env bash
# Measures the package as it is built for users.
cd "${BASH_SOURCE[0]%/*}"
. ../../examples/common.sh
"$haft/tools/packages.sh" bindings_python || exit 77
mkdir -p "$out/tree/bindings" "$out/site"
cp -r . "$out/tree/bindings/python"
ln -s "$haft/lib" "$out/tree/lib"
(cd "$out/tree/bindings/python" &&
  HAFT_LIBRARY_DIR=$library /usr/bin/python3 -m pip wheel -q --no-deps --no-build-isolation -w "$out/dist" .)
/usr/bin/python3 -m zipfile -e "$out"/dist/haft-*.whl "$out/site"
PYTHONPATH=$out/site PYTHONDONTWRITEBYTECODE=1 HAFT_PYTHON=extension /usr/bin/python3 bench.py "$@"
