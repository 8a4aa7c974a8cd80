"""The index on disk: a collection of `core.store` whose rows are passages."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from vivavoce.core.errors import DocumentError
from vivavoce.core.store.batches import Batch, append
from vivavoce.core.store.catalogue import State
from vivavoce.core.store.generations import GenerationStore
from vivavoce.core.store.manifest import Embedding, Manifest
from vivavoce.core.store.vector_index import Matrix
from vivavoce.retrieval.store.catalogue import Cut, IndexCatalogue
from vivavoce.retrieval.store.records import encode
from vivavoce.retrieval.store.view import SPACE, IndexView


class IndexStore(GenerationStore[IndexView, IndexCatalogue]):
    """One folder. Opening reads nothing; `view` is what a reader sees."""

    spaces = (SPACE,)
    catalogue_type = IndexCatalogue
    reembed = "vivavoce index reembed"

    def _opened(self, manifest: Manifest, folder: Path) -> IndexView:
        return IndexView.open(manifest, folder, self.row_files(folder, manifest.embeddings), self.large)

    def _caught_up(self, view: IndexView, state: State) -> IndexView:
        return view.caught_up(state, self.row_files(view.folder, view.manifest.embeddings))

    def commit(
        self, cuts: Sequence[Cut], vectors: Matrix, embeddings: Mapping[str, Embedding], remove: Sequence[str] = ()
    ) -> int:
        """Add whole documents and forget others, in one step; those that are there are replaced. How many were forgotten.

        cuts: passages of documents one after the other. vectors: of the passages, unit (N, D).

        Raises:
            StoreError: another process keeps writing, the disk is full, or the vectors are of another model.
        """
        with self.writing():
            manifest = self.manifest_for(embeddings, wanted=bool(cuts))
            if manifest is None:
                return 0
            catalogue = self.writable(manifest)
            replaced = [cut.document.source for cut in cuts if cut.passage.ordinal == 0]
            gone: list[int] = []
            forgotten = 0
            for source in dict.fromkeys([*remove, *replaced]):
                if (found := catalogue.document(source)) is not None:
                    first, document = found
                    gone += range(first, first + document.passages)
                    forgotten += source in remove
            if cuts or gone:
                self.write(self.generation_folder(manifest), manifest, catalogue, cuts, vectors, gone)
            return forgotten

    def write(
        self,
        folder: Path,
        manifest: Manifest,
        catalogue: IndexCatalogue,
        cuts: Sequence[Cut],
        vectors: Matrix,
        gone: Sequence[int] = (),
    ) -> None:
        """Append whole documents to a generation, and take rows out. Within `writing`."""
        batch = Batch(
            items=cuts,
            lines=[encode(cut.passage) for cut in cuts],
            columns=lambda: {SPACE: vectors} if vectors.shape[1] else {},
            gone=gone,
            heads=[encode(cut.document) for cut in cuts if cut.passage.ordinal == 0],
        )
        append(folder, manifest.embeddings, self.row_files(folder, manifest.embeddings), catalogue, batch)


def check(source: str, limit: int = 4_096) -> None:
    """Refuse a document whose name no index can hold.

    Raises:
        DocumentError: it has no name, or one too long or not of this world's characters.
    """
    if not 0 < len(source) <= limit or any("\ud800" <= c <= "\udfff" for c in source):
        raise DocumentError(f"{source[:80]!r} cannot be the name of a document; use 1 to {limit} characters of UTF-8")


def no_vectors(count: int) -> Matrix:
    """For passages of an index without an embedder."""
    return np.zeros((count, 0), np.float32)
