# Sourced by build.sh, test.sh and bench.sh after examples/common.sh, and by lint.sh. Finds the Java to build with: $old, the
# oldest from 17 on, and $new, the newest from 22 on, which is empty if there is none.

version=0.1.0
"$haft/tools/packages.sh" bindings_java || exit 77

# jdks: prints the version and the folder of each Java that has a compiler, the oldest first. HAFT_JDKS is a list of folders, with
# spaces between them, instead of those where Java usually is.
jdks() {
  local home number
  # shellcheck disable=SC2086  # a list
  for home in ${HAFT_JDKS:-${JAVA_HOME:-} /usr/lib/jvm/*}; do
    [[ -x $home/bin/javac && -f $home/release ]] || continue
    number=$(sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$home/release")
    [[ -z $number ]] || echo "$number $(readlink -f "$home")"
  done | sort -n -u
}
old=$(jdks | awk '$1 >= 17 { print $2; exit }')
new=$(jdks | awk '$1 >= 22 { home = $2 } END { print home }')
if [[ -z $old ]]; then
  echo 'missing Debian package: default-jdk-headless'
  exit 77
fi

# jni OUT SOURCE ARGUMENTS...: compiles C with Java's headers to a shared library.
jni() {
  local made=$1
  shift
  c99 -O2 -fPIC -fvisibility=hidden -shared -isystem "$old/include" -isystem "$old/include/linux" -o "$made" "$@" -Wl,-z,defs
}

# widgets: builds the example with the jar $jar: $out/native has the libraries of C++ and C, $out/jni and $out/ffm the classes.
widgets() {
  mkdir -p "$out/native" "$out/jni" "$out/ffm"
  ln -sf "$library/libhaft.so.0" "$out/native/"
  g++ -std=c++17 -O2 "${warnings[@]}" -fPIC -shared -I"$haft/lib" ../../examples/widget/widget.cc -o "$out/native/libwidget.so" \
    "${with_haft[@]}" -Wl,-z,defs -Wl,-z,nodelete
  jni "$out/native/libwidgetjni.so" -I../../examples/widget examples/widget/jni/jni.c \
    "-L$out/native" -lwidget "-Wl,-rpath,$out/native"
  "$old/bin/javac" --release 11 -Xlint:all -Werror -cp "$jar" -d "$out/jni" examples/widget/jni/widget/*.java
  [[ -z $new ]] || "$new/bin/javac" --release 22 -Xlint:all -Werror -cp "$jar" -d "$out/ffm" examples/widget/ffm/widget/*.java
}
