"""Tests of cells.py, comparison.py, scaling.py and histogram.py against published examples and figures computed by hand."""

import math
import unittest

import support  # noqa: F401
import numpy
import pandas
from scipy import stats

import cells
import comparison
import histogram
import layout
import parameters
import scaling
import tables


def frame(values_by_arm, shuffle_seed=1):
    """Returns runs.csv of one cell an arm, in blocks whose order the seed draws."""
    random = numpy.random.default_rng(shuffle_seed)
    rows = []
    for block in range(len(next(iter(values_by_arm.values())))):
        for arm in random.permutation(list(values_by_arm)):
            rows.append({"run": len(rows), "block": block, "arm": arm, "workload": "churn", "threads": 1, "status": "ok",
                         "shares_core": False, "nodes": 1, "oversubscribed": False,
                         "throughput_per_s": values_by_arm[arm][block]})
    return pandas.DataFrame(rows)


class MannWhitneyTest(unittest.TestCase):
    def test_scipys_example(self):
        # scipy.stats.mannwhitneyu: U = 17 for the men, and the exact p.
        males, females = numpy.array([19., 22, 16, 29, 24]), numpy.array([20., 11, 17, 12])
        u, p = comparison.mann_whitney(males, females)
        self.assertEqual(u, 17)
        self.assertAlmostEqual(p, 0.11111111111111112)

    def test_by_hand(self):
        # All of one above all of the other: 2 of the C(6, 3) = 20 arrangements are as extreme.
        u, p = comparison.mann_whitney(numpy.array([4., 5, 6]), numpy.array([1., 2, 3]))
        self.assertEqual((u, p), (9, 0.1))

    def test_equal_values(self):
        self.assertEqual(comparison.mann_whitney(numpy.full(5, 2.0), numpy.full(4, 2.0)), (10, 1.0))


class CliffsDeltaTest(unittest.TestCase):
    def test_by_hand(self):
        self.assertEqual(comparison.cliffs_delta(numpy.array([1., 2, 3]), numpy.array([4., 5])), -1)
        # Of the pairs of (1, 2, 3) and (2, 2), two are greater, two are less, and two are equal.
        self.assertEqual(comparison.cliffs_delta(numpy.array([1., 2, 3]), numpy.array([2., 2])), 0)
        self.assertAlmostEqual(comparison.cliffs_delta(numpy.array([1., 3, 5]), numpy.array([2., 4])), (3 - 3) / 6)
        self.assertAlmostEqual(comparison.cliffs_delta(numpy.array([3., 5]), numpy.array([1., 4])), (3 - 1) / 4)


class HolmTest(unittest.TestCase):
    def test_by_hand(self):
        for found, expected in zip(cells.holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02]):
            self.assertAlmostEqual(found, expected)

    def test_never_above_one(self):
        self.assertEqual(cells.holm([0.9, 0.8]), [1.0, 1.0])
        self.assertEqual(cells.holm([]), [])


class IntervalTest(unittest.TestCase):
    def test_scipys_bootstrap_is_what_is_computed(self):
        values = numpy.random.default_rng(7).normal(100, 5, 15)
        expected = stats.bootstrap((values,), numpy.median, n_resamples=10_000, method="BCa", confidence_level=0.95,
                                   random_state=cells.generator(1, "x")).confidence_interval
        self.assertEqual(cells.median_interval(values, cells.generator(1, "x")), (expected.low, expected.high))

    def test_it_covers_the_median_as_often_as_it_says(self):
        random = numpy.random.default_rng(3)
        covered = 0
        for trial in range(200):
            low, high = cells.median_interval(random.exponential(1, 25), cells.generator(1, str(trial)))
            covered += low <= math.log(2) <= high
        self.assertGreater(covered, 180)
        self.assertLess(covered, 200)

    def test_equal_values_have_no_width(self):
        self.assertEqual(cells.median_interval(numpy.full(9, 4.0), cells.generator(1, "x")), (4.0, 4.0))

    def test_nearly_equal_values_have_an_interval(self):
        low, high = cells.median_interval(numpy.array([4.0] * 8 + [5.0]), cells.generator(1, "x"))
        self.assertTrue(low == 4.0 and 4.0 <= high <= 5.0)

    def test_the_seed_decides(self):
        values = numpy.random.default_rng(7).normal(100, 5, 15)
        self.assertEqual(cells.median_interval(values, cells.generator(1, "x")),
                         cells.median_interval(values, cells.generator(1, "x")))
        self.assertNotEqual(cells.generator(1, "x").random(), cells.generator(2, "x").random())
        self.assertNotEqual(cells.generator(1, "x").random(), cells.generator(1, "y").random())


