#!/usr/bin/env bash
# Run by npm pack: puts the sources of the library into deps, the licence and the addon for this machine into the package.
# HAFT_PREBUILD=0 makes a package of sources only.
set -euo pipefail

cd "${BASH_SOURCE[0]%/*}/.."
rm -rf deps prebuilds
mkdir deps
(cd ../../lib && find haft -name '*.h' -o -name '*.cc' -o -name '*.lds') | while read -r file; do
  install -D -m 644 "../../lib/$file" "deps/$file"
done
cp -f ../../LICENSE LICENSE
[[ ${HAFT_PREBUILD:-1} == 0 ]] || scripts/build.sh "prebuilds/$(node -p 'process.platform + "-" + process.arch')"
