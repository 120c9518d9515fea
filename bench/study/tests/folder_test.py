"""Tests of folder.py and of resumption: a folder is complete and valid at every moment."""

import contextlib
import io
import json
import resource
import unittest

import support
import arms
import experiment
import folder
import run
import topology
from complaint import MISSING, Complaint
from study import Study

LINE = {"run": 0, "cell": {"arm": "fast"}, "status": "ok"}


def count_of_files(path):
    return sorted(one.name for one in path.iterdir())


class FolderTest(support.InFolder):
    def create(self, name="d"):
        return folder.create(self.folder / name, 'title = "t"\n', {"version": 1}, "<topology/>")

    def test_it_appears_with_all_its_files(self):
        self.create()
        self.assertEqual(count_of_files(self.folder / "d"), ["environment.json", "experiment.toml", "runs.jsonl",
                                                             "topology.xml"])
        self.assertEqual(count_of_files(self.folder), ["d", "manifest.json"])

    def test_an_empty_folder_may_be_used_and_another_may_not(self):
        (self.folder / "d").mkdir()
        self.create()
        with self.assertRaisesRegex(Complaint, "holds a study already; `resume .*` goes on with it"):
            self.create()
        (self.folder / "f").mkdir()
        (self.folder / "f" / "note").write_text("mine")
        with self.assertRaisesRegex(Complaint, "is not an empty folder"):
            self.create("f")
        self.assertEqual(count_of_files(self.folder / "f"), ["note"])

    def test_two_at_once_are_refused(self):
        first = self.create()
        with first:
            with self.assertRaisesRegex(Complaint, "another process is writing"):
                with folder.Folder(self.folder / "d"):
                    pass
        with folder.Folder(self.folder / "d"):
            pass

    def test_lines_are_on_the_disk_at_once(self):
        with self.create() as own:
            own.append(LINE)
            self.assertEqual((self.folder / "d" / "runs.jsonl").read_text(),
                             '{"version":1,"run":0,"cell":{"arm":"fast"},"status":"ok"}\n')

    def test_a_torn_last_line_is_not_read_and_is_removed(self):
        with self.create() as own:
            own.append(LINE)
        path = self.folder / "d" / "runs.jsonl"
        whole = path.read_bytes()
        for length in range(len(whole)):
            path.write_bytes(whole + whole[:length])
            self.assertEqual(len(folder.Folder(self.folder / "d").runs()), 1)
            with folder.Folder(self.folder / "d") as own:
                self.assertEqual(path.read_bytes(), whole)
                own.append(LINE)
            self.assertEqual(path.read_bytes(), whole * 2)

    def test_a_line_of_another_version_or_none_is_named(self):
        self.create()
        path = self.folder / "d" / "runs.jsonl"
        path.write_text('{"version":9}\n')
        with self.assertRaisesRegex(Complaint, "runs.jsonl:1: has version 9"):
            folder.Folder(self.folder / "d").runs()
        path.write_text('{"version":1}\nrubbish\n')
        with self.assertRaisesRegex(Complaint, "runs.jsonl:2: is not JSON"):
            folder.Folder(self.folder / "d").runs()

    def limited(self, size):
        """Lets no file grow beyond `size` bytes until the test ends."""
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_FSIZE, before)

    def test_a_full_disk_leaves_the_lines_that_were_there(self):
        with self.create() as own:
            own.append(LINE)
            size = (self.folder / "d" / "runs.jsonl").stat().st_size
            self.limited(size + 20)  # in the middle of the next line
            with self.assertRaisesRegex(Complaint,
                                        "runs.jsonl: File too large; `resume .*` goes on when there is room") as caught:
                own.append(LINE)
        self.assertEqual(caught.exception.status, MISSING)
        self.assertEqual(folder.Folder(self.folder / "d").runs(), [{"version": 1, **LINE}])
        self.assertEqual((self.folder / "d" / "runs.jsonl").stat().st_size, size)

    def test_a_full_disk_makes_no_folder(self):
        self.limited(4)
        with self.assertRaisesRegex(Complaint, "--out=.*: File too large"):
            self.create()
        self.assertEqual(count_of_files(self.folder), ["manifest.json"])

    def test_a_full_disk_leaves_a_file_as_it_was(self):
        self.create()
        path = self.folder / "d" / "report.html"
        folder.write(path, b"before")
        self.limited(100)
        with self.assertRaises(OSError):
            folder.write(path, b"x" * 1000)
        self.assertEqual(path.read_bytes(), b"before")
        self.assertNotIn(".report.html.draft", count_of_files(self.folder / "d"))

    def test_what_is_no_study_is_said(self):
        with self.assertRaisesRegex(Complaint, "holds no study"):
            folder.Folder(self.folder)


class ResumeTest(support.InFolder):
    def setUp(self):
        super().setUp()
        self.write_experiment(support.SMALL)
        plan = experiment.load(self.folder / "e.toml", ["repetitions=2", "arms=['fast','crash']"])
        xml = topology.record()
        self.made = Study(plan, {"": arms.read_manifest()}, xml)
        with contextlib.redirect_stderr(io.StringIO()):
            self.own = run.begin(self.made, xml, "d", {})
            run.make(self.made, self.own)
        self.path = self.folder / "d" / "runs.jsonl"
        self.lines = self.path.read_bytes().splitlines(keepends=True)

    def essence(self):
        """Returns of each run what the seed determines."""
        runs = folder.Folder(self.folder / "d").runs()
        return [(one["run"], one["cell"], one["request"], one["status"], one["answer"]) for one in runs]

    def test_after_a_kill_at_each_line(self):
        whole = self.essence()
        self.assertEqual([one[0] for one in whole], list(range(4)))
        for count in range(len(self.lines)):
            for torn in (b"", self.lines[count][:len(self.lines[count]) // 2]):
                self.path.write_bytes(b"".join(self.lines[:count]) + torn)
                with contextlib.redirect_stderr(io.StringIO()):
                    status = run.make(self.made, folder.Folder(self.folder / "d"))
                self.assertEqual(status, MISSING)  # for the arm that crashes
                self.assertEqual(self.essence(), whole)

    def test_the_command_goes_on_and_reports(self):
        self.path.write_bytes(b"".join(self.lines[:1]))
        status, out, err = self.study("resume", "d")
        self.assertEqual((status, out), (MISSING, "d/report.html\n"))
        self.assertIn("3 runs", err)
        self.assertEqual(len(folder.Folder(self.folder / "d").runs()), 4)

    def test_another_machine_or_arm_or_experiment_is_refused_and_named(self):
        path = self.folder / "d" / "environment.json"
        environment = json.loads(path.read_text())
        for change, sentence in ((lambda one: one["machine"].update(cpu="Other"), "machine: cpu was 'Other' and is"),
                                 (lambda one: one["arms"]["fast"].update(version="0.9"),
                                  "arms: fast: version was '0.9' and is '1.0'")):
            changed = json.loads(json.dumps(environment))
            change(changed)
            path.write_text(json.dumps(changed))
            status, out, err = self.study("resume", "d")
            self.assertEqual((status, out), (2, ""))
            self.assertIn(sentence, err)
        path.write_text(json.dumps(environment))
        experiment_path = self.folder / "d" / "experiment.toml"
        experiment_path.write_text(experiment_path.read_text().replace("seed = 37033", "seed = 1"))
        status, _, err = self.study("resume", "d")
        self.assertEqual(status, 2)
        self.assertIn("experiment.toml is not the one of the runs", err)
        self.assertEqual(self.path.read_bytes(), b"".join(self.lines))


if __name__ == "__main__":
    unittest.main()
