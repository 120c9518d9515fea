"""The comparison of two cells, in words: faster, slower, no difference shown, too noisy to say, may be the code's layout.

Two programs of one arm, as `ab` compares them, are faster or slower within what the place of the code alone makes."""

from math import comb

import numpy
import pandas
from scipy import stats

import cells
import layout
import tables
from arms import is_yardstick

FASTER, SLOWER, NO_DIFFERENCE, TOO_NOISY = "faster", "slower", "no difference shown", "too noisy to say"
MAY_BE_LAYOUT = "may be the code's layout"
FASTER_WITHIN, SLOWER_WITHIN = (f"{word}, within what code placement alone makes" for word in (FASTER, SLOWER))
SHOWN = (FASTER, SLOWER, FASTER_WITHIN, SLOWER_WITHIN)
MOST_FOR_EXACT = 50  # samples of one side for which Mann-Whitney's U is computed exactly
# If the upper end of a ratio's interval is so many times the lower one, nothing can be said: 10 % either way are in it.
NOISE = 1.21
FEWEST_FOR_EQUALITY = 5  # samples of each side; the interval of fewer is narrow by chance


def ratio_of_medians(one, other, axis=-1):
    return numpy.median(one, axis=axis) / numpy.median(other, axis=axis)


def cliffs_delta(one: numpy.ndarray, other: numpy.ndarray) -> float:
    """Returns P(x > y) - P(x < y) for x of `one` and y of `other`."""
    return float(numpy.mean(numpy.sign(numpy.subtract.outer(one, other))))


def mann_whitney(one: numpy.ndarray, other: numpy.ndarray) -> tuple[float, float]:
    """Returns U and the two-sided p; exact for small samples without ties."""
    ties = len(set(one) | set(other)) < len(one) + len(other)
    method = "asymptotic" if ties or max(len(one), len(other)) > MOST_FOR_EXACT else "exact"
    if len(set(one) | set(other)) == 1:
        return len(one) * len(other) / 2, 1.0
    found = stats.mannwhitneyu(one, other, alternative="two-sided", method=method)
    return float(found.statistic), float(found.pvalue)


def measure(one: numpy.ndarray, other: numpy.ndarray, random: numpy.random.Generator) -> dict[str, float]:
    """Returns all figures of a pair but the corrected p, which depends on the other pairs."""
    low, high = cells.interval((one, other), ratio_of_medians, random)
    u, p = mann_whitney(one, other)
    return {"n": len(one), "n_baseline": len(other), "median": float(numpy.median(one)),
            "median_baseline": float(numpy.median(other)), "ratio": float(ratio_of_medians(one, other)), "low": low,
            "high": high, "u": u, "p": p, "delta": cliffs_delta(one, other)}


def verdict(pair: dict[str, float], p_holm: float, smallest_effect: float, more_is_faster: bool = True,
            floor: float = 1.0, one_arm: bool = False) -> str:
    """Returns the comparison in words.

    `smallest_effect` is the least ratio less 1 that is of interest, such as 0.02. `floor` is the ratio that the place of the
    code alone makes. If the interval does not lie beyond it as a whole, the verdict on two arms names no faster one. That on
    two programs of one arm (`one_arm`) does: the one program is slower, and only the cause is unknown.
    """
    ratio, low, high = pair["ratio"], pair["low"], pair["high"]
    is_more, is_less = low > 1 and ratio >= 1 + smallest_effect, high < 1 and ratio <= 1 / (1 + smallest_effect)
    if p_holm < cells.SIGNIFICANT and (is_more or is_less):
        is_within, is_faster = low < floor and high > 1 / floor, (ratio > 1) == more_is_faster
        if is_within and not one_arm:
            return MAY_BE_LAYOUT
        return (FASTER_WITHIN if is_within else FASTER) if is_faster else (SLOWER_WITHIN if is_within else SLOWER)
    # An interval that lies beyond the smallest effect is no evidence of equality, only of too few repetitions for so many
    # pairs.
    is_near_one = low <= 1 + smallest_effect and high >= 1 / (1 + smallest_effect)
    is_narrow = low > 0 and high / low <= NOISE and min(pair["n"], pair["n_baseline"]) >= FEWEST_FOR_EQUALITY
    return NO_DIFFERENCE if is_near_one and is_narrow else TOO_NOISY


