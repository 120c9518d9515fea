#!/usr/bin/env python3
"""Runs the simulator over three presets and compares its rows with those of golden.txt, byte for byte.

Usage: golden_test.py SIMULATOR GOLDEN MACHINE.toml... [--update]

A line of golden.txt has the main figures of a row, the line that costs most, and a hash of the whole row. The rows differ from the golden ones after a change of the simulator, of a preset or of the library. If the change is meant, --update
writes the new ones, and the difference says what it has changed.
"""

import argparse
import difflib
import hashlib
import json
import pathlib
import subprocess
import sys
import tomllib

STUDY = {
    "arms": ["haft/magazine", "haft/global", "haft/hazard", "ticket-64", "mcs-lock", "machine"],
    "workloads": ["churn", "hand-off-far", "find-hot", "lock", "fetch-add", "thread-churn"],
    "cores": [1, 8, 64],
    "hold_ns": 30,
    "seed": 37033,
    "window_ns": 2000,
}


def line_of(text: str) -> str:
    row = json.loads(text)
    costliest = row["lines"][0]["name"] if row["lines"] else "-"
    figures = [row["throughput_per_us"], row["latency_ns"], row["per_operation"]["transfers"], row["jain"]]
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    names = [row["machine"], row["arm"], row["workload"], row["cores"]]
    return "  ".join(str(word) for word in [*names, *figures, costliest, digest]) + "\n"


def lines_of(simulator: str, machine: str) -> str:
    study = STUDY | {"machine": tomllib.loads(pathlib.Path(machine).read_text())}
    run = subprocess.run([simulator], input=json.dumps(study), capture_output=True, text=True, check=False)
    if run.returncode != 0:
        sys.exit(f"{machine}: the simulator ends with status {run.returncode}: {run.stderr}")
    return "".join(line_of(text) for text in run.stdout.splitlines() if '"cannot"' not in text)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("simulator")
    parser.add_argument("golden")
    parser.add_argument("machines", nargs="+")
    parser.add_argument("--update", action="store_true")
    arguments = parser.parse_args()

    found = "".join(lines_of(arguments.simulator, machine) for machine in arguments.machines)
    golden = pathlib.Path(arguments.golden)
    if arguments.update:
        golden.write_text(found)
        return 0
    expected = golden.read_text()
    if found == expected:
        return 0
    sys.stdout.writelines(difflib.unified_diff(expected.splitlines(True), found.splitlines(True), "golden", "now", n=0))
    return 1


if __name__ == "__main__":
    sys.exit(main())
