"""Tests of simulate, of simulated curves in reports, and of calibrate and the latency between cores."""

import json
import shutil
import tomllib
import unittest
import xml.etree.ElementTree
from unittest import mock

import support
import calibrate
import figures
import jsonschema
import machine_costs
import pandas
import simulate
import topology
import validation
from complaint import Complaint

MACHINE = """name = "milan"
source = "a test"
sockets = 2
clusters_per_socket = 6
cores_per_cluster = 8
hit_ns = 0.3
read_modify_write_ns = 5.0
transfer_cluster_ns = 34.5
transfer_socket_ns = 160
transfer_far_ns = 295
request_share = 0.667
copy_cluster_ns = 23.0
loop_ns = 0.3
sleep_ns = 500.0
"""
EXPERIMENT = """
title = "Simulated churn"
arms = ["fast", "slow"]
workload = ["churn", "hand-off-near"]
[simulate]
seeds = 5
"""


class InFolderWithMachines(support.InFolder):
    def setUp(self):
        super().setUp()
        machines = self.folder / "machines"
        machines.mkdir()
        (machines / "milan.toml").write_text(MACHINE)
        patched = mock.patch.object(simulate, "MACHINES", machines)
        patched.start()
        self.addCleanup(patched.stop)
        self.write_manifest(simulator="fake_simulator.py")
        self.write_experiment(EXPERIMENT)