def compare(pairs: list[tuple[dict, numpy.ndarray, numpy.ndarray]], smallest_effect: float, seed: int,
            more_is_faster: bool = True, floors: layout.Floors | layout.FloorsOfOneArm | None = None) -> pandas.DataFrame:
    """Returns one row for each pair, of its name (columns), values and baseline, with Holm's correction over all of them.

    `floors` are for sides that are compiled differently. Without them, both sides are the same program.
    """
    measured = [measure(one, other, cells.generator(seed, repr(name))) for name, one, other in pairs]
    corrected = cells.holm([pair["p"] for pair in measured])
    rows = []
    for (name, _, _), pair, p in zip(pairs, measured, corrected):
        floor, source = floors.of(name) if floors is not None else (1.0, None)
        known = {"layout": floor, "layout_of": source} if floors is not None else {}
        rows.append({**name, **pair, "p_holm": p, **known,
                     "verdict": verdict(pair, p, smallest_effect, more_is_faster, floor or 1.0,
                                        floors is not None and floors.one_arm)})
    return pandas.DataFrame(rows)


def pairs_of(runs: pandas.DataFrame, axis: str, baseline, metric: str,
             with_yardsticks: bool = False) -> list[tuple[dict, numpy.ndarray, numpy.ndarray]]:
    """Returns for each cell and each value of `axis` but the baseline the values of both."""
    good = runs[(runs["status"] == "ok") & runs[metric].notna()] if metric in runs else runs[:0]
    if axis == "arm" and not with_yardsticks:
        good = good[~good["arm"].map(is_yardstick)]
    others = [name for name in tables.cell_columns(runs) if name != axis]
    pairs = []
    for cell, group in tables.groups(good, others):
        values = {value: part[metric].to_numpy(dtype=float) for value, part in group.groupby(axis, sort=False)}
        if baseline not in values:
            continue
        pairs += [({**dict(zip(others, cell)), "axis": axis, "compared": value, "baseline": baseline}, one, values[baseline])
                  for value, one in values.items() if value != baseline]
    return pairs


def fewest_repetitions(pairs: int) -> int:
    """Returns how many repetitions each side of a pair needs at least so that, among so many pairs, one can be shown."""
    count = 2
    while 2 * pairs / comb(2 * count, count) >= cells.SIGNIFICANT:
        count += 1
    return count


def sentence(row: pandas.Series, where: str, is_throughput: bool) -> str:
    """Returns the comparison as a sentence."""
    interval = f"95 % interval {row['low']:.3g} to {row['high']:.3g}, p = {row['p_holm']:.2g} after Holm"
    what = "its throughput" if is_throughput else "its latency"
    subject = f"{row['compared']} against {row['baseline']} ({where})"
    if row["verdict"] in (FASTER, SLOWER):
        return f"{subject} is {row['verdict']}: {what} is {row['ratio']:.3g} times the other's ({interval})."
    if row["verdict"] in (MAY_BE_LAYOUT, FASTER_WITHIN, SLOWER_WITHIN):
        where = {layout.OWN: "here", layout.OTHER: "in another cell of this study",
                 layout.FIRST_STUDY: "in the first study, and this one has no arms layout/*"}[row["layout_of"]]
        verb = "" if row["verdict"] == MAY_BE_LAYOUT else "is "
        return (f"{subject} {verb}{row['verdict']}: {what} is {row['ratio']:.3g} times the other's ({interval}), but the same "
                f"instructions at other places differ by {row['layout']:.3g} times {where}.")
    return f"{subject}: {row['verdict']}; {what} is {row['ratio']:.3g} times the other's ({interval})."
