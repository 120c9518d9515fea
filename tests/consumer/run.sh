#!/usr/bin/env bash
# Builds and runs a program in a workspace that knows Haft only as @haft. Arguments go to `bazel run` (`--jobs=1`).
# Its own output base: the outer checkout's Bazel server is not disturbed.
set -euo pipefail

here=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
root=$(cd "$here/../.." && pwd)

key=$(cksum <<< "$here")
base=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/haft/consumer-${key%% *}
mkdir -p "$base"

cd "$here/workspace"
bazel=("$root/bazelw" "--output_base=$base")
trap '"${bazel[@]}" shutdown > /dev/null 2>&1 || true' EXIT
"${bazel[@]}" run --noshow_progress --show_result=0 --ui_event_filters=-info --symlink_prefix=/ "$@" //:main
echo "consumer: ok"
