"""New generations of an index: without what left, with another embedder's vectors, of what can be saved; and its export."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from vivavoce.core.durable import write_atomic
from vivavoce.core.errors import StoreCorrupt, StoreError
from vivavoce.core.store.manifest import Embedding, Manifest
from vivavoce.core.store.repairing import move_folder_away
from vivavoce.core.store.vector_index import Matrix
from vivavoce.core.store.verifying import Finding, damage, left_over
from vivavoce.retrieval.index import DocumentIndex
from vivavoce.retrieval.store.catalogue import Cut, IndexCatalogue
from vivavoce.retrieval.store.records import embedded_text
from vivavoce.retrieval.store.store import no_vectors
from vivavoce.retrieval.store.view import SPACE, IndexView
from vivavoce.retrieval.upkeep.salvage import Salvage, Saved, best_salvage
from vivavoce.retrieval.words import lexemes

BATCH = 5_000  # passages that are written together
EXPORT = "vivavoce-passages-1"

Progress = Callable[[int, int], None]  # documents done, documents in all


@dataclass(frozen=True, slots=True)
class RepairReport:
    """kept: documents that are there. made_again: vectors. lost: (what, why)."""

    kept: int = 0
    made_again: int = 0
    lost: tuple[tuple[str, str], ...] = ()


def verify(index: DocumentIndex) -> list[Finding]:
    """Everything that is wrong with an index; nothing is changed. Blocking.

    Raises:
        StoreError: the index cannot be read at all, as by missing rights.
    """

    def work(view: IndexView) -> list[Finding]:
        return list(damage(index.store, view, lambda: _count(view))) or list(left_over(index.store, view))

    try:
        return index.store.reading(work) or []
    except StoreCorrupt as error:
        return [Finding(str(error))]


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
        StoreCorrupt: a later version wrote it; it is left alone.
        StoreError: the index is being written, or the disk is full; it is then as it was.
        ModelError: vectors must be made again and the embedder cannot be loaded.
    """
    store = index.store
    with store.writing():
        store.check_layout()
        if not any(finding.damage for finding in verify(index)):
            return RepairReport(kept=sum(1 for _ in index.documents()))
        salvage = best_salvage(store)
        store.close()
        move_folder_away(store.folder / "manifest.json")
        embedding = salvage.embedding or index.embeddings[SPACE]
        made_again = 0

        def vectors(saved: Sequence[Saved]) -> Matrix:
            nonlocal made_again
            found, new = _sound_or_new(index, salvage, embedding, saved)
            made_again += new
            return found

        _rewrite(index, iter(salvage.documents), {SPACE: embedding}, vectors, None)
        return RepairReport(len(salvage.documents), made_again, tuple(salvage.lost))


def export(index: DocumentIndex, path: Path) -> int:
    """Write all passages as JSON lines that other programs read, behind a line that says what they are; how many.

    Raises:
        StoreError: the file cannot be written, or the index is damaged.
    """
    lines = index.store.reading(_exported) or [json.dumps({"format": EXPORT, "passages": 0, "embedder": None})]
    write_atomic(path, "".join(f"{line}\n" for line in lines).encode())
    return len(lines) - 1


def _exported(view: IndexView) -> list[str]:
    lines: list[str] = []
    for saved in _all(view):
        about = asdict(saved.document)
        lines += [json.dumps({**about, **asdict(passage)}, ensure_ascii=False) for passage in saved.passages]
    made_by = view.manifest.embeddings.get(SPACE, Embedding()).model
    return [json.dumps({"format": EXPORT, "passages": len(lines), "embedder": made_by}), *lines]


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
    """Passages, each read and compared with its checksum, and with the words that are told of it."""
    holding: Counter[str] = Counter()
    count = total = 0
    for saved in _all(view):
        if len(saved.passages) != saved.document.passages:
            raise StoreCorrupt(f"{saved.document.source} lacks passages; {view.catalogue.advice}")
        told = view.catalogue.lexemes(_rows([saved]))
        for row, cut in enumerate(saved.cuts, saved.first):
            words = lexemes(embedded_text(cut.document, cut.passage))
            if told.get(row) != words:
                raise StoreCorrupt(f"the words of {saved.document.source} are told wrongly; {view.catalogue.advice}")
            holding.update(set(words))
            total += len(words)
        count += len(saved.passages)
    if view.catalogue.total_lexemes() != total or view.catalogue.all_holding() != holding:
        raise StoreCorrupt(f"{view.catalogue.path} counts words wrongly; {view.catalogue.advice}")
    return count


def _cuts(documents: Sequence[Saved]) -> list[Cut]:
    return [cut for saved in documents for cut in saved.cuts]


def _rows(documents: Sequence[Saved]) -> list[int]:
    return [row for saved in documents for row in range(saved.first, saved.first + len(saved.passages))]


def _stored(view: IndexView, documents: Sequence[Saved]) -> Matrix:
    return view.vectors[SPACE][np.asarray(_rows(documents), np.int64)]


def _sound_or_new(
    index: DocumentIndex, salvage: Salvage, embedding: Embedding, documents: Sequence[Saved]
) -> tuple[Matrix, int]:
    """Stored vectors where they are sound, new ones elsewhere; how many are new."""
    cuts, rows = _cuts(documents), np.asarray(_rows(documents), np.int64)
    if not embedding.dimension:
        return no_vectors(len(cuts)), 0
    sound = np.array([row in salvage.sound for row in rows.tolist()], bool)
    vectors = np.zeros((rows.size, embedding.dimension), np.float32)
    if sound.any():
        file = index.store.row_files(salvage.folder, {SPACE: embedding})[SPACE]
        vectors[sound] = file.read(int(rows[sound].max()) + 1)[rows[sound]]
    stale = np.flatnonzero(~sound)
    if stale.size:
        if index.embeddings[SPACE] != embedding:
            raise StoreError(
                f"{stale.size} vectors must be made again by {embedding.model}, this program uses "
                f"{index.embeddings[SPACE].model or 'nothing'}; use the program that made the index"
            )
        vectors[stale] = index.embed([cuts[at] for at in stale.tolist()])
    return vectors, int(stale.size)
