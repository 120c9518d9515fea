#!/usr/bin/env bash
# Uses Haft from workspaces of other projects, in a temporary folder outside this checkout:
#   readme     exactly the files that README.md shows, and its C++ example
#   workspace  the folder of that name: every public target, a C program, a C++ program and an arm of the study, without any
#              option for Bazel
# Both name Haft by the path ../haft, a link to this checkout. Bazel 7 and later get MODULE.bazel and no WORKSPACE, older ones
# the opposite.
#   tests/consumer/run.sh [OPTION...]    options go to each `bazel build` and `bazel run` (--jobs=1)
set -euo pipefail

here=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
root=$(cd "$here/../.." && pwd)
work=$(mktemp -d)
options=(--noshow_progress --show_result=0 --ui_event_filters=-info --symlink_prefix=/ "$@")

finish() {
  local folder
  for folder in "$work"/{readme,workspace}; do
    [[ ! -d $folder ]] || (cd "$folder" && bazel shutdown > /dev/null 2>&1) || true
  done
  rm -rf "$work"
}
trap finish EXIT

# bazel COMMAND ARGUMENT...: for the workspace in the current folder. Only the workspace and the system set options in files,
# except for the registry that stands for the network if HAFT_OFFLINE=1.
echo "common:offline --registry=file://$root/tools/registry --lockfile_mode=off" > "$work/offline.bazelrc"
bazel() {
  "$root/bazelw" --nohome_rc --bazelrc="$work/offline.bazelrc" --output_base="$work/output-${PWD##*/}" "$@"
}

version=$("$root/bazelw" --version)  # "bazel 7.7.1"; Debian's 4.2.3 says "bazel no_version"
version=${version##* }
major=${version%%.*}
[[ $major =~ ^[0-9]+$ ]] || major=4
if (( major >= 7 )); then recipe=MODULE.bazel; else recipe=WORKSPACE; fi

# block FILE: the block of README.md whose first line is "# FILE", or for example.cc the first one of C++.
block() {
  awk -v file="$1" '
    /^```/ && !inside { inside = 1; first = 1; cpp = $0 == "```cpp"; next }
    /^```/ { if (wanted) exit; inside = 0; wanted = 0; next }
    inside && first { first = 0; wanted = file == "example.cc" ? cpp : $1 == "#" && ($2 == file || $2 == file ",") }
    inside && wanted { print }' "$root/README.md"
}

# new_workspace FOLDER
new_workspace() {
  mkdir "$work/$1"
  # Bazel 7 would look on the network for what is in the WORKSPACE that it imagines beside MODULE.bazel.
  if (( major >= 7 )) && [[ ${HAFT_OFFLINE:-} == 1 ]]; then touch "$work/$1/WORKSPACE.bzlmod"; fi
}

ln -s "$root" "$work/haft"

new_workspace readme
files=("$recipe" BUILD.bazel example.cc)
(( major >= 7 )) || files+=(.bazelrc)  # README.md asks for it before Bazel 7 only
for file in "${files[@]}"; do
  block "$file" > "$work/readme/$file"
  [[ -s $work/readme/$file ]] || { echo "consumer: README.md has no block for $file" >&2; exit 1; }
done
cd "$work/readme"
bazel run "${options[@]}" //:example
echo "consumer: README.md's example runs from README.md's $recipe"

new_workspace workspace
cp "$here/workspace/"{BUILD.bazel,main.cc,my_table.h,mine.cc,mine.toml} "$here/workspace/$recipe" "$here/c/smoke.c" "$work/workspace"
cd "$work/workspace"
bazel build "${options[@]}" @haft//lib/haft:all @haft//:haft
bazel run "${options[@]}" //:smoke
bazel run "${options[@]}" //:main
echo 'consumer: every public target builds, and C and C++ programs run, without an option for Bazel'

# worker REQUEST TEXT: the arm of the workspace gives an answer in which the text is.
worker() {
  local answer
  answer=$(bazel run "${options[@]}" //:mine <<< "$1")
  [[ $answer == *"$2"* ]] || { echo "consumer: the arm answers $answer" >&2; return 1; }
}
worker '{"protocol": 1, "mode": "describe"}' '"name":"mine"'
worker "$(< "$here/workspace/request.json")" '"status":"ok"'
echo 'consumer: a table of the workspace is an arm of the study'
