#!/usr/bin/env bash
# Checks the documents: the site is made without a warning, and the figures are those that their script draws.
#   docs/site/check.sh
set -euo pipefail

here=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
root=$(cd "$here/../.." && pwd)
unset BUILD_WORKSPACE_DIRECTORY BUILD_WORKING_DIRECTORY

"$root/tools/packages.sh" docs
/usr/bin/python3 "$here/../figures/draw.py" --check

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$here/build.sh" "--out=$folder/site"

# What a reader would miss first.
cd "$folder/site"
for page in index search api/haft api/handle_table api/object_table docs/design; do
  [[ -s $page.html ]] || { echo "site: no $page.html" >&2; exit 1; }
done
# C and C++ can be searched for, by member.
for name in '"haft_new"' '"haft::HandleTable::New"' '"haft::ObjectTable::Pin"'; do
  grep -qF "$name" searchindex.js || { echo "site: the search does not know $name" >&2; exit 1; }
done
if grep -rlE 'HAFT_ABI|abi0' api; then
  echo 'site: the inline namespace shows in the reference' >&2
  exit 1
fi
# docs/site/repair_theme.py has done its work, or had none.
if grep -n '^import ' _static/scripts/furo.js || ! grep -qF 'prefers-color-scheme: dark' _static/styles/furo.css; then
  echo 'site: the theme has not been repaired' >&2
  exit 1
fi
# Pages load nothing from elsewhere.
if grep -rnoE '(src|href)="(https?:)?//[^"]*\.(js|css|woff2?|png|svg)"' --include='*.html' .; then
  echo 'site: a page loads something from the network' >&2
  exit 1
fi