class SummaryTest(unittest.TestCase):
    def test_the_figures_of_a_cell(self):
        row = cells.summarize(frame({"a": [1., 2, 3, 4, 10]}), "throughput_per_s", 1).iloc[0]
        self.assertEqual((row["n"], row["median"], row["quartile_1"], row["quartile_3"]), (5, 3, 2, 4))
        self.assertAlmostEqual(row["spread"], 2 / 3)
        self.assertIn("spread 67%", row["warnings"])

    def warnings_of(self, values, **others):
        return cells.summarize(frame({"a": list(values), **others}), "throughput_per_s", 1).iloc[0]["warnings"]

    def test_quiet_data_have_no_warning(self):
        random = numpy.random.default_rng(11)
        found = [self.warnings_of(random.normal(100, 1, 15)) for _ in range(100)]
        self.assertLessEqual(sum(bool(text) for text in found), 10)

    def test_two_modes(self):
        random = numpy.random.default_rng(12)
        found = [self.warnings_of(numpy.where(random.random(21) < 0.5, 100, 108) + random.normal(0, 0.8, 21))
                 for _ in range(40)]
        self.assertGreaterEqual(sum("bimodal" in text for text in found), 36)

    def test_a_cut_of_equal_halves_explains_all(self):
        self.assertEqual(cells.explained_by_two(numpy.array([1., 1, 1, 5, 5, 5])), 1)
        # (0, 0, 3, 3) cut in the middle explains 9 of 9; (0, 1, 2, 3) explains 4 of 5.
        self.assertAlmostEqual(cells.explained_by_two(numpy.array([0., 1, 2, 3])), 0.8)

    def test_drift(self):
        self.assertIn("drifts", self.warnings_of(numpy.linspace(100, 102, 15)))

    def test_what_depends_on_the_run_before(self):
        random = numpy.random.default_rng(13)
        runs = frame({"a": random.normal(100, 1, 40), "b": random.normal(50, 1, 40), "c": random.normal(70, 1, 40)}, 5)
        before = runs["arm"].shift()
        self.assertEqual(cells.carry_over(runs, "throughput_per_s", ["arm", "workload", "threads"]), {})
        runs.loc[(runs["arm"] == "a") & (before == "b"), "throughput_per_s"] *= 0.9
        self.assertEqual(cells.carry_over(runs, "throughput_per_s", ["arm", "workload", "threads"]), {"a": "b"})

    def test_runs_that_are_not_ok_are_not_in_it(self):
        runs = frame({"a": [1., 2, 3, 100]})
        runs.loc[3, "status"] = "wrong"
        self.assertEqual(cells.summarize(runs, "throughput_per_s", 1).iloc[0]["median"], 2)


