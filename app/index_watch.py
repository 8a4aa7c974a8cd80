"""Keeps a collection of documents in step with folders while it runs."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from vivavoce.core.errors import DocumentError
from vivavoce.retrieval.index import AddReport, DocumentIndex
from vivavoce.retrieval.watching import watch


async def keep_in_step(
    index: DocumentIndex, paths: Sequence[Path], report: Callable[[AddReport], None], stop: asyncio.Event | None = None
) -> None:
    """Add what changes and forget what goes, until ``stop`` is set. report: told after each change."""

    async def sync(changed: Sequence[Path], removed: Sequence[Path]) -> None:
        report(await asyncio.to_thread(_applied, index, changed, removed))

    await watch(paths, sync, stop)


def _applied(index: DocumentIndex, changed: Sequence[Path], removed: Sequence[Path]) -> AddReport:
    gone: list[str] = []
    for path in removed:
        with suppress(DocumentError):  # it never was a document
            index.remove(str(path))
            gone.append(str(path))
    found = index.add(list(changed)) if changed else AddReport()
    return AddReport(found.added, found.unchanged, tuple(gone), found.failed)
