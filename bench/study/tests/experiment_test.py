"""Tests of experiment.py, parameters.py and schedule.py."""

import tomllib
import unittest

import support  # noqa: F401
import experiment
import parameters
import schedule
from complaint import Complaint

LEAST = {"title": "t", "arms": ["a"]}


def resolve(**changes):
    return experiment.resolve({**LEAST, **changes}, "e.toml")


def cells(cpus=4, **changes):
    return experiment.cells(resolve(**changes), cpus)[0]


class ThreadCountsTest(unittest.TestCase):
    def test_ranges(self):
        for text, cpus, counts in (("1,2,4..all,x2,x4", 8, [1, 2, 4, 8, 16, 32]), ("1,2,4..all", 6, [1, 2, 4, 6]),
                                   ("1,2,4..all", 1, [1]), ("16,1..3", 4, [1, 2, 3, 16]), ("1,2..all", 1, [1]), ("all", 3, [3]),
                                   ("x2", 3, [6]), ("2..5", 8, [2, 3, 4, 5]), ("1,3..8", 8, [1, 3, 5, 7, 8]),
                                   ("1,2..5", 8, [1, 2, 3, 4, 5]), ("1,3,9..81", 2, [1, 3, 9, 27, 81]), (" 4, 1", 2, [1, 4]),
                                   (7, 2, [7])):
            with self.subTest(text=text, cpus=cpus):
                self.assertEqual(experiment.thread_counts(text, cpus), counts)

    def test_a_word_that_is_no_count_is_named(self):
        for text in ("1,,2", "some", "0", "x0", "1..", "-1", "x", "1.5"):
            with self.subTest(text=text), self.assertRaisesRegex(ValueError, "neither a number"):
                experiment.thread_counts(text, 4)

    def test_a_range_that_begins_above_its_end_has_its_end(self):
        self.assertEqual(experiment.thread_counts("1,2,4..all", 2), [1, 2])


class CellsTest(unittest.TestCase):
    def test_the_product_of_all_axes(self):
        found = cells(arms=["a", "b"], workload=["churn", "find"], threads=[1, 2], live=[10, 100, 1000])
        self.assertEqual(len(found), 2 * 2 * 2 * 3)
        self.assertEqual(len({tuple(cell.items()) for cell in found}), len(found))
        self.assertEqual({cell["skew"] for cell in found}, {"uniform"})

    def test_skip_excludes_what_has_all_its_values(self):
        found = cells(arms=["a", "b"], workload=["churn", "find"], threads=[1, 2],
                      skip=[{"arm": "a", "threads": 2}, {"workload": ["find"], "arm": "b"}])
        kept = [(cell["arm"], cell["workload"], cell["threads"]) for cell in found]
        self.assertEqual(kept, [("a", "churn", 1), ("a", "find", 1), ("b", "churn", 1), ("b", "churn", 2)])

    def test_skip_knows_ranges_of_threads(self):
        self.assertEqual([cell["threads"] for cell in cells(threads="1,2,4..all,x2", skip=[{"threads": "x2"}])], [1, 2, 4])

    def test_an_experiment_of_no_runs_is_refused(self):
        with self.assertRaisesRegex(Complaint, "e.toml: leaves no runs"):
            cells(skip=[{"arm": "a"}])

    def test_cells_that_cannot_exist_are_left_out_and_named(self):
        found, left_out = experiment.cells(resolve(workload=["hand-off", "producers-consumers", "stats"], threads=[1, 2, 3],
                                                   producers=2), 4)
        self.assertEqual([(cell["workload"], cell["threads"]) for cell in found],
                         [("hand-off", 2), ("producers-consumers", 3), ("stats", 2), ("stats", 3)])
        self.assertEqual(len(left_out), 5)
        self.assertIn("hand-off has pairs of threads, so not 3", left_out)


