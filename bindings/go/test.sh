#!/usr/bin/env bash
# Tests the Go module with Debian's Go and with the one in PATH, if that is another: formatting, lints, the race detector, cgo's
# checks of pointers, the examples, and the module as others install it.
cd "${BASH_SOURCE[0]%/*}" || exit
# shellcheck source=examples/common.sh
. ../../examples/common.sh

"$haft/tools/packages.sh" bindings_go || exit 77
widget=$(HAFT_LIBRARY_DIR=$library "$haft/examples/widget/build.sh")
export LD_LIBRARY_PATH=$library:$widget
export CGO_ENABLED=1 CGO_CFLAGS="-O2 -g -I$haft/lib -I$widget/../include" CGO_LDFLAGS="-L$library -L$widget"
export GOCACHE=$haft/.cache/go/build GOTOOLCHAIN=local GOFLAGS='-mod=mod -buildvcs=false' GOENV=off
proxy=${GOPROXY:-$(GOENV=off go env GOPROXY)}
export GOPROXY=off

debian=/usr/bin/go
newest=$(command -v go)
[[ -x /usr/local/go/bin/go ]] && newest=/usr/local/go/bin/go
$debian version
if [[ $("$newest" version) == $("$debian" version) ]]; then
  echo 'skipped: there is no newer Go than that'
  newest=$debian
else
  "$newest" version
fi

# tests WHAT GO ARGUMENTS...: runs go test, and counts its tests.
tests() {
  local what=$1 go=$2 count
  shift 2
  if timeout 300 "$go" test -count=1 -v "$@" > "$out/log" 2>&1; then
    count=$(grep -c '^ *--- PASS' "$out/log") || count=0
    if (( count > 0 )); then
      passed=$((passed + count))
      echo "ok  $what: $count tests"
      return
    fi
  fi
  note FAILED "$what"
}

no_unformatted() { [[ -z $("${newest%/*}/gofmt" -l . | tee /dev/stderr) ]]; }
proves 'gofmt changes nothing' no_unformatted
holds 'go vet, Debian' "$debian" vet ./...

# Debian's Go has its standard library compiled, also for the race detector. The newest compiles it for each set of options, so
# there is one set.
GODEBUG=cgocheck=2 tests 'all, Debian, cgocheck=2' "$debian" ./...
GODEBUG=cgocheck=1 tests 'all, Debian, race detector, checkptr and cgocheck=1' "$debian" -race -short ./...
if [[ $newest != "$debian" ]]; then
  export GOEXPERIMENT=cgocheck2
  holds 'go vet, newest' "$newest" vet ./...
  tests 'all, newest, cgocheck2' "$newest" -short ./...
  unset GOEXPERIMENT
fi

# Another library than that of the headers.
other_version() {
  echo 'int haft_version(void) { return 200; }' > "$out/other.c"
  cc -shared -fPIC -o "$out/other.so" "$out/other.c" &&
    HAFT_GO_TEST_OTHER=version LD_PRELOAD=$out/other.so "$out/haft.test" -test.run '^TestAnotherLibrary$' -test.v | tee "$out/said" &&
    grep -q -- '--- PASS: TestAnotherLibrary' "$out/said"
}
other_abi() {
  echo 'int haft_table_view(void *t, unsigned a, void *v) { (void)t, (void)a, (void)v; return 10; }' > "$out/other.c"
  cc -shared -fPIC -o "$out/other.so" "$out/other.c" &&
    HAFT_GO_TEST_OTHER=abi LD_PRELOAD=$out/other.so "$out/haft.test" -test.run '^TestAnotherLibrary$' -test.v | tee "$out/said" &&
    grep -q -- '--- PASS: TestAnotherLibrary' "$out/said"
}
holds 'the tests are built' "$debian" test -c -o "$out/haft.test" .
proves 'a library of another version is refused' other_version
proves 'a library with another view is refused' other_abi

