"""Runs a lab: goes on where it was cut off, keeps each result at once, and writes the pages."""

import asyncio
import hashlib
import json
import platform
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

from vivavoce.app.backends import backend_of
from vivavoce.core.errors import ConfigError, VivavoceError
from vivavoce.eval.lab.lab import Item, Lab, Measure, Options, Result
from vivavoce.eval.lab.page import Page
from vivavoce.eval.lab.run_folder import RunFolder

PACKAGES = (
    "vivavoce",
    "langchain-core",
    "bm25s",
    "faiss-cpu",
    "numpy",
    "scipy",
    "scikit-learn",
    "torch",
    "faster-whisper",
    "xllamacpp",
    "hibari-tts",
    "jiwer",
    "sacrebleu",
)
UNRECORDED = {"home": True, "mind_url": True, "mind_api_key": True, "remote": {"api_key"}}  # places and secrets

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


def facts_of(lab: Lab, options: Options, items: Sequence[Item]) -> dict[str, Any]:
    """What the numbers of a run depend on: what is asked, all settings, and versions."""
    asked = json.dumps([[item.id, item.facts] for item in items], ensure_ascii=False)
    return {
        "lab": lab.name,
        "sets": list(options.sets),
        "limit": options.limit,
        "seeds": list(options.seeds),
        "what is asked": f"{len(items)} items, sha256 {hashlib.sha256(asked.encode(errors='replace')).hexdigest()[:16]}",
        **_by_name(options.settings.model_dump(mode="json", exclude=UNRECORDED)),
        **{f"judge_{name}": value for name, value in options.judge.model_dump(exclude={"key"}).items()},
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
    }


def _by_name(settings: Mapping[str, Any]) -> dict[str, Any]:
    """A field of a section as "section.field"."""
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        flat |= {f"{name}.{field}": one for field, one in value.items()} if isinstance(value, dict) else {name: value}
    return flat


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
        ConfigError: there is no such set, or nothing in it; two items have one id; the folder holds another run.
        WeightsError: a model is missing.
        StoreError: the folder cannot be written.
    """
    items = lab.items(options)
    _check_ids(items)
    facts = facts_of(lab, options, items)
    run = RunFolder(folder)
    with run.opened(facts, resume=resume):
        missing = [item for item in items if item.id not in run.results]
        progress(len(items) - len(missing), len(items))
        if missing:
            async with lab.open(options, folder) as measure:
                at_once = backend_of(options.settings).at_once if lab.parallel else 1
                await _measure_all(missing, measure, run, at_once, len(items), progress)
        results = tuple(run.results[item.id] for item in items)
        page = _told_of_failures(lab.page(results, facts), results)
        page.write(folder, facts)
    return Finished(page, folder, results)


def _check_ids(items: Sequence[Item]) -> None:
    if not items:
        raise ConfigError("there is nothing to ask; give a set that holds something")
    twice = next((name for name, count in Counter(item.id for item in items).items() if count > 1), None)
    if twice is not None:
        raise ConfigError(f"two items are called {twice!r}; name each set and each seed once, and files differently")


def _told_of_failures(page: Page, results: Sequence[Result]) -> Page:
    failed = sum(result.error is not None for result in results)
    told = f"**{failed} of {len(results)} items failed, and count as wrong.**\n\n" if failed else ""
    return replace(page, body=told + page.body)


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
