"""A new generation of a bank, and clips that nothing refers to."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from vivavoce.core.durable import remove_wholly
from vivavoce.core.store import compaction
from vivavoce.core.store.compaction import Progress, reembed
from vivavoce.voicebank.bank import FolderVoiceBank
from vivavoce.voicebank.store.view import BankView

__all__ = ["compact", "orphan_clips", "reembed", "sweep_clips"]


def compact(bank: FolderVoiceBank, progress: Progress | None = None) -> tuple[int, int]:
    """Drop the rows that left and the clips nobody refers to, and learn the indexes again; (rows, clips) dropped. Blocking.

    Raises:
        StoreError: the bank is damaged, being written, or the disk is full; it is then as it was.
    """
    with bank.store.writing():
        return compaction.compact(bank, progress), sweep_clips(bank)


def sweep_clips(bank: FolderVoiceBank) -> int:
    """Delete what nothing refers to, left over from a crash; within `BankStore.writing`. How many files."""
    view = bank.store.view()
    if view is None:
        return 0
    swept = 0
    for path in orphan_clips(bank, view):
        remove_wholly(path)
        swept += 1
    for folder in (bank.store.folder / "clips").glob("*/"):
        with suppress(OSError):  # most hold clips
            folder.rmdir()
    return swept


def orphan_clips(bank: FolderVoiceBank, view: BankView) -> Iterator[Path]:
    """Clip files that no record refers to, and unfinished files."""
    for path in sorted((bank.store.folder / "clips").glob("*/*")):
        if path != bank.store.clip_path(path.stem) or not view.catalogue.ids_of_clip(path.stem):
            yield path
    yield from bank.store.folder.glob(".*.partial")
