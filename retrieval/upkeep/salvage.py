"""What a damaged index still tells: texts from the catalogue or else the journal, vectors whose checksums hold."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from vivavoce.core.errors import StoreError
from vivavoce.core.store import journal
from vivavoce.core.store.catalogue import State
from vivavoce.core.store.manifest import Embedding, Manifest, load
from vivavoce.retrieval.store.catalogue import Cut, IndexCatalogue
from vivavoce.retrieval.store.records import DocumentRecord, PassageRecord, decode_document, decode_passage
from vivavoce.retrieval.store.store import IndexStore
from vivavoce.retrieval.store.view import SPACE

Lost = tuple[str, str]  # what, and why
Sum = tuple[int, int, str, str]  # first row, rows, file, SHA-256
UNTOLD = "is damaged in the catalogue and the journal; add it again"


@dataclass(frozen=True, slots=True)
class Saved:
    """A document with its passages, and the rows their vectors lie in."""

    document: DocumentRecord
    passages: tuple[PassageRecord, ...]
    first: int

    @property
    def cuts(self) -> list[Cut]:
        """As the store takes them."""
        return [Cut(self.document, passage) for passage in self.passages]


@dataclass(frozen=True, slots=True)
class Salvage:
    """What a generation still tells.

    embedding: what made its vectors, None where nothing says so. sound: rows whose vectors match their checksum.
    """

    folder: Path
    documents: list[Saved] = field(default_factory=list[Saved])
    embedding: Embedding | None = None
    sound: set[int] = field(default_factory=set[int])
    lost: list[Lost] = field(default_factory=list[Lost])


@dataclass(slots=True)
class _Listed:
    """What the catalogue tells. documents: those whole, by first row; sources: of all, by first row.

    whole: SQLite finds nothing wrong, so that it tells of every row, and how much of the journal counts.
    """

    documents: dict[int, Saved] = field(default_factory=dict[int, Saved])
    sources: dict[int, str] = field(default_factory=dict[int, str])
    sums: list[Sum] = field(default_factory=list[Sum])
    removed: set[int] = field(default_factory=set[int])
    state: State = State(0, 0, 0, 0)  # noqa: RUF009 - frozen
    whole: bool = False


@dataclass(slots=True)
class _Written:
    """What the journal tells up to its first damage. whole: there is none."""

    documents: dict[int, Saved] = field(default_factory=dict[int, Saved])
    sums: list[Sum] = field(default_factory=list[Sum])
    removed: set[int] = field(default_factory=set[int])
    embedding: Embedding | None = None
    whole: bool = False


def best_salvage(store: IndexStore) -> Salvage:
    """Of the generation that counts, if that is known and tells anything; otherwise of the one that tells most."""
    manifest = None
    with suppress(StoreError):
        manifest = load(store.folder / "manifest.json", store.advice)
    current = store.generation_folder(manifest).name if manifest else ""
    salvages = [_salvage(store, folder, manifest) for folder in store.generations]
    if not salvages:
        nothing = (str(store.folder / "generations"), "is gone with all that was in it; add the documents again")
        return Salvage(store.folder, lost=[nothing])
    return max(salvages, key=lambda s: (s.folder.name == current and bool(s.documents), len(s.documents), s.folder.name))


def _salvage(store: IndexStore, folder: Path, manifest: Manifest | None) -> Salvage:
    """All that one generation's folder still tells."""
    listed = _from_catalogue(folder / "catalogue.sqlite")
    written = _from_journal(folder / "journal.jsonl", listed.state.journal if listed.whole else None)
    gone = listed.removed if listed.whole else written.removed
    told = written.documents | listed.documents
    documents = [saved for first, saved in sorted(told.items()) if first not in gone]
    lost = list(_lost(folder, listed, written, documents))
    embedding = manifest.embeddings.get(SPACE, Embedding()) if manifest else written.embedding
    sound: set[int] = set()
    file = store.row_files(folder, {SPACE: embedding or Embedding()})[SPACE]
    for first, count, name, sha256 in (listed.sums or written.sums) if embedding else ():
        with suppress(StoreError):
            if name == SPACE and file.checksum(first, count) == sha256:
                sound.update(range(first, first + count))
    return Salvage(folder, documents, embedding, sound, lost)


def _lost(folder: Path, listed: _Listed, written: _Written, documents: list[Saved]) -> Iterator[Lost]:
    """What cannot be brought back."""
    there = {saved.first for saved in documents}
    if listed.whole:
        rows = _untold_rows(listed, documents)
        firsts = sorted(listed.sources)
        owners = Counter(firsts[at - 1] if (at := bisect_right(firsts, row)) else -1 for row in rows)
        yield from ((listed.sources[first], UNTOLD) for first in owners if first not in there and first >= 0)
        if nameless := sum(count for first, count in owners.items() if first in there or first < 0):
            yield f"documents of {nameless} passages", "are damaged in the catalogue and the journal; add them again"
        return
    yield from ((name, UNTOLD) for first, name in listed.sources.items() if first not in there | written.removed)
    if not documents and not written.whole:
        yield str(folder), "neither its catalogue nor its journal can be read; add the documents again"
    elif not written.whole:
        yield f"what came after {documents[-1].document.source}", "cannot be told any more; add again what is missing"


def _untold_rows(listed: _Listed, documents: list[Saved]) -> list[int]:
    """Rows of no document, which a whole catalogue counts all the same."""
    untold = np.ones(listed.state.rows, bool)
    untold[list(listed.removed)] = False
    for saved in documents:
        untold[saved.first : saved.first + len(saved.passages)] = False
    return np.flatnonzero(untold).tolist()


def _from_catalogue(path: Path) -> _Listed:
    listed = _Listed()
    try:
        catalogue = IndexCatalogue(path)
    except StoreError:
        return listed
    try:
        whole = not catalogue.faults()
        listed.state = catalogue.state()
        listed.sources = catalogue.sources_by_first()
        for first in listed.sources:
            if (saved := _listed(catalogue, first, listed.state.rows)) is not None:
                listed.documents[first] = saved
        listed.removed = {row for row in catalogue.removed() if 0 <= row < listed.state.rows}
        listed.sums = catalogue.sums()
        listed.whole = whole
    except StoreError:
        return listed
    finally:
        catalogue.close()
    return listed


def _listed(catalogue: IndexCatalogue, first: int, rows: int) -> Saved | None:
    """A document, if all of it can be read."""
    try:
        ((_, document),) = catalogue.documents([first])
        found = catalogue.passages(range(first, min(first + document.passages, rows)))
    except StoreError:
        return None
    saved = Saved(document, tuple(record for _, (_, record) in sorted(found.items())), first)
    return saved if len(saved.passages) == document.passages else None


def _from_journal(path: Path, length: int | None) -> _Written:
    """length: bytes that count, where that is known."""
    written = _Written()
    lines = 0
    with suppress(StoreError):
        for commit in journal.read(path, length):
            documents = [decode_document(line) for line in commit.heads]
            records = [decode_passage(line) for line in commit.added]
            at = 0
            for document in documents:
                part = tuple(records[at : at + document.passages])
                written.documents[commit.first + at] = Saved(document, part, commit.first + at)
                at += document.passages
            for row in commit.removed:
                written.documents.pop(row, None)
            written.removed.update(commit.removed)
            written.sums += [(commit.first, len(commit.added), name, sha256) for name, sha256 in commit.sums.items()]
            written.embedding = commit.models.get(SPACE, Embedding())
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
