"""Scaling: the Universal Scalability Law, X(N) = a N / (1 + s (N - 1) + k N (N - 1))."""

from dataclasses import dataclass

import numpy
from scipy import optimize, stats

FEWEST_COUNTS = 6  # thread counts on real cores that a fit needs
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Fit:
    rate: float  # a: the throughput of one thread
    contention: float  # s
    coherence: float  # k
    contention_interval: tuple[float, float]
    coherence_interval: tuple[float, float]

    def throughput(self, threads):
        return law(numpy.asarray(threads, dtype=float), self.rate, self.contention, self.coherence)

    def peak(self) -> float | None:
        """Returns the number of threads with the most throughput, or None if it goes on to grow."""
        return float(numpy.sqrt((1 - self.contention) / self.coherence)) if self.coherence > 0 and self.contention < 1 else None


def law(threads, rate, contention, coherence):
    return rate * threads / (1 + contention * (threads - 1) + coherence * threads * (threads - 1))


def why_not(threads: list[int]) -> str | None:
    """Returns the sentence that says why no law is fitted to these thread counts, all of real cores, or None."""
    counts = len(set(threads))
    if counts >= FEWEST_COUNTS:
        return None
    return (f"No scalability law is fitted: it needs {FEWEST_COUNTS} thread counts on cores of their own, "
            f"and there are {counts}.")


def fit(threads: list[int], throughput: list[float]) -> Fit:
    """Returns the least-squares fit to all repetitions, each weighted by its own size; too few thread counts: ValueError."""
    sentence = why_not(threads)
    if sentence is not None:
        raise ValueError(sentence)
    counts, values = numpy.asarray(threads, dtype=float), numpy.asarray(throughput, dtype=float)
    scale = numpy.median(values / counts)  # near 1, so that the steps of the three coefficients are alike
    found, covariance = optimize.curve_fit(law, counts, values / scale, p0=(1.0, 0.01, 0.0001), sigma=values / scale,
                                           maxfev=20_000)
    width = stats.t.ppf((1 + CONFIDENCE) / 2, len(values) - 3) * numpy.sqrt(numpy.diag(covariance))
    return Fit(float(found[0] * scale), float(found[1]), float(found[2]),
               (float(found[1] - width[1]), float(found[1] + width[1])),
               (float(found[2] - width[2]), float(found[2] + width[2])))
