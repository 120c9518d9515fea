"""Tests of the report: from recorded raw data, the same bytes twice, and saying what the data say."""

import copy
import gzip
import hashlib
import html.parser
import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree
from unittest import mock

import support
import analysis
import pandas
import plots
import report
import scaling
import tables
from folder import Folder

RECORDED = support.HERE / "recorded"
ALL = dict(plots.METADATA)


class Outline(html.parser.HTMLParser):
    """The tags that are open, and everything that a page would load."""

    VOID = {"meta", "link", "br", "img", "hr"}

    def __init__(self):
        super().__init__()
        self.open, self.loads, self.text = [], [], []

    def handle_starttag(self, tag, attributes):
        if tag not in self.VOID:
            self.open.append(tag)
        if tag in ("script", "link", "img", "iframe", "object"):
            self.loads.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag

    def handle_data(self, data):
        self.text.append(data)


class ReportTest(support.InFolder):
    """Tests of one report with all its files; it is made before support.InFolder keeps plots to SVG."""

    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.temporary.cleanup)
        cls.path = pathlib.Path(cls.temporary.name) / "study"
        shutil.copytree(RECORDED, cls.path)
        report.make([Folder(cls.path)])
        cls.page = (cls.path / "report.html").read_text()

    def digests(self):
        return {str(path.relative_to(self.path)): hashlib.sha256(path.read_bytes()).hexdigest()
                for path in self.path.rglob("*") if path.is_file()}

    def test_twice_the_same_bytes(self):
        before = self.digests()
        with mock.patch.dict(plots.METADATA, ALL):
            report.make([Folder(self.path)])
        self.assertEqual(self.digests(), before)

    def test_every_plot_has_its_four_files_and_svgs_are_well_formed_with_text_as_text(self):
        names = {path.stem for path in (self.path / "plots").iterdir()}
        self.assertEqual(names, {"throughput-churn", "efficiency-churn", "fairness-churn", "memory-churn", *(
            f"latency-churn-threads-{count}-{kind}" for count in (1, 16) for kind in ("new", "delete")),
            "throughput-find", "fairness-find", "memory-find", "latency-find-threads-2-find"})
        for name in names:
            for kind in ("pdf", "png", "csv"):
                self.assertGreater((self.path / "plots" / f"{name}.{kind}").stat().st_size, 0)
            tree = xml.etree.ElementTree.parse(self.path / "plots" / f"{name}.svg")
            texts = {"".join(one.itertext()) for one in tree.iter("{http://www.w3.org/2000/svg}text")}
            self.assertTrue({"fast", "ping-pong"} & texts, name)
        self.assertLessEqual({"ideal", "second node", "SMT", "oversubscribed"}, {
            text.strip() for text in re.findall(r">([^<>]+)</text>",
                                                (self.path / "plots" / "throughput-churn.svg").read_text())})

    def test_fonts_of_pdfs_are_embedded(self):
        self.assertIn(b"/FontFile2", (self.path / "plots" / "throughput-churn.pdf").read_bytes())

    def test_the_page_is_closed_and_loads_nothing(self):
        outline = Outline()
        outline.feed(self.page)
        self.assertEqual(outline.open, [])
        self.assertEqual(outline.loads, [])
        self.assertNotRegex(self.page, r"(src|href)=\"https?:")
        self.assertNotRegex(self.page, r"url\((?!#)")

    def test_first_the_title_and_the_machine_then_the_sentences_then_the_plot(self):
        places = [self.page.index(text) for text in ("<h1>Recorded: churn</h1>", "AMD EPYC, 16 CPUs on 8 cores, 2 nodes",
                                                     "slow against fast (churn, threads 1)", "<svg", "Efficiency of churn",
                                                     "<h2>Cells")]
        self.assertEqual(places, sorted(places))

    def test_wrong_arms_have_no_times_anywhere(self):
        self.assertIn("find: a live handle was not found; its times are shown nowhere", self.page)
        summary = pandas.read_csv(self.path / "summary.csv")
        self.assertEqual(set(summary["arm"]), {"fast", "slow", "twin", "ping-pong"})
        runs = pandas.read_csv(self.path / "runs.csv")
        self.assertTrue(runs[runs["arm"] == "false"]["throughput_per_s"].isna().all())

    def test_what_is_missing_is_there_with_its_reason(self):
        for text in ("package libcuckoo-dev", "NewBatch", "it ended with status 7 (5 of 5 repetitions)"):
            self.assertIn(text, self.page)

    def test_the_comparisons_are_those_of_an_analysis_of_runs_csv(self):
        runs = pandas.read_csv(self.path / "runs.csv")
        comparisons = pandas.read_csv(self.path / "comparisons.csv")
        self.assertEqual(len(comparisons), 16)  # slow and twin against fast at 8 thread counts
        for _, row in comparisons.iterrows():
            def median(arm):
                return runs[(runs["arm"] == arm) & (runs["threads"] == row["threads"])]["throughput_per_s"].median()
            self.assertAlmostEqual(row["ratio"], median(row["compared"]) / median("fast"))
        self.assertFalse((comparisons[comparisons["compared"] == "twin"]["verdict"].isin(["faster", "slower"])).any())

    def test_throughput_is_computed_from_the_threads_own_times(self):
        runs = pandas.read_csv(self.path / "runs.csv").set_index("run")
        threads = pandas.read_csv(self.path / "threads.csv")
        rates = threads[["new_done", "delete_done", "find_done"]].sum(axis="columns") * 1e9 / threads["ns"]
        for run, throughput in rates.groupby(threads["run"]).sum().items():
            self.assertAlmostEqual(runs.loc[run, "throughput_per_s"] / throughput, 1)

    def test_the_law_is_fitted_to_real_cores_only(self):
        found = analysis.analyse(Folder(self.path))
        fit = found.fits[("churn",)]["slow"]
        runs = pandas.read_csv(self.path / "runs.csv")
        real = runs[(runs["arm"] == "slow") & (runs["threads"] <= 8)]  # of the 8 cores of this topology
        expected = scaling.fit(list(real["threads"]), list(real["throughput_per_s"]))
        self.assertAlmostEqual(fit.contention, expected.contention)
        self.assertTrue(fit.contention_interval[0] <= 0.3 <= fit.contention_interval[1])  # what the fake worker draws from
        self.assertIn("Thin lines are fits", self.page)

    def test_the_efficiency_of_one_thread_is_one_and_the_others_have_intervals(self):
        summary = pandas.read_csv(self.path / "summary.csv").set_index(["arm", "workload", "threads"])
        one, eight = summary.loc[("slow", "churn", 1)], summary.loc[("slow", "churn", 8)]
        self.assertEqual((one["efficiency_low"], one["efficiency"], one["efficiency_high"]), (1, 1, 1))
        self.assertAlmostEqual(eight["efficiency"], eight["median"] / one["median"] / 8)
        self.assertLess(eight["efficiency_low"], eight["efficiency"])
        self.assertGreater(eight["efficiency_high"], eight["efficiency"])

    def messages_of_a_browser(self, page):
        """Returns the lines of the console of a headless browser that shows a page."""
        browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
        if browser is None:
            self.skipTest("no headless browser (Debian package chromium) is installed")
        picture = self.folder / "picture.png"
        result = subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr",
                                 f"--user-data-dir={self.folder / 'profile'}", f"--screenshot={picture}", page.as_uri()],
                                capture_output=True, text=True)
        self.assertTrue(picture.exists(), result.stderr)
        return [line for line in result.stderr.splitlines() if "CONSOLE" in line]

    def test_a_browser_shows_it_without_a_message(self):
        noisy = self.folder / "noisy.html"
        noisy.write_text("<script>nothing()</script>")
        self.assertEqual(len(self.messages_of_a_browser(noisy)), 1)
        self.assertEqual(self.messages_of_a_browser(self.path / "report.html"), [])

    def test_ping_pongs(self):
        summary = pandas.read_csv(self.path / "summary.csv").set_index(["arm", "threads"])
        ratio = summary.loc[("slow", 2), "ns_per_operation"] / summary.loc[("ping-pong", 2), "ns_per_operation"]
        self.assertAlmostEqual(summary.loc[("slow", 2), "in_ping_pongs"], ratio)

    def test_warnings(self):
        for text in ("There are 5 repetitions, fewer than 9.", "each side needs 6 repetitions or more",
                     "This is a virtual machine"):
            self.assertIn(text, self.page)

    def test_warnings_of_cells_are_counted(self):
        found = analysis.analyse(Folder(self.path))
        found.summary.loc[0, "warnings"] = "spread 20%; drifts with time"
        found.summary.loc[1, "warnings"] = "spread 30%"
        told = analysis.run_warnings(found)
        self.assertIn("2 of 25 cells have a spread over 10 %.", told)
        self.assertIn("1 of 25 cells drifts with time.", told)

    def test_folders_of_another_version_are_refused(self):
        other = self.folder / "other"
        shutil.copytree(RECORDED, other)
        environment = json.loads((other / "environment.json").read_text())
        (other / "environment.json").write_text(json.dumps({**environment, "version": 7}))
        status, _, err = self.study("report", other)
        self.assertEqual(status, 2)
        self.assertIn("environment.json: has version 7; this program reads version 1", err)


