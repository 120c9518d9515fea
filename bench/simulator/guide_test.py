#!/usr/bin/env python3
"""Compares the tables of arms and workloads in the guide with the simulator's own list.

Usage: guide_test.py SIMULATOR README.md [--update]
"""

import argparse
import difflib
import json
import pathlib
import re
import subprocess
import sys
from typing import Any


def table(cells: list[list[Any]]) -> str:
    rows = [cells[0], ["---"] * len(cells[0]), *cells[1:]]
    return "".join("| " + " | ".join(str(cell) for cell in row) + " |\n" for row in rows)


def tables(has: dict[str, Any]) -> dict[str, str]:
    """Returns the table of each section."""
    arms = [[f"`{one['name']}`", one["meaning"], ", ".join(one["abilities"]) or "nothing"] for one in has["arms"]]
    workloads = [[f"`{one['name']}`", one["meaning"], one["needs"], one["least_cores"]] for one in has["workloads"]]
    return {"Arms": table([["arm", "implementation", "has"], *arms]),
            "Workloads": table([["workload", "an operation", "needs", "least cores"], *workloads])}


def with_tables(guide: str, found: dict[str, str]) -> str:
    """Returns the guide with these tables in place of the first table of each of the sections."""
    for section, rows in found.items():
        pattern = re.compile(rf"(^## {section}\n(?:(?!\||#).*\n)*)((?:\|.*\n)+)", re.MULTILINE)
        guide, count = pattern.subn(lambda match: match[1] + rows, guide)
        if count != 1:
            sys.exit(f'the guide has {count} sections "{section}" with a table, and must have one')
    return guide


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("simulator")
    parser.add_argument("guide")
    parser.add_argument("--update", action="store_true")
    arguments = parser.parse_args()

    listed = subprocess.run([arguments.simulator, "--list"], capture_output=True, text=True, check=True).stdout
    path = pathlib.Path(arguments.guide)
    guide = path.read_text(encoding="utf-8")
    expected = with_tables(guide, tables(json.loads(listed)))
    if arguments.update:
        path.write_text(expected, encoding="utf-8")
        return 0
    sys.stdout.writelines(difflib.unified_diff(guide.splitlines(True), expected.splitlines(True), "the guide", "--list", n=0))
    return int(guide != expected)


if __name__ == "__main__":
    sys.exit(main())
