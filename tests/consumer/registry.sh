#!/usr/bin/env bash
# Uses Haft as a module of Bazel 7 or later in each way that a project can name it, without a network and with the files of
# .bcr: from a registry, by archive_override, and by git_override. Builds what presubmit.yml says, and runs the tests of
# tests/consumer/module. Also draws the graph of Haft's own modules.
#   BAZEL=/usr/bin/bazel HAFT_OFFLINE=1 tests/consumer/registry.sh
set -euo pipefail

here=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
root=$(cd "$here/../.." && pwd)
work=$(mktemp -d)

bazel() { "$root/bazelw" --nohome_rc --bazelrc="$work/rc" --output_base="$work/output" "$@"; }
finish() {
  [[ ! -d $work/module ]] || (cd "$work/module" && bazel shutdown > /dev/null 2>&1) || true
  chmod -R u+w "$work"
  rm -rf "$work"
}
trap finish EXIT

version=$(sed -n 's/^    version = "\(.*\)",$/\1/p' "$root/MODULE.bazel")
[[ $version =~ ^[0-9]+(\.[0-9]+)+$ ]]

# What a release consists of: the archive and its checksum.
mkdir -p "$work/haft-$version" "$work/registry/modules/haft/$version"
(cd "$root" && find . -path ./.git -prune -o -path './bazel-*' -prune -o -type f -print0 | tar -c --null -T -) |
  tar -x -C "$work/haft-$version"
archive=$work/haft-$version.tar.gz
tar -czf "$archive" -C "$work" "haft-$version"
bytes=$(sha256sum "$archive" | cut -d ' ' -f 1 | sed 's/../\\x&/g')
integrity=sha256-$(printf '%b' "$bytes" | base64 -w 0)
git -C "$work/haft-$version" init --quiet
git -C "$work/haft-$version" add --all --force
git -C "$work/haft-$version" -c user.name=test -c user.email=test@localhost commit --quiet --message=release
commit=$(git -C "$work/haft-$version" rev-parse HEAD)

# The entry, as publishing makes it from the templates.
entry=$work/registry/modules/haft
cp "$root/MODULE.bazel" "$root/.bcr/presubmit.yml" "$entry/$version"
sed 's#"versions": \[\]#"versions": ["'"$version"'"]#' "$root/.bcr/metadata.template.json" > "$entry/metadata.json"
sed "s#\"url\": .*#\"url\": \"file://$archive\"#; s#{VERSION}#$version#; s#\"integrity\": \"\"#\"integrity\": \"$integrity\"#" \
  "$root/.bcr/source.template.json" > "$entry/$version/source.json"
echo '{}' > "$work/registry/bazel_registry.json"
grep -q "\"$version\"" "$entry/metadata.json"

mapfile -t targets < <(sed -n '/build_targets:/,/test_targets:/s/^ *- "\(.*\)"$/\1/p' "$root/.bcr/presubmit.yml")
(( ${#targets[@]} == 2 ))
grep -q 'module_path: "tests/consumer/module"' "$root/.bcr/presubmit.yml"

# use NAME [TARGET...]: builds the targets and tests the module, which names Haft by what is on stdin.
use() {
  local name=$1 options=(--jobs=2 --noshow_progress --show_result=0 '--ui_event_filters=-info,-warning' --symlink_prefix=/)
  shift
  rm -rf "$work/module"
  cp -r "$here/module" "$work/module"
  touch "$work/module/WORKSPACE.bzlmod"  # as in run.sh
  { sed '/^# registry.sh/,$d' "$here/module/MODULE.bazel"; cat; } > "$work/module/MODULE.bazel"
  cd "$work/module"
  bazel test "${options[@]}" --repository_cache= --nocache_test_results //... "$@" && echo "registry: the test module builds and runs $name"
}

offline="common:offline --registry=file://$root/tools/registry --lockfile_mode=off"
echo "common:offline --registry=file://$work/registry
$offline" > "$work/rc"
use 'from a registry' "${targets[@]}" < /dev/null
echo "$offline" > "$work/rc"
use 'by archive_override' << END
archive_override(
    module_name = "haft",
    integrity = "$integrity",
    strip_prefix = "haft-$version",
    urls = ["file://$archive"],
)
END
use 'by git_override' << END
git_override(
    module_name = "haft",
    commit = "$commit",
    remote = "file://$work/haft-$version",
)
END

# A changed archive is refused.
echo >> "$archive"
if use 'by a changed archive' > "$work/log" 2>&1 << END
archive_override(
    module_name = "haft",
    integrity = "$integrity",
    strip_prefix = "haft-$version",
    urls = ["file://$archive"],
)
END
then
  cat "$work/log"
  echo 'registry: an archive with another checksum is used' >&2
  exit 1
fi
grep -q 'Checksum was' "$work/log"
echo 'registry: an archive with another checksum is refused'

cd "$root"
graph=$("$root/bazelw" mod graph --noshow_progress 2> /dev/null)
[[ $graph == '<root> (haft@'"$version"')'*google_benchmark*rules_cc* ]]
"$root/bazelw" shutdown > /dev/null 2>&1 || true
echo 'registry: bazel mod graph works without a network'
