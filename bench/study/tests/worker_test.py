"""Tests of worker.py and arms.py: the protocol, with a worker that does not keep to it."""

import copy
import json
import os
import pathlib
import time
import unittest
from unittest import mock

import support
import arms
import experiment
import schedule
import worker
from complaint import Complaint

FAKE = [str(support.FAKE_WORKER)]


def request(arm, threads=2):
    plan = experiment.resolve({"title": "t", "arms": [arm], "threads": threads, "time": {"warm_up": "1ms", "measure": "1ms"}},
                              "e")
    return schedule.request(schedule.plan(experiment.cells(plan, 2)[0], 1, 1)[0], plan, None)


class CallTest(unittest.TestCase):
    def test_an_answer(self):
        found = worker.call(FAKE, request("fast"), 20)
        self.assertEqual(found.status, "ok", found)
        self.assertEqual(len(found.answer["threads"]), 2)

    def test_what_is_no_answer(self):
        for arm, status, message in (("crash", "crashed", "status 7"), ("killed", "crashed", "SIGSEGV"),
                                     ("rubbish", "rubbish", "not JSON"), ("half", "rubbish", "not JSON"),
                                     ("short", "rubbish", "not of 2 threads"), ("old", "rubbish", "protocol 0"),
                                     ("text", "rubbish", "no object")):
            with self.subTest(arm=arm):
                found = worker.call(FAKE, request(arm), 20)
                self.assertEqual((found.status, found.answer), (status, None))
                self.assertIn(message, found.message)

    def test_complaints_are_kept(self):
        self.assertEqual(worker.call(FAKE, request("crash"), 20).complaints, "an assertion has failed\n")

    def test_answers_without_measurements(self):
        self.assertEqual(worker.call(FAKE, request("false"), 20).status, "wrong")
        found = worker.call(FAKE, request("refuses"), 20)
        self.assertEqual((found.status, found.message), ("refused", "live: too many"))

    def test_a_worker_that_hangs_is_killed_with_its_children(self):
        mark = f"mark-{os.getpid()}"
        for arm in ("hang", "lingers"):
            with self.subTest(arm=arm):
                found = worker.call([*FAKE, mark], request(arm), 1.5)
                self.assertEqual(found.status, "timed out")
        deadline = time.monotonic() + 20  # the kernel may take a moment to bury them
        while time.monotonic() < deadline and self.left_over(mark):
            time.sleep(0.01)
        self.assertEqual(self.left_over(mark), [])

    def left_over(self, mark):
        """Returns the processes that have this word in their command and still run."""
        found = []
        for folder in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if mark.encode() in (folder / "cmdline").read_bytes():
                    found.append(folder.name)
            except OSError:
                continue
        return found

    def test_too_much_output_is_cut_off(self):
        with mock.patch.object(worker, "MOST_OUTPUT", 10**6):
            self.assertEqual(worker.call(FAKE, request("flood"), 20).status, "too much output")

    def test_a_worker_that_does_not_read_its_request(self):
        large = {**request("fast"), "counters": ["x" * 10**6]}
        self.assertEqual(worker.call(["true"], large, 20).status, "rubbish")

    def test_a_program_that_is_not_there(self):
        found = worker.call(["/nowhere/worker"], request("fast"), 20)
        self.assertEqual((found.status, found.message), ("not started", "/nowhere/worker: No such file or directory"))

    def test_the_environment_is_passed_on(self):
        found = worker.call(FAKE, request("fast"), 20, {**os.environ, "LD_PRELOAD": ""})
        self.assertEqual(found.answer["allocator"], "")

    def test_every_part_of_an_answer_is_checked(self):
        good = worker.call(FAKE, request("fast"), 20).answer
        self.assertIsNone(worker.complaint_about(good, request("fast")))
        for path, value in ((["status"], "fine"), (["threads", 0, "ns"], 0), (["threads", 1, "ns"], -1),
                            (["threads", 0, "ns"], True), (["threads", 0, "operations"], []),
                            (["threads", 0, "operations", "new", "done"], "many"),
                            (["threads", 0, "operations", "new", "failed"], -1), (["threads", 0, "operations", "new"], {})):
            with self.subTest(path=path, value=value):
                bad = copy.deepcopy(good)
                place = bad
                for key in path[:-1]:
                    place = place[key]
                place[path[-1]] = value
                self.assertIsNotNone(worker.complaint_about(bad, request("fast")))
        for key in worker.NEEDED:
            self.assertIsNotNone(worker.complaint_about({name: one for name, one in good.items() if name != key},
                                                        request("fast")), key)


