#!/usr/bin/env bash
# Checks the format with google-java-format and looks for mistakes with Error Prone, whose warnings are errors here. Both come from
# the Maven repository, at the versions of lint/pom.xml. Ends with 77 if it does not answer.
#   bindings/java/lint.sh [--fix]   (--fix: reformats)
set -euo pipefail

cd "${BASH_SOURCE[0]%/*}"
haft=$(cd ../.. && pwd)
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
# shellcheck source=env.sh
. ./env.sh

tools=$haft/.cache/java-lint
if ! cmp -s lint/pom.xml "$tools/pom.xml"; then
  rm -rf "$tools"
  timeout 120 mvn --batch-mode --quiet -f lint/pom.xml org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
    "-DoutputDirectory=$tools" > "$out/log" 2>&1 || { echo 'the Maven repository does not answer'; exit 77; }
  cp lint/pom.xml "$tools"
fi
short=(-J-XX:TieredStopAtLevel=1 -J-XX:+UseSerialGC)
opened=()
for package in api code file main model parser processing tree util comp; do
  opened+=("-J--add-exports=jdk.compiler/com.sun.tools.javac.$package=ALL-UNNAMED")
done
for package in code comp; do
  opened+=("-J--add-opens=jdk.compiler/com.sun.tools.javac.$package=ALL-UNNAMED")
done

mapfile -t files < <(find src examples bench -name '*.java' | LC_ALL=C sort)
how=(--dry-run --set-exit-if-changed)
[[ ${1:-} != --fix ]] || how=(--replace)
"$old/bin/java" "${short[@]#-J}" "${opened[@]#-J}" -cp "$tools/*" com.google.googlejavaformat.java.Main "${how[@]}" "${files[@]}" ||
  { echo 'run bindings/java/lint.sh --fix' >&2; exit 1; }

# prone JAVA RELEASE ARGUMENTS...
prone() {
  local java=$1 release=$2
  shift 2
  "$java/bin/javac" "${short[@]}" "${opened[@]}" -XDcompilePolicy=simple --should-stop=ifError=FLOW \
    -processorpath "$(printf '%s:' "$tools"/*.jar)" -Xplugin:ErrorProne -Xlint:all,-processing -Werror --release "$release" "$@"
}
mkdir "$out"/{11,22}
mapfile -t files < <(find {src/main,src/test}/java examples/widget/jni bench -name '*.java' ! -name module-info.java |
  LC_ALL=C sort)
prone "$old" 11 -d "$out/11" "${files[@]}"
[[ -z $new ]] || prone "$new" 22 -cp "$out/11" -d "$out/22" src/main/java22/haft/Native.java examples/widget/ffm/widget/Widget.java
