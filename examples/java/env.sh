# Sourced by test.sh and bench.sh: builds the classes and the JNI libraries.

here=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
root=$(cd "$here/../.." && pwd)
"$root/tools/packages.sh" examples_java
libraries=$("$here/../widget/build.sh")
java_home=$(readlink -f /usr/lib/jvm/default-java)
out=$root/.cache/examples/java
rm -rf "$out"
mkdir -p "$out"

# jni_library NAME SOURCE
jni_library() {
  g++ -std=c++17 -O2 -g -Wall -Wextra -Werror -fPIC -fvisibility=hidden -shared -I"$java_home"/include{,/linux} \
    -I"$libraries/../include" "$here/$2" -o "$out/lib$1.so" -L"$libraries" -lwidget -lhaft -Wl,-rpath,"$libraries" -Wl,-z,defs
}
jni_library haftjni jni.cc
jni_library comparejni bench/jni.cc
"$java_home/bin/javac" -Xlint:all -Werror -d "$out" "$here"/{haft,test,bench}/*.java

java() { "$java_home/bin/java" -cp "$out" -Djava.library.path="$out" -XX:ErrorFile="$out/crash.log" "$@"; }