class VerdictTest(unittest.TestCase):
    def compare(self, one, other, effect=0.02):
        return comparison.compare([({}, numpy.asarray(one, dtype=float), numpy.asarray(other, dtype=float))], effect, 1).iloc[0]

    def test_the_same_distribution_twice(self):
        random = numpy.random.default_rng(21)
        for scale in (1, 3):
            verdicts = [self.compare(random.normal(100, scale, 15), random.normal(100, scale, 15))["verdict"]
                        for _ in range(100)]
            self.assertGreaterEqual(verdicts.count(comparison.NO_DIFFERENCE), 95)

    def test_two_halves_of_one_study_with_many_cells(self):
        random = numpy.random.default_rng(22)
        shown = 0
        for _ in range(100):
            pairs = [({"cell": cell}, random.lognormal(cell, 0.02, 15), random.lognormal(cell, 0.02, 15)) for cell in range(3)]
            shown += (comparison.compare(pairs, 0.02, 1)["verdict"] != comparison.NO_DIFFERENCE).any()
        self.assertLessEqual(shown, 5)

    def test_five_percent_are_shown(self):
        random = numpy.random.default_rng(23)
        base = [random.normal(100, 1.5, 15) for _ in range(20)]
        pairs = [({"cell": cell}, random.normal(105, 1.5, 15), one) for cell, one in enumerate(base)]
        self.assertEqual(set(comparison.compare(pairs, 0.02, 1)["verdict"]), {comparison.FASTER})
        pairs = [({"cell": cell}, random.normal(95, 1.5, 15), one) for cell, one in enumerate(base)]
        self.assertEqual(set(comparison.compare(pairs, 0.02, 1)["verdict"]), {comparison.SLOWER})

    @staticmethod
    def rates_on_a_shared_machine(random, count, rate=100):
        """Returns rates with the noise of `ab` on a virtual machine under load: a quarter of the processes is slow throughout."""
        slow = numpy.where(random.random(count) < 0.25, random.uniform(0.78, 0.96, count), 1)
        return rate * slow * (1 - numpy.abs(random.normal(0, 0.005, count)))

    def test_on_a_shared_machine_more_processes_show_five_percent_and_none_shows_a_difference_that_is_not_there(self):
        random = numpy.random.default_rng(26)

        def shown(count, rate):
            rows = [self.compare(self.rates_on_a_shared_machine(random, count, rate),
                                 self.rates_on_a_shared_machine(random, count))["verdict"] for _ in range(40)]
            self.assertNotIn(comparison.FASTER, rows)
            return rows.count(comparison.SLOWER)

        self.assertGreaterEqual(shown(45, 95), 38)
        self.assertLessEqual(shown(15, 95), 32)
        self.assertEqual(shown(15, 100) + shown(45, 100), 0)

    def test_on_a_shared_machine_fewer_processes_take_noise_for_the_layout(self):
        random = numpy.random.default_rng(27)

        def floors(count):
            found = []
            for _ in range(400):
                medians = [numpy.median(self.rates_on_a_shared_machine(random, count)) for _ in range(4)]
                found.append(max(medians) / min(medians))
            return numpy.percentile(found, 99)

        self.assertGreater(floors(15), 1.05)
        self.assertLess(floors(45), 1.01)

    def test_less_than_the_smallest_effect_is_never_called_faster(self):
        random = numpy.random.default_rng(24)
        row = self.compare(random.normal(101, 0.1, 30), random.normal(100, 0.1, 30))
        self.assertLess(row["p_holm"], 1e-6)
        self.assertEqual(row["verdict"], comparison.NO_DIFFERENCE)
        self.assertEqual(self.compare(random.normal(101, 0.1, 30), random.normal(100, 0.1, 30), 0.005)["verdict"],
                         comparison.FASTER)

    def test_noise_is_called_noise(self):
        random = numpy.random.default_rng(25)
        row = self.compare(random.lognormal(0, 0.8, 9), random.lognormal(0, 0.8, 9))
        self.assertEqual(row["verdict"], comparison.TOO_NOISY)

    def test_four_repetitions_show_no_equality(self):
        for count, verdict in ((1, comparison.TOO_NOISY), (4, comparison.TOO_NOISY), (5, comparison.NO_DIFFERENCE)):
            with self.subTest(count=count):
                self.assertEqual(self.compare([100] * count, [100] * count)["verdict"], verdict)

    def test_more_latency_is_slower(self):
        pair = {"ratio": 2.0, "low": 1.9, "high": 2.1, "n": 9, "n_baseline": 9}
        self.assertEqual(comparison.verdict(pair, 0.001, 0.02, more_is_faster=False), comparison.SLOWER)
        self.assertEqual(comparison.verdict(pair, 0.001, 0.02), comparison.FASTER)

    def test_a_difference_must_lie_beyond_the_floor_with_its_whole_interval(self):
        pair = {"ratio": 1.15, "low": 1.11, "high": 1.19, "n": 9, "n_baseline": 9}
        inverse = {**pair, "ratio": 1 / 1.15, "low": 1 / 1.19, "high": 1 / 1.11}
        for floor, more, less in ((1.10, comparison.FASTER, comparison.SLOWER),
                                  (1.12, comparison.MAY_BE_LAYOUT, comparison.MAY_BE_LAYOUT)):
            with self.subTest(floor=floor):
                self.assertEqual(comparison.verdict(pair, 0.001, 0.02, floor=floor), more)
                self.assertEqual(comparison.verdict(inverse, 0.001, 0.02, floor=floor), less)
        # A difference that is not shown has nothing to do with the layout.
        self.assertEqual(comparison.verdict({**pair, "low": 0.9}, 0.5, 0.02, floor=1.12), comparison.TOO_NOISY)

    def test_two_programs_of_an_arm_are_slower_or_faster_also_within_the_floor(self):
        pair = {"ratio": 1.15, "low": 1.11, "high": 1.19, "n": 9, "n_baseline": 9}
        inverse = {**pair, "ratio": 1 / 1.15, "low": 1 / 1.19, "high": 1 / 1.11}
        for floor, more, less in ((1.10, comparison.FASTER, comparison.SLOWER),
                                  (1.12, comparison.FASTER_WITHIN, comparison.SLOWER_WITHIN)):
            with self.subTest(floor=floor):
                self.assertEqual(comparison.verdict(pair, 0.001, 0.02, floor=floor, one_arm=True), more)
                self.assertEqual(comparison.verdict(inverse, 0.001, 0.02, floor=floor, one_arm=True), less)
                self.assertEqual(comparison.verdict(pair, 0.001, 0.02, more_is_faster=False, floor=floor, one_arm=True), less)
        # What is not shown is not told within a floor either.
        self.assertEqual(comparison.verdict({**pair, "low": 0.9}, 0.5, 0.02, floor=1.12, one_arm=True), comparison.TOO_NOISY)
        self.assertEqual(comparison.verdict({**pair, "ratio": 1.01, "low": 0.99, "high": 1.03}, 0.5, 0.02, floor=1.12, one_arm=True),
                         comparison.NO_DIFFERENCE)

    def test_a_difference_that_too_few_repetitions_cannot_show_is_not_called_equality(self):
        row = self.compare([50, 50.1, 50.2], [100, 100.1, 100.2])
        self.assertEqual(row["p"], 0.1)
        self.assertEqual(row["verdict"], comparison.TOO_NOISY)

    def test_the_ratio_and_its_interval(self):
        row = self.compare([10, 20, 30], [5, 10, 15])
        self.assertEqual(row["ratio"], 2)
        self.assertLessEqual(row["low"], 2)
        self.assertGreaterEqual(row["high"], 2)

    def test_the_fewest_repetitions_that_can_show_anything(self):
        # 2 / C(2n, n): 3 repetitions give p = 0.1 at best, 4 give 0.0286, and two pairs double it.
        self.assertEqual([comparison.fewest_repetitions(pairs) for pairs in (1, 2, 100)], [4, 5, 8])

    def test_pairs_are_of_equal_cells_and_without_yardsticks(self):
        runs = frame({"a": [1., 2], "b": [3., 4], "cas": [5., 6], "retries/a": [7., 8]})
        pairs = comparison.pairs_of(runs, "arm", "a", "throughput_per_s")
        self.assertEqual([(name["compared"], name["baseline"], list(one), list(other)) for name, one, other in pairs],
                         [("b", "a", [3, 4], [1, 2])])

    def test_what_a_comparison_says_hides_no_axis(self):
        runs = frame({"a": [1., 2], "b": [3., 4]}).assign(value=2)
        name, one, other = comparison.pairs_of(runs, "arm", "a", "throughput_per_s")[0]
        self.assertEqual((name["value"], name["compared"]), (2, "b"))
        own = {"axis", "compared", "baseline", *comparison.compare([({}, one, other)], 2, 1).columns}
        self.assertFalse(own & set(parameters.BY_KEY))


