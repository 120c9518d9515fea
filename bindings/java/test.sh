#!/usr/bin/env bash
# Builds the package and tests it: by JNI on the oldest Java that is installed, with every JNI call checked, and by FFM on the
# newest from 22 on.
set -euo pipefail

cd "${BASH_SOURCE[0]%/*}"
# shellcheck source=../../examples/common.sh
. ../../examples/common.sh
# shellcheck source=env.sh
. ./env.sh
export HAFT_LIBRARY_DIR=$library

if ! ./build.sh "$out/package" > "$out/log" 2>&1; then
  note FAILED 'the package'
  finish
fi
cat "$out/log" # what it is built without
note ok 'the package: no warnings, and every public item documented'
jar=$out/package/haft-$version.jar

status=0
timeout 300 ./lint.sh > "$out/log" 2>&1 || status=$?
case $status in
  0) note ok 'google-java-format and Error Prone' ;;
  77) echo "skipped: google-java-format and Error Prone, because $(tail -n 1 "$out/log")" ;;
  *) note FAILED 'google-java-format and Error Prone' ;;
esac

# The native parts, not from the jar: $out/native. The tests and the example, which exists twice.
widgets
unzip_native() { (cd "$out" && "$old/bin/jar" -xf "$jar" haft/native && cp haft/native/*/libhaftjni.so native/); }
unzip_native
jni "$out/native/libhafttest.so" src/test/native/test_jni.c
mkdir -p "$out/tests"
"$old/bin/javac" --release 11 -Xlint:all -Werror -cp "$jar:$out/jni" -d "$out/tests" src/test/java/hafttest/*.java

# passes WHAT COMMAND...: prints "N passed" at its end, with nothing that JNI or the loader warns of.
passes() {
  local what=$1 status=0
  shift
  timeout 120 "$@" > "$out/log" 2>&1 || status=$?
  if (( status == 0 )) && tail -n 1 "$out/log" | grep -qx '[1-9][0-9]* passed' && ! grep -qE 'WARNING|FATAL' "$out/log"; then
    note ok "$what, $(tail -n 1 "$out/log")"
    passed=$((passed - 1 + $(tail -n 1 "$out/log" | cut -d ' ' -f 1)))
  else
    note FAILED "$what"
  fi
}

# Java 24 and later can refuse native access instead of warning of it.
deny=()
if [[ -n $new ]] && "$new/bin/java" --illegal-native-access=deny -version > "$out/log" 2>&1; then deny=(--illegal-native-access=deny); fi

# The folder of files that a crash leaves is $out, too.
by_jni=("$old/bin/java" -Xcheck:jni -XX:ErrorFile="$out/crash.log" -Djdk.util.jar.version=17 -Djava.library.path="$out/native"
  -enableassertions -cp "$jar:$out/jni:$out/tests")
by_ffm=("$new/bin/java" -Xcheck:jni -XX:ErrorFile="$out/crash.log" --enable-native-access=ALL-UNNAMED "${deny[@]}"
  -Djava.library.path="$out/native" -enableassertions -cp "$jar:$out/ffm:$out/tests")
# For processes that run too short for the second compiler.
short=(-XX:TieredStopAtLevel=1 -XX:+UseSerialGC)
ways=(jni)
if [[ -n $new ]]; then
  ways+=(ffm)
else
  echo 'skipped: the tests of FFM, because there is no JDK of version 22 or later'
fi

# with WAY: sets `java` to the command.
with() {
  if [[ $1 == jni ]]; then java=("${by_jni[@]}"); else java=("${by_ffm[@]}"); fi
}

for way in "${ways[@]}"; do
  with "$way"
  passes "$way: handles" "${java[@]}" hafttest.HaftTest
  passes "$way: handles without the view" "${java[@]}" "${short[@]}" -Dhaft.noview=true hafttest.HaftTest
  passes "$way: the example" "${java[@]}" hafttest.WidgetTest
  passes "$way: a full table" env HAFT_CAPACITY=1000 "${java[@]}" "${short[@]}" hafttest.ModesTest full
  passes "$way: a full table without the view" env HAFT_CAPACITY=1000 "${java[@]}" -Dhaft.noview=true "${short[@]}" \
    hafttest.ModesTest full
  passes "$way: exceptions name the lines of Java" env HAFT_DIAGNOSE=sites "${java[@]}" "${short[@]}" hafttest.ModesTest sites
  passes "$way: refusals call Java" "${java[@]}" "${short[@]}" hafttest.ModesTest refusals
  passes "$way: classes are unloaded" "${java[@]}" "${short[@]}" hafttest.ModesTest unload
  passes "$way: long descriptions" "${java[@]}" -Dcopied="$library/libhaft.so.0" -Djava.io.tmpdir="$out" "${short[@]}" \
    hafttest.ModesTest copies
  passes "$way: exit while threads use handles" "${java[@]}" hafttest.ModesTest exit
done
if [[ -n $new ]]; then
  passes 'jni on the newest Java: handles' "$new/bin/java" -Xcheck:jni --enable-native-access=ALL-UNNAMED \
    -Djdk.util.jar.version=17 -Djava.library.path="$out/native" "${short[@]}" -cp "$jar:$out/jni:$out/tests" hafttest.HaftTest
  passes 'ffm with another collector: handles' "${by_ffm[@]}" -XX:+UseZGC -Xmx256m hafttest.HaftTest
fi

# From the jar alone, in which the libraries of this machine are.
plain=(env -u LD_LIBRARY_PATH)
for way in "${ways[@]}"; do
  with "$way"
  mkdir -p "$out/$way-only"
  cp "$out"/native/lib{hafttest,widget,widgetjni}.so "$out/$way-only/"
  with_libraries=("${plain[@]}" "${java[@]}" "-Djava.library.path=$out/$way-only" "-Djava.io.tmpdir=$out/$way-only")
  passes "$way: libraries from the jar" "${with_libraries[@]}" hafttest.WidgetTest
  passes "$way: libraries from the jar, after others" "${with_libraries[@]}" hafttest.WidgetTest first
  passes "$way: two class loaders" "${with_libraries[@]}" "${short[@]}" hafttest.ModesTest loaders
  # shellcheck disable=SC2317  # called by proves
  leaves_no_file() { [[ -z $(find "$out/$way-only" -name 'haft*') ]]; }
  proves "$way: leaves no file" leaves_no_file
done

# Libraries of other versions, and none. The jar without libraries is called thin.
for other in 200:0.2.0 99:0.0.99 10000:1.0.0; do
  mkdir "$out/other-${other%:*}"
  c99 "-DOTHER_VERSION=${other%:*}" -fPIC -shared -Wl,-soname,libhaft.so.0 \
    "-Wl,--version-script=$haft/lib/haft/internal/process/haft.lds" \
    src/test/native/other_version.c -o "$out/other-${other%:*}/libhaft.so.0"
  for way in "${ways[@]}"; do
    with "$way"
    passes "$way: refuses version ${other#*:}" env "LD_LIBRARY_PATH=$out/other-${other%:*}" "${java[@]}" "-Dwrong=${other#*:}" \
      "${short[@]}" hafttest.ModesTest version
  done
done
mkdir "$out/thin"
(cd "$out/thin" && "$old/bin/jar" -xf "$jar" && rm -r haft/native)
for way in "${ways[@]}"; do
  with "$way"
  passes "$way: says that there is no library" "${plain[@]}" "${java[@]}" -Djava.library.path= -cp "$out/thin:$out/tests" \
    "${short[@]}" hafttest.ModesTest missing
done

mkdir -p "$out/thin/haft/native/linux-$(uname -m)"
for file in libhaft.so.0 libhaftjni.so; do echo 'no library' > "$out/thin/haft/native/linux-$(uname -m)/$file"; done
for way in "${ways[@]}"; do
  with "$way"
  passes "$way: says that a library is broken" "${plain[@]}" "${java[@]}" -Djava.library.path= -cp "$out/thin:$out/tests" \
    "${short[@]}" hafttest.ModesTest broken
done

# As a module of a program, in a clean folder.
mkdir -p "$out/module/src/user/user"
cat > "$out/module/src/user/module-info.java" << 'END'
module user {
  requires haft;
}
END
cat > "$out/module/src/user/user/Main.java" << 'END'
package user;

public final class Main {
  public static void main(String[] arguments) {
    try (haft.Handle<String> handle = new haft.Handle<>("1 passed")) {
      System.out.println(haft.Handle.objectOf(handle.word()));
    }
  }
}
END
"$old/bin/javac" --release 11 -Xlint:all -Werror -p "$jar" --module-source-path "$out/module/src" -d "$out/module/made" -m user
passes 'jni: a module' "${plain[@]}" "$old/bin/java" -p "$jar:$out/module/made" -m user/user.Main
if [[ -n $new ]]; then
  passes 'ffm: a module' "${plain[@]}" "$new/bin/java" --enable-native-access=haft "${deny[@]}" \
    -p "$jar:$out/module/made" -m user/user.Main
fi
if (( ${#deny[@]} )); then
  shows 'ffm: a module without access is refused' IllegalCallerException "${plain[@]}" "$new/bin/java" \
    "${deny[@]}" -p "$jar:$out/module/made" -m user/user.Main
fi

# The README: its lines are those that are tested.
# shellcheck disable=SC2317
readme() {
  "$haft/tools/check_page.sh" bindings/java/README.md || return
  mkdir "$out/clean"
  ln -s "$haft" "$out/clean/haft"
  (cd "$out/clean" && PATH=$old/bin:$PATH "$haft/bindings/java/examples/first.sh") | tee "$out/printed"
  local lines
  mapfile -t lines < "$out/printed"
  [[ ${#lines[@]} == 2 && ${lines[0]} == hello && ${lines[1]} == *'has been deleted: 0x'* ]]
}
proves 'the lines of the README' readme

# Published to a folder, with what a repository asks for, and taken from there.
# shellcheck disable=SC2317
publishes() {
  ./publish.sh "file://$out/repository" || return
  local there=$out/repository/haft/haft/$version
  for file in ".jar" "-sources.jar" "-javadoc.jar" ".pom"; do
    [[ -s $there/haft-$version$file && -s $there/haft-$version$file.sha1 ]] || return
  done
  "${plain[@]}" "$old/bin/java" -p "$there/haft-$version.jar:$out/module/made" -m user/user.Main
}
shows 'a jar without the part for Java 22 is not published' 'no JDK of version 22' env "HAFT_JDKS=$old" ./publish.sh \
  "file://$out/refused"
# shellcheck disable=SC2317
is_missing() { [[ ! -e $out/refused ]]; }
proves 'nothing of it' is_missing
if [[ -z $new ]]; then
  echo 'skipped: publishing, because there is no JDK of version 22 or later'
elif timeout 60 mvn --batch-mode --quiet org.apache.maven.plugins:maven-deploy-plugin:3.1.1:help > "$out/log" 2>&1; then
  proves 'one command publishes' publishes
else
  echo 'skipped: publishing, because Maven does not get its plugin'
fi
finish
