"""Estimates with intervals."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

RESAMPLES = 2_000
COVERED = 0.95
THRESHOLDS = np.round(np.arange(0.0, 1.001, 0.02), 2)

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value, its 95 % interval, and how many observations it stands on."""

    value: float
    low: float
    high: float
    count: int

    def __str__(self) -> str:
        """As reports print it."""
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}] (n={self.count})"


def mean(values: Sequence[float], clusters: Sequence[str] | None = None) -> Estimate:
    """The mean with a percentile bootstrap interval (Efron 1979); resampled the same way each time.

    Raises:
        ValueError: there are no values.
    """
    return bootstrap(len(values), lambda picked: float(np.asarray(values, np.float64)[picked].mean()), clusters)


def bootstrap(
    count: int, statistic: Callable[[NDArray[np.int64]], float], clusters: Sequence[str] | None = None
) -> Estimate:
    """Any statistic of ``count`` observations, given the positions of those that are picked.

    clusters: which observations share their luck (one speaker, one passage, one session); whole clusters are picked then
    (Davison and Hinkley 1997, section 3.8). Without it each observation is its own.

    Raises:
        ValueError: there are no observations.
    """
    if count == 0:
        raise ValueError("there is nothing to estimate from")
    members = _members(count, clusters)
    rng = np.random.default_rng(0)
    values = [statistic(_picked(members, rng)) for _ in range(RESAMPLES)]
    low, high = np.quantile(values, [(1 - COVERED) / 2, (1 + COVERED) / 2])
    return Estimate(statistic(np.arange(count)), float(low), float(high), count)


def _members(count: int, clusters: Sequence[str] | None) -> list[NDArray[np.int64]] | int:
    if clusters is None or len(set(clusters)) == count:
        return count
    _, of_cluster = np.unique(np.asarray(clusters), return_inverse=True)
    return [np.flatnonzero(of_cluster == cluster) for cluster in range(of_cluster.max() + 1)]


def _picked(members: list[NDArray[np.int64]] | int, rng: np.random.Generator) -> NDArray[np.int64]:
    if isinstance(members, int):
        return rng.integers(0, members, members)
    return np.concatenate([members[at] for at in rng.integers(0, len(members), len(members))])


def percentile(values: Sequence[float], of: float, clusters: Sequence[str] | None = None) -> Estimate:
    """A percentile, between neighbours in proportion. of: 0 to 100. clusters: see `bootstrap`.

    Raises:
        ValueError: there are no values.
    """
    array = np.asarray(values, np.float64)
    return bootstrap(len(values), lambda picked: _quantile(array[picked], of / 100), clusters)


def _quantile(values: Numbers, share: float) -> float:
    """As numpy's; ten times as fast for few values, and resampling asks often."""
    ordered = np.sort(values)
    at = (ordered.size - 1) * share
    low = int(at)
    high = min(low + 1, ordered.size - 1)
    return float(ordered[low] + (at - low) * (ordered[high] - ordered[low]))


def wilson(right: int, count: int) -> Estimate:
    """A share with Wilson's score interval (Wilson 1927), which stays within 0 and 1 and is sound for few observations.

    Raises:
        ValueError: there are no observations.
    """
    if count == 0:
        raise ValueError("there is nothing to estimate from")
    interval = stats.binomtest(right, count).proportion_ci(COVERED, method="wilson")
    return Estimate(right / count, float(interval.low), float(interval.high), count)


def share(values: Sequence[float], clusters: Sequence[str]) -> Estimate:
    """A share, of values that are 0 or 1, with Wilson's interval where no two observations share their luck.

    Where they do, it resamples clusters, see `bootstrap`; where all values are equal, so that resampling would claim
    certainty, it is Wilson's for as many observations as there are clusters.

    Raises:
        ValueError: there are no observations.
    """
    apart = len(set(clusters))
    if apart == len(values):
        return wilson(int(sum(values)), len(values))
    if len({*values}) == 1:
        sure = wilson(int(values[0]) * apart, apart)
        return Estimate(sure.value, sure.low, sure.high, len(values))
    return mean(values, clusters)