class ResolveTest(unittest.TestCase):
    def test_the_resolved_file_resolves_to_itself(self):
        first = resolve(title='A "title" \\ with\ta tab', threads=["1,2..4", 9], skew=["zipf:0.99", "hot:4:90"],
                        counters=["cycles"], latency=True, occupancy=[1, 99.5], time={"measure": "1s"},
                        skip=[{"threads": [2], "touch": True}], arm=[{"name": "mine", "command": ["java", "Arm"]}])
        again = experiment.resolve(tomllib.loads(experiment.to_toml(first)), "again")
        self.assertEqual((again.values, again.skip, again.arms), (first.values, first.skip, first.arms))

    def test_every_default_passes_its_own_check(self):
        for one in parameters.TABLE:
            if one.default is not None:
                with self.subTest(key=one.key):
                    one.check(one.default)

    def test_bad_input_is_refused_with_its_key(self):
        for changes, sentence in (
                ({"thread": 1}, 'key "thread" is unknown; did you mean "threads"'),
                ({"time": {"warmup": "1s"}}, 'key "time.warmup" is unknown; did you mean "time.warm_up"'),
                ({"time": 3}, 'key "time" must be a table'),
                ({"version": 9}, 'key "version" is 9'),
                ({"title": 3}, 'key "title" must be a text'),
                ({"workload": "chrun"}, 'key "workload" has no "chrun"; did you mean "churn"'),
                ({"workload": 3}, 'key "workload" must be a text'),
                ({"workload": []}, 'key "workload" has an empty list'),
                ({"threads": 0}, 'key "threads" must be a number of at least 1'),
                ({"threads": True}, 'key "threads" must be a number of at least 1'),
                ({"placement": "compct"}, 'key "placement" has no "compct"; did you mean "compact"'),
                ({"placement": "cpus:1-x"}, 'key "placement" "1-x" is neither a number nor a range'),
                ({"placement": "cpus:3-1"}, 'key "placement" "3-1" is neither'),
                ({"live": 0}, 'key "live" must be from 1 to 1000000000, not 0'),
                ({"live": "many"}, "key \"live\" must be an integer, not 'many'"),
                ({"live": True}, 'key "live" must be an integer'),
                ({"occupancy": 101}, 'key "occupancy" must be from 1 to 100, not 101'),
                ({"skew": "zipf:2"}, 'key "skew" must be'),
                ({"skew": "zipf"}, 'key "skew" must be'),
                ({"skew": "hot:0:90"}, 'key "skew" must be'),
                ({"skew": "hot:3:101"}, 'key "skew" must be'),
                ({"mix": "find:90,new:5"}, 'key "mix" must add up to 100'),
                ({"mix": "find:90,new:8,delete:2"}, 'key "mix" must have as many New as Delete'),
                ({"mix": "fnd:100"}, 'key "mix" "fnd:100" is not'),
                ({"think": "constant:0"}, 'key "think" must be'),
                ({"arrival": "open"}, 'key "arrival" must be'),
                ({"arrival": "open:0"}, 'key "arrival" must be'),
                ({"value": 9}, 'key "value" must be from 1 to 8'),
                ({"allocator": "hoard"}, 'key "allocator" has no "hoard"'),
                ({"counters": ["cyclse"]}, 'key "counters" has no "cyclse"; did you mean "cycles"'),
                ({"counters": "cycles"}, 'key "counters" must be "none" or a list'),
                ({"latency": -1}, 'key "latency" must be'),
                ({"energy": 1}, 'key "energy" must be true or false'),
                ({"repetitions": 0}, 'key "repetitions" must be from 1'),
                ({"repetitions": [3, 4]}, 'key "repetitions" must be an integer'),
                ({"seed": -1}, 'key "seed" must be from 0'),
                ({"time": {"measure": "300"}}, 'key "time.measure" must be a duration'),
                ({"time": {"measure": 300}}, 'key "time.measure" must be a duration'),
                ({"time": {"measure": "2ns"}}, 'key "time.measure" must be from 1ms'),
                ({"plot": {"x": "thread"}}, 'key "plot.x" names no axis with "thread"; did you mean "threads"'),
                ({"compare": {"axis": "arms"}}, 'key "compare.axis" names no axis with "arms"; did you mean "arm"'),
                ({"compare": {"metric": "speed"}}, 'key "compare.metric" has no "speed"'),
                ({"skip": [{}]}, 'key "skip" has a table without a key'),
                ({"skip": [{"arms": "a"}]}, 'key "skip.arms" is no axis; did you mean "arm"'),
                ({"skip": {"arm": "a"}}, r'key "skip" must be a table \[\[skip\]\]'),
                ({"arm": [{"name": "x"}]}, 'key "arm.command" is missing'),
                ({"arm": [{"name": "x", "command": "java Arm"}]}, 'key "arm.command" must be a list of words'),
                ({"arm": [{"name": "x", "comand": ["x"]}]}, 'key "arm.comand" is unknown; did you mean "command"'),
                ({"revision": "other"}, 'key "revision" is set by `ab` only')):
            with self.subTest(changes=changes), self.assertRaisesRegex(Complaint, sentence):
                resolve(**changes)
        with self.assertRaisesRegex(Complaint, 'key "title" is missing'):
            experiment.resolve({"arms": ["a"]}, "e.toml")

    def test_settings_are_toml_or_text(self):
        self.assertEqual(experiment.parse_setting("threads=[1, 2]"), ("threads", [1, 2]))
        self.assertEqual(experiment.parse_setting("time.measure=1s"), ("time.measure", "1s"))
        self.assertEqual(experiment.parse_setting("title=a = b"), ("title", "a = b"))
        with self.assertRaisesRegex(Complaint, "--set threads: must be KEY=VALUE"):
            experiment.parse_setting("threads")


