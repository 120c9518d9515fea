#!/usr/bin/env bash
# Installs into a temporary folder and uses what is there, knowing what pkg-config says and nothing else.
#   tests/consumer/install_test.sh INSTALL ARGUMENT... (what //:install runs, and the arguments it has)
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$PWD
failures=0

fail() {
  echo "install_test: $1" >&2
  failures=$((failures + 1))
}
expect_equal() { [[ $1 == "$2" ]] || fail "$3: \"$1\", not \"$2\""; }

install=("$@")
prefix=/opt/haft
"${install[@]}" --prefix="$prefix" --destdir="$work/root" > /dev/null
"${install[@]}" --prefix="$prefix/" --destdir="$work/root" > /dev/null  # over itself
for bad in '' --prefix=relative --prefix= "--prefix=/with space" --prefix=/a\$b --prefx=/usr \
  "--prefix=/a --libdir=" "--prefix=/a --libdir=b\$c"; do
  read -r -a options <<< "$bad"
  [[ $bad != *'with space' ]] || options=("$bad")
  if "${install[@]}" "${options[@]}" --destdir="$work/bad" > /dev/null 2>&1; then fail "takes \"$bad\""; fi
  [[ ! -e $work/bad ]] || fail "has installed something for \"$bad\""
done

export PKG_CONFIG_LIBDIR=$work/root$prefix/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$work/root
lib=$work/root$prefix/lib
version=$(pkg-config --modversion haft)
IFS=. read -r major minor patch <<< "$version"
number=$((major * 10000 + minor * 100 + patch))
pkg-config --validate haft || fail 'haft.pc is not valid'

# One version everywhere.
expect_equal "$(sed -n '/^module(/,/^)/s/^ *version = "\(.*\)",$/\1/p' MODULE.bazel)" "$version" 'version in MODULE.bazel'
expect_equal "$(readlink -f "$lib/libhaft.so")" "$(readlink -f "$lib")/libhaft.so.$version" 'libhaft.so'
soname=$(readelf -d "$lib/libhaft.so" | sed -n 's/.*(SONAME).*\[\(.*\)\]$/\1/p')
expect_equal "$soname" "libhaft.so.$major" SONAME
expect_equal "$(readlink "$lib/$soname")" "libhaft.so.$version" "$soname"

# Libraries elsewhere: --libdir, in the prefix or not.
# expect_in DIR TEXT: "LIBDIR INCLUDEDIR" as pkg-config says, and the headers' folder from that of the libraries
expect_in() {
  local installed=$work/libdir$1
  expect_equal "$(readlink -f "$installed/libhaft.so")" "$(readlink -f "$installed")/libhaft.so.$version" "libhaft.so in $1"
  [[ -f $work/libdir/usr/share/gdb/auto-load$1/libhaft.so.$version-gdb.py ]] || fail "no script of gdb for $1"
  local -a said
  said=("$(PKG_CONFIG_SYSROOT_DIR='' PKG_CONFIG_LIBDIR=$installed/pkgconfig pkg-config --variable=libdir haft)"
    "$(PKG_CONFIG_SYSROOT_DIR='' PKG_CONFIG_LIBDIR=$installed/pkgconfig pkg-config --variable=includedir haft)"
    "$(sed -n 's|.*_haft_include "${_haft_lib}/\(.*\)" ABSOLUTE.*|\1|p' "$installed/cmake/haft/haft-config.cmake")")
  expect_equal "${said[*]}" "$2" "folders of $1"
}
"${install[@]}" --prefix=/usr --libdir=lib/machine --destdir="$work/libdir" > /dev/null
"${install[@]}" --prefix=/usr --libdir=/opt/lib/ --destdir="$work/libdir" > /dev/null
expect_in /usr/lib/machine '/usr/lib/machine /usr/include ../../include'
expect_in /opt/lib '/opt/lib /usr/include ../../usr/include'
if "${install[@]:0:2}" --prefix=/usr --destdir="$work/bad" > /dev/null 2>&1; then fail 'installs a part'; fi
[[ ! -e $work/bad ]] || fail 'has installed a part'