class LayoutTest(unittest.TestCase):
    def floors(self, *cells_of_runs):
        runs = [frame(values).assign(workload=workload) for workload, values in cells_of_runs]
        return layout.Floors(pandas.concat(runs, ignore_index=True), "throughput_per_s")

    def test_the_floor_is_the_ratio_of_the_most_to_the_least_median(self):
        floors = self.floors(("find", {"haft/magazine": [4., 5, 6], "layout/0": [9., 4, 4], "layout/16": [6., 6, 6],
                                       "haft/global": [9., 9, 9]}), ("churn", {"haft/magazine": [1., 1, 1]}))
        self.assertEqual(floors.of({"workload": "find", "threads": 1}), (1.5, layout.OWN))
        self.assertEqual(len(floors.table), 1)
        row = floors.table.iloc[0]
        self.assertEqual((row["least"], row["most"], row["arms"]), ("layout/0", "layout/16", 3))
        # haft/magazine alone says nothing.
        self.assertEqual(floors.of({"workload": "churn", "threads": 1}), (1.5, layout.OTHER))

    def test_an_unmeasured_cell_has_the_largest_floor_of_the_study(self):
        floors = self.floors(("find", {"layout/0": [1., 1], "layout/16": [1.3, 1.3]}),
                             ("burst", {"layout/0": [1., 1], "layout/16": [1.1, 1.1]}), ("churn", {"mutex": [1., 1]}))
        self.assertEqual(floors.of({"workload": "churn", "threads": 1}), (1.3, layout.OTHER))
        self.assertEqual(floors.of({"workload": "burst", "threads": 1}), (1.1, layout.OWN))

    def test_a_study_without_layouts_has_the_floor_of_the_first_study(self):
        for arm in ("haft/magazine", "mutex"):
            floors = self.floors(("find", {arm: [1., 1], "tbb": [2., 2]}))
            self.assertEqual(floors.of({"workload": "find", "threads": 1}), (layout.ASSUMED, layout.FIRST_STUDY))
            self.assertTrue(floors.table.empty)

    def test_two_programs_have_the_larger_floor_of_their_studies(self):
        one = self.floors(("find", {"layout/0": [1., 1], "layout/16": [1.3, 1.3]}), ("churn", {"mutex": [1., 1]}))
        two = self.floors(("find", {"layout/0": [1., 1], "layout/16": [1.1, 1.1]}),
                          ("churn", {"layout/0": [1., 1], "layout/16": [1.2, 1.2]}))
        none = self.floors(("find", {"mutex": [1., 1]}))
        find, churn, burst = ({"workload": name, "threads": 1, "arm": "mutex"} for name in ("find", "churn", "burst"))
        for floors, cell, expected in (
                ([one, two], find, (1.3, layout.OWN)), ([one, two], churn, (1.2, layout.OWN)),  # not the 1.3 of another cell
                ([one, two], burst, (1.3, layout.OTHER)), ([none, two], find, (1.1, layout.OWN)),
                ([none, two], burst, (1.2, layout.OTHER)), ([none, none], find, (None, layout.NOWHERE))):
            with self.subTest(cell=cell):
                self.assertEqual(layout.FloorsOfOneArm(floors, {"tbb"}).of(cell), expected)
        self.assertEqual(layout.FloorsOfOneArm([one, two], {"mutex"}).of(find), (1.0, layout.SAME_PROGRAM))

    def test_each_revision_has_layouts_of_its_own(self):
        runs = pandas.concat([frame({"layout/0": [1., 1], "layout/16": [1.1, 1.1]}).assign(revision="base"),
                              frame({"layout/0": [2., 2], "layout/16": [2.4, 2.4]}).assign(revision="head")], ignore_index=True)
        floors = layout.Floors(runs, "throughput_per_s")
        self.assertEqual(list(floors.table["revision"]), ["base", "head"])
        ratio, source = floors.of({"workload": "churn", "threads": 1})  # not 2.4, which is of two revisions
        self.assertAlmostEqual(ratio, 1.2)
        self.assertEqual(source, layout.OWN)

    def test_programs_are_the_same_if_their_digests_are_there_and_equal(self):
        base = {"a@base": {"sha256": "1"}, "b@base": {"sha256": "2"}, "c@base": {"sha256": None}, "d@base": {"sha256": "4"}}
        head = {"a@head": {"sha256": "1"}, "b@head": {"sha256": "3"}, "c@head": {"sha256": None}}
        both = {**base, **head}
        self.assertEqual(layout.unchanged(layout.of_revision(both, "base"), layout.of_revision(both, "head")), {"a"})

    def test_runs_that_are_not_ok_are_not_in_it(self):
        runs = frame({"layout/0": [1., 1], "layout/16": [2., 2]})
        runs.loc[runs["arm"] == "layout/16", "status"] = "crash"
        self.assertTrue(layout.Floors(runs, "throughput_per_s").table.empty)
        self.assertTrue(layout.Floors(runs, "p99_ns").table.empty)


