#!/usr/bin/env bash
# Makes sure that the Debian packages of the named sections of packages.txt are installed.
#   tools/packages.sh SECTION...
# Root: installs what is missing. Anybody else: names it on stderr, exit 1. Nothing is printed when all is there.
set -euo pipefail

here=${BASH_SOURCE[0]%/*}

wanted=()
declare -A least=()
section=
while read -r word _; do
  case $word in
    '' | '#'*) ;;
    '['*']') section=${word:1:-1} ;;
    *)
      [[ " $* " == *" $section "* ]] || continue
      package=${word%%'>='*}
      wanted+=("$package")
      [[ $word == "$package" ]] || least[$package]=${word#*'>='}
      ;;
  esac
done < "$here/packages.txt"

if ! command -v dpkg-query > /dev/null; then
  echo "$0: not a Debian system; wanted, under Debian's names: ${wanted[*]}" >&2
  exit 1
fi

# is_enough PACKAGE VERSION: whether that is a version ('' and '(none)' are not), and not too old.
is_enough() { [[ $2 == [0-9]* ]] && dpkg --compare-versions "$2" ge "${least[$1]:-0}"; }

declare -A installed=()
while read -r package version status; do
  [[ $status != installed ]] || installed[$package]=$version
  # It fails when it knows none by that name: that is an answer here, not an error.
done < <(dpkg-query --show --showformat '${Package} ${Version} ${db:Status-Status}\n' "${wanted[@]}" 2> /dev/null || true)
missing=()
for package in "${wanted[@]}"; do
  is_enough "$package" "${installed[$package]:-}" || missing+=("$package")
done
(( ${#missing[@]} )) || exit 0

if (( EUID != 0 )); then
  echo "missing Debian packages: ${missing[*]}" >&2
  echo "as root: apt-get install --no-install-recommends ${missing[*]}" >&2
  for package in "${missing[@]}"; do
    [[ -z ${least[$package]:-} ]] || echo "$package from version ${least[$package]} on, where need be from backports" >&2
  done
  exit 1
fi

echo "installing Debian packages: ${missing[*]}" >&2
log=$(mktemp)
sources=$(mktemp --suffix=.list)
trap 'rm -f "$log" "$sources"' EXIT
export DEBIAN_FRONTEND=noninteractive
quiet_apt() { apt-get -o DPkg::Lock::Timeout=300 -o Dir::Etc::SourceList="$sources" -qq "$@" < /dev/null >> "$log" 2>&1; }

cat /etc/apt/sources.list > "$sources" 2> /dev/null || true
# A failed update may leave lists that are good enough; the install decides.
quiet_apt update || true

# What this release has too old its backports may have: used for that package only, and not kept as a source.
backports=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)-backports
for i in "${!missing[@]}"; do
  package=${missing[i]}
  [[ -n ${least[$package]:-} ]] || continue
  candidate=$(apt-cache policy "$package" | awk '$1 == "Candidate:" { print $2 }')
  is_enough "$package" "$candidate" || missing[i]=$package/$backports
done
if [[ ${missing[*]} == */* ]]; then
  # They are on the same mirror.
  # shellcheck disable=SC2016  # apt's own variables
  mirror=$(apt-get indextargets --format '$(CODENAME) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
    awk -v main="${backports%-backports} main" '!found && $1 " " $2 == main { found = 1; print $3 }')
  echo "deb $mirror $backports main" >> "$sources"
  quiet_apt update || true
fi

if ! quiet_apt -y --no-install-recommends install "${missing[@]}"; then
  tail -n 30 "$log" >&2
  echo "could not install: ${missing[*]}" >&2
  exit 1
fi
