"""Histograms of latencies: buckets [lower, upper, count] in ns, `upper` exclusive, in ascending order."""

import itertools

PERCENTILES = [50, 90, 99, 99.9, 99.99]
FEWEST_BEYOND = 10  # samples that must lie beyond a percentile, or it is not shown


def merge(histograms: list[list[list[int]]]) -> list[list[int]]:
    """Returns one histogram of all samples. Buckets of one worker have the same bounds, so nothing is lost."""
    ordered = sorted(itertools.chain.from_iterable(histograms))
    return [[lower, upper, sum(bucket[2] for bucket in group)]
            for (lower, upper), group in itertools.groupby(ordered, key=lambda bucket: (bucket[0], bucket[1]))]


def samples(histogram: list[list[int]]) -> int:
    return sum(count for _, _, count in histogram)


def percentile(histogram: list[list[int]], percent: float) -> float | None:
    """Returns the middle of the bucket that has the least sample with at least `percent` of all at or below it, in ns.

    Fewer than ten samples lie beyond the percentile: None.
    """
    total = samples(histogram)
    # Multiples of 1e-4 percent are exact in integers, and 100 - 99.99 is not exact in floating point.
    parts = round(percent * 10**4)
    if total * (10**6 - parts) < FEWEST_BEYOND * 10**6:
        return None
    rank = max(1, -(-total * parts // 10**6))
    for (lower, upper, _), reached in zip(histogram, itertools.accumulate(count for _, _, count in histogram)):
        if reached >= rank:
            return (lower + upper - 1) / 2
    return None
