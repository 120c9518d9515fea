#!/usr/bin/env bash
# Tests the short studies as programs: their --help, and that a run which measures nothing or is interrupted leaves the results
# that were there.
#   short_studies_test.sh CONTENTION PINS INTERNS
set -euo pipefail

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

results=${TEST_TMPDIR:-$(mktemp -d)}/results.json

for program in "$@"; do
  name=${program##*/}
  help=$("$program" --help)
  [[ $help == *"//bench:$name --"* ]] || fail "--help of $name names another program"
  workloads=$(grep -cE '^  [a-z-]+: ' <<< "$help") || fail "--help of $name has no workload"
  rows=$(grep -cE '^      [A-Za-z]' <<< "$help") || fail "--help of $name has no row"
  ((rows > workloads)) || fail "--help of $name has $rows rows for $workloads workloads"

  for options in '--filter=nothing-has-this-name' '--nonsense'; do
    echo '{"earlier": true}' > "$results"
    status=0
    message=$("$program" --out="$results" "$options" 2>&1 > /dev/null) || status=$?
    ((status == 2)) || fail "$name $options ends with status $status"
    [[ $message == "$name: "* ]] || fail "$name $options complains as: $message"
    [[ $(< "$results") == '{"earlier": true}' ]] || fail "$name $options has changed the results"
  done
done

# One thread hands nothing off.
status=0
message=$("$1" --out="$results" --filter='^hand-off' --threads=1 2>&1 > /dev/null) || status=$?
((status == 2)) || fail "no measurement ends with status $status"
[[ $message == *"need an even number of threads"* ]] || fail "no measurement complains as: $message"
[[ $(< "$results") == '{"earlier": true}' ]] || fail "no measurement has changed the results"

# The part that is there shows that the run has begun.
"$2" --out="$results" --filter='^hot/' --threads=1 --repetitions=100000 > /dev/null 2>&1 &
for ((i = 0; i < 600; ++i)); do
  [[ ! -e $results.part ]] || break
  sleep 0.1
done
[[ -e $results.part ]] || fail "the run has not begun"
kill -TERM $!
status=0
wait $! || status=$?
((status > 128)) || fail "an interrupted run ends with status $status"
[[ $(< "$results") == '{"earlier": true}' ]] || fail "an interrupted run has changed the results"

"$2" --out="$results" --filter='^hot/' --smoke > /dev/null 2>&1 || fail "a run ends with status $?"
/usr/bin/python3 -c 'import json, sys; sys.exit(not json.load(open(sys.argv[1]))["benchmarks"])' "$results" ||
  fail "a run leaves no JSON"
[[ ! -e $results.part ]] || fail "a run leaves a part"
