# Sourced by test.sh and bench.sh: Debian's Go, whatever else there is, and what it links with.

here=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
root=$(cd "$here/../.." && pwd)
"$root/tools/packages.sh" examples_go
libraries=$("$here/../widget/build.sh")
export PATH=/usr/bin:/bin LD_LIBRARY_PATH=$libraries
export GOCACHE=$root/.cache/examples/go GOFLAGS=-mod=mod GOPROXY=off GOTOOLCHAIN=local
export CGO_CFLAGS="-O2 -I$libraries/../include" CGO_LDFLAGS="-L$libraries"
cd "$here"
