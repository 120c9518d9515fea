"""Tests of peers_table.py and memory_table.py."""

import contextlib
import io
import json
import pathlib
import sys
import tempfile
import unittest
from unittest import mock

import support
import experiment
import memory_table
import peers_table
from peers_table import Cell

EXPERIMENTS = support.HERE.parent / "experiments"


def line(arm, workload, threads, live=1000, skew="uniform", status="ok"):
    """Returns a line of runs.jsonl. `threads` has the time and the operations of each."""
    return {"status": status, "cell": {"arm": arm, "workload": workload, "live": live, "skew": skew, "threads": len(threads)},
            "answer": {"threads": [{"ns": ns, "operations": {kind: {"done": done, "failed": 0} for kind, done in done.items()}}
                                   for ns, done in threads]}}


def printed_by(module, lines, *arguments):
    """Returns the lines that the table's main prints of these runs."""
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "runs.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))
        out = io.StringIO()
        with mock.patch.object(sys, "argv", ["table", *arguments, folder]), contextlib.redirect_stdout(out), \
                contextlib.redirect_stderr(io.StringIO()):
            module.main()
    return out.getvalue().splitlines()


class PeersTableTest(unittest.TestCase):
    def test_the_experiment_measures_what_the_table_shows_and_no_more(self):
        plan = experiment.load(EXPERIMENTS / "peers_objects.toml")
        cells = {(cell["arm"], Cell(cell["workload"], cell["live"], cell["skew"]))
                 for cell in experiment.product(plan, {"threads": [1]}) if cell["hold"] == 128}
        shown = set()
        for row in peers_table.ROWS:
            live = 10**6 if row.yardstick == "array" and row.peers.live == 10**6 else 1000
            self.assertIn((row.yardstick, Cell("find", live)), cells)
            for arm in ("rust/idr-ebr", "xenium/*"):
                self.assertIn((arm, row.peers), cells)
            for _, arm, *own in row.haft:
                self.assertIn((arm, own[0] if own else row.peers), cells)
            shown |= {row.peers, *(own[0] for _, _, *own in row.haft if own)}
        self.assertLessEqual({cell for _, cell in cells}, shown)

    def test_a_step_is_what_the_workload_says(self):
        for workload, operations, ns in (("find", {"find": 50}, 2), ("pin", {"pin": 50, "unpin": 50}, 2),
                                         ("churn", {"new": 25, "delete": 25}, 4), ("scope", {"scope": 1, "find": 100}, 1),
                                         ("mixed", {"find": 80, "new": 10, "delete": 10}, 1),
                                         ("mixed-scope", {"scope": 2, "find": 30, "new": 10, "delete": 10}, 2),
                                         ("delete-pinned", {"new": 4, "pin": 4, "delete_pinned": 4, "unpin": 4}, 25)):
            with self.subTest(workload=workload):
                self.assertEqual(peers_table.step_ns(line("x", workload, [(100, operations)])), ns)
        self.assertEqual(peers_table.step_ns(line("x", "find", [(100, {"find": 100}), (100, {"find": 50})])), 1.5)
        self.assertIsNone(peers_table.step_ns(line("x", "find", [(100, {"find": 50}), (100, {})])))

    def test_the_best_peer_of_each_number_of_threads_is_shown(self):
        lines = [line("cas", "find", [(250, {"find": 100})])]
        for arm, one, two in (("rust/a", 800, 1000), ("rust/b", 900, 950), ("haft/objects", 500, 123456)):
            lines += [line(arm, "find", [(one, {"find": 100})])] * 3
            lines += [line(arm, "find", [(two, {"find": 100})] * 2)]
        # Neither a wrong answer nor another's cell counts.
        lines += [line("rust/wrong", "find", [(1, {"find": 100})], status="wrong"),
                  line("rust/a", "find", [(1, {"find": 100})], live=10000)]
        printed = printed_by(peers_table, lines, "--all")
        self.assertIn("| look-up of 1e3, protected each time | cas 2.50 | a, b 8.00 / 9.50 | pin 5.00 / 1,235 |", printed)
        self.assertIn("| look-up of 1e6, protected each time | array - | - / - | pin - / - |", printed)
        self.assertTrue(any(text.startswith("| rust/a | ") and "8.00 / 10.0" in text for text in printed), printed)

    def test_a_study_without_a_right_run_has_no_table(self):
        with self.assertRaises(SystemExit) as raised:
            printed_by(peers_table, [line("cas", "find", [(1, {"find": 1})], status="wrong")])
        self.assertEqual(raised.exception.code, 1)

    def test_a_folder_without_a_study_is_refused(self):
        with tempfile.TemporaryDirectory() as folder, mock.patch.object(sys, "argv", ["table", folder]), \
                contextlib.redirect_stderr(io.StringIO()), self.assertRaises(SystemExit) as raised:
            peers_table.main()
        self.assertEqual(raised.exception.code, 2)


class MemoryTableTest(unittest.TestCase):
    def memory(self, arm, live, resident):
        return {"status": "ok", "cell": {"arm": arm, "live": live}, "answer": {"memory": {"resident_bytes": resident}}}

    def test_the_experiment_has_a_run_of_one_handle_for_each_arm(self):
        plan = experiment.load(EXPERIMENTS / "memory.toml")
        cells = experiment.product(plan, {"threads": [1]})
        self.assertEqual({cell["live"] for cell in cells}, {1, *memory_table.SIZES})
        self.assertLessEqual({arm for _, arm in memory_table.ROWS}, {cell["arm"] for cell in cells})

    def test_memory_is_what_live_handles_add_less_the_workers_own(self):
        lines = [self.memory("haft/objects", 1, 10**6), self.memory("haft/objects", 1000, 10**6 + 999 * 40),
                 self.memory("haft/objects", 10**6, 10**6 + 999_999 * 32), self.memory("haft/objects", 10**6, 10**8),
                 self.memory("haft/objects", 10**6, 10**6 + 999_999 * 28),
                 self.memory("rust/sharded-slab", 1000, 10**6),  # without one of one handle it says nothing
                 self.memory("rust/idr-ebr", 1, 10**6), self.memory("rust/idr-ebr", 1000, 10**6),  # less than it keeps itself
                 self.memory("rust/idr-ebr", 10**6, 10**6 + 999_999 * 40)]
        printed = printed_by(memory_table, lines)
        self.assertIn("| *floor: the value alone* | *8.0* | *8.0* | *8.0* |", printed)
        self.assertIn("| objects of 8 bytes | 24.0 | 16.0 | - |", printed)
        self.assertIn("| sharded-slab | - | - | - |", printed)
        self.assertIn("| idr-ebr | - | 32.0 | - |", printed)


if __name__ == "__main__":
    unittest.main()
