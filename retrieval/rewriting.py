"""New generations of an index: without what left, with another embedder's vectors, of what can be saved; and its export."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from vivavoce.core.durable import write_atomic
from vivavoce.core.errors import StoreCorrupt, StoreError
from vivavoce.core.store import journal
from vivavoce.core.store.manifest import Embedding, Manifest, load
from vivavoce.core.store.vector_index import Matrix
from vivavoce.core.store.verifying import Finding, damage, left_over
from vivavoce.retrieval.catalogue import Cut, IndexCatalogue
from vivavoce.retrieval.index import DocumentIndex
from vivavoce.retrieval.records import DocumentRecord, PassageRecord, decode_document, decode_passage
from vivavoce.retrieval.store import no_vectors
from vivavoce.retrieval.view import SPACE, IndexView

BATCH = 5_000  # passages that are written together
EXPORT = "vivavoce-passages-1"

Progress = Callable[[int, int], None]  # documents done, documents in all


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
class RepairReport:
    """kept: documents that are there. made_again: vectors. lost: (what, why)."""

    kept: int = 0
    made_again: int = 0
    lost: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class _Salvage:
    """What a generation still tells. sound: rows whose vectors match their checksum."""

    folder: Path
    documents: list[Saved] = field(default_factory=list[Saved])
    embedding: Embedding = Embedding()  # noqa: RUF009 - frozen
    sound: set[int] = field(default_factory=set[int])
    lost: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])


def verify(index: DocumentIndex) -> list[Finding]:
    """Everything that is wrong with an index; nothing is changed. Blocking.

    Raises:
        StoreError: the index cannot be read at all, as by missing rights.
    """
    try:
        view = index.store.view()
    except StoreCorrupt as error:
        return [Finding(str(error))]
    if view is None:
        return []
    return list(damage(index.store, view, lambda: _count(view))) or list(left_over(index.store, view))


def compact(index: DocumentIndex, progress: Progress | None = None) -> int:
    """Drop the rows that left, and learn the index file again; how many rows. Blocking.

    Raises:
        StoreError: the index is damaged, being written, or the disk is full; it is then as it was.
    """
    with index.store.writing():
        view = index.store.view()
        if view is None:
            return 0
        dropped = view.state.removed
        _rewrite(index, _all(view), view.manifest.embeddings, lambda saved: _stored(view, saved), progress)
        return dropped


def reembed(index: DocumentIndex, progress: Progress | None = None) -> int:
    """Make the vectors again where the index was made by another embedder; how many passages. Blocking.

    Raises:
        StoreError: the index is damaged, being written, or the disk is full; it is then as it was.
        ModelError: the embedder cannot be loaded.
    """
    with index.store.writing():
        view = index.store.view()
        if view is None or view.manifest.embeddings == index.embeddings:
            return 0
        _rewrite(index, _all(view), index.embeddings, lambda saved: index.embed(_cuts(saved)), progress)
        return view.count


def repair(index: DocumentIndex) -> RepairReport:
    """Make an index whole: texts from the catalogue or else the journal, vectors from their file or else anew. Blocking.

    Raises:
        StoreError: the index is being written, or the disk is full; it is then as it was.
        ModelError: vectors must be made again and the embedder cannot be loaded.
    """
    store = index.store
    with store.writing():
        if not (store.folder / "manifest.json").exists() and not store.generations:
            return RepairReport()
        if not any(finding.damage for finding in verify(index)):
            return RepairReport(kept=sum(1 for _ in index.documents()))
        salvage = _best_salvage(index)
        store.close()
        made_again = 0

        def vectors(saved: Sequence[Saved]) -> Matrix:
            nonlocal made_again
            found, new = _sound_or_new(index, salvage, saved)
            made_again += new
            return found

        _rewrite(index, iter(salvage.documents), {SPACE: salvage.embedding}, vectors, None)
        return RepairReport(len(salvage.documents), made_again, tuple(salvage.lost))


def export(index: DocumentIndex, path: Path) -> int:
    """Write all passages as JSON lines that other programs read, behind a line that says what they are; how many.

    Raises:
        StoreError: the file cannot be written, or the index is damaged.
    """
    view = index.store.view()
    made_by = (view.manifest.embeddings.get(SPACE, Embedding()) if view else Embedding()).model
    lines: list[str] = []
    for saved in _all(view) if view else ():
        about = asdict(saved.document)
        lines += [json.dumps({**about, **asdict(passage)}, ensure_ascii=False) for passage in saved.passages]
    head = {"format": EXPORT, "passages": len(lines), "embedder": made_by}
    write_atomic(path, "".join(f"{line}\n" for line in (json.dumps(head), *lines)).encode())
    return len(lines)


def _rewrite(
    index: DocumentIndex,
    documents: Iterator[Saved],
    embeddings: dict[str, Embedding],
    vectors: Callable[[Sequence[Saved]], Matrix],
    progress: Progress | None,
) -> None:
    """Write documents as a new generation and let it count. Within `GenerationStore.writing`."""

    def fill(folder: Path, manifest: Manifest, catalogue: IndexCatalogue) -> None:
        done = 0
        for batch in _batches(documents):
            index.store.write(folder, manifest, catalogue, _cuts(batch), vectors(batch))
            done += len(batch)
            if progress is not None:
                progress(done, done)

    index.store.start_generation(embeddings, fill)
    index.store.seal()


def _batches(documents: Iterator[Saved]) -> Iterator[list[Saved]]:
    batch: list[Saved] = []
    size = 0
    for saved in documents:
        batch.append(saved)
        size += len(saved.passages)
        if size >= BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _all(view: IndexView) -> Iterator[Saved]:
    for first, document in view.catalogue.documents():
        records = view.catalogue.passages(range(first, first + document.passages))
        yield Saved(document, tuple(record for _, (_, record) in sorted(records.items())), first)


def _count(view: IndexView) -> int:
    """Passages, each read and compared with its checksum."""
    count = 0
    for saved in _all(view):
        if len(saved.passages) != saved.document.passages:
            raise StoreCorrupt(f"{saved.document.source} lacks passages; {view.catalogue.advice}")
        count += len(saved.passages)
    return count


def _cuts(documents: Sequence[Saved]) -> list[Cut]:
    return [cut for saved in documents for cut in saved.cuts]


def _rows(documents: Sequence[Saved]) -> list[int]:
    return [row for saved in documents for row in range(saved.first, saved.first + len(saved.passages))]


def _stored(view: IndexView, documents: Sequence[Saved]) -> Matrix:
    return view.vectors[SPACE][np.asarray(_rows(documents), np.int64)]


def _best_salvage(index: DocumentIndex) -> _Salvage:
    """Of the generation that counts, if that is known and tells anything; otherwise of the one that tells most."""
    current = ""
    with suppress(StoreError):
        manifest = load(index.store.folder / "manifest.json", index.store.advice)
        current = index.store.generation_folder(manifest).name if manifest else ""
    salvages = [_salvage(index, folder) for folder in index.store.generations]
    if not salvages:
        return _Salvage(index.store.folder, embedding=index.embeddings[SPACE])
    return max(salvages, key=lambda s: (s.folder.name == current and bool(s.documents), len(s.documents), s.folder.name))


def _salvage(index: DocumentIndex, folder: Path) -> _Salvage:
    """All that one generation's folder still tells."""
    commits = list(journal.read(folder / "journal.jsonl"))
    written, gone = _from_journal(commits)
    listed, sums, whole, removed = _from_catalogue(folder)
    known = written if whole is None else written | listed
    if whole:
        known = listed | {first: saved for first, saved in written.items() if first not in gone and first not in removed}
    elif whole is not None:
        known = {first: saved for first, saved in known.items() if first not in gone}
    found = _Salvage(folder, [known[first] for first in sorted(known)], _embedding(index, commits))
    found.lost = [
        (saved.document.source, "its passages are damaged in the catalogue and the journal; add it again")
        for saved in found.documents
        if len(saved.passages) != saved.document.passages
    ]
    found.documents = [saved for saved in found.documents if len(saved.passages) == saved.document.passages]
    if whole is None and not commits:
        found.lost.append((str(folder), "neither its catalogue nor its journal can be read; add the documents again"))
    files = index.store.row_files(folder, {SPACE: found.embedding})
    from_journal = [(c.first, len(c.added), name, sha256) for c in commits for name, sha256 in c.sums.items()]
    for first, count, name, sha256 in sums or from_journal:
        with suppress(StoreError):
            if name == SPACE and files[SPACE].checksum(first, count) == sha256:
                found.sound.update(range(first, first + count))
    return found


