"""Estimates with intervals."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2_000
COVERED = 0.95

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


def mean(values: Sequence[float]) -> Estimate:
    """The mean with a percentile bootstrap interval (Efron 1979); resampled the same way each time.

    Raises:
        ValueError: there are no values.
    """
    return bootstrap(len(values), lambda picked: float(np.asarray(values, np.float64)[picked].mean()))


def bootstrap(count: int, statistic: Callable[[NDArray[np.int64]], float]) -> Estimate:
    """Any statistic of ``count`` observations, given the positions of those that are picked.

    Raises:
        ValueError: there are no observations.
    """
    if count == 0:
        raise ValueError("there is nothing to estimate from")
    rng = np.random.default_rng(0)
    values = [statistic(rng.integers(0, count, count)) for _ in range(RESAMPLES)]
    low, high = np.quantile(values, [(1 - COVERED) / 2, (1 + COVERED) / 2])
    return Estimate(statistic(np.arange(count)), float(low), float(high), count)


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


def paired_difference(one: Sequence[float], other: Sequence[float]) -> Estimate:
    """How much higher the mean of ``one`` is, where both were measured on the same observations in the same order.

    The interval resamples observations, not values, so that what is hard for both does not count as noise.

    Raises:
        ValueError: there are no values, or not as many of one as of the other.
    """
    return mean([first - second for first, second in zip(one, other, strict=True)])


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
