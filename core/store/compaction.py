"""A new generation from what is there: without the rows that left, or with vectors of other models."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import numpy as np

from vivavoce.core.store.catalogue import Group
from vivavoce.core.store.generations import GenerationStore
from vivavoce.core.store.manifest import Embedding, Manifest
from vivavoce.core.store.vector_index import Matrix
from vivavoce.core.store.view import StoreView

BATCH = 5_000  # rows that are written together

Progress = Callable[[int, int], None]  # records done, records in all
R = TypeVar("R")
VectorsOf = Callable[[Sequence[int], Sequence[Any]], Mapping[str, Matrix]]  # of records, by the rows they had


class Collection(Protocol):
    """A store with the embedders that make its vectors."""

    @property
    def store(self) -> GenerationStore[Any, Any]:
        """Where its records lie."""
        ...

    @property
    def embeddings(self) -> dict[str, Embedding]:
        """What makes vectors, by space."""
        ...

    def vectors_of(self, records: Sequence[Any], spaces: Sequence[str]) -> dict[str, Matrix]:
        """Unit vectors (N, D) of stored records, made now; none of spaces without an embedder. Blocking.

        Raises:
            StoreCorrupt: what they are made from is damaged. ModelError: an embedder cannot be loaded.
        """
        ...


def compact(collection: Collection, progress: Progress | None = None) -> int:
    """Drop the rows that left, and learn the indexes again; how many rows. Blocking.

    Raises:
        StoreError: the collection is damaged, being written, or the disk is full; it is then as it was.
    """
    with collection.store.writing():
        view = collection.store.view()
        if view is None:
            return 0
        groups = _counted(view, progress)
        rewrite(collection.store, view.manifest.embeddings, groups, lambda rows, _: _stored(view, rows, view.spaces))
        return view.state.removed


def reembed(collection: Collection, progress: Progress | None = None) -> int:
    """Make the vectors again that other models made than the collection is opened with; of how many records. Blocking.

    Raises:
        StoreError: the collection is damaged, being written, or the disk is full; it is then as it was.
        ModelError: an embedder cannot be loaded.
    """
    with collection.store.writing():
        view = collection.store.view()
        if view is None:
            return 0
        held, given = view.manifest.embeddings, collection.embeddings
        stale = [space for space in view.spaces if held.get(space, Embedding()) != given[space]]
        if not stale:
            return 0
        kept = [space for space in view.spaces if space not in stale]

        def vectors(rows: Sequence[int], records: Sequence[Any]) -> dict[str, Matrix]:
            return _stored(view, rows, kept) | collection.vectors_of(records, stale)

        rewrite(collection.store, given, _counted(view, progress), vectors)
        return view.count


def rewrite(
    store: GenerationStore[Any, Any], embeddings: dict[str, Embedding], groups: Iterable[Group[Any]], vectors: VectorsOf
) -> None:
    """Write records as a new generation and let it count. Within `GenerationStore.writing`."""

    def fill(manifest: Manifest, catalogue: Any) -> None:  # noqa: ANN401 - the store's own kind
        for batch in _batches(groups):
            rows = [row for group in batch for row in group.rows]
            records = [record for group in batch for record in group.records]
            store.write(manifest, catalogue, records, vectors(rows, records))

    store.start_generation(embeddings, fill)
    store.seal()


def _counted(view: StoreView[Any], progress: Progress | None) -> Iterator[Group[Any]]:
    done = 0
    for group in view.catalogue.groups():
        yield group
        done += len(group.records)
        if progress is not None:
            progress(done, view.count)


def _batches(groups: Iterable[Group[R]]) -> Iterator[list[Group[R]]]:
    batch: list[Group[R]] = []
    size = 0
    for group in groups:
        batch.append(group)
        size += len(group.records)
        if size >= BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _stored(view: StoreView[Any], rows: Sequence[int], spaces: Sequence[str]) -> dict[str, Matrix]:
    """The raw vectors of some rows, in every space that has any."""
    at = np.asarray(rows, np.int64)
    return {space: view.vectors[space][at] for space in spaces if view.vectors[space].shape[1]}
