"""What a lab is: items to ask, a way to measure one of them, and a page about all of them."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from vivavoce.core.settings import Settings
from vivavoce.eval.lab.judge import NO_JUDGE, JudgeSettings
from vivavoce.eval.lab.page import Page


@dataclass(frozen=True, slots=True)
class Options:
    """What one run measures.

    settings: of the agents or stores it opens. sets: names of the lab's sets, or paths of the user's own. limit: most items
    of a set, taken evenly. seeds: one repetition of every item each; what does not sample needs one. judge: who gives a
    second opinion.
    """

    settings: Settings
    sets: tuple[str, ...]
    limit: int | None = None
    seeds: tuple[int, ...] = (0,)
    judge: JudgeSettings = NO_JUDGE


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that is measured once.

    id: unique within the run, the same in every run of the same set but for the end that `with_seed` gives it, so that runs
    can be compared pair by pair. cluster: what shares its luck with other items (session, passage, speaker); intervals
    resample clusters. facts: JSON values that the lab needs to measure and judge it. at_worst: its scores where what is
    measured fails, so that failures count as wrong.
    """

    id: str
    cluster: str
    facts: Mapping[str, Any]
    at_worst: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Result:
    """What came of an item; a line of results.jsonl.

    scores: the numbers that are averaged and compared, by metric; 0 or 1 where right or wrong. A metric that does not apply
    to the item is left out. verdict: in one word. why: for people who look at it. record: raw output, calls, audio paths,
    latencies. error: set where what is measured failed; such an item is tried again when the run is resumed.
    """

    id: str
    cluster: str
    facts: Mapping[str, Any]
    scores: Mapping[str, float]
    verdict: str
    why: str = ""
    record: Mapping[str, Any] = field(default_factory=dict[str, Any])
    error: str | None = None

    def as_json(self) -> dict[str, Any]:
        """All fields."""
        return asdict(self)


Measure = Callable[[Item], Awaitable[Result]]


class Lab(Protocol):
    """One lab. The driver (`driver.run_lab`) keeps what it finds, goes on where a run was cut off, and writes the pages."""

    name: str
    sets: tuple[str, ...]
    """The sets that are taken where none is asked for."""
    parallel: bool
    """Whether items may be measured at the same time, where the model answers several."""

    def items(self, options: Options) -> Sequence[Item]:
        """Everything to be measured, in order; the same each time.

        Raises:
            ConfigError: there is no such set, or a line of it is not of its form.
        """
        ...

    def open(self, options: Options, folder: Path) -> AbstractAsyncContextManager[Measure]:
        """Ready to measure. folder: of the run, for recordings.

        Raises:
            WeightsError: a model is missing. ConfigError: a setting is wrong.
        """
        ...

    def page(self, results: Sequence[Result], facts: Mapping[str, Any]) -> Page:
        """The report. facts: settings and versions of the run."""
        ...


def with_seed(item: Item, seed: int, options: Options) -> Item:
    """An item as it is asked with one of the seeds, in its facts; its id stays where there is but one."""
    name = f"{item.id}-seed{seed}" if len(options.seeds) > 1 else item.id
    return replace(item, id=name, facts={**item.facts, "seed": seed})


def without_repetition(result: Result) -> str:
    """The id that all repetitions of an item share; its facts hold the seed."""
    return result.id.removesuffix(f"-seed{result.facts.get('seed')}")


def scores_of(results: Iterable[Result], metric: str) -> tuple[list[float], list[str]]:
    """The values of a metric and the clusters they belong to."""
    having = [result for result in results if metric in result.scores]
    return [result.scores[metric] for result in having], [result.cluster for result in having]
