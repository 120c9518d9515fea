#!/usr/bin/env bash
# Installs Haft: ./bazelw run -c opt //:install -- --prefix=/usr/local [--destdir=DIR]
#   PREFIX/include/haft/*.h         the C header and the C++ headers
#   PREFIX/include/haft/internal/   what those include, and nobody else should
#   PREFIX/lib/libhaft.so*          the shared library, its SONAME and its version as symbolic links
#   PREFIX/lib/libhaft.a            the same as position-independent code, to be linked into something
#   PREFIX/lib/pkgconfig/haft.pc    how to use them
# All of it goes to DIR/PREFIX, and says that it is in PREFIX. What Bazel built stands before the options.
set -euo pipefail

die() {
  echo "install: $1" >&2
  exit 2
}

shared='' archive='' headers=() prefix='' destdir=''
for argument; do
  case $argument in
    --prefix=*) prefix=${argument#*=} ;;
    --destdir=*) destdir=${argument#*=} ;;
    *.h) headers+=("$argument") ;;
    *.so) shared=$argument ;;
    *.a) archive=$argument ;;
    *) die "what is \"$argument\"? Options: --prefix=/usr/local [--destdir=DIR]" ;;
  esac
done
# What would not come out of haft.pc as it went in.
[[ $prefix =~ ^/[A-Za-z0-9/._+-]*$ ]] || die "--prefix=PREFIX must be an absolute path of plain characters"
[[ $prefix == / ]] || prefix=${prefix%/}
[[ -z $destdir || $destdir == /* ]] || destdir=${BUILD_WORKING_DIRECTORY:-$PWD}/$destdir

for header in "${headers[@]}"; do
  [[ $header != */haft/haft.h ]] || c_header=$header
done
version_part() { sed -n "s/^#define HAFT_VERSION_$1 \([0-9]\+\)$/\1/p" "$c_header"; }
major=$(version_part MAJOR)
version=$major.$(version_part MINOR).$(version_part PATCH)
[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || die "no version in $c_header"

include=$destdir${prefix%/}/include/haft
lib=$destdir${prefix%/}/lib
# -p: the system's, although a test of Bazel's has "." in its PATH, where //:install is.
put() { command -p install "$@"; }
put -d "$include" "$lib/pkgconfig"
for header in "${headers[@]}"; do
  put -D -m 644 "$header" "$include/${header#*lib/haft/}"
done
put -m 755 "$shared" "$lib/libhaft.so.$version"
ln -sf "libhaft.so.$version" "$lib/libhaft.so.$major"
ln -sf "libhaft.so.$major" "$lib/libhaft.so"
put -m 644 "$archive" "$lib/libhaft.a"

# nodelete: a thread that has used a table runs a hook of Haft when it ends, which the headers and the archive put into
# what they become part of.
put -m 644 /dev/stdin "$lib/pkgconfig/haft.pc" << END
prefix=$prefix
includedir=\${prefix}/include
libdir=\${prefix}/lib

Name: haft
Description: Opaque handles for objects that foreign code may keep too long
Version: $version
Cflags: -I\${includedir} -pthread
Libs: -L\${libdir} -lhaft -Wl,-z,nodelete
Libs.private: -lstdc++ -pthread
END
echo "install: haft $version in $destdir$prefix"
