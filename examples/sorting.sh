# The tests that the examples of scripting languages share: they run `. ../sorting.sh` after common.sh. Each example sorts
# 2, 3, 1 by the C library's qsort_r, which calls back with a handle of a function of the language, and prints seven lines.

export LD_LIBRARY_PATH=$library${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}

# needs_command COMMAND PACKAGE: ends with 77 if there is no such command.
needs_command() {
  command -v "$1" > /dev/null || { echo "missing Debian package: $2"; exit 77; }
}

# line NUMBER REGEX: the example has printed such a line.
line() { sed -n "$1p" "$out/printed" | grep -E "$2" || { cat "$out/printed"; return 1; }; }
sorts() { line 1 '^1 2 3$' && line 2 '^3 2 1$' && line 7 '^3 2 1$' && [[ $(wc -l < "$out/printed") == 7 ]]; }
in_a_callback() { line 3 '^the handle has been deleted \(0x[0-9a-f]+: stale .*\)$'; }
second_delete() { line 4 '^the handle has been deleted \(0x[0-9a-f]+: stale .*\)$'; }
highest_bit() { line 5 '^no table issues such a word \(0x8000000000000001: malformed .*\)$'; }
other_type() { line 6 '^the object is of another type \(0x[0-9a-f]+: live .*\)$'; }

# test_sorting COMMAND...: runs the example and looks at what it prints.
test_sorting() {
  timeout 60 "$@" > "$out/printed" 2>&1 || echo "it ended with status $?" >> "$out/printed"
  proves 'C calls back with a handle of a function' sorts
  proves 'in a callback, a handle that was deleted is an error of the language' in_a_callback
  proves 'deleting it again is one, too' second_delete
  proves 'a word with the highest bit comes back from C whole' highest_bit
  proves 'a handle of another type is refused' other_type
}
