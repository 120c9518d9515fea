#!/usr/bin/env python3
"""Makes tests/recorded again: the raw data of a study of the fake worker, from which report_test.py makes reports.

Usage: make_recorded.py. It needs the packages of //bench:study, and replaces the folder.
"""

import gzip
import json
import os
import pathlib
import shutil
import sys
import tempfile
from unittest import mock

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import main  # noqa: E402
import topology  # noqa: E402

EXPERIMENT = """
title = "Recorded: churn"
arms = ["fast", "slow", "twin", "false", "crash", "ping-pong", "cuckoo"]
workload = ["churn", "batch", "find"]
threads = "1,2,4,6,7,8,16,x2"
placement = "scatter"
repetitions = 5
latency = 100
[[skip]]
arm = ["fast", "slow", "twin", "false", "crash", "cuckoo"]
workload = "find"
[[skip]]
arm = "ping-pong"
workload = ["churn", "batch"]
[[skip]]
arm = "ping-pong"
threads = "1,4,6,7,8,16,32"
[time]
warm_up = "1ms"
measure = "1ms"
[[skip]]
arm = ["false", "crash"]
threads = "2,4,6,7,8,16,32"
"""


def record():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "e.toml").write_text(EXPERIMENT)
        (folder / "manifest.json").write_text(json.dumps({
            "version": 1, "workers": [{"label": "//fake", "program": "fake_worker.py"}], "experiments": [], "simulator": None,
            "workspace": "haft", "unavailable": [{"arm": "cuckoo", "package": "libcuckoo-dev"}]}))
        os.environ.update(HAFT_STUDY_MANIFEST=str(folder / "manifest.json"), HAFT_STUDY_RUNFILES=str(HERE))
        text = (HERE / "topologies" / "two_sockets.xml").read_text()
        with mock.patch.object(topology, "record", lambda: text), mock.patch.object(topology, "here", topology.parse):
            main.main(["run", str(folder / "e.toml"), f"--out={folder / 'd'}"])
        shutil.rmtree(HERE / "recorded", ignore_errors=True)
        (HERE / "recorded").mkdir()
        for file in ("experiment.toml", "environment.json", "topology.xml"):
            text = (folder / "d" / file).read_text().replace(str(HERE.parents[2]), "/haft")  # wherever it was made
            (HERE / "recorded" / file).write_text(text)
        runs = (folder / "d" / "runs.jsonl").read_bytes()
        (HERE / "recorded" / "runs.jsonl.gz").write_bytes(gzip.compress(runs, mtime=0))


if __name__ == "__main__":
    record()
