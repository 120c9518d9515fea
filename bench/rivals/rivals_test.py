#!/usr/bin/python3
"""Tests of the workers in other languages, as bench/rivals/build.sh builds them, and of build.sh itself.

Usage: rivals_test.py [WORKER...], by default each that is at its place. All answers must be what the schemas say; each arm does
each of its workloads with one thread and with two; and requests that are wrong are refused by their key.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
BENCH = HERE.parent
sys.path.insert(0, str(BENCH / "study"))

import packages  # noqa: E402  (needs the path above)

packages.use_debians_python()

import jsonschema  # noqa: E402
import parameters  # noqa: E402
import worker  # noqa: E402

WORKERS = [pathlib.Path(one) for one in sys.argv[1:]] or sorted(HERE.glob("out/*/worker"))
LIMIT = 60.0  # seconds for an answer
SIZE = 64 - 1  # a bucket's lower bound divided by its width is more than this, or the width is 1 ns
KINDS = {
    "find": {"find"}, "stale": {"stale"}, "churn-find": {"new", "find", "delete"}, "mixed": {"find", "stale", "new", "delete"},
    "shared-mix": {"find", "stale", "new", "delete"}, "pin": {"pin", "unpin"}, "pin-hold": {"pin", "unpin"},
    "delete-pinned": {"new", "pin", "delete_pinned", "unpin"}, "scope": {"scope", "find"},
    "find-first": {"find"}, "stale-scope": {"scope", "stale"}, "mixed-scope": {"scope", "find", "stale", "new", "delete"},
    "full": {"new"}, "grow": {"new"}, "thread-churn": {"new", "delete", "round"},
    "stats": {"stats", "find", "stale", "new", "delete"},
}  # of the operations; new and delete where nothing is said


def validator(name):
    schema = json.loads((BENCH / "worker" / "schema" / f"{name}.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


REQUEST, ANSWER = validator("request"), validator("answer")


def request(arm, workload, threads=1, **changes):
    cpus = sorted(os.sched_getaffinity(0))
    return {
        "protocol": 1, "mode": "run", "arm": arm, "workload": workload, "threads": threads,
        "cpus": [[cpus[i % len(cpus)]] for i in range(threads)], "seed": 37033, "warm_up_ns": 5 * 10**6, "measure_ns": 20 * 10**6,
        "live": 64, "capacity": 64 if workload == "full" else 4096, "skew": {"kind": "uniform"},
        "mix": {"find": 80, "new": 5, "delete": 5, "stale": 10}, "think": {"kind": "none"}, "value_words": 1, "touch": True,
        "batch": 4, "burst": 8, "hold": 4, "arrival": {"kind": "closed"}, "latency": 0, "counters": [], "huge_pages": False,
        "lifetime": 100, "bystanders": 2, "producers": 1, **changes,
    }


def refused_because(arm):
    """Returns wrong requests, each with the key that the refusal must begin with."""
    good = request(arm, "churn")
    changes = {
        "threads": 0, "cpus": [[]], "seed": -1, "warm_up_ns": 0.5, "measure_ns": 0, "live": 5000, "capacity": 0,
        "skew.kind": "cold", "mix": {"find": 100, "new": 5, "delete": 5, "stale": 0}, "think.kind": "hard", "value_words": 9,
        "touch": 1, "batch": 0, "burst": 0, "hold": 0, "arrival.kind": "ajar", "latency": -1, "counters": ["bicycles"],
        "huge_pages": None, "lifetime": 0, "bystanders": -1, "producers": 0, "arm": "nobody's", "workload": "nothing",
        "mix.delete": 4, "protocol": 2, "mode": "walk",
    }
    for path, value in changes.items():
        key, _, part = path.partition(".")
        yield path, {**good, key: {**good[key], part: value} if part else value}
    for key in good:
        yield key, {name: value for name, value in good.items() if name != key}
    yield "more", {**good, "more": 1}
    yield "skew.more", {**good, "skew": {"kind": "uniform", "more": 1}}
    yield "skew.s", {**good, "skew": {"kind": "zipf"}}
    yield "capacity", {**good, "capacity": 64}
    yield "threads", request(arm, "hand-off", 1)
    yield "producers", request(arm, "producers-consumers", 2, producers=2)


class WorkerTest(unittest.TestCase):
    """Tests of one program; `program` is set by `load`."""
    program: pathlib.Path

    def call(self, asked):
        found = worker.call([str(self.program)], asked, LIMIT)
        self.assertIsNotNone(found.answer, f"{asked}: {found}")
        ANSWER.validate(found.answer)
        return found

    def run_with(self, text):
        return subprocess.run([self.program], input=text, capture_output=True, text=True, timeout=LIMIT)

    def arms(self):
        return self.call({"protocol": 1, "mode": "describe"}).answer["arms"]

    def test_its_arms_are_those_of_the_list(self):
        names = [arm["name"] for arm in self.arms()]
        self.assertIn(names, list(json.loads((HERE / "arms.json").read_text()).values()))

    def test_it_describes_every_workload(self):
        for arm in self.arms():
            with self.subTest(arm=arm["name"]):
                self.assertLessEqual(set(arm["workloads"]), set(parameters.WORKLOADS))
                self.assertIsNone(arm["workloads"].get("churn", "no churn"))
                self.assertTrue(arm["version"])
                self.assertTrue(arm["optimized"])

    def test_every_workload_is_done_or_named_as_lacking(self):
        for arm in self.arms():
            for workload, lacks in arm["workloads"].items():
                for threads in (1, 2):
                    with self.subTest(arm=arm["name"], workload=workload, threads=threads):
                        self.check(arm, workload, lacks, threads)

    def check(self, arm, workload, lacks, threads):
        asked = request(arm["name"], workload, threads, latency=3, value_words=max(arm["value_words"]) if threads == 2 else 1)
        if workload == "find-first":
            asked["measure_ns"] = 60 * 10**9  # it ends before
        REQUEST.validate(asked)
        found = self.call(asked)
        if lacks is not None:
            self.assertEqual((found.status, found.answer["missing"]), ("cannot", lacks))
            return
        if threads == 1 and workload in ("hand-off", "producers-consumers"):
            self.assertEqual(found.status, "refused", found.message)
            return
        if workload == "full" and found.status == "cannot":
            self.assertEqual(found.answer["missing"], "a capacity")
            return
        self.assertEqual(found.status, "ok", found.message)
        answer = found.answer
        done = {}
        for number, thread in enumerate(answer["threads"]):
            self.assertTrue(thread["moves_are_exact"])
            self.assertEqual(([asked["cpus"][number][0]], 0), (thread["cpus"], thread["moves"]))
            for kind, counts in thread["operations"].items():
                done[kind] = done.get(kind, 0) + counts["done"]
        self.assertLessEqual(set(done), KINDS.get(workload, {"new", "delete"}))
        self.assertGreater(sum(done.values()), 0)
        if workload == "find-first":
            self.assertEqual(done, {"find": asked["live"] * threads})
        elif workload != "grow":
            self.assertGreaterEqual(max(thread["ns"] for thread in answer["threads"]), asked["measure_ns"])
        self.assertTrue(pathlib.Path(answer["allocator"]).is_file())
        self.assertGreater(answer["memory"]["resident_bytes"], 0)
        for histogram in answer["latency"]:
            self.check_histogram(histogram)

    def check_histogram(self, histogram):
        last = 0
        for lower, upper, count in histogram["buckets"]:
            self.assertLessEqual(last, lower)
            self.assertGreater(count, 0)
            self.assertTrue(upper - lower == 1 or lower / (upper - lower) > SIZE, (lower, upper))
            last = upper
        self.assertEqual(sum(count for _, _, count in histogram["buckets"]), histogram["sampled"])
        self.assertTrue(histogram["buckets"][-1][0] <= histogram["max_ns"] < last)

    def test_arrivals_that_are_open(self):
        name = self.arms()[0]["name"]
        asked = request(name, "find", arrival={"kind": "open", "rate": 10_000}, latency=1)
        found = self.call(asked)
        done = found.answer["threads"][0]["operations"]["find"]["done"]
        self.assertLessEqual(done, 2 * asked["measure_ns"] * 10_000 / 1e9)  # a chunk may be over the end
        self.assertEqual(found.answer["latency"][0]["sampled"], done)

    def test_other_settings(self):
        name = self.arms()[0]["name"]
        for changes in ({"cpus": None}, {"skew": {"kind": "zipf", "s": 1.2}}, {"skew": {"kind": "hot", "keys": 2, "percent": 90}},
                        {"think": {"kind": "exponential", "ns": 200}}, {"counters": ["cycles"]}, {"huge_pages": True},
                        {"warm_up_ns": 0}):
            with self.subTest(changes=changes):
                found = self.call(request(name, "find", 2, **changes))
                self.assertEqual(found.status, "ok", found.message)
                self.assertEqual(found.answer["think_ns"] > 0, "think" in changes)
                self.assertEqual(found.answer["counters"], dict.fromkeys(changes.get("counters", [])))

    def test_wrong_requests_are_refused_by_their_key(self):
        for key, asked in refused_because(self.arms()[0]["name"]):
            with self.subTest(key=key):
                result = self.run_with(json.dumps(asked))
                self.assertEqual(result.returncode, 0, result.stderr)
                answer = json.loads(result.stdout)
                ANSWER.validate(answer)
                self.assertEqual(answer["status"], "refused")
                self.assertTrue(answer["message"].startswith(f"{key}: "), answer["message"])

    def test_what_is_no_request_is_no_answer(self):
        for text in ("", "[]", "{"):
            with self.subTest(text=text):
                result = self.run_with(text)
                self.assertNotEqual(result.returncode, 0)
                self.assertEqual(result.stdout, "")
                self.assertNotEqual(result.stderr, "")


class BuildTest(unittest.TestCase):
    def build(self, *arguments, **environment):
        result = subprocess.run([HERE / "build.sh", *arguments], capture_output=True, text=True,
                                env={**os.environ, **environment})
        return result.returncode, result.stdout, result.stderr

    def test_wrong_arguments(self):
        for arguments, sentence in (([], "name a language"), (["cobol"], "there is no worker in cobol"),
                                    (["rust", "go"], "one language at a time"), (["rust", "--fast"], "unknown option --fast"),
                                    (["rust", "--out="], "unknown option --out=")):
            with self.subTest(arguments=arguments):
                status, out, err = self.build(*arguments)
                self.assertEqual((status, out), (2, ""))
                self.assertIn(sentence, err)

    def test_a_missing_compiler_is_named(self):
        with tempfile.TemporaryDirectory() as tools:
            for tool in ("bash", "dirname", "realpath", "cut", "sort"):
                os.symlink(shutil.which(tool), f"{tools}/{tool}")
            status, out, err = self.build("rust", f"--out={tools}/out", PATH=tools)
            self.assertEqual((status, out), (3, ""), err)
            self.assertIn("cargo is missing", err)
            for name, text in (("cargo", "exit 0"), ("rustc", "echo 'rustc 1.63.0 (old)'")):
                pathlib.Path(tools, name).write_text(f"#!/usr/bin/env bash\n{text}\n")
                pathlib.Path(tools, name).chmod(0o755)
            os.symlink(shutil.which("env"), f"{tools}/env")
            status, out, err = self.build("rust", f"--out={tools}/out", PATH=tools)
            self.assertEqual((status, out), (3, ""), err)
            self.assertIn("rustc is of version 1.63.0", err)

    @unittest.skipIf(shutil.which("cargo") is None, "cargo is not installed")
    def test_a_registry_that_is_not_reached_is_named(self):
        with tempfile.TemporaryDirectory() as home:
            status, out, err = self.build("rust", f"--out={home}/out", CARGO_HOME=home, CARGO_NET_OFFLINE="true")
        self.assertEqual((status, out), (3, ""), err)
        self.assertIn("cargo cannot fetch them from its registry", err)


def load():
    """Returns the tests: those of a worker once for each."""
    suite = unittest.TestSuite()
    loader = unittest.defaultTestLoader
    suite.addTests(loader.loadTestsFromTestCase(BuildTest))
    for program in WORKERS:
        case = type(f"WorkerTest({program})", (WorkerTest,), {"program": program.resolve()})
        suite.addTests(loader.loadTestsFromTestCase(case))
    return suite


def main() -> int:
    if not WORKERS:
        print(f"rivals_test.py: no worker is built: {HERE}/build.sh LANGUAGE", file=sys.stderr)
        return 3
    return 0 if unittest.TextTestRunner(verbosity=2).run(load()).wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
