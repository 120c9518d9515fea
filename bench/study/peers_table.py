#!/usr/bin/python3
"""Prints the figures of the experiment peers_objects as a table: each kind of work with a yardstick, the best peer and Haft.

Usage: peers_table.py [--all] [FOLDER]

FOLDER is that of a study that has been run. Without it the study is run first (`./bazelw run -c opt //bench:study`), in a folder
of its own that is kept. The figures are nanoseconds for a step on one thread, the medians of the repetitions, with one thread and
with two; an operation of a scope or of a mix is a step. --all adds a table of all arms.
"""

import argparse
import pathlib
import statistics
import sys
from dataclasses import dataclass

import tabled

PEERS = ("rust/", "xenium/")
HOT = "hot:1:100"
# The kinds of operations of which each is a step, where they are not all.
STEPS = {"pin": ["pin"], "scope": ["find"], "stale-scope": ["stale"], "mixed-scope": ["find", "stale", "new", "delete"],
         "churn": ["new"], "delete-pinned": ["delete_pinned"]}


@dataclass(frozen=True)
class Cell:
    workload: str
    live: int = 1000
    skew: str = "uniform"


@dataclass(frozen=True)
class Row:
    work: str
    yardstick: str  # the arm whose look-up it is
    peers: Cell
    haft: list  # pairs of a name and an arm, and a cell if it is another than that of the peers


WORDS, OBJECTS, C = "haft/magazine", "haft/objects", "haft/c"
ROWS = [
    Row("look-up of 1e3, guard held over 128", "array", Cell("scope"), [("scope", OBJECTS)]),
    Row("look-up of 1e3, protected each time", "cas", Cell("find"), [("pin", OBJECTS)]),
    Row("look-up of 1e6, guard held over 128", "array", Cell("scope", 10**6), [("scope", OBJECTS)]),
    Row("look-up of 1e6, protected each time", "array", Cell("find", 10**6), [("pin", OBJECTS)]),
    Row("the same, first uses alone", "array", Cell("find-first", 10**6), [("pin", OBJECTS)]),
    Row("mixed 90/5/5 of 1e6, protected each time", "cas", Cell("mixed", 10**6), [("pin", OBJECTS)]),
    Row("mixed 90/5/5 of 1e6, guard held over 128", "cas", Cell("mixed-scope", 10**6), [("scope", OBJECTS)]),
    Row("one hot object, protected each time", "cas", Cell("find", skew=HOT), [("pin", OBJECTS), ("C", C, Cell("pin", skew=HOT))]),
    Row("stale look-up", "array", Cell("stale"), [("words", WORDS), ("pin", OBJECTS), ("C", C)]),
    Row("stale look-up, guard held over 128", "array", Cell("stale-scope"), [("scope", OBJECTS)]),
    Row("through C: pin and unpin", "cas", Cell("find"), [("C", C, Cell("pin"))]),
    Row("through C: value", "array", Cell("scope"), [("C", C, Cell("find"))]),
    Row("New and Delete", "cas", Cell("churn"), [("words", WORDS), ("objects", OBJECTS), ("C", C)]),
    Row("look-up of 1e6, unprotected", "array", Cell("find", 10**6), [("words", WORDS), ("C", C)]),
    Row("New, Pin, Delete and Unpin", "cas", Cell("delete-pinned"), [("objects", OBJECTS), ("C", C)]),
    Row("New while filling a table to 1e6", "cas", Cell("grow", 10**4), [("words", WORDS), ("objects", OBJECTS), ("C", C)]),
]


def step_ns(line):
    """Returns the mean over the threads of the time for a step; None if a thread has done none."""
    means = []
    for thread in line["answer"]["threads"]:
        operations = thread["operations"]
        kinds = STEPS.get(line["cell"]["workload"], list(operations))
        steps = sum(operations[kind]["done"] for kind in kinds if kind in operations)
        if steps == 0:
            return None
        means.append(thread["ns"] / steps)
    return statistics.mean(means)


def medians(lines):
    """Returns the median of each cell by arm, cell and number of threads."""
    found = {}
    for line in lines:
        if (ns := step_ns(line)) is None:
            continue
        cell = line["cell"]
        key = cell["arm"], Cell(cell["workload"], cell["live"], cell["skew"]), cell["threads"]
        found.setdefault(key, []).append(ns)
    return {key: statistics.median(values) for key, values in found.items()}


def number(ns):
    return "-" if ns is None else f"{ns:.2f}" if ns < 9.995 else f"{ns:.1f}" if ns < 99.95 else f"{ns:,.0f}"


def pair(ns, arm, cell, threads):
    return " / ".join(number(ns.get((arm, cell, count))) for count in threads)


def best_peer(ns, cell, threads):
    """Returns the peers that are fastest with each number of threads, and their figures."""
    best = [min(((value, arm) for (arm, one, count), value in ns.items()
                 if one == cell and count == wanted and arm.startswith(PEERS)), default=(None, None)) for wanted in threads]
    names = list(dict.fromkeys(arm.partition("/")[2] for _, arm in best if arm is not None))
    return f"{', '.join(names)} {' / '.join(number(value) for value, _ in best)}".strip()


def summary(ns, threads):
    lines = [f"| work | yardstick | best peer, {' / '.join(map(str, threads))} threads | Haft, the same |", "|---|---|---|---|"]
    for row in ROWS:
        yardstick = Cell("find", 10**6 if row.yardstick == "array" and row.peers.live == 10**6 else 1000)
        haft = "; ".join(f"{name} {pair(ns, arm, own[0] if own else row.peers, threads)}" for name, arm, *own in row.haft)
        lines.append(f"| {row.work} | {row.yardstick} {number(ns.get((row.yardstick, yardstick, threads[0])))} | "
                     f"{best_peer(ns, row.peers, threads)} | {haft} |")
    return lines


def of_all_arms(ns, threads):
    arms = list(dict.fromkeys(arm for arm, _, _ in sorted(ns, key=lambda key: key[0])))
    cells = list(dict.fromkeys(row.peers for row in ROWS))
    names = [f"{cell.workload} {cell.live:.0e}".replace("e+0", "e") + (" hot" if cell.skew == HOT else "") for cell in cells]
    return ["| arm | " + " | ".join(names) + " |", "|---" * (len(cells) + 1) + "|",
            *(f"| {arm} | " + " | ".join(pair(ns, arm, cell, threads) for cell in cells) + " |" for arm in arms)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", action="store_true", help="a table of all arms as well")
    parser.add_argument("folder", nargs="?", type=pathlib.Path)
    arguments = parser.parse_args()
    ns = medians(tabled.right_runs(tabled.folder_of("peers_objects", arguments.folder)))
    threads = sorted({count for _, _, count in ns})
    print("\n".join(summary(ns, threads)))
    if arguments.all:
        print("\n" + "\n".join(of_all_arms(ns, threads)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
