"""The parts that peers_table.py and memory_table.py have in common: an experiment whose raw data become one table."""

import json
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]


def folder_of(experiment: str, folder: pathlib.Path | None) -> pathlib.Path:
    """Returns the folder of a study. If there is none yet, runs the experiment in a new one, which is kept.

    If the study cannot be run: SystemExit with its status. That arms are not to be had is no such case, because the table shows it.
    """
    if folder is None:
        folder = pathlib.Path(tempfile.mkdtemp(prefix=f"{experiment}-")) / "study"
        status = subprocess.run(["./bazelw", "run", "-c", "opt", "//bench:study", "--", "run", experiment, f"--out={folder}"],
                                cwd=ROOT, stdout=sys.stderr, check=False).returncode
        if status not in (0, 3):
            raise SystemExit(status)
        print(f"The study is in {folder}.", file=sys.stderr)
    if not (folder / "runs.jsonl").is_file():
        print(f"{folder} has no runs.jsonl, and so is no study", file=sys.stderr)
        raise SystemExit(2)
    return folder


def right_runs(folder: pathlib.Path) -> list[dict]:
    """Returns the runs whose answers are right. There are none: SystemExit with status 1."""
    lines = [json.loads(text) for text in (folder / "runs.jsonl").read_text().splitlines()]
    right = [line for line in lines if line["status"] == "ok"]
    if not right:
        print(f"{folder} has no run that is right", file=sys.stderr)
        raise SystemExit(1)
    return right