class RunsTableTest(support.InFolder):
    """Tests of what a single line of runs.jsonl becomes."""

    def setUp(self):
        super().setUp()
        with gzip.open(RECORDED / "runs.jsonl.gz", "rt") as file:
            lines = [json.loads(line) for line in file]
        self.line = next(line for line in lines if line["cell"]["arm"] == "fast" and line["cell"]["threads"] == 2)

    def row(self, change):
        line = copy.deepcopy(self.line)
        change(line)
        return tables._run(line)

    def test_new_on_a_full_table_counts_when_it_fails(self):
        def change(line):
            line["cell"]["workload"] = "full"
            for thread in line["answer"]["threads"]:
                thread.update(ns=10**9, operations={"new": {"done": 0, "failed": 500}})
        self.assertEqual(self.row(change)["throughput_per_s"], 1000)

    def test_calls_of_stats_do_not_count(self):
        def change(line):
            line["cell"]["workload"] = "stats"
            for thread, kind in zip(line["answer"]["threads"], ("stats", "find")):
                thread.update(ns=10**9, operations={kind: {"done": 500, "failed": 0}})
        row = self.row(change)
        self.assertEqual((row["throughput_per_s"], row["fairness_jain"]), (500, None))

    def test_each_thread_has_its_own_time(self):
        def change(line):
            for thread, ns in zip(line["answer"]["threads"], (10**9, 5 * 10**8)):
                thread.update(ns=ns, operations={"new": {"done": 100, "failed": 7}})
        row = self.row(change)
        self.assertEqual((row["throughput_per_s"], row["done"], row["failed"], row["new_failed"]), (300, 200, 14, 14))
        self.assertEqual(row["fairness_least_most"], 0.5)

    def test_a_thread_without_operations_is_unfair_and_not_wrong(self):
        def change(line):
            line["answer"]["threads"][0].update(operations={})
        self.assertEqual(self.row(change)["fairness_least_most"], 0)

    def test_a_run_that_is_not_ok_has_no_figures(self):
        row = self.row(lambda line: line.update(status="wrong"))
        self.assertIsNone(row["throughput_per_s"])
        self.assertNotIn("new_done", row)


if __name__ == "__main__":
    unittest.main()
