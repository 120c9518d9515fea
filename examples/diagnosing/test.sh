#!/usr/bin/env bash
# Tests docs/diagnosing.md: each program prints the output that the page shows, each block of the page is from a file here,
# and the library has the probes that the bpftrace programs name. If bpftrace exists and the kernel permits it, those
# programs are run, too.
cd "${BASH_SOURCE[0]%/*}"
. ../common.sh

for name in leak stale inside; do c99 -O1 -g "$name.c" -o "$out/$name"; done

# Replaces words that differ from run to run.
plain() { sed -E 's/0x[0-9a-f]+/ADDRESS/g; s/thread [0-9]+/thread N/g'; }
# says WHAT FILE COMMAND: the command must write the text of FILE to stderr.
says() {
  (cd "$out" && bash -c "$3" 2> "$out/said" > /dev/null) || true
  if diff <(plain < "$2") <(plain < "$out/said") > "$out/log"; then note ok "$1"; else note FAILED "$1"; fi
}
mapfile -t commands < <(grep -v '^#' commands.sh)
says 'leaks are reported at exit, with the line' leak.txt "${commands[0]}"
says 'a stale use names its maker and its deleter' stale.txt "${commands[1]}"
says 'nothing is said that was not asked for' /dev/null './leak; ./stale'

inside() {
  "$out/inside" | plain > "$out/said"
  grep -q '^\[handles\] ADDRESS: a session at ADDRESS, created at inside.c:26 by thread N$' "$out/said" &&
    grep -q '^\[handles\] 1 live of type session, created at inside.c:26$' "$out/said" &&
    grep -q '^\[HAFT_STALE\] haft_value, wanted: a session' "$out/said" &&
    grep -q '^\[handles\] ADDRESS: stale .* deleted at inside.c:30 by thread N; its slot is now free$' "$out/said" && return
  cat "$out/said"
  return 1
}
proves 'a program asks, and logs in its own way' inside

probes() {
  local probe
  readelf -n "$library/libhaft.so" > "$out/notes"
  while read -r probe; do
    grep -A1 'Provider: haft' "$out/notes" | grep -q "Name: $probe$" || { echo "no probe $probe"; return 1; }
  done < <(grep -ho 'haft:[a-z]*' ./*.bt | sed 's/haft://' | sort -u)
}
if echo '#include <sys/sdt.h>' | cc -E -x c - > /dev/null 2>&1; then
  proves 'the library has the probes' probes
fi

# traces SCRIPT PROGRAM PROBE COUNT PATTERN: the script must print one line that matches PATTERN for a run of the program
# that fires the probe COUNT times. The program is run until that many have been seen, because bpftrace attaches the first
# clause last: when that one works, all do. PATTERN matches the whole line; PID in it is the number of the program's only
# thread.
traces() {
  local bpftrace seen before=0 attempt program
  { printf 'usdt:./libhaft.so:haft:%s { printf("seen\\n"); }\n' "$3"; cat "$1"; } > "$out/script"
  (cd "$library" && exec timeout -s INT 60 bpftrace -B line "$out/script") > "$out/traced" 2> /dev/null &
  bpftrace=$!
  for (( attempt = 0; attempt < 50; ++attempt )); do
    "$out/$2" > "$out/log" &
    program=$!
    wait "$program"
    sleep 0.5
    kill -0 "$bpftrace" 2> /dev/null || return 77
    seen=$(grep -c '^seen' "$out/traced" || true)
    (( seen - before != $4 )) || break
    before=$seen
  done
  kill -INT "$bpftrace"
  wait "$bpftrace" || true
  cat "$out/traced" > "$out/log"
  [[ $(grep -cxE "${5//PID/$program}" "$out/traced") == 1 ]]
}
# The caller's name, or its address if the program ended before bpftrace looked the name up.
main='(main|0x[0-9a-f]+)'
bpf() {
  traces leaks.bt leak new 3 "@live\\[[0-9]+\\]: \\(PID, $main\\)" &&
    traces refusals.bt stale refused 1 "@\\[4, $main\\]: [0-9]+"
}
if command -v bpftrace > /dev/null; then
  status=0
  bpf || status=$?
  case $status in
    0) note ok 'bpftrace finds the leak and the stale use' ;;
    77) echo '--  bpftrace is not let do its work here' ;;
    *) note FAILED 'bpftrace finds the leak and the stale use' ;;
  esac
fi

holds 'diagnosing.md: every block is from a tested file' "$haft/tools/check_page.sh" docs/diagnosing.md
finish