class SimulateTest(InFolderWithMachines):
    def test_the_folder_of_a_simulation(self):
        status, out, err = self.study("simulate", "e.toml", "--cores=1,2,64,128", "--out=d")
        self.assertEqual((status, out), (0, f"{self.folder / 'd'}/report.html\n"), err)
        lines = [json.loads(line) for line in (self.folder / "d" / "runs.jsonl").read_text().splitlines()]
        # Two arms, four counts, three holds, five seeds; hand-off cannot have one core.
        self.assertEqual(sum(line["status"] == "ok" for line in lines), 2 * 4 * 15 + 2 * 3 * 15)
        self.assertEqual(sum(line["status"] == "cannot" for line in lines), 2)
        self.assertEqual({line["simulated"] for line in lines}, {"milan", "milan@128"})
        schema = json.loads((support.HERE.parent / "schema" / "run.schema.json").read_text())
        for line in lines:
            jsonschema.validate(line, schema)
        environment = json.loads((self.folder / "d" / "environment.json").read_text())
        jsonschema.validate(environment, json.loads((support.HERE.parent / "schema" / "environment.schema.json").read_text()))
        summary = pandas.read_csv(self.folder / "d" / "summary.csv").set_index(["arm", "workload", "threads"])
        row = summary.loc[("fast", "churn", 1)]
        # The band is over all holds (up to 1.1) and seeds (from 37033 on, of which one is a multiple of 5).
        self.assertAlmostEqual(row["low"], 50e6)
        self.assertAlmostEqual(row["high"], 50e6 * 1.1 * 1.04)
        self.assertEqual(summary.loc[("fast", "churn", 128), "warnings"], "not settled")
        page = (self.folder / "d" / "report.html").read_text()
        for text in ("Simulated: milan", "fast (simulated: milan)", "What is not modelled", "capacity of caches",
                     "StripedStack::heads_[3]"):
            self.assertIn(text, page)
        self.assertGreaterEqual(page.count("The simulator does not model: capacity of caches"), 3)  # and below each plot
        self.assertFalse((self.folder / "d" / "comparisons.csv").read_text().strip())

    def test_the_same_request_gives_the_same_bytes(self):
        with mock.patch("report.make", return_value=""):
            for name in ("d", "e"):
                self.study("simulate", "e.toml", "--cores=1,2", f"--out={name}")
        self.assertEqual((self.folder / "d" / "runs.jsonl").read_bytes(), (self.folder / "e" / "runs.jsonl").read_bytes())

    def test_bad_input(self):
        (self.folder / "big.toml").write_text(MACHINE.replace("sockets = 2", "sockets = 9"))
        self.write_experiment(EXPERIMENT + '[[skip]]\narm = ["fast", "slow"]\n', "none.toml")
        status, out, err = self.study("simulate", "none.toml")
        self.assertEqual((status, out, err), (2, "", "study simulate: none.toml: leaves no runs: [[skip]] excludes all\n"))
        for words, sentence in ((["--machine=milann"], '--machine=milann: there is no such preset; did you mean "milan"'),
                                (["--machine=gone.toml"], "--machine=gone.toml: No such file"),
                                (["--cores=1..1000"], "has 1000, and the simulator has at most 256"),
                                (["--cores=few"], "--cores=few: has"),
                                (["--set=simulate.cores=few"], 'key "simulate.cores" has "few", which is neither'),
                                (["--set=simulate.cores=1..1000"], 'key "simulate.cores" has 1000, and the simulator has at most'),
                                (["--set=simulate.machine=milann"], 'key "simulate.machine": milann: there is no such preset'),
                                (["--set=simulate.machine=gone.toml"], 'key "simulate.machine": gone.toml: No such file'),
                                (["--machine=big.toml", "--out=d"], "'machine.sockets' is not from 1 to 8"),
                                (["--set", 'arms=["fsat"]'], 'key "arms" has no "fsat"'),
                                (["--set", 'workload="pin"'], 'key "workload" has "pin", which the simulator has not')):
            with self.subTest(words=words):
                before = self.files()
                status, out, err = self.study("simulate", "e.toml", *words)
                self.assertEqual((status, out), (2, ""))
                self.assertIn(sentence, err)
                self.assertEqual(self.files(), before)

    def test_machines_are_listed_with_their_costs(self):
        status, out, _ = self.study("list", "machines")
        self.assertEqual(status, 0)
        self.assertIn("milan    2 x 6 x 8                   34.5, 160, 295", out)
        self.assertIn("a test", out)

    def test_a_simulation_is_neither_resumed_nor_compared(self):
        with mock.patch("report.make", return_value=""):
            self.study("simulate", "e.toml", "--cores=1", "--out=d")
        for words, sentence in ((["resume", "d"], "is a simulation"), (["compare", "d", "d"],
                                                                       "is not compared with measurements")):
            status, _, err = self.study(*words)
            self.assertEqual(status, 2)
            self.assertIn(sentence, err)

    def test_a_simulation_is_drawn_dashed_into_a_measured_study(self):
        shutil.copytree(support.HERE / "recorded", self.folder / "measured")
        with mock.patch("report.make", return_value=""):
            self.study("simulate", "e.toml", "--cores=1,8,64", "--out=d")
        status, _, err = self.study("report", "measured", "d")
        self.assertEqual(status, 0, err)
        svg = self.folder / "measured" / "plots" / "throughput-churn.svg"
        texts = {"".join(one.itertext()) for one in xml.etree.ElementTree.parse(svg).iter("{http://www.w3.org/2000/svg}text")}
        self.assertLessEqual({"fast", "fast (simulated: milan)", "slow (simulated: milan)"}, texts)
        data = pandas.read_csv(svg.with_suffix(".csv"))
        self.assertEqual(set(data["simulated"].dropna()), {"milan"})
        page = (self.folder / "measured" / "report.html").read_text()
        self.assertIn("simulated: milan", page)
        self.assertEqual(page.count("The simulator does not model: capacity of caches"), 1)  # below the plot that has both
        comparisons = pandas.read_csv(self.folder / "measured" / "comparisons.csv")
        self.assertEqual(len(comparisons), 16)  # as without


class AlikeTest(unittest.TestCase):
    def test_only_cells_that_differ_in_arm_and_threads_are_drawn_together(self):
        simulated = pandas.DataFrame([{"arm": arm, "workload": workload, "threads": threads, "live": live} for arm in "ab"
                                      for workload in ("churn", "find") for threads in (1, 64) for live in (10, 1000)])
        measured = pandas.DataFrame([{"arm": "a", "workload": "churn", "threads": 1, "live": 1000, "placement": "compact"}])
        found = figures._alike(simulated, measured, "threads")
        self.assertEqual(list(found.itertuples(index=False, name=None)), [
            ("a", "churn", 1, 1000), ("a", "churn", 64, 1000), ("b", "churn", 1, 1000), ("b", "churn", 64, 1000)])


