"""The summary of each cell: median, interquartile range, interval of the median, and warnings about its repetitions."""

import hashlib
import warnings

import numpy
import pandas
from scipy import stats

import tables

RESAMPLES = 10_000
CONFIDENCE = 0.95
SIGNIFICANT = 1 - CONFIDENCE
WIDE = 0.10  # interquartile range, as a part of the median
# A cell is called bimodal if a cut in two explains more than this part of the variance. The best cut of normal samples explains
# 64 % of it, and more than this in fewer than one of twenty samples of nine.
TWO_MODES = 0.90
FEWEST_FOR_MODES = 9


def generator(seed: int, name: str) -> numpy.random.Generator:
    """Returns the source of random numbers of one estimate, which does not depend on the others."""
    return numpy.random.default_rng([seed, int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")])


def median_interval(values: numpy.ndarray, random: numpy.random.Generator) -> tuple[float, float]:
    """Returns the 95 % interval of the median by the bias-corrected and accelerated bootstrap."""
    return interval((values,), numpy.median, random)


def interval(samples: tuple[numpy.ndarray, ...], statistic, random: numpy.random.Generator) -> tuple[float, float]:
    """Returns the 95 % interval of a statistic of one or two samples.

    If BCa has none, because too many values are equal, it is that of the percentiles.
    """
    point = float(statistic(*samples, axis=-1))
    if all(len(set(sample)) == 1 for sample in samples):
        return point, point
    for method in ("BCa", "percentile"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the values that are tested below
            found = stats.bootstrap(samples, statistic, n_resamples=RESAMPLES, confidence_level=CONFIDENCE, method=method,
                                    random_state=random, vectorized=True).confidence_interval
        if numpy.isfinite(found.low) and numpy.isfinite(found.high):
            break
    return float(found.low), float(found.high)


def explained_by_two(values: numpy.ndarray) -> float:
    """Returns the largest part of the variance that a cut of the sorted values in two explains, with a fifth in each part."""
    ordered = numpy.sort(values)
    total = numpy.sum((ordered - ordered.mean()) ** 2)
    fewest = max(2, len(ordered) // 5)
    if total == 0:
        return 0.0
    within = [sum(numpy.sum((part - part.mean()) ** 2) for part in numpy.split(ordered, [cut]))
              for cut in range(fewest, len(ordered) - fewest + 1)]
    return float(1 - min(within) / total) if within else 0.0


def holm(p_values: list[float]) -> list[float]:
    """Returns the p values with Holm's correction for all of them, in the same order."""
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def summarize(runs: pandas.DataFrame, metric: str, seed: int) -> pandas.DataFrame:
    """Returns one row for each cell that has runs which are ok."""
    axes = tables.cell_columns(runs)
    good = runs[(runs["status"] == "ok") & runs[metric].notna()] if metric in runs else runs[:0]
    rows, samples = [], []
    for cell, group in good.groupby(axes, sort=False, dropna=False):
        values = group.sort_values("run")[metric].to_numpy(dtype=float)
        low, high = median_interval(values, generator(seed, repr(cell)))
        quartiles = numpy.percentile(values, [25, 50, 75])
        rows.append({**dict(zip(axes, cell)), "metric": metric, "n": len(values), "median": quartiles[1], "low": low,
                     "high": high, "quartile_1": quartiles[0], "quartile_3": quartiles[2], "least": values.min(),
                     "most": values.max(), "spread": (quartiles[2] - quartiles[0]) / quartiles[1] if quartiles[1] else None,
                     **{name: group[name].iloc[0] for name in ("shares_core", "nodes", "oversubscribed")}})
        samples.append(values)
    carried = carry_over(good, metric, axes)
    drifts = holm([_drift(values) for values in samples])
    for row, values, drift in zip(rows, samples, drifts):
        row["warnings"] = "; ".join(_warnings(row, values, drift, carried.get(row["arm"])))
    return pandas.DataFrame(rows)


def _drift(values: numpy.ndarray) -> float:
    """Returns p of Spearman's rank correlation of the values with their order."""
    if len(values) < 5 or len(set(values)) == 1:
        return 1.0
    return float(stats.spearmanr(numpy.arange(len(values)), values).pvalue)


def carry_over(good: pandas.DataFrame, metric: str, axes: list[str]) -> dict[str, str]:
    """Returns for each arm that depends on which arm ran before it the name of the one after which it deviates most.

    The values of all cells of an arm are taken together, each as its deviation from the median of its cell, because a single
    cell meets each predecessor too seldom.
    """
    ordered = good.sort_values("run").assign(before=lambda table: table["arm"].shift())
    deviations = ordered[metric] / ordered.groupby(axes, dropna=False)[metric].transform("median") - 1
    found = {}
    for arm, rows in ordered.groupby("arm", sort=True):
        groups = {before: deviations[part.index].to_numpy() for before, part in rows.groupby("before") if len(part) >= 3}
        if len(groups) < 2 or len(set(numpy.concatenate(list(groups.values())))) == 1:
            continue
        worst = max(groups, key=lambda one: abs(numpy.median(groups[one])))
        found[arm] = (float(stats.kruskal(*groups.values()).pvalue), worst)
    adjusted = holm([p for p, _ in found.values()])
    return {arm: worst for (arm, (_, worst)), p in zip(found.items(), adjusted) if p < SIGNIFICANT}


def _warnings(row: dict, values: numpy.ndarray, drift: float, carried: str | None) -> list[str]:
    found = []
    if row["spread"] is not None and row["spread"] > WIDE:
        found.append(f"spread {row['spread']:.0%}")
    if len(values) >= FEWEST_FOR_MODES and explained_by_two(values) > TWO_MODES:
        found.append("bimodal")
    if drift < SIGNIFICANT:
        found.append("drifts with time")
    if carried is not None:
        found.append(f"differs after {carried}")
    return found
