#!/usr/bin/env bash
# Measures new, value and delete in Java beside the alternatives: by JNI on Java 17, by FFM on a later one.
#   bindings/java/bench.sh [ROUNDS]
set -euo pipefail

cd "${BASH_SOURCE[0]%/*}"
# shellcheck source=../../examples/common.sh
. ../../examples/common.sh
# shellcheck source=env.sh
. ./env.sh
export HAFT_LIBRARY_DIR=$library

./build.sh "$out/package" > "$out/log" 2>&1 || { cat "$out/log" >&2; exit 1; }
jar=$out/package/haft-$version.jar
widgets
jni "$out/native/libcomparejni.so" bench/jni.c

# measure JAVA BY ARGUMENTS...
measure() {
  local java=$1 by=$2
  shift 2
  mkdir "$out/$by-classes"
  "$old/bin/javac" --release 11 -Xlint:all -Werror -cp "$jar:$out/jni" -d "$out/$by-classes" bench/Compare.java
  "$java/bin/java" "$@" -Djava.library.path="$out/native" -cp "$jar:$out/$by:$out/$by-classes" bench.Compare "$rounds" "$by"
}
rounds=${1:-150}
measure "$old" jni -Djdk.util.jar.version=17
if [[ -n $new ]]; then
  echo
  measure "$new" ffm --enable-native-access=ALL-UNNAMED
fi
