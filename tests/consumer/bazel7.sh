#!/usr/bin/env bash
# Uses Haft with Bazel 7 or later, which Debian 12 does not have: unpacks that of Debian's unstable release into a temporary
# folder and runs it there with that as its root folder, without a network and as root. Checks that
#   - every package loads when Bazel's native rules are switched off, as they are in Bazel 9
#   - tests/consumer/run.sh passes (README.md's MODULE.bazel)
#   - //:install installs
#   - tests/consumer/registry.sh passes (the entry for the central registry, archive_override and git_override)
set -euo pipefail

root=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)

if [[ ${1:-} != --inside ]]; then
  (( EUID == 0 )) || { echo "$0: must be run as root" >&2; exit 1; }
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT

  # An apt of its own, which knows that release and has nothing installed.
  # shellcheck disable=SC2016  # apt's own variables
  mirror=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT)' 'Created-By: Packages' |
    awk -v codename="$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)" '!found && $2 == codename && $3 == "main" { found = 1; print $1 }')
  [[ -n $mirror ]] || { echo "$0: apt knows no Debian mirror; apt-get update may help" >&2; exit 1; }
  mkdir -p "$work"/apt/{lists,archives}/partial "$work/packages" "$work/sid"
  touch "$work/apt/status"
  echo "deb $mirror sid main" > "$work/apt/sources.list"
  cat > "$work/apt/apt.conf" << END
Dir::Etc::SourceList "$work/apt/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::State "$work/apt";
Dir::State::status "$work/apt/status";
Dir::Cache "$work/apt";
APT::Sandbox::User "root";
END
  export APT_CONFIG=$work/apt/apt.conf
  apt-get -qq update
  # Of the JDK only the run time: its compiler is 350 MB, and Bazel starts without it.
  mapfile -t packages < <(apt-get -s -qq --no-install-recommends install bazel-bootstrap git mawk nlohmann-json3-dev '?essential' |
    awk '$1 == "Inst" && $2 !~ /^openjdk-[0-9]+-jdk-headless/ { print $2 }')
  (( ${#packages[@]} > 100 )) || { echo "$0: apt finds no bazel-bootstrap" >&2; exit 1; }
  (cd "$work/packages" && apt-get -qq download "${packages[@]}")
  unset APT_CONFIG

  # Unpacked, not installed: base-files first, whose links /bin and /lib the others follow.
  sid=$work/sid
  unpack() { dpkg-deb --fsys-tarfile "$1" | tar -x --keep-directory-symlink -C "$sid"; }
  export sid
  export -f unpack
  unpack "$work"/packages/base-files_*
  # shellcheck disable=SC2016  # the inner shell's variables
  printf '%s\0' "$work"/packages/*.deb | xargs -0 -n 1 -P "$(nproc)" bash -c 'unpack "$0"'
  rm -rf "$work/packages"
  for device in 'null 1 3' 'zero 1 5' 'random 1 8' 'urandom 1 9'; do
    read -r name major minor <<< "$device"
    mknod -m 666 "$sid/dev/$name" c "$major" "$minor"
  done
  ln -s /proc/self/fd/0 "$sid/dev/stdin"
  ln -s /proc/self/fd "$sid/dev/fd"

  mkdir "$sid/haft"
  (cd "$root" && git ls-files -z | xargs -0 ls -d 2> /dev/null | tar -c -T -) | tar -x -C "$sid/haft"

  # A process namespace of its own ends what Bazel leaves running.
  # shellcheck disable=SC2016  # the inner shell's variables
  unshare --mount --pid --fork --propagation private bash -c 'set -euo pipefail
    mount -t proc proc "$1/proc"
    exec chroot "$1" /usr/bin/env -i PATH=/usr/sbin:/usr/bin HOME=/root USER=root LANG=C.UTF-8 HAFT_OFFLINE=1 \
      BAZEL=/usr/bin/bazel bash /haft/tests/consumer/bazel7.sh --inside' bazel7 "$sid"
  exit
fi

ldconfig
update-alternatives --quiet --install /usr/bin/awk awk /usr/bin/mawk 1
cd "$root"
echo 'startup --server_javabase=/usr/lib/jvm/default-java' >> /etc/bazel.bazelrc
trap './bazelw shutdown > /dev/null 2>&1 || true' EXIT
"$BAZEL" --version

# An empty list of rules to be loaded by themselves is what Bazel 9 has.
loaded=$(./bazelw query --noshow_progress --incompatible_autoload_externally= //... | wc -l)
(( loaded > 50 )) || { echo "bazel7: only $loaded targets" >&2; exit 1; }
echo "bazel7: all $loaded targets load without native rules"

tests/consumer/run.sh --jobs=2

./bazelw run --jobs=2 --noshow_progress --show_result=0 --ui_event_filters=-info -c opt //:install -- --prefix=/opt/haft > /dev/null
[[ -f /opt/haft/include/haft/haft.h && -f /opt/haft/lib/libhaft.so ]] || { echo 'bazel7: //:install has installed nothing' >&2; exit 1; }
echo 'bazel7: //:install installs'

tests/consumer/registry.sh
