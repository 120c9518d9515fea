#!/usr/bin/env bash
# Builds, installs and uses Haft by CMake and Meson, in a temporary folder with a copy of this checkout. Checks that
#   - the trees that CMake, Meson and Bazel's :install make are the same, and their libraries export and need the same
#   - README.md's CMakeLists.txt and wrap work
#   - find_package, add_subdirectory and FetchContent give all targets to programs in C and in C++, in a moved folder too
#   - find_package refuses other versions
#   - programs in C, and those of clang with libc++, link the archive without libstdc++
# It runs with CMake of the system, and with the newest one if a registry can be reached.
#   tests/consumer/cmake.sh
set -euo pipefail

newest_cmake=4.1.2

here=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
root=$(cd "$here/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0
export CC=gcc CXX=g++ CMAKE_GENERATOR=Ninja CMAKE_BUILD_PARALLEL_LEVEL=2
unset PKG_CONFIG_PATH CMAKE_PREFIX_PATH DESTDIR

# proves SENTENCE COMMAND...
proves() {
  local sentence=$1 status start=$SECONDS
  shift
  # Not in a condition, where the first error of a function would not end it.
  set +e
  (set -e; "$@") > "$work/log" 2>&1
  status=$?
  set -e
  if (( status == 0 )); then
    passed=$((passed + 1))
    echo "ok      $sentence ($((SECONDS - start)) s)"
  else
    failed=$((failed + 1))
    echo "FAILED  $sentence (exit $status)"
    tail -n 30 "$work/log" | cut -c 1-300 | sed 's/^/        /'
  fi
}
finish() {
  if (( failed )); then
    echo "$passed passed, $failed failed"
    exit 1
  fi
  echo "$passed passed"
}
for tool in cmake ninja meson clang++ gdb pkg-config; do
  command -v "$tool" > /dev/null || { echo "$0: no $tool; see tools/packages.txt"; echo '0 passed, 1 failed'; exit 1; }
done

# The checkout, as it is, in a repository of its own (for the wrap) and as an archive (for FetchContent).
source=$work/haft
mkdir "$source"
(cd "$root" && git ls-files -z | xargs -0 ls -d 2> /dev/null | grep -v '^bindings\|^docs\|^examples' | tar -c -T -) |
  tar -x -C "$source"
(cd "$source" && git init -q && git add -A && git -c user.name=test -c user.email=test commit -qm test)
tar -c -C "$work" -f "$source.tar" --exclude .git haft
cp -r "$here/cmake" "$here/install" "$work"

header_version() { sed -n "s/^#define HAFT_VERSION_$1 \([0-9]*\)$/\1/p" "$source/lib/haft/haft.h"; }
version=$(header_version MAJOR).$(header_version MINOR).$(header_version PATCH)
IFS=. read -r major minor patch <<< "$version"
number=$((major * 10000 + minor * 100 + patch))

# runs PROGRAM...: as it must, with that version of header and library
runs() { local said; said=$("$@"); [[ $said == "$version $number $number" ]] || { echo "$* says \"$said\""; return 1; }; }
needs() { readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]$/\1/p' | sort; }
needs_none_of() { local file=$1; shift; if needs "$file" | grep -E "$@"; then return 1; fi; }
block() {
  awk -v file="$1" '
    /^```/ && !inside { inside = 1; first = 1; cpp = $0 == "```cpp"; next }
    /^```/ { if (wanted) exit; inside = 0; wanted = 0; next }
    inside && first { first = 0; wanted = file == "example.cc" ? cpp : $1 == "#" && $2 == file }
    inside && wanted { print }' "$root/README.md"
}

# The three trees. -O0 and sections for each function are what makes the compilers need most of their libraries, and gold fail.
by_cmake() {
  cmake -S "$source" -B "$work/by_cmake" -DCMAKE_BUILD_TYPE=None -DCMAKE_CXX_FLAGS='-ffunction-sections -Wall -Wextra -Werror' \
    -DCMAKE_INSTALL_PREFIX=/nowhere -DCMAKE_INSTALL_LIBDIR=lib
  cmake --build "$work/by_cmake"
  cmake --install "$work/by_cmake" --prefix "$work/cmake_tree"
}
by_meson() {
  meson setup "$work/by_meson" "$source" --prefix="$work/meson_tree" --libdir=lib --buildtype=plain --werror
  meson compile -C "$work/by_meson" -j 2
  meson install -C "$work/by_meson" --no-rebuild
}
by_bazel() { cd "$root" && ./bazelw run --jobs=2 --noshow_progress //:install -- --prefix="$work/bazel_tree"; }
list_of() { (cd "$1" && find . | sed "s|$1|/PREFIX|" | sort); }
texts_of() { (cd "$1" && find . -type f ! -name '*.a' ! -name '*.so.*.*[0-9]' | sort | xargs cat | sed "s|$1|/PREFIX|g"); }
links_of() { (cd "$1" && find . -type l -printf '%p -> %l\n' | sort); }
symbols_of() { nm -D --defined-only "$1/lib/libhaft.so" | awk '$2 ~ /[A-Z]/ { print $2, $3 }' | sort; }
dynamic_of() { readelf -d "$1/lib/libhaft.so" | grep -E 'NEEDED|SONAME|FLAGS|VERDEFNUM' | sed 's/^ *0x[0-9a-f]* *//' | sort; }
same_tree() {
  local of
  for of in list_of texts_of links_of symbols_of dynamic_of; do
    diff <("$of" "$work/cmake_tree") <("$of" "$1") || { echo "$of differs"; return 1; }
  done
}
proves 'CMake builds and installs' by_cmake
proves 'Meson builds and installs' by_meson
proves 'Bazel builds and installs' by_bazel
proves 'Meson installs the same as CMake' same_tree "$work/meson_tree"
proves 'Bazel installs the same as CMake' same_tree "$work/bazel_tree"
tree_is_whole() {
  cd "$work/cmake_tree"
  diff <(cd "$source/lib/haft" && find . -name '*.h' ! -path './cds/*' | sort) <(cd include/haft && find . -type f | sort)
  [[ $(readlink -f lib/libhaft.so) == "$PWD/lib/libhaft.so.$version" ]]
  (( $(symbols_of "$PWD" | grep -c '^T haft_') > 50 ))
  if symbols_of "$PWD" | grep -v '^T haft_\|^A HAFT_0'; then return 1; fi
  [[ $(dynamic_of "$PWD") == *NODELETE*"(SONAME)"*"[libhaft.so.$major]"* && -s share/doc/haft/LICENSE ]]
  needs_none_of lib/"libhaft.so.$major" '[+][+]'
  grep -q "^version $version\$\|^Version: $version\$" lib/pkgconfig/haft.pc
}
proves 'the tree has all headers, the library its name, its symbols and no C++ library' tree_is_whole
one_version() {
  [[ $(sed -n '/^module(/,/^)/s/^ *version = "\(.*\)",$/\1/p' "$root/MODULE.bazel") == "$version" ]]
  grep -q "^bazel_dep(name = \"haft\", version = \"$version\")\$" "$root/README.md"
  grep -q "find_package(haft $major.$minor CONFIG" "$root/README.md"
}
proves 'MODULE.bazel and README.md name the version of haft.h' one_version

# The archive, from C and from another C++ library.
pc() { PKG_CONFIG_LIBDIR=$work/cmake_tree/lib/pkgconfig pkg-config "$@" haft; }
c_program_by_cc() {
  local -a flags
  read -r -a flags <<< "$(pc --static --cflags --libs)"
  gcc -std=c99 "$work/install/user.c" "${flags[@]/#-lhaft/-l:libhaft.a}" -o "$work/by_cc"
  needs_none_of "$work/by_cc" '[+][+]|haft'
  runs "$work/by_cc"
}
proves 'a C program links the archive by cc' c_program_by_cc
program_with_libcxx() {
  local -a flags
  read -r -a flags <<< "$(pc --static --cflags --libs)"
  clang++ -std=c++17 -stdlib=libc++ "$work/install/user.cc" "${flags[@]/#-lhaft/-l:libhaft.a}" -o "$work/by_libcxx"
  needs_none_of "$work/by_libcxx" 'stdc++|haft'
  runs "$work/by_libcxx"
}
proves 'a program of clang with libc++ links the archive' program_with_libcxx
unused_sections_go() {
  gcc -std=c99 -I"$work/cmake_tree/include" -fuse-ld=gold -Wl,--gc-sections "$work/install/user.c" -Wl,--whole-archive \
    "$work/cmake_tree/lib/libhaft.a" -Wl,--no-whole-archive -pthread -ldl -o "$work/by_gold"
  runs "$work/by_gold"
}
proves 'gold removes unused sections of the archive' unused_sections_go
gdb_loads_its_script() {
  local said
  gcc -std=c99 -I"$work/cmake_tree/include" "$work/install/user.c" -L"$work/cmake_tree/lib" -lhaft -o "$work/for_gdb"
  said=$(cd "$work" && gdb -nx -batch -iex "set auto-load scripts-directory $work/cmake_tree/share/gdb/auto-load" \
    -iex "add-auto-load-safe-path $work" -ex 'break haft_version' -ex "set environment LD_LIBRARY_PATH $work/cmake_tree/lib" \
    -ex run -ex 'haft 0' for_gdb 2>&1)
  [[ $said == *'the process-wide table has not been created yet'* ]] || { echo "$said"; return 1; }
}

# consumer CMAKE FOLDER LIBRARIES OPTION...: programs and a library of all kinds
consumer() {
  local cmake=$1 build=$work/build/$2 libraries=$3 program
  shift 3
  "$cmake" -S "$work/cmake" -B "$build" -DHAFT_LIBRARIES="$libraries" "$@"
  "$cmake" --build "$build"
  for program in "$build"/of_* "$build/cc_of_c"; do runs "$program"; done
  local -a shared=() static=()
  if [[ $* == *BUILD_SHARED_LIBS=OFF* ]]; then static+=(of_c cc_of_c); else shared+=(of_c cc_of_c); fi
  [[ $libraries != *c_shared* ]] || shared+=(of_c_shared)
  if [[ $libraries == *c_static* ]]; then
    static+=(of_c_static libpart.so)
    readelf -d "$build/libpart.so" | grep -q NODELETE
    if nm -D --defined-only "$build/libpart.so" | grep ' haft_'; then return 1; fi
  fi
  for program in "${shared[@]}"; do needs "$build/$program" | grep -qx "libhaft.so.$major"; done
  for program in "${static[@]}"; do needs_none_of "$build/$program" haft; done
  # What nobody links is not built.
  (( ${#shared[@]} )) || [[ -z $(find "$build" -name 'libhaft.so*') ]]
  (( ${#static[@]} )) || [[ -z $(find "$build" -name 'libhaft.a') ]]
}
c_only() {
  local build=$work/build/$2 program
  "$1" -S "$work/cmake/c_only" -B "$build" -DCMAKE_PREFIX_PATH="$3" -DBUILD_SHARED_LIBS=OFF
  "$1" --build "$build"
  for program in of_c of_c_shared of_c_static; do
    runs "$build/$program"
    needs_none_of "$build/$program" '[+][+]'
  done
  needs_none_of "$build/of_c" haft
  needs "$build/of_c_shared" | grep -qx "libhaft.so.$major"
}
versions() {
  "$1" -S "$work/cmake/versions" -B "$work/build/$2" -DCMAKE_PREFIX_PATH="$3" \
    -DHAFT_VERSION="$major;$minor;$patch" > "$work/versions"
  cat "$work/versions"
  grep -Eqx -- '-- tried (15|17)' "$work/versions"
}
incomplete_package_is_refused() {
  cp -a "$work/moved/tree" "$work/incomplete"
  rm "$work/incomplete/lib/libhaft.a"
  if cmake -S "$work/cmake/c_only" -B "$work/build/incomplete" -DCMAKE_PREFIX_PATH="$work/incomplete"; then return 1; fi
  grep -q 'libhaft.a is not' "$work/log"
}

# As README.md says: the headers alone, with which no library is built and nothing is installed.
readme() {
  mkdir -p "$work/$2"
  block example.cc > "$work/$2/example.cc"
  block CMakeLists.txt > "$work/$2/CMakeLists.txt"
  "$1" -S "$work/$2" -B "$work/$2/build"
  "$1" --build "$work/$2/build"
  "$work/$2/build/example"
  [[ -z $(find "$work/$2/build" -name 'libhaft*' -o -name '*.cc.o' ! -name 'example.cc.o') ]]
  "$1" --install "$work/$2/build" --prefix "$work/$2/installed"
  [[ ! -e $work/$2/installed ]]
}
wrap() {
  mkdir -p "$work/wrap/subprojects"
  cp "$here/meson/meson.build" "$here/install/user.c" "$work/wrap"
  block example.cc > "$work/wrap/example.cc"
  block subprojects/haft.wrap > "$work/wrap/subprojects/haft.wrap"
  cd "$work/wrap"
  meson setup build
  meson compile -C build -j 2
  runs build/of_c
  build/headers
  needs build/of_c | grep -qx "libhaft.so.$major"
}
proves "README.md's wrap works" wrap

proves 'find_package finds what Bazel has installed' consumer cmake bazel 'c_shared;c_static' \
  -DHAFT_FROM=package -DCMAKE_PREFIX_PATH="$work/bazel_tree"
proves 'gdb loads the script by itself' gdb_loads_its_script
# A package that is elsewhere than where it was installed.
mkdir "$work/moved"
mv "$work/cmake_tree" "$work/moved/tree"
moved_pc() {
  local -a flags
  read -r -a flags <<< "$(PKG_CONFIG_LIBDIR=$work/moved/tree/lib/pkgconfig pkg-config --define-prefix --cflags --libs haft)"
  gcc -std=c99 "$work/install/user.c" "${flags[@]}" -o "$work/by_moved_pc"
  LD_LIBRARY_PATH=$work/moved/tree/lib runs "$work/by_moved_pc"
}
proves 'haft.pc may be moved' moved_pc
proves 'an incomplete package is not found' incomplete_package_is_refused

# with_cmake NAME CMAKE
with_cmake() {
  proves "$1: README.md's CMakeLists.txt works" readme "$2" "readme_$1"
  proves "$1: find_package finds a moved package" consumer "$2" "package_$1" 'c_shared;c_static' \
    -DHAFT_FROM=package -DCMAKE_PREFIX_PATH="$work/moved/tree"
  proves "$1: a project in C needs no C++" c_only "$2" "c_only_$1" "$work/moved/tree"
  proves "$1: find_package refuses other versions" versions "$2" "versions_$1" "$work/moved/tree"
}
with_cmake system cmake
proves 'add_subdirectory works' consumer cmake folder c_shared -DHAFT_FROM=folder -DHAFT_SOURCE="$source"

# A registry gives the newest CMake.
if python3 -m venv "$work/venv" > "$work/log" 2>&1 &&
  timeout 100 "$work/venv/bin/pip" install -q --disable-pip-version-check "cmake==$newest_cmake" >> "$work/log" 2>&1; then
  with_cmake newest "$work/venv/bin/cmake"
  proves 'FetchContent works' consumer "$work/venv/bin/cmake" fetch c_static \
    -DHAFT_FROM=fetch -DHAFT_SOURCE="$source" -DBUILD_SHARED_LIBS=OFF
else
  echo "skipped: CMake $newest_cmake cannot be had from the registry"
  proves 'FetchContent works' consumer cmake fetch c_static -DHAFT_FROM=fetch -DHAFT_SOURCE="$source" -DBUILD_SHARED_LIBS=OFF
fi

finish
