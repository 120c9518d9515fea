"""The tests' common parts: where the study is, a manifest with the fake worker, and a folder of one's own."""

import contextlib
import io
import json
import os
import pathlib
import sys
import tempfile
import unittest
from unittest import mock

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import main  # noqa: E402  (needs the path above)
import plots  # noqa: E402

FAKE_WORKER = HERE / "fake_worker.py"


class InFolder(unittest.TestCase):
    """A test whose current folder is an empty one, with a manifest of the fake worker."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        before = os.getcwd()
        os.chdir(self.folder)
        self.addCleanup(os.chdir, before)
        self.write_manifest()
        environment = {"HAFT_STUDY_MANIFEST": str(self.folder / "manifest.json"), "HAFT_STUDY_RUNFILES": str(HERE)}
        patched = mock.patch.dict(os.environ, environment)
        patched.start()
        self.addCleanup(patched.stop)
        for kind in ("pdf", "png"):  # drawing takes most of the time, and report_test.py looks at all kinds
            removed = mock.patch.dict(plots.METADATA)
            removed.start()
            self.addCleanup(removed.stop)
            del plots.METADATA[kind]
        os.environ.pop("BUILD_WORKING_DIRECTORY", None)

    def write_manifest(self, **changes):
        manifest = {"version": 1, "workers": [{"label": "//fake", "program": FAKE_WORKER.name}], "experiments": [],
                    "simulator": None, "workspace": "haft", **changes}
        (self.folder / "manifest.json").write_text(json.dumps(manifest))

    def write_rivals(self, built):
        """Writes a manifest whose only workers are in other languages, here in the workspace; `built` is whether they are."""
        (self.folder / "rivals.json").write_text(json.dumps({"fast": ["fast", "slow"], "cobol": ["cobol/table"]}))
        self.write_manifest(workers=[], rivals=str(self.folder / "rivals.json"))
        if built:
            place = self.folder / "bench" / "rivals" / "out" / "fast" / "worker"
            place.parent.mkdir(parents=True)
            place.symlink_to(FAKE_WORKER)

    def write_experiment(self, text, name="e.toml"):
        (self.folder / name).write_text(text)

    def study(self, *arguments):
        """Returns exit status, stdout and stderr of a subcommand."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                status = main.main([str(one) for one in arguments])
            except SystemExit as error:  # argparse
                status = error.code
        return status, out.getvalue(), err.getvalue()

    def files(self):
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*"))


SMALL = """
title = "Small"
arms = ["fast", "slow"]
threads = 1
placement = "none"
repetitions = 3
[time]
warm_up = "1ms"
measure = "1ms"
"""
