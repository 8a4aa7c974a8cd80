"""Bring back what can be brought back of a damaged collection.

Records come from the catalogue, and where that is damaged from the journal; vectors from their files where the checksum
holds, otherwise they are made again.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from vivavoce.core.errors import StoreError
from vivavoce.core.store import journal
from vivavoce.core.store.catalogue import Group, State
from vivavoce.core.store.compaction import Collection, rewrite
from vivavoce.core.store.generations import GenerationStore
from vivavoce.core.store.manifest import Embedding, Manifest, load
from vivavoce.core.store.vector_index import Matrix

Store = GenerationStore[Any, Any]
Lost = tuple[str, str]  # what, and why
Sum = tuple[int, int, str, str]  # first row, rows, file, SHA-256


@dataclass(frozen=True, slots=True)
class RepairReport:
    """kept: voices or documents that are there. made_again: vectors. lost: (what, why) of what is not."""

    kept: int = 0
    made_again: int = 0
    lost: tuple[Lost, ...] = ()


@dataclass(slots=True)
class Listed:
    """What a catalogue tells. groups: those that can be read, by first row.

    whole: SQLite finds nothing wrong, so that it tells of every row, and how much of the journal counts.
    """

    groups: dict[int, Group[Any]] = field(default_factory=dict[int, Group[Any]])
    removed: set[int] = field(default_factory=set[int])
    sums: list[Sum] = field(default_factory=list[Sum])
    state: State = State(0, 0, 0, 0)  # noqa: RUF009 - frozen
    whole: bool = False


@dataclass(slots=True)
class Written:
    """What a journal tells up to its first damage. groups: by first row, with those that left. whole: there is none."""

    groups: dict[int, Group[Any]] = field(default_factory=dict[int, Group[Any]])
    removed: set[int] = field(default_factory=set[int])
    sums: list[Sum] = field(default_factory=list[Sum])
    embeddings: dict[str, Embedding] | None = None
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Salvage:
    """What a generation still tells.

    groups: the records, in order. embeddings: what made its vectors, None where nothing says so. sound: by space, rows whose
    vectors match their checksum.
    """

    folder: Path
    listed: Listed
    written: Written
    groups: list[Group[Any]]
    embeddings: dict[str, Embedding] | None
    sound: dict[str, set[int]]

    @property
    def tells(self) -> bool:
        """Whether anything is known of it, be it that all has left."""
        return self.listed.whole or bool(self.groups or self.listed.removed or self.written.removed)

    @property
    def untold_rows(self) -> list[int]:
        """Rows of no record, which a whole catalogue counts all the same."""
        untold = np.ones(self.listed.state.rows, bool)
        untold[list(self.listed.removed)] = False
        for group in self.groups:
            untold[group.rows] = False
        return np.flatnonzero(untold).tolist()


def best_salvage(store: Store) -> Salvage:
    """Of the generation that counts, if that is known and tells anything; otherwise of the one that tells most."""
    manifest = None
    with suppress(StoreError):
        manifest = load(store.folder / "manifest.json", store.advice)
    current = store.generation_folder(manifest) if manifest else None
    salvages = [_salvage(store, folder, manifest) for folder in store.generations or [store.folder / "generations"]]
    return max(salvages, key=lambda s: (s.folder == current and s.tells, len(s.groups), s.folder.name))


def rebuild(collection: Collection, salvage: Salvage, groups: Sequence[Group[Any]]) -> int:
    """Write some of the salvaged records as a new generation; how many vectors were made again.

    Raises:
        StoreError: the disk is full, or vectors must be made again by another model than the collection is opened with.
        ModelError: an embedder cannot be loaded.
    """
    store, told = collection.store, salvage.embeddings or collection.embeddings
    embeddings = {space: told.get(space, Embedding()) for space in store.spaces}
    made_again = 0

    def vectors(rows: Sequence[int], records: Sequence[Any]) -> dict[str, Matrix]:
        nonlocal made_again
        found: dict[str, Matrix] = {}
        for space, made_by in embeddings.items():
            if made_by.dimension:
                found[space], new = _sound_or_new(collection, salvage, space, made_by, rows, records)
                made_again += new
        return found

    store.close()
    _move_folder_away(store.folder / "manifest.json")
    rewrite(store, embeddings, groups, vectors)
    return made_again


def _sound_or_new(
    collection: Collection,
    salvage: Salvage,
    space: str,
    made_by: Embedding,
    rows: Sequence[int],
    records: Sequence[Any],
) -> tuple[Matrix, int]:
    """Stored vectors where they are sound, new ones elsewhere; how many are new."""
    at = np.asarray(rows, np.int64)
    sound = np.array([row in salvage.sound[space] for row in rows], bool)
    vectors = np.zeros((at.size, made_by.dimension), np.float32)
    if sound.any():
        file = collection.store.row_files(salvage.folder, {space: made_by})[space]
        vectors[sound] = file.read(int(at[sound].max()) + 1)[at[sound]]
    stale = np.flatnonzero(~sound)
    if stale.size:
        if (given := collection.embeddings[space]) != made_by:
            raise StoreError(
                f"{stale.size} {space} vectors of {collection.store.what} must be made again by {made_by.model}, this "
                f"program uses {given.model or 'nothing'}; use the program that made it"
            )
        vectors[stale] = collection.vectors_of([records[i] for i in stale.tolist()], [space])[space]
    return vectors, int(stale.size)


def _salvage(store: Store, folder: Path, manifest: Manifest | None) -> Salvage:
    """All that one generation's folder still tells."""
    listed = _listed(store, folder / "catalogue.sqlite")
    written = _written(store, folder / "journal.jsonl", listed.state.journal if listed.whole else None)
    gone = listed.removed if listed.whole else listed.removed | written.removed
    told = written.groups | listed.groups
    groups = [group for first, group in sorted(told.items()) if first not in gone]
    embeddings = manifest.embeddings if manifest else written.embeddings
    sums = listed.sums if listed.whole else written.sums or listed.sums
    sound: dict[str, set[int]] = {space: set() for space in store.spaces}
    files = store.row_files(folder, embeddings or {})
    for first, count, name, sha256 in sums if embeddings else ():
        with suppress(StoreError):
            if name in sound and files[name].checksum(first, count) == sha256:
                sound[name].update(range(first, first + count))
    return Salvage(folder, listed, written, groups, embeddings, sound)