class CoreLatencyTest(unittest.TestCase):
    def test_all_pairs_of_few_cpus_and_a_sample_of_many(self):
        small = topology.parse((support.HERE / "topologies" / "smt.xml").read_text())
        self.assertEqual(len(machine_costs.pairs(small, 1)), 28)
        large = topology.parse((support.HERE / "topologies" / "two_sockets.xml").read_text())
        found = machine_costs.pairs(large, 1)
        self.assertEqual(found, machine_costs.pairs(large, 1))
        counts = {kind: sum(machine_costs.distance(*pair) == kind for pair in found) for kind in ("siblings", "node", "far")}
        self.assertEqual(counts, {"siblings": 8, "node": 12, "far": 12})

    def test_two_look_ups_are_a_round_trip(self):
        threads = [{"ns": 1000, "operations": {"find": {"done": 5, "failed": 0}}}] * 2
        self.assertEqual(machine_costs.one_way_ns({"threads": threads}), 100)
        self.assertIsNone(machine_costs.one_way_ns({"threads": [{"ns": 1000, "operations": {}}]}))


class CalibrateTest(InFolderWithMachines):
    MEASURED = {"hit_ns": 0.4, "own_cas_ns": 5.0, "ping_pong_ns": 40.0, "transfer_per_ping_pong": 1.25, "contended_add_ns": 12.0,
                "own_add_ns": 6.0, "shared_read_ns": 0.4, "allocation_ns": 9.0, "yield_ns": 400.0,
                "loop_ns": 1.0, "membarrier_ns": 500.0, "membarrier_beside_ns": 8000.0, "interrupt_ns": 5000.0}

    def test_the_constants_are_derived_by_the_simulators_own_law(self):
        found = calibrate.derive(self.MEASURED)
        share = found["request_share"]
        self.assertAlmostEqual(share, 12 / 18)
        self.assertAlmostEqual(6.0 * share / (2 * share - 1), 12.0)
        self.assertEqual((found["transfer_cluster_ns"], found["copy_cluster_ns"]), (50.0, 40.0))
        self.assertEqual((found["allocation_ns"], found["yield_ns"]), (9.0, 400.0))
        self.assertEqual((found["membarrier_ns"], found["membarrier_per_core_ns"], found["interrupt_ns"]), (500.0, 7500.0, 5000.0))
        with self.assertRaisesRegex(Complaint, "the machine is too busy"):
            calibrate.derive({**self.MEASURED, "contended_add_ns": 5.0})

    def test_the_file_says_what_is_not_measured(self):
        two = topology.parse((support.HERE / "topologies" / "no_smt.xml").read_text())
        with mock.patch.object(topology, "here", lambda _: two), mock.patch.object(calibrate, "REPETITIONS", 1):
            status, out, err = self.study("calibrate", "--out=mine.toml")
        self.assertEqual((status, out), (0, "mine.toml\n"), err)
        text = (self.folder / "mine.toml").read_text()
        found = tomllib.loads(text)
        self.assertEqual(set(found), set(tomllib.loads(MACHINE)))
        self.assertEqual((found["name"], found["sockets"], found["cores_per_cluster"]), ("here", 1, 2))
        self.assertIn("sleep_ns = 500.0  # not measured: that of milan", text)

    def test_bad_input(self):
        self.write_manifest(workers=[])
        for words, sentence in ((["--out=mine"], "--out=mine: must be a .toml file"),
                                (["--out=gone/mine.toml"], "must be a .toml file"),
                                ([], "has no arm loop, hits, array, pointer, cas, fetch-add, ping-pong, relay, membarrier, yield"),
                                (["--validate"], "--validate: this study has no simulator")):
            status, out, err = self.study("calibrate", *words)
            self.assertEqual((status, out), (2, ""))
            self.assertIn(sentence, err)


