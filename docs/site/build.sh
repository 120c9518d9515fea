#!/usr/bin/env bash
# Makes the site: the guides and the API reference, with search, as files that need no server.
#   ./bazelw run //docs:site [-- --out=DIR]     DIR: haft-site below the current folder, unless given
# Any warning of Doxygen or Sphinx is an error. Nothing is fetched but, by root, missing Debian packages.
set -euo pipefail

die() {
  echo "site: $1" >&2
  exit 1
}

root=${BUILD_WORKSPACE_DIRECTORY:-$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)}
start=${BUILD_WORKING_DIRECTORY:-$PWD}
out=$start/haft-site
for argument; do
  case $argument in
    --out=/*) out=${argument#*=} ;;
    --out=?*) out=$start/${argument#*=} ;;
    *) die "what is \"$argument\"? Option: --out=DIR" ;;
  esac
done
# It replaces what it has made before, and nothing else.
if [[ -e $out && ! -e $out/.buildinfo ]] && [[ ! -d $out || -n $(ls -A "$out") ]]; then
  die "$out exists, and is no site"
fi

"$root/tools/packages.sh" docs

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
source=$work/source
mkdir -p "$source/_static" "$work/xml"
cd "$root"

# Doxygen parses the declarations, api.py adds the comments above them, stage.py adds the guides, Sphinx makes the pages.
doxygen - > "$work/doxygen.log" 2>&1 << END || { cat "$work/doxygen.log" >&2; die 'Doxygen failed'; }
INPUT = lib/haft
FILE_PATTERNS = *.h
RECURSIVE = NO
INPUT_FILTER = "/usr/bin/python3 $root/docs/site/filter.py"
OUTPUT_DIRECTORY = $work
GENERATE_HTML = NO
GENERATE_LATEX = NO
GENERATE_XML = YES
XML_PROGRAMLISTING = NO
EXTRACT_ALL = YES
EXTRACT_STATIC = YES
EXCLUDE_SYMBOLS = haft::internal haft::internal::*
MACRO_EXPANSION = YES
EXPAND_ONLY_PREDEF = YES
PREDEFINED = HAFT_API=
SEARCH_INCLUDES = NO
QUIET = YES
WARN_AS_ERROR = YES
END

/usr/bin/python3 docs/site/api.py lib/haft "$work/xml" "$source/api"
/usr/bin/python3 docs/site/stage.py "$root" "$source"
cp docs/site/conf.py "$source/"
cp docs/site/site.css "$source/_static/"

# By name, since another Python may come first in PATH: Debian's packages are for Debian's.
/usr/bin/python3 -m sphinx -W --keep-going -q -E -b html -d "$work/trees" "$source" "$work/html" || die 'Sphinx failed'
/usr/bin/python3 docs/site/repair_theme.py "$work/html/_static"

rm -rf "$out"
mkdir -p "$(dirname "$out")"
cp -r "$work/html" "$out"
echo "site: $out/index.html"
