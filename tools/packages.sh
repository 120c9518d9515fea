#!/usr/bin/env bash
# Makes sure that the Debian packages of the named sections of packages.txt are installed.
#   tools/packages.sh SECTION...
# Root: installs what is missing. Anybody else: names it on stderr, exit 1. Nothing is printed when all is there.
set -euo pipefail

here=${BASH_SOURCE[0]%/*}

wanted=()
section=
while read -r word _; do
  case $word in
    '' | '#'*) ;;
    '['*']') section=${word:1:-1} ;;
    *) [[ " $* " == *" $section "* ]] && wanted+=("$word") ;;
  esac
done < "$here/packages.txt"

if ! command -v dpkg-query > /dev/null; then
  echo "$0: not a Debian system; wanted, under Debian's names: ${wanted[*]}" >&2
  exit 1
fi

# dpkg-query fails when it knows none by that name: that is an answer here, not an error.
have=" $(dpkg-query --show --showformat '${db:Status-Status}=${Package} ' "${wanted[@]}" 2> /dev/null || true)"
missing=()
for package in "${wanted[@]}"; do
  [[ $have == *" installed=$package "* ]] || missing+=("$package")
done
(( ${#missing[@]} )) || exit 0

if (( EUID != 0 )); then
  echo "missing Debian packages: ${missing[*]}" >&2
  echo "as root: apt-get install --no-install-recommends ${missing[*]}" >&2
  exit 1
fi

echo "installing Debian packages: ${missing[*]}" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
wait_for_lock=(-o DPkg::Lock::Timeout=300)
# A failed update may leave lists that are good enough; the install decides.
apt-get "${wait_for_lock[@]}" -qq update < /dev/null > "$log" 2>&1 || true
if ! apt-get "${wait_for_lock[@]}" -qq -y --no-install-recommends install "${missing[@]}" < /dev/null >> "$log" 2>&1; then
  tail -n 30 "$log" >&2
  echo "could not install: ${missing[*]}" >&2
  exit 1
fi