# The same files as in lib/haft, no more.
diff <(cd "$root/lib/haft" && find -L . -name '*.h' | sort) <(cd "$work/root$prefix/include/haft" && find . -type f | sort) ||
  fail 'headers are missing, or too many'
[[ -z $(find "$work/root" ! -type l -perm /022) ]] || fail 'others may write to what is installed'

# flags OPTION... : an array of what pkg-config says
flags() { read -r -a said <<< "$(pkg-config "$@" haft)"; }
strict=(-Wall -Wextra -Werror -pedantic)
# What a consumer may have, for whom these headers are not the system's.
consumer=("${strict[@]}" -Wconversion -Wsign-conversion -Wshadow)
compilers=(g++)
if command -v clang++ > /dev/null; then compilers+=(clang++); fi

# Every header, alone. Elsewhere than in the source tree, which must not help.
cp tests/consumer/install/user.c tests/consumer/install/user.cc "$work"
cd "$work"
flags --cflags
for header in "root$prefix"/include/haft/*.h; do
  echo "#include <haft/${header##*/}>" |
    g++ -std=c++17 "${consumer[@]}" -Wold-style-cast -fsyntax-only -x c++ "${said[@]}" - || fail "$header does not compile"
done
for compiler in "${compilers[@]}"; do
  # All together, and templates in use.
  { (cd "root$prefix/include" && printf '#include <%s>\n' haft/*.h); cat user.cc; } |
    "$compiler" -std=c++17 "${consumer[@]}" -Wold-style-cast -fsyntax-only -x c++ "${said[@]}" - || fail "$compiler warns"
done
for compiler in "${compilers[@]}"; do
  if [[ $compiler == g++ ]]; then compiler=gcc; else compiler=clang; fi
  for standard in c99 c11; do
    printf '#include <haft/%s.h>\n' haft view |
      "$compiler" "-std=$standard" "${consumer[@]}" -fsyntax-only -x c "${said[@]}" - ||
      fail "haft.h or view.h is not $standard for $compiler"
  done
done

# expect_runs PROGRAM: as it must, with that version of header and library
expect_runs() { expect_equal "$("$@")" "$version $number $number" "$1 says"; }

flags --cflags --libs
gcc -std=c99 "${strict[@]}" user.c "${said[@]}" -o c_shared
g++ -std=c++17 "${strict[@]}" user.cc "${said[@]}" -o cc_shared
flags --static --cflags --libs
gcc -std=c99 "${strict[@]}" -static user.c "${said[@]}" -o c_static
g++ -std=c++17 "${strict[@]}" -static user.cc "${said[@]}" -o cc_static
for program in c cc; do
  readelf -d "${program}_shared" | grep -q "(NEEDED).*\[$soname\]" || fail "${program}_shared does not need $soname"
  if "./${program}_shared" 2> /dev/null; then fail "${program}_shared finds another libhaft"; fi
  LD_LIBRARY_PATH=$lib expect_runs "./${program}_shared"
  if readelf -d "${program}_static" | grep -q NEEDED; then fail "${program}_static needs a library"; fi
  expect_runs "./${program}_static"
done

# The archive as a part of a shared library, which then is never unloaded and shows nothing of it.
others=()
for flag in "${said[@]}"; do [[ $flag == -lhaft ]] || others+=("$flag"); done
gcc -std=c99 -shared -fPIC user.c -Wl,--whole-archive "$lib/libhaft.a" -Wl,--no-whole-archive -Wl,-z,defs \
  "${others[@]}" -o part.so
readelf -d part.so | grep -q NODELETE || fail 'what contains Haft could be unloaded'
if nm -D --defined-only part.so | grep ' haft_'; then fail 'what contains Haft exports it'; fi

if (( failures )); then exit 1; fi
echo 'install_test: ok'