def mcnemar(one: Sequence[float], other: Sequence[float], clusters: Sequence[str] | None = None) -> float:
    """The exact two-sided McNemar test (McNemar 1947) that two systems are right equally often on the same items; p.

    one, other: 1 where the system was right, 0 elsewhere, in the same order. clusters: see `bootstrap`; the test then flips
    the signs of whole clusters, of whose differences each way is as likely, which for single items is McNemar's.
    """
    names = range(len(one)) if clusters is None else clusters
    sums: Counter[object] = Counter()
    for name, a, b in zip(names, one, other, strict=True):
        sums[name] += round(a - b)
    sizes = [abs(total) for total in sums.values() if total]
    chances = np.ones(1)  # of each sum from -(sum of sizes) to it
    for size in sizes:
        spread = np.zeros(2 * size + 1)
        spread[[0, -1]] = 0.5
        chances = np.convolve(chances, spread)
    reached = np.abs(np.arange(chances.size) - chances.size // 2) >= abs(sum(sums.values()))
    return min(1.0, float(chances[reached].sum()))


def holm(values: Sequence[float]) -> list[float]:
    """All p values of one family, corrected so that the chance of any false alarm stays the same (Holm 1979)."""
    order = sorted(range(len(values)), key=values.__getitem__)
    corrected, highest = [0.0] * len(values), 0.0
    for rank, at in enumerate(order):
        highest = max(highest, min(1.0, values[at] * (len(values) - rank)))
        corrected[at] = highest
    return corrected


def detectable_difference(
    one: Sequence[float], other: Sequence[float], clusters: Sequence[str] | None = None, power: float = 0.8
) -> float:
    """The smallest true mean difference that these pairs would have shown with this power at a level of 0.05, two-sided.

    clusters: see `bootstrap`; the standard error is then that of independent clusters (Liang and Zeger 1986). Where no pair
    differs, it is reckoned as if one had, by 1: that none was seen does not mean that any would have been.
    """
    differences = np.subtract(one, other).astype(np.float64)
    members = _members(differences.size, clusters) if differences.size else 0
    groups = [np.array([at]) for at in range(members)] if isinstance(members, int) else members
    if len(groups) < 2:
        return float("inf")
    strays = np.array([(differences[group] - differences.mean()).sum() for group in groups])
    if not strays.any():
        strays[0] = 1.0
    error = np.sqrt((strays**2).sum() * len(groups) / (len(groups) - 1)) / differences.size
    return float((stats.norm.ppf((1 + COVERED) / 2) + stats.norm.ppf(power)) * error)


def kappa(one: Sequence[str], other: Sequence[str]) -> float:
    """How far two judges agree beyond chance (Cohen 1960): 1 always, 0 as chance has it.

    Raises:
        ValueError: nothing was judged.
    """
    if not one:
        raise ValueError("there is nothing to agree on")
    agreed = sum(a == b for a, b in zip(one, other, strict=True)) / len(one)
    by_chance = sum(one.count(name) * other.count(name) for name in {*one, *other}) / len(one) ** 2
    return 1.0 if by_chance == 1 else (agreed - by_chance) / (1 - by_chance)


def equal_error_rate(same: Numbers, other: Numbers) -> tuple[float, float]:
    """Where as many pairs of one speaker (S,) are missed as pairs of two (O,) are taken for one: (rate, cosine).

    Raises:
        ValueError: one kind of pair is missing.
    """
    if same.size == 0 or other.size == 0:
        raise ValueError("an equal error rate needs pairs of both kinds")
    thresholds = np.unique(np.concatenate([same, other]))
    missed = np.searchsorted(np.sort(same), thresholds, side="left") / same.size
    taken = 1 - np.searchsorted(np.sort(other), thresholds, side="left") / other.size
    at = int(np.argmin(np.abs(missed - taken)))
    return float((missed[at] + taken[at]) / 2), float(thresholds[at])


@dataclass(frozen=True, slots=True)
class Division:
    """What thresholds on a score between 0 and 1 let through.

    thresholds (T,), passed (T,), leaked (T,): shares of what should pass and of what should not that are at or above each.
    best: where the two are furthest apart, the middle of equals.
    """

    thresholds: Numbers
    passed: Numbers
    leaked: Numbers
    best: float


def divide(good: Sequence[float], bad: Sequence[float]) -> Division:
    """How well a score divides what should pass from what should not.

    Raises:
        ValueError: one kind is missing.
    """
    if not (len(good) and len(bad)):
        raise ValueError("a threshold divides scores of two kinds")
    passed, leaked = ((np.asarray(side)[None, :] >= THRESHOLDS[:, None]).mean(axis=1) for side in (good, bad))
    gain = passed - leaked
    return Division(THRESHOLDS, passed, leaked, float(np.median(THRESHOLDS[gain >= gain.max() - 1e-9])))


def paired_difference(one: Sequence[float], other: Sequence[float], clusters: Sequence[str] | None = None) -> Estimate:
    """How much higher the mean of ``one`` is, where both were measured on the same observations in the same order.

    clusters: see `bootstrap`. The interval resamples observations, not values, so that what is hard for both does not count
    as noise.

    Raises:
        ValueError: there are no values, or not as many of one as of the other.
    """
    return mean([first - second for first, second in zip(one, other, strict=True)], clusters)


def area_under_roc(positive: Sequence[float], negative: Sequence[float]) -> Estimate:
    """How often a positive scores above a negative, equals counting half (Mann and Whitney 1947); 0.5 is a guess.

    Raises:
        ValueError: one kind is missing.
    """
    if not (len(positive) and len(negative)):
        raise ValueError("an area under the curve needs scores of both kinds")
    above = np.asarray(positive, np.float64)[:, None] - np.asarray(negative, np.float64)[None, :]
    wins = (np.sign(above) + 1) / 2

    def area(picked: NDArray[np.int64]) -> float:
        rows, columns = picked[picked < len(positive)], picked[picked >= len(positive)] - len(positive)
        return float(wins[np.ix_(rows, columns)].mean()) if rows.size and columns.size else 0.5

    return bootstrap(len(positive) + len(negative), area)