class ValidationTest(InFolderWithMachines):
    @staticmethod
    def rows(*ratios):
        """Returns rows of one workload whose measured times are 1, 2, 4, ... ns."""
        return pandas.DataFrame([{"arm": f"arm {i}", "workload": "churn", "threads": 1, "measured_ns": 2.0**i,
                                  "predicted_ns": None if ratio is None else ratio * 2.0**i, "ratio": ratio}
                                 for i, ratio in enumerate(ratios)])

    def test_a_prediction_is_judged_by_its_factor_in_both_directions(self):
        found = validation.judge(self.rows(1.0, 1.5, 1 / 1.5, 1.51, 0.65, 3.1, 0.3, None))
        self.assertEqual((found.cells, found.near), (7, 3 / 7))
        self.assertEqual([line[:5] for line in found.far], ["arm 5", "arm 6"])

    def test_the_order_of_arms_counts_where_they_differ(self):
        found = validation.judge(self.rows(1.0, 1.0, 0.2))  # 1, 2 and 4 ns, predicted as 1, 2 and 0.8
        self.assertEqual((found.pairs, found.in_order), (3, 1 / 3))
        alike = self.rows(1.0, 0.5)
        alike["measured_ns"] = [1.0, 1.4]
        self.assertEqual(validation.judge(alike).pairs, 0)

    def test_the_table_has_what_was_measured_and_what_could_not_be(self):
        two = topology.parse((support.HERE / "topologies" / "no_smt.xml").read_text())
        names = {"fast": "fast", "slow": "slow", "gone": "gone"}
        workloads = {name: validation.WORKLOADS[name] for name in ("churn", "find-hot", "hand-off-near")}
        with mock.patch.object(topology, "here", lambda _: two), mock.patch.object(calibrate, "REPETITIONS", 1), \
                mock.patch.object(validation, "ARMS", names), mock.patch.object(validation, "WORKLOADS", workloads):
            status, out, err = self.study("calibrate", "--out=mine.toml", "--validate")
        self.assertEqual(status, 0, err)
        rows = pandas.read_csv(self.folder / "mine.csv")
        self.assertEqual(len(rows), 3 * 5)
        self.assertEqual(set(rows[rows["arm"] == "gone"]["cannot"]), {"the arm gone is not to be had"})
        good = rows[rows["arm"] != "gone"]
        self.assertTrue(good["ratio"].notna().all())
        self.assertEqual(set(good[good["ping_pong_ns"].notna()]["threads"]), {2})
        fast = good[(good["arm"] == "fast") & (good["workload"] == "churn") & (good["threads"] == 1)].iloc[0]
        self.assertAlmostEqual(fast["predicted_ns"], 1000 / (50 * 1.02), 3)  # the median of the seeds 1 to 3
        self.assertIn("| gone | - / - | - / - | - |", out)
        self.assertRegex(out, r"% of 10 cells are within a factor of 1.5, and \d+ are beyond 3\.")

    def test_a_hand_over_that_cannot_be_measured_is_said(self):
        with mock.patch.object(machine_costs, "measure", return_value=[{"problem": "crash: it ended"}]), \
                self.assertRaisesRegex(Complaint, "arm ping-pong: crash: it ended"):
            validation._hand_over({"ping-pong": None}, [])

    def test_cpus_that_move_are_said(self):
        row = {"arm": "fast", "workload": "churn", "threads": 2, "measured_ns": None, "ping_pong_ns": None}
        with mock.patch.object(validation, "_hand_over", side_effect=[40.0, 170.0] * validation.ATTEMPTS), \
                mock.patch.object(validation, "_measure", return_value=None):
            self.assertEqual(validation._measure_steadily(row, {}, []),
                             "a hand-over between the CPUs took 40 ns before the runs and 170 after them")
        self.assertIsNone(row["measured_ns"])


if __name__ == "__main__":
    unittest.main()
