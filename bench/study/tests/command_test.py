"""Tests of the command: exit statuses, what goes to stdout and stderr, and that bad input writes nothing."""

import csv
import errno
import gzip
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
import unittest
from unittest import mock

import support
import machine_costs
import packages
import parameters
import report
import topology
from folder import Folder

RECORDED = support.HERE / "recorded"
MAIN = support.HERE.parent / "main.py"


class BadInputTest(support.InFolder):
    """Bad input gets a sentence with the subcommand and the file, key or flag, and status 2, before anything is written."""

    def refused(self, sentence, *words):
        before = self.files()
        status, out, err = self.study(*words)
        self.assertEqual((status, out), (2, ""), err)
        self.assertTrue(err.startswith(f"study {words[0]}: ") or err.startswith("usage: "), err)
        self.assertIn(sentence, err)
        self.assertNotIn("Traceback", err)
        self.assertEqual(self.files(), before)

    def test_experiments(self):
        for text, sentence in (
                ("tittle = 3", 'e.toml: key "tittle" is unknown; did you mean "title"'),
                ("title = ", "e.toml: is not TOML"),
                ('arms = ["fsat"]', 'e.toml: key "arms" has no "fsat"; did you mean "fast"'),
                ('workload = "curn"', 'e.toml: key "workload" has no "curn"; did you mean "churn"'),
                ('placement = "compct"', 'e.toml: key "placement" has no "compct"; did you mean "compact"'),
                ('placement = "node:63"', 'e.toml: key "placement" has "node:63", which needs node 63'),
                ('placement = "cpus:4000"', 'e.toml: key "placement" has "cpus:4000", which needs CPU 4000'),
                ('counters = ["cycle"]', 'key "counters" has no "cycle"; did you mean "cycles"'),
                ("live = 2.5", 'key "live" must be an integer, not 2.5'),
                ("occupancy = 0", 'key "occupancy" must be from 1 to 100'),
                ("threads = 65", 'arm "fast" can have 64 threads, and 65 are asked for'),
                ("live = 1000000", 'arm "fast" can have 1000000 slots, and 2000002 are asked for'),
                ('[[skip]]\narm = ["fast", "slow"]', "leaves no runs: [[skip]] excludes all"),
                ("value = 3", "fast: cannot: values of 3 words; it has 1, 2; slow: cannot: values of 3 words; it has 1, 2"),
                ('skew = "hot:1001:90"', 'key "skew" has "hot:1001:90", and there are 1000 live handles'),
                ('workload = "hand-off"', "leaves no runs: hand-off has pairs of threads, so not 1"),
                ('[time]\nmeasure = "60min"\n', "would take more than a week"),
                ('[compare]\nbaseline = "twin"', 'key "compare.baseline" has no "twin" of arm'),
                ('revision = "base"', 'key "revision" is set by `ab` only'),
                ('[[arm]]\nname = "fast"\ncommand = ["true"]', '[[arm]] name = "fast"')):
            with self.subTest(text=text):
                key = text.split("=")[0].strip()
                if text.startswith("["):
                    repetitions = 1000 if "60min" in text else 3
                    small = support.SMALL.split("[time]")[0].replace("repetitions = 3", f"repetitions = {repetitions}") + text
                else:
                    small = "\n".join([text, *(line for line in support.SMALL.splitlines() if not line.startswith(key + " "))])
                self.write_experiment(small)
                self.refused(sentence, "run", "e.toml")

    def test_files_and_flags(self):
        self.write_experiment(support.SMALL)
        (self.folder / "mine").mkdir()
        (self.folder / "mine" / "note").write_text("mine")
        shutil.copytree(RECORDED, self.folder / "study")
        for words, sentence in (
                (["run", "defautl"], 'there is no experiment "defautl"; did you mean "default"'),
                (["run", "gone.toml"], 'there is no experiment "gone.toml"'),
                (["run", "e.toml", "--quick"], "--quick is an experiment of its own, and e.toml is another"),
                (["run", "e.toml", "--set", "threads"], "--set threads: must be KEY=VALUE"),
                (["run", "e.toml", "--set", "thread=1"], 'key "thread" is unknown; did you mean "threads"'),
                (["run", "e.toml", "--set", "tme.measure=1s"], 'key "tme.measure" is unknown'),
                (["run", "e.toml", "--out", "mine"], "mine: is not an empty folder"),
                (["run", "e.toml", "--out", "study"], "study: is not an empty folder"),
                (["run", "e.toml", "--ot", "x"], "unrecognized arguments"),
                (["resume", "mine"], "mine: holds no study"),
                (["report", "gone"], "gone: holds no study"),
                (["compare", "study"], "DIR: give two folders, or one with --arm and --with; there is 1"),
                (["compare", "study", "study", "study"], "give two folders, or one with --arm and --with; there are 3"),
                (["compare", "study", "study", "study", "--arm=fast", "--with=slow"], "of one folder, and there are 3"),
                (["compare", "study", "--arm=fast"], "--arm and --with"),
                (["compare", "study", "--arm=fsat", "--with=slow"], '--arm=fsat: study has no such arm; did you mean "fast"'),
                (["compare", "study", "mine"], "mine: holds no study"),
                (["ab", "--base=HEAD"], f"study ab: {self.folder}: git status"),
                (["run", "e.toml", "--out="], "study run: error: argument --out: is empty"),
                (["run", ""], "study run: error: argument EXPERIMENT.toml|NAME: is empty"),
                (["resume", ""], "study resume: error: argument DIR: is empty"),
                (["report", "study", ""], "study report: error: argument DIR: is empty"),
                (["compare", "study", ""], "study compare: error: argument DIR: is empty"),
                (["compare", "study", "--arm=", "--with=slow"], "study compare: error: argument --arm: is empty"),
                (["compare", "study", "--arm=fast", "--with="], "study compare: error: argument --with: is empty"),
                (["ab", "--base="], "study ab: error: argument --base: is empty"),
                (["ab", "--base=HEAD", "--head="], "study ab: error: argument --head: is empty"),
                (["ab", "--base=HEAD", "--out="], "study ab: error: argument --out: is empty"),
                (["ab", "--base=HEAD", ""], "study ab: error: argument EXPERIMENT.toml|NAME: is empty"),
                (["simulate", "--out="], "study simulate: error: argument --out: is empty"),
                (["simulate", "--machine="], "study simulate: error: argument --machine: is empty"),
                (["simulate", "--cores="], "study simulate: error: argument --cores: is empty"),
                (["simulate", ""], "study simulate: error: argument EXPERIMENT.toml|NAME: is empty"),
                (["calibrate", "--out="], "study calibrate: error: argument --out: is empty"),
                (["describe", "more"], "study describe: error: unrecognized arguments: more"),
                (["list", "arm"], "invalid choice")):
            with self.subTest(words=words), mock.patch.dict(os.environ, BUILD_WORKSPACE_DIRECTORY=str(self.folder)):
                self.refused(sentence, *words)

    def test_files_of_a_study_that_cannot_be_read_are_named(self):
        for name, content, sentence in (
                ("experiment.toml", b"title = ", "bad/experiment.toml: is not TOML"),
                ("experiment.toml", None, "bad/experiment.toml: No such file"),
                ("environment.json", b"[]", "bad/environment.json: is no JSON object"),
                ("environment.json", b"{", "bad/environment.json: "),
                ("runs.jsonl.gz", b"rubbish", "bad/runs.jsonl.gz: Not a gzipped file"),
                ("runs.jsonl.gz", gzip.compress(b"x" * 1000)[:20], "bad/runs.jsonl.gz: "),
                ("runs.jsonl.gz", gzip.compress(b"{\n"), "bad/runs.jsonl:1: is not JSON"),
                ("runs.jsonl.gz", gzip.compress(b"[]\n"), "bad/runs.jsonl:1: is no JSON object")):
            with self.subTest(name=name, content=content):
                shutil.rmtree(self.folder / "bad", ignore_errors=True)
                shutil.copytree(RECORDED, self.folder / "bad")
                (self.folder / "bad" / name).unlink() if content is None else (self.folder / "bad" / name).write_bytes(content)
                self.refused(sentence, "report", "bad")

    def test_a_full_disk_names_the_file(self):
        shutil.copytree(RECORDED, self.folder / "a")
        with mock.patch("os.fsync", side_effect=OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))):
            status, out, err = self.study("report", "a")
        self.assertEqual((status, out), (3, ""))
        self.assertRegex(err, r"^study report: .*No space left on device: 'a/runs\.csv'\n$")

    def test_missing_packages_are_named_before_anything_else(self):
        environment = {**os.environ, "PATH": "/nowhere"}
        code = ("import sys; sys.path.insert(0, sys.argv.pop(1)); import packages, main; "
                "packages.MODULES = {'nowhere': 'python3-nowhere'}; packages.use_debians_python = lambda: None; "
                "sys.exit(main.main(sys.argv[1:]))")
        for words, speaker in ((["no such subcommand"], "study"), ([], "study"), (["report", "gone"], "study report")):
            with self.subTest(words=words):
                result = subprocess.run([sys.executable, "-c", code, str(support.HERE.parent), *words], env=environment,
                                        capture_output=True, text=True)
                self.assertEqual((result.returncode, result.stdout), (2, ""))
                self.assertEqual(result.stderr, f"{speaker}: missing Debian packages: python3-nowhere hwloc-nox; "
                                 "as root: apt-get install --no-install-recommends python3-nowhere hwloc-nox\n")
        self.assertEqual(packages.missing(), [])


