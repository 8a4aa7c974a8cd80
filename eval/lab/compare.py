"""Two runs of the same items, compared pair by pair."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

from vivavoce.core.errors import ConfigError
from vivavoce.eval.lab.lab import Result, without_repetition
from vivavoce.eval.lab.run_folder import read_results, read_run
from vivavoce.eval.lab.statistics import Estimate, detectable_difference, holm, mcnemar, paired_difference

GROUPS = ("set", "arm", "way", "half")  # facts of items that are compared apart


@dataclass(frozen=True, slots=True)
class Difference:
    """How much higher a metric is on one side than on the other, over the same items.

    p: of the exact McNemar test, by clusters, where every value is 0 or 1, corrected by Holm over all that were compared
    together; None for other values. detectable: the smallest difference that so many items would show with 80 % power.
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
    """How much higher ``other`` scores, by group and metric.

    Items are paired by id and averaged over their repetitions; those of different sets, halves, arms or ways are compared
    apart, since what one gains another may lose.
    """
    before, after = _by_item(one), _by_item(other)
    groups: dict[str, list[tuple[Sequence[Result], Sequence[Result]]]] = {}
    for name in after.keys() & before.keys():
        groups.setdefault(_group(after[name][0]), []).append((before[name], after[name]))
    rows = [row for name in sorted(groups) for row in _differences(name, groups[name])]
    corrected = iter(holm([row.p for row in rows if row.p is not None]))
    return [replace(row, p=next(corrected) if row.p is not None else None) for row in rows]


def _differences(group: str, pairs: Sequence[tuple[Sequence[Result], Sequence[Result]]]) -> Iterator[Difference]:
    """Of each metric, p as it is."""
    pairs = sorted(pairs, key=lambda pair: pair[0][0].id)
    for metric in sorted({metric for pair in pairs for results in pair for one in results for metric in one.scores}):
        having = [pair for pair in pairs if all(metric in one.scores for results in pair for one in results)]
        if having:
            low, high = ([_mean(results, metric) for results in side] for side in zip(*having, strict=True))
            clusters = [after[0].cluster for _, after in having]
            binary = {*high, *low} <= {0.0, 1.0}
            yield Difference(
                f"{group}: {metric}" if group else metric,
                paired_difference(high, low, clusters),
                mcnemar(high, low, clusters) if binary else None,
                detectable_difference(high, low, clusters),
            )


def _by_item(results: Sequence[Result]) -> dict[str, list[Result]]:
    """Each item with all its repetitions."""
    found: dict[str, list[Result]] = {}
    for result in results:
        found.setdefault(without_repetition(result), []).append(result)
    return found


def _group(result: Result) -> str:
    return ", ".join(str(result.facts[name]) for name in GROUPS if result.facts.get(name))


def _mean(results: Sequence[Result], metric: str) -> float:
    return fmean(result.scores[metric] for result in results)


def as_rows(found: Sequence[Difference]) -> list[tuple[str, str, str, str]]:
    """For tables: metric, difference with its interval, p, what could be detected."""
    return [
        (one.metric, f"{one.difference}", "" if one.p is None else f"{one.p:.2g}", f"{one.detectable:.3f}") for one in found
    ]


COLUMNS = ("metric", "difference [95 % interval]", "McNemar p (Holm)", "detectable at 80 % power")