class ScheduleTest(unittest.TestCase):
    def setUp(self):
        self.cells = cells(arms=["a", "b", "c"], threads=[1, 2])

    def test_the_same_seed_gives_the_same_runs(self):
        self.assertEqual(schedule.plan(self.cells, 5, 1), schedule.plan(self.cells, 5, 1))
        self.assertNotEqual(schedule.plan(self.cells, 5, 1), schedule.plan(self.cells, 5, 2))

    def test_further_repetitions_do_not_change_the_first(self):
        self.assertEqual(schedule.plan(self.cells, 9, 1)[:18], schedule.plan(self.cells, 3, 1))

    def test_each_block_has_every_cell_once_in_an_order_of_its_own(self):
        runs = schedule.plan(self.cells, 6, 1)
        blocks = [[run.cell for run in runs if run.block == block] for block in range(6)]
        key = lambda cell: (cell["arm"], cell["threads"])  # noqa: E731
        for block in blocks:
            self.assertEqual(sorted(map(key, block)), sorted(map(key, self.cells)))
        self.assertGreater(len({tuple(map(key, block)) for block in blocks}), 3)

    def test_arms_of_a_block_do_the_same_operations_and_blocks_do_not(self):
        runs = schedule.plan(self.cells, 2, 1)
        seeds = {(run.block, run.cell["threads"]): set() for run in runs}
        for run in runs:
            seeds[run.block, run.cell["threads"]].add(run.seed)
        self.assertTrue(all(len(own) == 1 for own in seeds.values()))
        self.assertEqual(len(set.union(*seeds.values())), 4)

    def test_the_capacity_is_for_live_handles_and_those_in_hand(self):
        def capacity(**changes):
            return schedule.capacity(cells(**changes)[0])
        self.assertEqual(capacity(workload="find", live=1000, occupancy=50), 2000)
        self.assertEqual(capacity(workload="churn", live=1000, occupancy=100, threads=4), 1004)
        self.assertEqual(capacity(workload="burst", live=1000, burst=256, occupancy=50, threads=2), 3024)
        self.assertEqual(capacity(workload="mixed-scope", live=1000, hold=128, occupancy=100, threads=2), 1256)
        self.assertEqual(capacity(workload="grow", live=1000, occupancy=100, threads=2), 1002)
        self.assertEqual(capacity(workload="full", live=1000, occupancy=50), 1000)

    def test_the_request_has_every_key_of_the_protocol(self):
        plan = resolve(skew="zipf:0.99", think="exponential:100", arrival="open:1000", mix="find:80,new:5,delete:5,stale:10")
        run = schedule.plan(experiment.cells(plan, 1)[0], 1, 1)[0]
        request = schedule.request(run, plan, [[3]])
        self.assertEqual(request["skew"], {"kind": "zipf", "s": 0.99})
        self.assertEqual(request["think"], {"kind": "exponential", "ns": 100})
        self.assertEqual(request["arrival"], {"kind": "open", "rate": 1000})
        self.assertEqual(request["latency"], 1)  # always with an open arrival
        self.assertEqual(request["mix"], {"find": 80, "new": 5, "delete": 5, "stale": 10})
        self.assertEqual((request["warm_up_ns"], request["measure_ns"], request["cpus"]), (10**8, 3 * 10**8, [[3]]))

    def test_the_estimate_is_of_all_runs(self):
        plan = resolve(time={"warm_up": "100ms", "measure": "300ms"})
        self.assertEqual(schedule.estimate_ns(schedule.plan(self.cells, 5, 1), plan), 30 * (400 * 10**6 + schedule.START_NS))


if __name__ == "__main__":
    unittest.main()
