#!/usr/bin/env bash
# Installs Haft: ./bazelw run -c opt //:install -- --prefix=/usr/local [--libdir=DIR] [--destdir=DIR]
#   PREFIX/include/haft/*.h         the C header and the C++ headers
#   PREFIX/include/haft/internal/   what those include, and nobody else should
#   LIBDIR/libhaft.so*              the shared library, its SONAME and its version as symbolic links
#   LIBDIR/libhaft.a                the same as position-independent code, to be linked into something
#   LIBDIR/pkgconfig/haft.pc        how to use them
#   LIBDIR/cmake/haft/              the same for CMake
#   PREFIX/share/gdb/auto-load/     gdb's script, where gdb finds it if its own data are in PREFIX/share/gdb
#   PREFIX/share/doc/haft/LICENSE
# LIBDIR is PREFIX/lib unless --libdir names another folder, below PREFIX if it is relative. All of it goes to DIR/PREFIX, and says
# that it is in PREFIX. What Bazel built stands before the options. CMakeLists.txt and meson.build install the same files.
set -euo pipefail

die() {
  echo "install: $1" >&2
  exit 2
}

shared='' archive='' license='' script='' templates=() headers=() prefix='' libdir=lib destdir=''
for argument; do
  case $argument in
    --prefix=*) prefix=${argument#*=} ;;
    --libdir=*) libdir=${argument#*=} ;;
    --destdir=*) destdir=${argument#*=} ;;
    *.h) headers+=("$argument") ;;
    *.so) shared=$argument ;;
    *.a) archive=$argument ;;
    *.in) templates+=("$argument") ;;
    *.py) script=$argument ;;
    */LICENSE | LICENSE) license=$argument ;;
    *) die "what is \"$argument\"? Options: --prefix=/usr/local [--libdir=DIR] [--destdir=DIR]" ;;
  esac
done
for wanted in "$shared" "$archive" "$license" "$script" "${templates[*]}" "${headers[*]}"; do
  [[ -n $wanted ]] || die 'a library, the headers, the templates, the script or the licence is missing'
done
# What would not come out of haft.pc as it went in.
[[ $prefix =~ ^/[A-Za-z0-9/._+-]*$ ]] || die "--prefix=PREFIX must be an absolute path of plain characters"
[[ $libdir =~ ^[A-Za-z0-9/._+-]+$ ]] || die "--libdir=DIR must be a path of plain characters"
[[ $prefix == / ]] || prefix=${prefix%/}
[[ -z $destdir || $destdir == /* ]] || destdir=${BUILD_WORKING_DIRECTORY:-$PWD}/$destdir
root=${prefix%/}
[[ $libdir == /* ]] || libdir=$root/$libdir
# -p: the system's, although a test of Bazel's has "." in its PATH, where //:install is.
libdir=$(command -p realpath -ms "$libdir")
include=$root/include

for header in "${headers[@]}"; do
  [[ $header != */haft/haft.h ]] || c_header=$header
done
version_part() { sed -n "s/^#define HAFT_VERSION_$1 \([0-9]\+\)$/\1/p" "$c_header"; }
major=$(version_part MAJOR)
version=$major.$(version_part MINOR).$(version_part PATCH)
[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || die "no version in $c_header"

put() { command -p install "$@"; }
to_headers=$destdir$include/haft
to_lib=$destdir$libdir
put -d "$to_headers" "$to_lib"
for header in "${headers[@]}"; do
  put -D -m 644 "$header" "$to_headers/${header#*lib/haft/}"
done
put -m 755 "$shared" "$to_lib/libhaft.so.$version"
ln -sf "libhaft.so.$version" "$to_lib/libhaft.so.$major"
ln -sf "libhaft.so.$major" "$to_lib/libhaft.so"
put -m 644 "$archive" "$to_lib/libhaft.a"
put -D -m 644 "$license" "$destdir$root/share/doc/haft/LICENSE"
put -D -m 644 "$script" "$destdir$root/share/gdb/auto-load$libdir/libhaft.so.$version-gdb.py"

# The size of a word, of which the fifth byte of an ELF file has a quarter.
word=$(($(od -An -tu1 -j4 -N1 "$shared") * 4))
in_prefix() { [[ $1/ == "$root"/* ]] && echo "\${prefix}${1#"$root"}" || echo "$1"; }
fill_in() {
  sed -e "s|@PREFIX@|$prefix|" -e "s|@PC_INCLUDEDIR@|$(in_prefix "$include")|" -e "s|@PC_LIBDIR@|$(in_prefix "$libdir")|" \
    -e "s|@INCLUDE_FROM_LIB@|$(command -p realpath -ms --relative-to="$libdir" "$include")|" \
    -e "s|@VERSION@|$version|" -e "s|@SOVERSION@|$major|" -e "s|@SIZEOF_VOID_P@|$word|" "$1"
}
for template in "${templates[@]}"; do
  name=${template##*/}
  name=${name%.in}
  case $name in
    *.pc) folder=pkgconfig ;;
    *) folder=cmake/haft ;;
  esac
  fill_in "$template" | put -D -m 644 /dev/stdin "$to_lib/$folder/$name"
done
echo "install: haft $version in $destdir$prefix"
