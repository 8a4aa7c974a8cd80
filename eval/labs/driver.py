"""Runs a lab: goes on where it was cut off, keeps each result at once, and writes the pages."""

import asyncio
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

from vivavoce.core.errors import VivavoceError
from vivavoce.eval.labs.lab import Item, Lab, Measure, Options, Result
from vivavoce.eval.labs.page import Page
from vivavoce.eval.labs.run_folder import RunFolder

PACKAGES = ("vivavoce", "numpy", "scipy", "torch", "faster-whisper", "xllamacpp", "hibari-tts")
RECORDED = ("model", "language_model", "recogniser", "decoder", "temperature", "grounding", "threads", "voice")
AT_ONCE = {"remote": 4}  # models that answer several questions at a time; those of this process share its cores

Progress = Callable[[int, int], None]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Finished:
    """A run whose items all have a result."""

    page: Page
    folder: Path
    results: tuple[Result, ...]


def evenly(values: Sequence[T], limit: int | None) -> Sequence[T]:
    """At most ``limit`` of them, from all over."""
    if limit is None or limit >= len(values):
        return values
    return [values[at * len(values) // limit] for at in range(limit)]


def facts_of(lab: Lab, options: Options) -> dict[str, Any]:
    """What the numbers of a run depend on."""
    settings = options.settings
    return {
        "lab": lab.name,
        "sets": list(options.sets),
        "limit": options.limit,
        "seeds": list(options.seeds),
        **{name: getattr(settings, name) for name in RECORDED},
        "checkpoint": str(settings.checkpoint) if settings.checkpoint else None,
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
    }


async def run_lab(
    lab: Lab,
    options: Options,
    folder: Path,
    *,
    resume: bool = False,
    progress: Progress = lambda done, total: None,
) -> Finished:
    """Measure every item that has no result yet, then write the report.

    Interrupting it (cancellation) loses only the items being asked at that moment.

    Raises:
        ConfigError: there is no such set; the folder holds another run. WeightsError: a model is missing.
        StoreError: the folder cannot be written.
    """
    items = lab.items(options)
    facts = facts_of(lab, options)
    run = RunFolder(folder)
    with run.opened(facts, resume=resume):
        missing = [item for item in items if item.id not in run.results]
        progress(len(items) - len(missing), len(items))
        if missing:
            async with lab.open(options, folder) as measure:
                await _measure_all(missing, measure, run, AT_ONCE.get(options.settings.model, 1), len(items), progress)
        results = tuple(run.results[item.id] for item in items)
        page = lab.page(results, facts)
        page.write(folder, facts)
    return Finished(page, folder, results)


async def _measure_all(
    items: Sequence[Item], measure: Measure, run: RunFolder, at_once: int, total: int, progress: Progress
) -> None:
    free = asyncio.Semaphore(at_once)

    async def one(item: Item) -> None:
        async with free:
            try:
                result = await measure(item)
            except VivavoceError as error:
                result = Result(item.id, item.cluster, item.facts, item.at_worst, "failed", why=str(error), error=str(error))
            run.keep(result)
            progress(len(run.results), total)

    async with asyncio.TaskGroup() as group:
        for item in items:
            group.create_task(one(item))