def _listed(store: Store, path: Path) -> Listed:
    listed = Listed()
    try:
        catalogue = store.catalogue_type(path)
    except StoreError:
        return listed
    try:
        whole = not catalogue.faults()
        listed.state = catalogue.state()
        listed.groups = {group.first: group for group in catalogue.readable(listed.state.rows)}
        listed.removed = {row for row in catalogue.removed() if 0 <= row < listed.state.rows}
        listed.sums = catalogue.sums()
        listed.whole = whole
    except StoreError:
        return listed
    finally:
        catalogue.close()
    return listed


def _written(store: Store, path: Path, length: int | None) -> Written:
    """length: bytes that count, where that is known."""
    written = Written()
    lines = 0
    with suppress(StoreError):
        for commit in journal.read(path, length):
            written.groups |= {group.first: group for group in store.groups_of(commit)}
            written.removed.update(commit.removed)
            written.sums += [(commit.first, len(commit.added), name, sha256) for name, sha256 in commit.sums.items()]
            written.embeddings = commit.models
            lines += len(commit.heads) + len(commit.added) + 1
    written.whole = _has_no_more(path, lines)
    return written


def _has_no_more(path: Path, lines: int) -> bool:
    """Whether a journal is there and ends behind so many lines."""
    try:
        data = path.read_bytes()
    except OSError:
        return False
    return data.endswith(b"\n") and data.count(b"\n") == lines


def _move_folder_away(path: Path) -> None:
    """Make room for a file where a folder lies; the folder stays beside it."""
    if path.is_dir():
        number = sum(1 for _ in path.parent.glob(f"{path.name}.folder-*"))
        path.rename(path.with_name(f"{path.name}.folder-{number}"))
