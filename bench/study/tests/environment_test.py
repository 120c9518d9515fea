"""Tests of environment.py and progress.py."""

import copy
import io
import unittest
from unittest import mock

import support  # noqa: F401
import environment
import progress
import topology


class WarningsTest(unittest.TestCase):
    QUIET = {"governor": "performance", "boost": False, "pinning": True, "hypervisor": None, "cgroup": {}}
    ARM = {"optimized": True, "assertions": False, "sanitizer": None}

    def test_a_quiet_machine_has_none(self):
        self.assertEqual(environment.warnings(self.QUIET, {"a": self.ARM}, 0.01, 9), [])

    def test_each_circumstance_has_its_own(self):
        for facts, arm, busy, repetitions, sentence in (
                ({}, {"optimized": False}, 0, 9, "Arms are not compiled with optimisation (-c opt): a."),
                ({}, {"assertions": True}, 0, 9, "Arms are compiled with assertions (a debug build): a."),
                ({}, {"sanitizer": "address"}, 0, 9, "Arms are compiled with a sanitizer: a."),
                ({}, {}, 0.5, 9, "The machine is busy: other programs use 50% of its CPUs."),
                ({"governor": "powersave"}, {}, 0, 9, "The governor of the frequency is powersave, not performance."),
                ({"boost": True}, {}, 0, 9,
                 "Boost is on: the frequency depends on the temperature and on what other cores do."),
                ({"pinning": False}, {}, 0, 9, "Threads may not be pinned here."),
                ({"hypervisor": "KVM"}, {}, 0, 9,
                 "This is a virtual machine: its host can take the CPUs away, and its topology may not be the real one."),
                ({"cgroup": {"cpu.max": "150000 100000"}}, {}, 0, 9,
                 "A cgroup limits the time of the CPUs to 150000 100000 (quota and period in us)."),
                ({}, {}, 0, 8, "There are 8 repetitions, fewer than 9.")):
            with self.subTest(sentence=sentence):
                found = environment.warnings({**self.QUIET, **facts}, {"a": {**self.ARM, **arm}}, busy, repetitions)
                self.assertEqual(found, [sentence])

    def test_what_is_unknown_is_no_warning(self):
        self.assertEqual(environment.warnings({**self.QUIET, "governor": None, "boost": None}, {"a": {}}, 0, None), [])


class DifferencesTest(unittest.TestCase):
    BEFORE = {"machine": {"cpu": "One", "cores": 2}, "arms": {"a": {"version": "1", "sha256": "x"}}}

    def test_the_same_differs_in_nothing(self):
        self.assertEqual(environment.differences(self.BEFORE, copy.deepcopy(self.BEFORE)), [])

    def test_each_difference_is_named(self):
        now = {"machine": {"cpu": "Two", "cores": 2}, "arms": {"a": {"version": "1", "sha256": "y"}, "b": {}}}
        self.assertEqual(environment.differences(self.BEFORE, now), [
            "machine: cpu was 'One' and is 'Two'", "arms: a: sha256 was 'x' and is 'y'", "arms: b was None and is {}"])


class MachineTest(unittest.TestCase):
    def test_the_machine_in_a_line(self):
        facts = {"cpu": "EPYC", "cpus": list(range(16)), "cores": 8, "nodes": 2, "hypervisor": None,
                 "kernel": "Linux 6.1 #1 SMP"}
        self.assertEqual(environment.line(facts), "EPYC, 16 CPUs on 8 cores, 2 nodes, Linux 6.1")
        self.assertEqual(environment.line({**facts, "cpus": [0], "cores": 1, "nodes": 1, "hypervisor": "KVM"}),
                         "EPYC, 1 core, virtual machine, Linux 6.1")

    def test_this_machine_has_facts_and_may_be_described(self):
        facts = environment.machine(topology.here(topology.record()))
        self.assertGreaterEqual(facts["cores"], 1)
        self.assertTrue(facts["kernel"].startswith("Linux "))

    def test_a_folder_that_is_no_checkout_has_no_commit(self):
        self.assertEqual(environment.commit("/"), {"commit": None, "dirty": None})


class Terminal(io.StringIO):
    def isatty(self):
        return True


class ProgressTest(unittest.TestCase):
    def test_durations(self):
        self.assertEqual([progress.duration(seconds) for seconds in (5, 89, 91, 3600, 7500)],
                         ["5 s", "89 s", "2 min", "60 min", "2 h 05 min"])

    def test_a_terminal_has_one_line_that_changes(self):
        stream = Terminal()
        shown = progress.Progress(3, 9.0, stream)
        shown.before("a long name")
        shown.after()
        shown.before("b")
        shown.end()
        self.assertNotIn("\n", stream.getvalue())
        self.assertIn("\r0 of 3 runs, 9 s left, now a long name", stream.getvalue())
        self.assertIn("\r1 of 3 runs, 0 s left, now b ", stream.getvalue())

    def test_elsewhere_there_is_a_plain_line_a_minute(self):
        stream = io.StringIO()
        with mock.patch("time.monotonic", return_value=0) as clock:
            shown = progress.Progress(3, 9.0, stream)
            for name, clock.return_value in (("a", 1), ("b", 62), ("c", 63)):
                shown.before(name)
                shown.after()
        self.assertEqual(stream.getvalue(), "1 of 3 runs, 2 min left, now b\n")


if __name__ == "__main__":
    unittest.main()
