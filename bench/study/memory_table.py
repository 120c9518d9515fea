#!/usr/bin/python3
"""Prints the figures of the experiment memory as a table: the bytes for each live handle.

Usage: memory_table.py [FOLDER]

FOLDER is that of a study that has been run. Without it the study is run first (`./bazelw run -c opt //bench:study`), in a folder
of its own that is kept. Each run is a process of its own that makes so many handles. A figure is the difference of its resident
memory to that of a run with one handle, divided by the difference of the handles, less what the worker keeps of each handle
itself: the handle and the object that its value points to. It is the median of the repetitions. A dash is a figure below 0, which
is possible over 1,000 handles, because of the pages of its own program a process has now more and now less.
"""

import argparse
import pathlib
import statistics

import tabled

SIZES = [1000, 10**6, 10**7]
WORKERS_OWN = 16  # bytes: the handle, and the object
RUSTS_OWN = 8  # bytes: the handle alone, because no object is ever touched
FLOOR = 8  # bytes: the value
ROWS = [("words", "haft/magazine"), ("objects of 8 bytes", "haft/objects"), ("C", "haft/c"), ("mutex + slots", "slots-mutex"),
        ("sharded-slab", "rust/sharded-slab"), ("concurrent-slotmap", "rust/concurrent-slotmap"), ("idr-ebr", "rust/idr-ebr"),
        ("Mutex of slotmap", "rust/slotmap-mutex"), ("xenium vyukov", "xenium/vyukov-hp"),
        ("xenium harris-michael", "xenium/harris-michael-hp")]


def medians(lines):
    """Returns the median of the resident memory by arm and number of handles."""
    found = {}
    for line in lines:
        cell = line["cell"]
        found.setdefault((cell["arm"], cell["live"]), []).append(line["answer"]["memory"]["resident_bytes"])
    return {key: statistics.median(values) for key, values in found.items()}


def per_handle(resident, arm, live):
    """Returns the bytes for each handle as a text; a dash if a run is missing or they are below 0."""
    if (arm, live) not in resident or (arm, 1) not in resident:
        return "-"
    own = RUSTS_OWN if arm.startswith("rust/") else WORKERS_OWN
    found = (resident[arm, live] - resident[arm, 1]) / (live - 1) - own
    return "-" if found < 0 else f"{found:.1f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=pathlib.Path)
    resident = medians(tabled.right_runs(tabled.folder_of("memory", parser.parse_args().folder)))
    print(f"| bytes for each live handle | {' | '.join(f'{live:,}' for live in SIZES)} |")
    print("|---" * (len(SIZES) + 1) + "|")
    print(f"| *floor: the value alone* |{f' *{FLOOR:.1f}* |' * len(SIZES)}")
    for name, arm in ROWS:
        print(f"| {name} | {' | '.join(per_handle(resident, arm, live) for live in SIZES)} |")


if __name__ == "__main__":
    main()
