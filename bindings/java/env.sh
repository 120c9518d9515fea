# Sourced by build.sh, test.sh and bench.sh after examples/common.sh. Finds the Java to build with: $old, the oldest from 17 on,
# and $new, the newest from 22 on, which is empty if there is none.

version=0.1.0
"$haft/tools/packages.sh" bindings_java || exit 77

# jdks: prints the version and the folder of each Java that has a compiler, the oldest first.
jdks() {
  local home number
  for home in ${JAVA_HOME:+"$JAVA_HOME"} /usr/lib/jvm/*; do
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