def _from_catalogue(
    folder: Path,
) -> tuple[dict[int, Saved], list[tuple[int, int, str, str]], bool | None, set[int]]:
    """(documents by first row, checksums of batches, whether it is whole, rows that left); None: it cannot be read."""
    try:
        catalogue = IndexCatalogue(folder / "catalogue.sqlite")
    except StoreError:
        return {}, [], None, set()
    found: dict[int, Saved] = {}
    try:
        whole = not catalogue.faults()
        for first in catalogue.firsts():
            with suppress(StoreError):
                for _, document in catalogue.documents([first]):
                    records: dict[int, PassageRecord] = {}
                    for row in range(first, first + document.passages):
                        with suppress(StoreError):
                            records |= {at: record for at, (_, record) in catalogue.passages([row]).items()}
                    found[first] = Saved(document, tuple(record for _, record in sorted(records.items())), first)
        complete = {first: saved for first, saved in found.items() if len(saved.passages) == saved.document.passages}
        return complete, catalogue.sums(), whole, set(catalogue.removed())
    except StoreError:
        return found, [], False, set()
    finally:
        catalogue.close()


def _from_journal(commits: Sequence[journal.Commit]) -> tuple[dict[int, Saved], set[int]]:
    """Documents by first row, and the rows that left, up to the first batch that holds no records."""
    found: dict[int, Saved] = {}
    gone: set[int] = set()
    with suppress(StoreCorrupt):
        for commit in commits:
            documents = [decode_document(line) for line in commit.heads]
            records = [decode_passage(line) for line in commit.added]
            at = 0
            for document in documents:
                part = tuple(records[at : at + document.passages])
                found[commit.first + at] = Saved(document, part, commit.first + at)
                at += document.passages
            for row in commit.removed:
                found.pop(row, None)
            gone.update(commit.removed)
    return found, gone