class ScalingTest(unittest.TestCase):
    def test_known_coefficients_are_found(self):
        threads = [1, 2, 4, 8, 16, 32]
        fit = scaling.fit(threads, [scaling.law(count, 5e7, 0.05, 0.001) for count in threads])
        for found, expected in ((fit.rate / 5e7, 1), (fit.contention, 0.05), (fit.coherence, 0.001)):
            self.assertAlmostEqual(found, expected, places=6)
        self.assertAlmostEqual(fit.peak(), math.sqrt(0.95 / 0.001), places=3)

    def test_the_bounds_hold_the_coefficients_as_often_as_they_say(self):
        random = numpy.random.default_rng(31)
        threads = [1, 2, 4, 8, 16, 32, 64] * 5
        held = [0, 0]
        for _ in range(200):
            noise = numpy.exp(random.normal(0, 0.02, len(threads)))
            fit = scaling.fit(threads, list(scaling.law(numpy.array(threads, dtype=float), 2e7, 0.1, 0.0005) * noise))
            held[0] += fit.contention_interval[0] <= 0.1 <= fit.contention_interval[1]
            held[1] += fit.coherence_interval[0] <= 0.0005 <= fit.coherence_interval[1]
        for count in held:
            self.assertTrue(180 <= count < 200, held)

    def test_linear_scaling_has_no_peak(self):
        threads = [1, 2, 3, 4, 5, 6]
        fit = scaling.fit(threads, [1e6 * count for count in threads])
        self.assertAlmostEqual(fit.contention, 0, places=6)
        self.assertTrue(fit.peak() is None or fit.peak() > 1000)

    def test_five_counts_are_too_few(self):
        self.assertIn("needs 6 thread counts", scaling.why_not([1, 2, 4, 8, 16, 16]))
        with self.assertRaisesRegex(ValueError, "needs 6 thread counts"):
            scaling.fit([1, 2, 4, 8, 16], [1, 2, 3, 4, 5])


