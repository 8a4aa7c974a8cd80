"""A new generation from what is there: without the rows that left, or with vectors of another model."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

import numpy as np

from vivavoce.core.durable import remove_wholly
from vivavoce.core.store.manifest import Embedding, Manifest
from vivavoce.core.store.vector_index import Matrix
from vivavoce.core.voice import VoiceEntry
from vivavoce.voicebank.bank import FolderVoiceBank
from vivavoce.voicebank.store.batches import Vectors, append
from vivavoce.voicebank.store.catalogue import Catalogue
from vivavoce.voicebank.store.view import SPACES, View

BATCH = 5_000

Progress = Callable[[int, int], None]  # voices done, voices in all


def compact(bank: FolderVoiceBank, progress: Progress | None = None) -> tuple[int, int]:
    """Drop the rows that left and the clips nobody refers to, and learn the indexes again; (rows, clips) dropped. Blocking.

    Raises:
        StoreError: the bank is damaged, being written, or the disk is full; it is then as it was.
    """
    with bank.store.writing():
        view = bank.store.view()
        if view is None:
            return 0, 0
        dropped = view.state.removed
        rewrite(bank, view.manifest.embeddings, lambda rows, _: stored_vectors(view, rows), progress)
        return dropped, sweep_clips(bank)


def reembed(bank: FolderVoiceBank, progress: Progress | None = None) -> int:
    """Make the vectors again where the bank's were made by other models; how many voices. Blocking.

    Raises:
        StoreError: the bank is damaged, being written, or the disk is full; it is then as it was.
        ModelError: an embedder cannot be loaded.
    """
    with bank.store.writing():
        view = bank.store.view()
        if view is None:
            return 0
        held = view.manifest.embeddings
        stale = [space for space in SPACES if held.get(space, Embedding()) != bank.embeddings[space]]
        if not stale:
            return 0

        def vectors(rows: Sequence[int], entries: Sequence[VoiceEntry]) -> Vectors:
            made = {space: bank.vectors_of(space, entries) for space in stale}
            return Vectors({s: m for s, m in (dict(stored_vectors(view, rows).by_space) | made).items() if m is not None})

        rewrite(bank, bank.embeddings, vectors, progress)
        return view.count


def rewrite(
    bank: FolderVoiceBank,
    embeddings: dict[str, Embedding],
    vectors: Callable[[Sequence[int], Sequence[VoiceEntry]], Vectors],
    progress: Progress | None = None,
) -> None:
    """Write the living entries as a new generation and let it count; within `BankStore.writing`.

    vectors: of some entries, by their rows in the generation that is left.
    """
    view = bank.store.view()
    assert view is not None

    def fill(folder: Path, manifest: Manifest, catalogue: Catalogue) -> None:
        done = 0
        for batch in batched(view.catalogue.all(), BATCH):
            rows, entries = [row for row, _ in batch], [entry for _, entry in batch]
            append(folder, manifest, catalogue, entries, vectors(rows, entries), ())
            done += len(batch)
            if progress is not None:
                progress(done, view.count)

    bank.store.start_generation(embeddings, fill)
    bank.store.seal()


def batched(items: Iterator[tuple[int, VoiceEntry]], size: int) -> Iterator[list[tuple[int, VoiceEntry]]]:
    """Items in lists of up to ``size``."""
    while part := list(islice(items, size)):
        yield part


def stored_vectors(view: View, rows: Sequence[int]) -> Vectors:
    """The raw vectors of some rows, in every space that has any."""
    found: dict[str, Matrix] = {}
    for space in SPACES:
        if view.vectors[space].shape[1]:
            found[space] = view.vectors[space][np.asarray(rows, np.int64)]
    return Vectors(found)


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


def orphan_clips(bank: FolderVoiceBank, view: View) -> Iterator[Path]:
    """Clip files that no entry refers to, and unfinished files."""
    for path in sorted((bank.store.folder / "clips").glob("*/*")):
        if path != bank.store.clip_path(path.stem) or not view.catalogue.ids_of_clip(path.stem):
            yield path
    yield from bank.store.folder.glob(".*.partial")