def _embedding(index: DocumentIndex, commits: Sequence[journal.Commit]) -> Embedding:
    with suppress(StoreError):
        manifest = load(index.store.folder / "manifest.json", index.store.advice)
        if manifest is not None:
            return manifest.embeddings.get(SPACE, Embedding())
    return commits[-1].models.get(SPACE, Embedding()) if commits else index.embeddings[SPACE]


def _sound_or_new(index: DocumentIndex, salvage: _Salvage, documents: Sequence[Saved]) -> tuple[Matrix, int]:
    """Stored vectors where they are sound, new ones elsewhere; how many are new."""
    cuts, rows = _cuts(documents), _rows(documents)
    if not salvage.embedding.dimension:
        return no_vectors(len(cuts)), 0
    stale = [at for at, row in enumerate(rows) if row not in salvage.sound]
    vectors = np.zeros((len(rows), salvage.embedding.dimension), np.float32)
    file = index.store.row_files(salvage.folder, {SPACE: salvage.embedding})[SPACE]
    for at, row in enumerate(rows):
        if row in salvage.sound:
            vectors[at] = file.read(row + 1, row)[0]
    if stale:
        if index.embeddings[SPACE] != salvage.embedding:
            raise StoreError(
                f"{len(stale)} vectors must be made again by {salvage.embedding.model}, this program uses "
                f"{index.embeddings[SPACE].model or 'nothing'}; use the program that made the index"
            )
        vectors[stale] = index.embed([cuts[at] for at in stale])
    return vectors, len(stale)