class JainTest(unittest.TestCase):
    def test_by_hand(self):
        self.assertEqual(tables.jain([3, 3, 3]), 1)
        self.assertEqual(tables.jain([1, 0, 0, 0]), 0.25)
        self.assertAlmostEqual(tables.jain([1, 2, 3]), 36 / (3 * 14))
        self.assertIsNone(tables.jain([0, 0]))


class HistogramTest(unittest.TestCase):
    def bucketed(self, values):
        """Returns the buckets that a worker would have, with 64 in each power of two."""
        counts = {}
        for value in values:
            width = max(1, 1 << max(0, int(value).bit_length() - 7))
            counts[value // width * width, width] = counts.get((value // width * width, width), 0) + 1
        return [[low, low + width, count] for (low, width), count in sorted(counts.items())]

    def test_percentiles_are_within_half_a_bucket_of_the_exact_ones(self):
        random = numpy.random.default_rng(41)
        values = numpy.sort(random.lognormal(6, 1.5, 100_000).astype(int))
        for percent in histogram.PERCENTILES:
            exact = values[math.ceil(len(values) * percent / 100) - 1]
            found = histogram.percentile(self.bucketed(values.tolist()), percent)
            self.assertLessEqual(abs(found - exact), exact / 128 + 0.5)

    def test_at_every_edge_of_a_bucket(self):
        edges = sorted({value + step for bits in range(3, 20) for value in range(1 << bits, 2 << bits, 1 << max(0, bits - 6))
                        for step in (-1, 0)})
        for edge in edges:
            found = histogram.percentile(self.bucketed([edge] * 20), 50)
            self.assertLessEqual(abs(found - edge), edge / 128)

    def test_ranks_by_hand(self):
        counts = [[1, 2, 50], [2, 3, 40], [3, 4, 10]]
        self.assertEqual(histogram.percentile(counts, 50), 1)
        self.assertEqual(histogram.percentile(counts, 51), 2)
        self.assertEqual(histogram.percentile(counts, 90), 2)

    def test_fewer_than_ten_samples_beyond_a_percentile_show_none(self):
        self.assertIsNone(histogram.percentile([[1, 2, 99]], 90))
        self.assertEqual(histogram.percentile([[1, 2, 100]], 90), 1)
        self.assertIsNone(histogram.percentile([[1, 2, 99_999]], 99.99))
        self.assertEqual(histogram.percentile([[1, 2, 100_000]], 99.99), 1)
        self.assertIsNone(histogram.percentile([], 50))

    def test_merging_loses_nothing(self):
        random = numpy.random.default_rng(42)
        parts = [random.lognormal(5, 1, 1000).astype(int).tolist() for _ in range(3)]
        self.assertEqual(histogram.merge([self.bucketed(part) for part in parts]), self.bucketed(sum(parts, [])))


if __name__ == "__main__":
    unittest.main()
