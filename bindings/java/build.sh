#!/usr/bin/env bash
# Builds the package: haft-VERSION.jar for Java 11 and later, with the sources and the documentation beside it. The jar has the
# native libraries of this machine in it. Without a JDK of version 22 or later it has no part for such a Java, which then uses JNI.
#   bindings/java/build.sh [--complete] [FOLDER]   (default: .cache/java; --complete: fails without such a JDK)
set -euo pipefail

complete=
if [[ ${1:-} == --complete ]]; then
  complete=yes
  shift
fi
here=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
to=$(realpath -m "${1:-$here/../../.cache/java}")
cd "$here"
# shellcheck source=../../examples/common.sh
. ../../examples/common.sh
# shellcheck source=env.sh
. ./env.sh

if [[ -z $new ]]; then
  echo 'no JDK of version 22 or later: on every Java the jar will use JNI' >&2
  [[ -z $complete ]] || exit 1
fi
# The tools run too short for the second compiler of the virtual machine.
short=(-J-XX:TieredStopAtLevel=1 -J-XX:+UseSerialGC)

rm -rf "$to"
mkdir -p "$to" "$out"/{11,22,sources/META-INF/versions/22/haft,documentation}
native=$out/11/haft/native/linux-$(uname -m)
mkdir -p "$native"

mapfile -t sources < <(find src/main/java -name '*.java' | LC_ALL=C sort)
"$old/bin/javac" "${short[@]}" --release 11 -Xlint:all -Werror --module-version "$version" -d "$out/11" "${sources[@]}"
later=()
if [[ -n $new ]]; then
  "$new/bin/javac" "${short[@]}" --release 22 -Xlint:all -Werror -cp "$out/11" -d "$out/22" src/main/java22/haft/Native.java
  later=(--release 22 -C "$out/22" .)
fi

# The library beside it is found if the process has none yet. Nothing is unloaded, because C may keep the descriptor of a type.
# shellcheck disable=SC2016  # $ORIGIN is the dynamic linker's
with_haft=(-I "$haft/lib" "-L$library" '-Wl,-rpath,$ORIGIN' -lhaft)
jni "$native/libhaftjni.so" src/main/native/haft_jni.c -s -Wl,-z,nodelete
install -m 755 "$library/libhaft.so.0" "$native/libhaft.so.0"

cp "$haft/LICENSE" "$out/11/"
printf 'Implementation-Title: haft\nImplementation-Version: %s\n' "$version" > "$out/manifest"
"${new:-$old}/bin/jar" "${short[@]}" --create --file "$to/haft-$version.jar" --manifest "$out/manifest" -C "$out/11" . "${later[@]}"
"${new:-$old}/bin/jar" "${short[@]}" --validate --file "$to/haft-$version.jar"

cp -r src/main/java/. "$out/sources/"
cp src/main/java22/haft/Native.java "$out/sources/META-INF/versions/22/haft/"
cp -r src/main/native "$haft/LICENSE" "$out/sources/"
"$old/bin/jar" "${short[@]}" --create --file "$to/haft-$version-sources.jar" -C "$out/sources" .

"$old/bin/javadoc" "${short[@]}" -quiet -Xdoclint:all -Werror --release 11 -notimestamp -windowtitle "haft $version" \
  -d "$out/documentation" "${sources[@]}"
"$old/bin/jar" "${short[@]}" --create --file "$to/haft-$version-javadoc.jar" -C "$out/documentation" .
cp pom.xml "$to/haft-$version.pom"