class ArmsTest(support.InFolder):
    def test_the_arms_of_the_manifest(self):
        found, unavailable = arms.find(arms.read_manifest())
        self.assertEqual(unavailable, {})
        self.assertEqual(found["fast"].command, FAKE)
        self.assertIsNone(found["fast"].gap({"workload": "churn", "value": 1}))
        self.assertEqual(found["fast"].gap({"workload": "batch", "value": 1}), "NewBatch")
        self.assertEqual(found["fast"].gap({"workload": "scope", "value": 1}), "workload scope")
        self.assertEqual(found["fast"].gap({"workload": "churn", "value": 4}), "values of 4 words; it has 1, 2")

    def test_arms_that_are_not_to_be_had_have_a_reason(self):
        self.write_manifest(workers=[{"label": "//bench/arms:gone", "program": "gone"}],
                            unavailable=[{"arm": "cuckoo", "package": "libcuckoo-dev"}])
        found, unavailable = arms.find(arms.read_manifest(), [{"name": "mine", "command": ["/nowhere/mine"]},
                                                              {"name": "other", "command": FAKE}])
        self.assertEqual(found, {})
        self.assertEqual(unavailable["cuckoo"], "package libcuckoo-dev")
        self.assertIn("No such file", unavailable["gone"])
        self.assertIn("/nowhere/mine", unavailable["mine"])
        self.assertIn("knows no arm of this name", unavailable["other"])

    def test_an_arm_may_be_any_program(self):
        self.write_manifest(workers=[])
        found, _ = arms.find(arms.read_manifest(), [{"name": "fast", "command": FAKE, "version_command": [*FAKE, "--version"]}])
        self.assertEqual(found["fast"].facts["version"], "fake 1.2.3")

    def test_rivals_are_arms_if_they_are_built(self):
        environment = mock.patch.dict(os.environ, BUILD_WORKSPACE_DIRECTORY=str(self.folder))
        environment.start()
        self.addCleanup(environment.stop)
        self.write_rivals(built=False)
        found, unavailable = arms.find(arms.read_manifest())
        self.assertEqual(found, {})
        self.assertEqual(unavailable, {"fast": "bench/rivals/build.sh fast", "slow": "bench/rivals/build.sh fast",
                                       "cobol/table": "bench/rivals/build.sh cobol"})
        self.write_rivals(built=True)
        found, unavailable = arms.find(arms.read_manifest())
        self.assertEqual(found["slow"].command, [str(self.folder / "bench" / "rivals" / "out" / "fast" / "worker")])
        self.assertEqual(unavailable, {"cobol/table": "bench/rivals/build.sh cobol"})

    def test_a_rival_that_does_not_answer_has_a_reason(self):
        self.write_rivals(built=True)
        program = self.folder / "bench" / "rivals" / "out" / "fast" / "worker"
        program.unlink()
        program.write_text("#!/bin/sh\nexit 7\n")
        program.chmod(0o755)
        with mock.patch.dict(os.environ, BUILD_WORKSPACE_DIRECTORY=str(self.folder)):
            found, unavailable = arms.find(arms.read_manifest())
        self.assertEqual(found, {})
        for name in ("bench/rivals/out/fast/worker", "fast", "slow"):
            self.assertIn("it ended with status 7", unavailable[name])

    def test_an_arm_that_a_rival_does_not_have_yet_has_a_reason(self):
        self.write_rivals(built=True)
        (self.folder / "rivals.json").write_text(json.dumps({"fast": ["fast", "newest"]}))
        with mock.patch.dict(os.environ, BUILD_WORKSPACE_DIRECTORY=str(self.folder)):
            found, unavailable = arms.find(arms.read_manifest())
        self.assertIn("slow", found)
        self.assertEqual(unavailable, {"newest": "worker bench/rivals/out/fast/worker is older than this arm"})

    def test_two_arms_of_one_name_are_refused(self):
        with self.assertRaisesRegex(Complaint, "a worker of the manifest has an arm of this name"):
            arms.find(arms.read_manifest(), [{"name": "fast", "command": FAKE}])

    def test_patterns_and_unknown_names(self):
        found, unavailable = arms.find(arms.read_manifest())
        plan = experiment.resolve({"title": "t", "arms": ["?w*n", "fast", "f*st"]}, "e.toml")
        arms.select(plan, found, unavailable)
        self.assertEqual(plan.values["arms"], ["twin", "fast"])
        with self.assertRaisesRegex(Complaint, 'key "arms" has no "fsat"; did you mean "fast"'):
            arms.select(experiment.resolve({"title": "t", "arms": ["fsat"]}, "e.toml"), found, unavailable)

    def test_a_manifest_of_another_version_is_refused(self):
        self.write_manifest(version=2)
        with self.assertRaisesRegex(Complaint, "has version 2, not 1"):
            arms.read_manifest()


if __name__ == "__main__":
    unittest.main()
