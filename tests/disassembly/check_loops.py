#!/usr/bin/env python3
"""The measured loops of the contention study contain no indirect call. Reads `objdump -dC --no-show-raw-insn` of an arm's object
file; exit 1 and a line for each violation.

A loop is the Run of a workload's thread. That of ThreadChurn is none, because each of its steps starts a thread.
"""

import re
import sys

LOOP = re.compile(r"haft::study::(\w+)<.*::Thread<haft::study::(Unobserved|Observed)>::Run\(unsigned long\)")
# Those that a table without optional members can do, each in two forms.
LEAST = 20


def problems(text):
    """Lines about indirect calls and jumps, but for those of jump tables, which compilers make of a switch."""
    loops, loop = set(), None
    for line in text.splitlines():
        if match := re.match(r"^[0-9a-f]+ <(.*)>:$", line):
            found = LOOP.search(match[1])
            loop = f"{found[1]}, {found[2]}" if found and found[1] != "ThreadChurn" else None
            if loop:
                loops.add(loop)
        elif loop and re.search(r"\s(call|jmp)\w*\s+\*(?!.*,8\))", line):
            yield f"{loop}: {line.split(':', 1)[1].strip()}"
    if len(loops) < LEAST:
        yield f"only {len(loops)} loops"


found = list(problems(sys.stdin.read()))
print("\n".join(found), end="\n" if found else "")
sys.exit(1 if found else 0)
