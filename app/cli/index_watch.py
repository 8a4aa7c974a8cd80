"""Keeps a collection of documents in step with folders while it runs."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from vivavoce.core.errors import DocumentError, StoreCorrupt, StoreError
from vivavoce.retrieval.index import AddReport, DocumentIndex
from vivavoce.retrieval.watching import watch

STARTED_S = 0.5  # until the system reports changes
RETRY_S = 2.0  # between attempts to write while another process does

T = TypeVar("T")
logger = logging.getLogger(__name__)


async def keep_in_step(
    index: DocumentIndex, paths: Sequence[Path], report: Callable[[AddReport], None], stop: asyncio.Event | None = None
) -> None:
    """Bring an index into step, then add what changes and forget what goes, until ``stop`` is set.

    report: told of the beginning and after each change. The watch begins before the first look, so nothing falls between.

    Raises:
        DocumentError: a path cannot be watched. StoreCorrupt: the index is damaged.
    """
    one_at_a_time = asyncio.Lock()

    async def sync(changed: Sequence[Path], removed: Sequence[Path]) -> None:
        async with one_at_a_time:
            report(await _patiently(lambda: _applied(index, changed, removed)))

    watching = asyncio.create_task(watch(paths, sync, stop))
    try:
        async with one_at_a_time:
            await asyncio.wait([watching], timeout=STARTED_S)
            if not watching.done():
                report(await _patiently(lambda: index.add(list(paths), prune=True)))
        await watching
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching


async def _patiently(work: Callable[[], T]) -> T:
    """Work that waits for other writers, and for a disk to be writable again."""
    while True:
        try:
            return await asyncio.to_thread(work)
        except StoreCorrupt:
            raise
        except StoreError as error:
            logger.warning("%s", error)
            await asyncio.sleep(RETRY_S)


def _applied(index: DocumentIndex, changed: Sequence[Path], removed: Sequence[Path]) -> AddReport:
    gone: tuple[str, ...] = ()
    if removed:
        with suppress(DocumentError):  # they never were documents
            index.remove(*map(str, removed))
            gone = tuple(map(str, removed))
    found = index.add(list(changed)) if changed else AddReport()
    return AddReport(found.added, found.unchanged, (*gone, *found.removed), found.failed)
