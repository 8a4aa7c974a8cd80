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