class RunTest(support.InFolder):
    def setUp(self):
        super().setUp()
        self.write_experiment(support.SMALL)

    def test_counts_are_shown_for_an_operation(self):
        status, _, err = self.study("run", "e.toml", "--out=d", "--set", 'counters=["instructions", "cycles"]')
        self.assertEqual(status, 0, err)
        with open(self.folder / "d" / "summary.csv") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual({row["instructions_per_operation"] for row in rows}, {"3.0"})
        self.assertNotIn("cycles_per_operation", rows[0])
        page = (self.folder / "d" / "report.html").read_text()
        self.assertEqual(page.count("<th>instructions per operation</th>"), 1)

    def test_a_run_with_all_its_files(self):
        status, out, err = self.study("run", "e.toml", "--out=d")
        self.assertEqual((status, out), (0, f"{self.folder / 'd'}/report.html\n"))
        self.assertIn("study run: warning: There are 3 repetitions, fewer than 9.", err)
        names = {path.name for path in (self.folder / "d").iterdir()}
        self.assertEqual(names, {"experiment.toml", "environment.json", "topology.xml", "runs.jsonl", "runs.csv", "threads.csv",
                                 "latency.csv", "summary.csv", "comparisons.csv", "percentiles.csv", "plots", "report.html"})

    def test_the_report_has_the_command_of_the_workspace_that_it_was_given_in(self):
        for target, has_bazelw, expected in (("//:mine", False, "bazel run -c opt //:mine -- report d"),
                                             ("//bench:study", True, "./bazelw run -c opt //bench:study -- report d")):
            with self.subTest(target=target):
                if has_bazelw:
                    (self.folder / "bazelw").touch()
                workspace = {"HAFT_STUDY_TARGET": target, "BUILD_WORKSPACE_DIRECTORY": str(self.folder)}
                with mock.patch.dict(os.environ, workspace), mock.patch.object(sys, "argv", ["main.py", "report", "d"]):
                    self.assertEqual(self.study("run", "e.toml", f"--out={has_bazelw}")[0], 0)
                # A folder that is no checkout has no commit.
                self.assertIn(f"To make it again</h2>\n<pre>{expected}</pre>",
                              (self.folder / str(has_bazelw) / "report.html").read_text())

    def test_a_tenth_is_called_faster_only_beyond_what_the_layout_of_the_code_makes(self):
        near = ["--set", "repetitions=9", "--set"]
        cases = (('arms=["fast","near"]', "in the first study, and this one has no arms layout/*", None),
                 ('arms=["fast","near","layout/*"]', "at other places differ by 1.1", 1.15),
                 ('arms=["fast","near","layout/0"]', "in the first study", None))
        for arms, words, floor in cases:
            with self.subTest(arms=arms):
                self.assertEqual(self.study("run", "e.toml", f"--out=d{arms}", *near, arms)[0], 0)
                page = (self.folder / f"d{arms}" / "report.html").read_text()
                sentence = next(line for line in page.split("<li>") if line.startswith("near against fast"))
                self.assertIn("may be the code&#x27;s layout: its throughput is 1.", sentence)
                self.assertIn(words, sentence)
                self.assertIn("<summary>Not shown: 1", page)
                self.assertEqual("<h2>Layout</h2>" in page, floor is not None)
                status, out, _ = self.study("compare", f"d{arms}", "--arm=near", "--with=fast", "--fail-above=1")
                self.assertEqual(status, 0)
                self.assertIn("better: 0, worse: 0, no difference shown: 0, too noisy to say: 0, may be the code's layout: 1", out)
                if floor is not None:
                    with open(self.folder / f"d{arms}" / "comparisons.csv") as file:
                        self.assertAlmostEqual(float(next(csv.DictReader(file))["layout"]), floor, delta=0.03)
                    plot = (self.folder / f"d{arms}" / "plots" / "throughput-churn.csv").read_text()
                    self.assertIn("near", plot)
                    self.assertNotIn("layout", plot)

    def test_skip_knows_patterns_of_arms(self):
        self.write_experiment(support.SMALL.replace('["fast", "slow"]', '["fast", "layout/*"]')
                              + '[[skip]]\narm = ["layout/*", "nowhere/*"]\nworkload = "find"\n')
        out = self.study("run", "e.toml", "--dry-run", "--set", 'workload=["churn","find"]')[1]
        self.assertEqual(sorted(line.strip() for line in out.splitlines()[:-1]),
                         [f"3 times {one}, 1 thread" for one in ("fast, churn", "fast, find", "layout/0, churn",
                                                                 "layout/48, churn")])

    def test_paths_are_relative_to_where_the_command_was_given(self):
        (self.folder / "sub").mkdir()
        os.rename(self.folder / "e.toml", self.folder / "sub" / "e.toml")
        with mock.patch.dict(os.environ, BUILD_WORKING_DIRECTORY=str(self.folder / "sub")):
            status, out, _ = self.study("run", "e.toml", "--dry-run")
        self.assertEqual(status, 0)

    def test_a_dry_run_prints_the_runs_and_makes_none(self):
        before = self.files()
        status, out, err = self.study("run", "e.toml", "--dry-run", "--set", 'workload=["churn","batch","hand-off"]')
        self.assertEqual((status, err), (0, ""))
        self.assertEqual(out.splitlines(), [
            "     3 times slow, churn, 1 thread", "     3 times fast, churn, 1 thread",
            "       not   fast, batch, 1 thread: cannot: NewBatch", "       not   slow, batch, 1 thread: cannot: NewBatch",
            "       not   hand-off has pairs of threads, so not 1", "6 runs, about 1 s"])
        self.assertEqual(self.files(), before)

    def test_a_wrong_answer_is_status_1_and_a_missing_run_is_status_3(self):
        for arms, expected in (('["fast","false"]', 1), ('["fast","crash"]', 3), ('["false","crash"]', 1),
                               ('["fast","cuckoo"]', 3), ('["fast","refuses"]', 3), ('["fast"]', 0)):
            with self.subTest(arms=arms):
                self.write_manifest(unavailable=[{"arm": "cuckoo", "package": "libcuckoo-dev"}])
                with mock.patch("report.make", return_value=""):
                    status, _, _ = self.study("run", "e.toml", f"--out=d{arms}", "--set", f"arms={arms}", "--set",
                                              "repetitions=1")
                self.assertEqual(status, expected)

    def test_what_an_arm_cannot_do_is_in_the_report_and_is_no_failure(self):
        status, _, _ = self.study("run", "e.toml", "--out=d", "--set", 'workload=["churn","batch"]', "--set", "repetitions=1")
        self.assertEqual(status, 0)
        self.assertIn("NewBatch", (self.folder / "d" / "report.html").read_text())

    def test_too_few_samples_for_any_percentile(self):
        with mock.patch("histogram.FEWEST_BEYOND", 10**9):
            status, _, err = self.study("run", "e.toml", "--out=d", "--set", "latency=true", "--set", "repetitions=1")
        self.assertEqual(status, 0, err)
        self.assertIn("Percentiles", (self.folder / "d" / "report.html").read_text())

    def test_an_arm_in_any_language(self):
        self.write_manifest(workers=[])
        self.write_experiment(f"""{support.SMALL.replace('arms = ["fast", "slow"]', 'arms = ["fast"]')}
[[arm]]
name = "fast"
command = ["{support.FAKE_WORKER}"]
version_command = ["{support.FAKE_WORKER}", "--version"]
""")
        with mock.patch("report.make", return_value=""):
            self.assertEqual(self.study("run", "e.toml", "--out=d")[0], 0)
        environment = json.loads((self.folder / "d" / "environment.json").read_text())
        self.assertEqual(environment["arms"]["fast"]["version"], "fake 1.2.3")

    def test_an_interrupt_is_status_130_and_leaves_what_resume_goes_on_with(self):
        self.write_experiment(support.SMALL.replace("repetitions = 3", "repetitions = 500"))
        process = subprocess.Popen([sys.executable, str(MAIN), "run", "e.toml", "--out=d"], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        runs = self.folder / "d" / "runs.jsonl"
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not (runs.exists() and runs.read_bytes().count(b"\n") >= 2):
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
        self.assertEqual((process.returncode, out), (130, ""))
        again = f"bazel run -c opt //bench:study -- resume {self.folder / 'd'}"
        self.assertIn(f"study run: interrupted; this goes on with it: {again}", err)
        self.assertNotIn("Traceback", err)
        self.assertTrue(runs.read_bytes().endswith(b"\n"))

    def test_a_preloaded_allocator_is_recorded_by_what_was_loaded(self):
        with mock.patch("report.make", return_value=""), mock.patch.dict(parameters.ALLOCATORS, jemalloc=("libc.so.6", "libc6"),
                                                                        mimalloc=("libnowhere.so.1", "libnowhere")):
            status, _, _ = self.study("run", "e.toml", "--out=d", "--set", 'allocator=["jemalloc","mimalloc"]', "--set",
                                      "repetitions=1", "--set", 'arms=["fast"]')
        self.assertEqual(status, 3)
        lines = [json.loads(line) for line in (self.folder / "d" / "runs.jsonl").read_text().splitlines()]
        self.assertEqual([pathlib.Path(line["answer"]["allocator"]).name for line in lines], ["libc.so.6"])
        environment = json.loads((self.folder / "d" / "environment.json").read_text())
        self.assertEqual([gap["reason"] for gap in environment["gaps"]], ["package libnowhere"])


class CompareTest(support.InFolder):
    def setUp(self):
        super().setUp()
        shutil.copytree(RECORDED, self.folder / "a")

    def test_a_limit_that_could_never_fail_is_refused(self):
        for text in ("nan", "-1", "100", "inf", "5%"):
            with self.subTest(text=text):
                status, out, err = self.study("compare", "a", "a", f"--fail-above={text}")
                self.assertEqual((status, out), (2, ""))
                self.assertIn(f"argument --fail-above: invalid percentage from 0 to below 100 value: '{text}'", err)

    def test_a_study_with_itself_shows_nothing(self):
        status, out, err = self.study("compare", "a", "a", "--fail-above=1")
        self.assertEqual((status, err), (0, ""))
        self.assertIn("better: 0, worse: 0, no difference shown: 25, too noisy to say: 0", out)
        self.assertNotIn("false", out)  # its answers were wrong

    def test_two_arms_of_one_study(self):
        status, out, _ = self.study("compare", "a", "--arm=fast", "--with=slow")
        self.assertEqual(status, 0)
        # 5 repetitions are too few for 8 pairs.
        self.assertIn("better: 0, worse: 0, no difference shown: 0, too noisy to say: 8", out)
        with mock.patch("comparison.cells.SIGNIFICANT", 0.1):
            self.assertIn("better: 8, worse: 0", self.study("compare", "a", "--arm=fast", "--with=slow")[1])
            self.assertEqual(self.study("compare", "a", "--arm=slow", "--with=fast", "--fail-above=50")[0], 1)
            self.assertEqual(self.study("compare", "a", "--arm=slow", "--with=fast", "--fail-above=99")[0], 0)

    def pair(self, arms, change):
        """Makes two studies of these arms, as if `change` had been done to the program of the second, and compares them."""
        self.write_experiment(support.SMALL.replace("repetitions = 3", "repetitions = 9"))
        for out, rate in (("x", "50e6"), ("y", "47.5e6")):
            text = support.FAKE_WORKER.read_text()
            if change:
                text = text.replace('"fast": (50e6', f'"fast": ({rate}').replace("NOISE = 0.01", f"NOISE = 0.01  # {out}")
            (self.folder / "worker.py").write_text(text)
            (self.folder / "worker.py").chmod(0o755)
            self.write_manifest(workers=[{"label": "//w", "program": str(self.folder / "worker.py")}])
            shutil.rmtree(self.folder / out, ignore_errors=True)
            with mock.patch("report.make", return_value=""):
                self.assertEqual(self.study("run", "e.toml", f"--out={out}", "--set", f"arms={arms}")[0], 0)
        status, out, _ = self.study("compare", "x", "y", "--fail-above=3")
        row = next(line for line in out.splitlines() if line.startswith("fast"))
        return status, row, out

    def test_two_studies_know_what_the_layout_makes(self):
        within = "worse, within what code placement alone makes"
        for arms, change, status, floor, verdict, sentence in (
                ('["fast","layout/*"]', True, 1, r"1\.1[3-7]\d", within, "floor: by so many times"),
                ('["fast","layout/0"]', True, 1, r"\?", "worse", "The floor is unknown"),
                ('["fast","layout/*"]', False, 0, "same", "no difference shown", "floor: same: both sides")):
            with self.subTest(arms=arms, change=change):
                found, row, out = self.pair(arms, change)
                self.assertEqual(found, status)
                self.assertRegex(row, rf" {floor} +{verdict}$")
                self.assertEqual(out.count(sentence), 1)
                self.assertEqual("The floor is unknown" in out, floor == r"\?")
                self.assertEqual(out.splitlines()[-2 if sentence in out.splitlines()[-1] else -1].count(within), 1)

    def test_two_arms_of_a_study_without_layouts_have_the_floor_of_the_first_study_and_that_is_said(self):
        out = self.study("compare", "a", "--arm=fast", "--with=slow")[1]
        self.assertEqual(out.count("The floor is that of the first study, 1.2,"), 1)
        self.assertRegex(out.splitlines()[1], r" 1\.200\? +too noisy to say$")


BAZELW = """#!/bin/sh
# Stands for ./bazelw: makes what a build of //bench:study makes.
[ "$1" = shutdown ] && exit 0
mkdir -p bazel-bin/bench/study.command.runfiles
cp worker.py bazel-bin/bench/study.command.runfiles/
cp manifest.json bazel-bin/bench/study.manifest.json
"""


class AbTest(support.InFolder):
    """Tests of ab on a repository whose revisions have workers of different speeds."""

    def setUp(self):
        super().setUp()
        self.root = self.folder / "root"
        self.root.mkdir()
        manifest = {"version": 1, "workers": [{"label": "//w", "program": "worker.py"}], "experiments": [], "simulator": None}
        (self.root / "manifest.json").write_text(json.dumps(manifest))
        (self.root / "bazelw").write_text(BAZELW)
        (self.root / "bazelw").chmod(0o755)
        (self.root / ".gitignore").write_text("/bazel-bin\n/.cache\n")
        self.git("init", "-q")
        source = support.FAKE_WORKER.read_text()
        for name, rate in (("one", "50e6"), ("two", "47.5e6")):
            changed = source.replace('"fast": (50e6', f'"fast": ({rate}').replace("NOISE = 0.01", f'NOISE = 0.01  # {name}')
            changed = changed.replace("draw = random.Random(f\"{request['seed']}",
                                      f"draw = random.Random(f\"{name}/{{request['seed']}}")
            (self.root / "worker.py").write_text(changed)
            (self.root / "worker.py").chmod(0o755)
            self.git("add", "-A")
            self.git("-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", name)
        os.environ["BUILD_WORKSPACE_DIRECTORY"] = str(self.root)
        small = support.SMALL.replace("repetitions = 3", "repetitions = 9")
        self.write_experiment(small.replace('["fast", "slow"]', '["fast"]'))

    def git(self, *words):
        subprocess.run(["git", "-C", str(self.root), *words], check=True, capture_output=True)

    def ab(self, *words):
        with mock.patch("report.make", return_value="report.html"):
            return self.study("ab", "e.toml", *words)

    def test_a_known_five_percent_are_shown_and_one_revision_twice_shows_nothing(self):
        status, out, err = self.ab("--base=HEAD~1", "--out=d", "--fail-above=3", "--no-layout")
        self.assertEqual(status, 1, err)
        self.assertIn("better: 0, worse: 1", out)
        self.assertEqual(out.count("The floor is unknown"), 1)
        self.assertIn('Add "layout/*" to the key "arms"', out)
        lines = [json.loads(line) for line in (self.folder / "d" / "runs.jsonl").read_text().splitlines()]
        for block in range(9):  # the processes of both alternate
            self.assertEqual({line["cell"]["revision"] for line in lines[2 * block:2 * block + 2]}, {"base", "head"})
            self.assertEqual(len({line["request"]["seed"] for line in lines[2 * block:2 * block + 2]}), 1)
        status, out, err = self.ab("--base=HEAD", "--head=HEAD", "--out=e", "--fail-above=3")
        self.assertEqual(status, 0, err)
        self.assertIn("better: 0, worse: 0, no difference shown: 1, too noisy to say: 0", out)
        self.assertRegex(out, r"fast +head +base .* same +no difference shown")
        self.assertIn("floor: same: both sides are the same program", out)
        with mock.patch("report.make", return_value=""):
            self.assertEqual(self.study("resume", "d")[0], 0)

    def slow_layout(self, rate):
        """Commits a worker whose arm layout/48 makes so many operations, while layout/0 makes 50 million."""
        text = (self.root / "worker.py").read_text()
        (self.root / "worker.py").write_text(text.replace('"layout/48": (57.5e6', f'"layout/48": ({rate}'))
        self.git("-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qam", "layouts")

    def test_five_percent_are_told_on_both_sides_of_what_the_layout_makes(self):
        five = ["--base=HEAD~1", "--fail-above=3"]
        status, out, err = self.ab(*five, "--out=within")
        self.assertEqual(status, 1, err)  # it is slower, whatever the cause
        self.assertIn("better: 0, worse: 0, no difference shown: 0, too noisy to say: 0, better, within what code placement alone "
                      "makes: 0, worse, within what code placement alone makes: 1", out)
        self.assertRegex(out, r"fast +head +base .* 1\.1[2-8][0-9] +worse, within what code placement alone makes\n")
        self.assertIn("floor: by so many times the same instructions at other places of the program differ (layout/*).", out)
        self.assertNotIn("floor is unknown", out)
        page = report.make([Folder(self.folder / "within")]) and (self.folder / "within" / "report.html").read_text()
        self.assertIn("<summary>Shown: 1", page)
        self.assertRegex(page, r"head against base \([^)]*\) is slower, within what code placement alone makes: its throughput is 0\.9")
        self.assertIn("but the same instructions at other places differ by 1.1", page)
        self.slow_layout("50.4e6")
        status, out, err = self.ab("--base=HEAD~2", "--fail-above=3", "--out=beyond")
        self.assertEqual(status, 1, err)
        self.assertIn("better: 0, worse: 1, no difference shown: 0", out)
        self.assertRegex(out, r"fast +head +base .* 1\.0[0-2][0-9] +worse\n")

    def test_ab_measures_the_layouts_of_one_revision_where_they_say_something(self):
        def layouts(out, *words):
            status, _, err = self.ab("--base=HEAD~1", f"--out={out}", "--set", "repetitions=1", *words)
            self.assertEqual(status, 0, err)
            lines = [json.loads(line)["cell"] for line in (self.folder / out / "runs.jsonl").read_text().splitlines()]
            return {(cell["arm"], cell["workload"], cell["revision"]) for cell in lines if cell["arm"].startswith("layout/")}

        both = [f"layout/{place}" for place in (0, 48)]
        self.assertEqual(layouts("a", "--set", 'workload=["churn","hand-off","find"]', "--set", "threads=[1,2]"),
                         {(name, workload, "head") for name in both for workload in ("churn", "find")})
        self.assertEqual(layouts("b", "--set", "workload=hand-off", "--set", "threads=2"), set())
        self.assertEqual(layouts("c", "--set", 'arms=["fast","layout/0"]'),
                         {("layout/0", "churn", one) for one in ("base", "head")})
        text = (self.root / "worker.py").read_text()
        (self.root / "worker.py").write_text(text.replace('"layout/', '"place/'))  # as in a revision before these arms
        self.git("-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qam", "none")
        self.assertEqual(layouts("d"), {(name, "churn", "base") for name in both})
        self.assertEqual(layouts("e", "--base=HEAD"), set())

    def test_a_dirty_tree_is_refused_unless_told_otherwise(self):
        with open(self.root / "worker.py", "a") as file:
            file.write("# changed\n")
        status, out, err = self.ab("--base=HEAD")
        self.assertEqual((status, out), (2, ""))
        self.assertIn("--dirty compares them as they are", err)
        status, out, err = self.ab("--base=HEAD", "--dirty", "--out=d", "--set", "repetitions=2")
        self.assertEqual(status, 0, err)
        environment = json.loads((self.folder / "d" / "environment.json").read_text())
        self.assertTrue(environment["revisions"]["head"]["commit"].endswith(" with changes"))

    def test_a_revision_that_is_not_there_is_named(self):
        status, out, err = self.ab("--base=nowhere")
        self.assertEqual((status, out), (2, ""))
        self.assertIn("study ab: --base=nowhere:", err)

    def test_a_build_that_fails_is_named(self):
        (self.root / "bazelw").write_text("#!/bin/sh\nexit 1\n")
        self.git("-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qam", "broken")
        status, _, err = self.ab("--base=HEAD~1")
        self.assertEqual(status, 2)
        self.assertIn("--head: `./bazelw build -c opt //bench:study` fails", err)


class ListTest(support.InFolder):
    def test_rivals_that_are_not_built_are_listed_with_the_command_that_builds_them(self):
        with mock.patch.dict(os.environ, BUILD_WORKSPACE_DIRECTORY=str(self.folder)):
            self.write_rivals(built=False)
            status, out, err = self.study("list", "arms")
            self.assertEqual((status, err), (0, ""))
            self.assertRegex(out, r"cobol/table +not to be had +bench/rivals/build.sh cobol")
            self.assertRegex(out, r"slow +not to be had +bench/rivals/build.sh fast")
            self.write_rivals(built=True)
            self.assertRegex(self.study("list", "arms")[1], r"slow +1\.0")

    def test_lists(self):
        for what, words in (("arms", ["fast", "1, 2  ", "batch (no NewBatch)"]), ("workloads", list(parameters.WORKLOADS)),
                            ("parameters", list(parameters.BY_KEY)), ("experiments", ["default", "quick", "full"])):
            with self.subTest(what=what):
                status, out, err = self.study("list", what)
                self.assertEqual((status, err), (0, ""))
                for word in words:
                    self.assertIn(word, out)

    def test_describe(self):
        status, out, _ = self.study("describe")
        self.assertEqual(status, 0)
        found = json.loads(out)
        self.assertIn("kernel", found["machine"])
        self.assertAlmostEqual(found["system_costs"]["system_call_ns"], 200, delta=20)  # 5 million a second, with noise
        self.assertEqual(len(found.get("core_latency", [])), len(machine_costs.pairs(topology.here(topology.record()), 1)))


if __name__ == "__main__":
    unittest.main()
