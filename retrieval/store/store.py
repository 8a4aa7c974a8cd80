"""The index on disk: a collection of `core.store` whose rows are passages."""

from collections.abc import Mapping, Sequence

from vivavoce.core.errors import DocumentError
from vivavoce.core.store.batches import Batch
from vivavoce.core.store.catalogue import Group
from vivavoce.core.store.generations import GenerationStore
from vivavoce.core.store.journal import Commit
from vivavoce.core.store.manifest import Embedding
from vivavoce.core.store.vector_index import Matrix
from vivavoce.retrieval.store.catalogue import Cut, IndexCatalogue
from vivavoce.retrieval.store.records import decode_document, decode_passage, encode
from vivavoce.retrieval.store.view import IndexView


class IndexStore(GenerationStore[IndexView, IndexCatalogue]):
    """One folder. Opening reads nothing; `view` is what a reader sees."""

    view_type = IndexView
    catalogue_type = IndexCatalogue
    reembed = "vivavoce index reembed"

    def batch(
        self, catalogue: IndexCatalogue, records: Sequence[Cut], vectors: Mapping[str, Matrix], gone: Sequence[int]
    ) -> Batch:
        """See `GenerationStore.batch`."""
        heads = [encode(cut.document) for cut in records if cut.passage.ordinal == 0]
        return Batch(records, [encode(cut.passage) for cut in records], lambda: vectors, gone, heads)

    def groups_of(self, commit: Commit) -> list[Group[Cut]]:
        """See `GenerationStore.groups_of`."""
        passages = [decode_passage(line) for line in commit.added]
        groups: list[Group[Cut]] = []
        at = 0
        for document in map(decode_document, commit.heads):
            part = passages[at : at + document.passages]
            groups.append(Group(commit.first + at, [Cut(document, passage) for passage in part]))
            at += document.passages
        return groups

    def commit(
        self,
        cuts: Sequence[Cut],
        vectors: Mapping[str, Matrix],
        embeddings: Mapping[str, Embedding],
        remove: Sequence[str] = (),
    ) -> int:
        """Add whole documents and forget others, in one step; those that are there are replaced. How many were forgotten.

        cuts: passages of documents one after the other. vectors: of the passages, unit (N, D) by space. embeddings: what
        made them.

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
                self.write(manifest, catalogue, cuts, vectors, gone)
            return forgotten


def check(source: str, limit: int = 4_096) -> None:
    """Refuse a document whose name no index can hold.

    Raises:
        DocumentError: it has no name, or one too long or not of this world's characters.
    """
    if not 0 < len(source) <= limit or any("\ud800" <= c <= "\udfff" for c in source):
        raise DocumentError(f"{source[:80]!r} cannot be the name of a document; use 1 to {limit} characters of UTF-8")
