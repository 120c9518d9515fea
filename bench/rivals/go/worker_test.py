#!/usr/bin/python3
"""Builds the worker in Go, and checks its answers against the protocol's schema: each arm and workload, with one thread and two.

Usage: worker_test.py [TEST...]. If Go or a Debian package is missing, it says which, and skips the tests by name.
"""

import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
WORKER = HERE.parent / "out" / "go" / "worker"
SCHEMAS = HERE.parents[1] / "worker" / "schema"
ARMS = ["go/cgo-handle", "go/mutex-map", "go/sync-map"]
WORKLOADS = ["burst", "churn", "churn-find", "find", "grow", "hand-off", "idle", "mixed", "ownership", "producers-consumers",
             "shared-mix", "stale", "thread-churn"]
# They end with as many handles as they began with, but for those on their way between two threads.
TRANSFERS = ["hand-off", "ownership", "producers-consumers"]
NEEDS_TWO = {"hand-off": "threads", "producers-consumers": "producers"}
MEASURE_NS = 20_000_000
LIMIT_SECONDS = 120


def schema(name):
    import jsonschema
    text = json.loads((SCHEMAS / f"{name}.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(text)
    return jsonschema.Draft202012Validator(text)


def run_request(arm, workload, threads, **changes):
    return {"protocol": 1, "mode": "run", "arm": arm, "workload": workload, "threads": threads, "cpus": None, "seed": 37033,
            "warm_up_ns": 5_000_000, "measure_ns": MEASURE_NS, "live": 1000, "capacity": 4096, "skew": {"kind": "uniform"},
            "mix": {"find": 70, "new": 10, "delete": 10, "stale": 10}, "think": {"kind": "none"}, "value_words": 1, "touch": True,
            "batch": 16, "burst": 256, "hold": 16, "arrival": {"kind": "closed"}, "latency": 0, "counters": [], "huge_pages": False,
            "lifetime": 100, "bystanders": 2, "producers": 1, **changes}


class WorkerTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.requests, cls.answers = schema("request"), schema("answer")

    def ask(self, request):
        self.requests.validate(request)
        outcome = subprocess.run([WORKER], input=json.dumps(request), capture_output=True, text=True, timeout=LIMIT_SECONDS)
        self.assertEqual((outcome.returncode, outcome.stderr), (0, ""))
        answer = json.loads(outcome.stdout)
        self.answers.validate(answer)
        return answer

    def ok(self, request):
        answer = self.ask(request)
        self.assertEqual((answer["status"], answer["message"]), ("ok", None))
        self.assertEqual(len(answer["threads"]), request["threads"])
        return answer

    @staticmethod
    def count(answer, operation, outcome="done"):
        return sum(thread["operations"].get(operation, {}).get(outcome, 0) for thread in answer["threads"])

    def test_describe(self):
        arms = self.ask({"protocol": 1, "mode": "describe"})["arms"]
        self.assertEqual(sorted(arm["name"] for arm in arms), ARMS)
        for arm in arms:
            self.assertTrue(arm["version"].startswith("go1."), arm["version"])
            self.assertEqual(sorted(name for name, lacks in arm["workloads"].items() if lacks is None), WORKLOADS)

    def test_every_arm_and_workload(self):
        for arm in ARMS:
            for workload in WORKLOADS:
                for threads in (1, 2):
                    for latency in (0, 1):
                        with self.subTest(arm=arm, workload=workload, threads=threads, latency=latency):
                            self.check_run(run_request(arm, workload, threads, latency=latency))

    def check_run(self, request):
        workload = request["workload"]
        if request["threads"] == 1 and workload in NEEDS_TWO:
            answer = self.ask(request)
            self.assertEqual(answer["status"], "refused")
            self.assertTrue(answer["message"].startswith(NEEDS_TWO[workload] + ": "), answer["message"])
            return
        if workload == "grow":  # it ends when the capacity is used up
            request["measure_ns"] = 60_000_000_000
        answer = self.ok(request)
        made = self.count(answer, "new")
        if workload == "grow":
            self.assertEqual(made, (4096 - 1000) // request["threads"] * request["threads"])
        elif workload in ("find", "stale"):
            self.assertGreater(self.count(answer, workload), 0)
        elif workload not in TRANSFERS:
            self.assertGreater(made, 0)
            self.assertEqual(made, self.count(answer, "delete"))
        self.assertEqual(self.count(answer, "find", "failed") + self.count(answer, "new", "failed"), 0)
        for latency in answer["latency"]:
            last, sampled = 0, 0
            for lower, upper, count in latency["buckets"]:
                self.assertLessEqual(last, lower)
                self.assertTrue(upper - lower == 1 or (upper - lower) * 64 <= lower, (lower, upper))
                last, sampled = upper, sampled + count
            self.assertEqual(sampled, latency["sampled"])
            self.assertLess(latency["max_ns"], last)
        if request["latency"] and workload not in TRANSFERS:
            self.assertTrue(answer["latency"])

    def test_what_no_arm_can_do(self):
        lacking = {"batch": "NewBatch", "pin": "Pin", "scope": "Scope", "stats": "Stats", "full": "a capacity"}
        for workload, member in lacking.items():
            with self.subTest(workload=workload):
                answer = self.ask(run_request(ARMS[0], workload, 1))
                self.assertEqual((answer["status"], answer["missing"]), ("cannot", member))

    def test_bound_threads_stay(self):
        cpu = min(os.sched_getaffinity(0))
        for thread in self.ok(run_request(ARMS[1], "churn", 2, cpus=[[cpu], [cpu]]))["threads"]:
            self.assertEqual((thread["cpus"], thread["moves"], thread["moves_are_exact"]), ([cpu], 0, True))

    def test_more_threads_than_cpus(self):
        threads = 2 * os.cpu_count() + 2
        answer = self.ok(run_request(ARMS[0], "churn", threads))
        self.assertTrue(all(thread["ns"] > 0 for thread in answer["threads"]))

    def test_thinking_arrivals_skews_and_facts(self):
        answer = self.ok(run_request(ARMS[0], "churn", 2, think={"kind": "exponential", "ns": 2000},
                                     counters=["cycles", "task-clock"], huge_pages=True))
        self.assertGreater(answer["think_ns"], 0)
        self.assertEqual(set(answer["counters"]), {"cycles", "task-clock"})
        if None in answer["counters"].values():
            self.assertIsNotNone(answer["counters_error"])
        answer = self.ok(run_request(ARMS[2], "find", 1, skew={"kind": "zipf", "s": 0.99}, latency=1,
                                     arrival={"kind": "open", "rate": 10_000}))
        # No operation begins before it is due, but for a chunk at the end.
        self.assertLessEqual(self.count(answer, "find"), answer["threads"][0]["ns"] * 1e-9 * 10_000 + 2048)


def main():
    if importlib.util.find_spec("jsonschema") is None:
        print("SKIPPED: bench/rivals/go/worker_test.py: missing Debian package: python3-jsonschema")
        return 0
    built = subprocess.run([HERE / "build.sh"], capture_output=True, text=True)
    if built.returncode == 3:
        print(f"SKIPPED: bench/rivals/go/worker_test.py: {built.stderr.strip()}")
        return 0
    if built.returncode != 0:
        print(built.stderr, file=sys.stderr)
        return 1
    return 0 if unittest.main(exit=False).result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
