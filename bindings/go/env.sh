# Sourced by test.sh and bench.sh: selects Debian's Go, even if there is another, and sets the paths of the libraries.

here=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
root=$(cd "$here/../.." && pwd)
"$root/tools/packages.sh" examples_go
libraries=$("$here/../widget/build.sh")
export PATH=/usr/bin:/bin LD_LIBRARY_PATH=$libraries
export GOCACHE=$root/.cache/examples/go GOFLAGS=-mod=mod GOPROXY=off GOTOOLCHAIN=local
export CGO_CFLAGS="-O2 -I$libraries/../include" CGO_LDFLAGS="-L$libraries"
cd "$here"