holds 'fuzz Lookup, 20,000 words' "$debian" test -run '^$' -fuzz FuzzLookup -fuzztime 20000x -parallel 1 .
holds 'the benchmark runs' "$out/haft.test" -test.run '^$' -test.bench . -test.benchtime 1000x

# Without cgo, and on other machines.
CGO_ENABLED=0 tests 'pure, without cgo' "$debian" -short ./pure
if CGO_ENABLED=0 GOARCH=386 "$debian" test -c -o "$out/pure.386" ./pure > "$out/log" 2>&1; then
  if /lib/ld-linux.so.2 --version > /dev/null 2>&1 || "$out/pure.386" -test.run '^$' > /dev/null 2>&1; then
    holds 'pure, 32 bits' "$out/pure.386" -test.short
  else
    note ok 'pure, 32 bits, is built; this kernel runs no such program'
  fi
else
  note FAILED 'pure, 32 bits'
fi
if command -v qemu-aarch64 > /dev/null; then
  arm64() {
    CGO_ENABLED=0 GOARCH=arm64 "$debian" test -c -o "$out/pure.arm64" ./pure &&
      qemu-aarch64 "$out/pure.arm64" -test.short -test.run 'Handle|Shard|Table|Suite/(Value|Every|Refusals|Readers|One|Many)'
  }
  proves 'pure, arm64, emulated' arm64
fi
proves_vet_arm64() { CGO_ENABLED=0 GOARCH=arm64 "$debian" vet ./internal/core ./pure; }
proves 'go vet of the assembly of arm64' proves_vet_arm64

# The README, line by line, in a clean folder: the module is released to files and installed from there.
block() { awk -v mark="<!-- test: $1 -->" '$0 == mark { on = 1; next } on && /^```/ { if (inside) exit; inside = 1; next } inside' README.md; }
readme() {
  local go=$1 clean=$out/clean.$2
  mkdir -p "$clean/project" "$clean/bin" || return
  ln -sf "$go" "$clean/bin/go"
  PATH=$clean/bin:$PATH
  block release | sed "s#/tmp/proxy#$clean/proxy#" > "$clean/release.sh"
  block install > "$clean/install.sh"
  block run > "$clean/run.sh"
  block main.go > "$clean/project/main.go"
  bash -e "$clean/release.sh" || return
  cd "$clean/project" || return
  # Nothing but the files: no folder of the checkout, no cache.
  export GOPROXY=file://$clean/proxy GOSUMDB=off GOMODCACHE=$clean/modules GOFLAGS=-modcacherw
  bash -e "$clean/install.sh" || return
  # go get writes go.mod; the program was there before.
  [[ $(bash -e "$clean/run.sh" | tee /dev/stderr) == $'a value of Go\ntoo late' ]] || return
  "$go" doc -all haft.dev/haft | grep -q 'func (h Handle) Lookup() (any, error)' || return
  "$go" vet haft.dev/haft haft.dev/haft/pure
}
in_shell() { (readme "$@"); }
with_debian() { in_shell "$debian" debian; }
with_newest() { in_shell "$newest" newest; }
proves 'the README from release to first handle, Debian' with_debian
[[ $newest == "$debian" ]] || proves 'the same, newest' with_newest

# Lints from the registry, at a fixed version. The newest Go only: it is not for Go 1.19.
staticcheck=v0.8.2
tool=$haft/.cache/go/staticcheck-$staticcheck
if [[ $newest != "$debian" && ! -x $tool/staticcheck ]]; then
  GOPROXY=$proxy GOFLAGS=-mod=mod GOBIN=$tool timeout 240 "$newest" install "honnef.co/go/tools/cmd/staticcheck@$staticcheck" \
    > "$out/log" 2>&1 || true
fi
if [[ $newest != "$debian" && -x $tool/staticcheck ]]; then
  lint() { PATH=${newest%/*}:$PATH "$tool/staticcheck" -checks 'all,-ST1000' ./...; }
  proves "staticcheck $staticcheck" lint
else
  echo 'skipped: staticcheck, because the registry does not answer or there is no newer Go'
fi

finish
