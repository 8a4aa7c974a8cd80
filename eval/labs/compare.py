"""Two runs of the same items, compared pair by pair."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vivavoce.core.errors import ConfigError
from vivavoce.eval.labs.lab import Result
from vivavoce.eval.labs.page import table
from vivavoce.eval.labs.run_folder import read_results, read_run
from vivavoce.eval.statistics import Estimate, detectable_difference, holm, mcnemar, paired_difference


@dataclass(frozen=True, slots=True)
class Difference:
    """How much higher a metric is on one side than on the other, over the same items.

    p: of the exact McNemar test where every value is 0 or 1, corrected by Holm over all metrics that were compared together;
    None for other values. detectable: the smallest difference that so many items would show with 80 % power.
    """

    metric: str
    difference: Estimate
    p: float | None
    detectable: float


def compare_runs(one: Path, other: Path) -> list[Difference]:
    """How much higher run ``other`` scores than run ``one``, over the items that both have.

    Raises:
        ConfigError: a folder holds no run, the runs are of different labs, or they share no item.
    """
    if (first := read_run(one)["lab"]) != (second := read_run(other)["lab"]):
        raise ConfigError(f"{one} is of the lab {first}, {other} of {second}; only runs of one lab can be compared")
    found = compare(read_results(one), read_results(other))
    if not found:
        raise ConfigError(f"{one} and {other} share no item; compare runs of the same set")
    return found


def compare(one: Sequence[Result], other: Sequence[Result]) -> list[Difference]:
    """How much higher ``other`` scores, by metric; items are paired by id."""
    before: Mapping[str, Result] = {result.id: result for result in one}
    pairs = [(before[result.id], result) for result in other if result.id in before]
    metrics = sorted({metric for first, second in pairs for metric in first.scores.keys() & second.scores.keys()})
    rows: list[tuple[str, Estimate, float | None, float]] = []
    for metric in metrics:
        having = [(a, b) for a, b in pairs if metric in a.scores and metric in b.scores]
        high, low = [b.scores[metric] for _, b in having], [a.scores[metric] for a, _ in having]
        difference = paired_difference(high, low, [b.cluster for _, b in having])
        binary = {*high, *low} <= {0.0, 1.0}
        rows.append((metric, difference, mcnemar(high, low) if binary else None, detectable_difference(high, low)))
    corrected = iter(holm([p for _, _, p, _ in rows if p is not None]))
    return [
        Difference(metric, difference, next(corrected) if p is not None else None, detectable)
        for metric, difference, p, detectable in rows
    ]


def as_rows(found: Sequence[Difference]) -> list[tuple[str, str, str, str]]:
    """For tables: metric, difference with its interval, p, what could be detected."""
    return [
        (one.metric, f"{one.difference}", "" if one.p is None else f"{one.p:.2g}", f"{one.detectable:.3f}") for one in found
    ]


COLUMNS = ("metric", "difference [95 % interval]", "McNemar p (Holm)", "detectable at 80 % power")


def as_table(found: Sequence[Difference]) -> str:
    """As Markdown."""
    return table(COLUMNS, as_rows(found))
