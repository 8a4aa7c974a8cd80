"""The repair of an index: a document comes back whole or is lost."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

from vivavoce.core.errors import StoreError
from vivavoce.core.store.repair import Lost, RepairReport, Salvage, best_salvage, rebuild
from vivavoce.retrieval.index import DocumentIndex
from vivavoce.retrieval.store.catalogue import IndexCatalogue
from vivavoce.retrieval.upkeep.verify import verify

UNTOLD = "is damaged in the catalogue and the journal; add it again"


def repair(index: DocumentIndex) -> RepairReport:
    """Make an index whole. Nothing is written where nothing is wrong. Blocking.

    Raises:
        StoreCorrupt: another version wrote it; it is left alone.
        StoreError: the index is being written, or the disk is full; it is then as it was.
        ModelError: vectors must be made again and the embedder cannot be loaded.
    """
    with index.store.writing():
        index.store.check_layout()
        if not any(finding.damage for finding in verify(index)):
            return RepairReport(kept=sum(1 for _ in index.documents()))
        salvage = best_salvage(index.store)
        lost = tuple(_lost(salvage))
        made_again = rebuild(index, salvage, salvage.groups)
        return RepairReport(len(salvage.groups), made_again, lost)


def _lost(salvage: Salvage) -> Iterator[Lost]:
    """Documents that cannot be brought back."""
    there, sources = {group.first for group in salvage.groups}, _sources(salvage)
    if salvage.listed.whole:
        firsts = sorted(sources)
        owners = Counter(firsts[at - 1] if (at := bisect_right(firsts, row)) else -1 for row in salvage.untold_rows)
        yield from ((sources[first], UNTOLD) for first in owners if first not in there and first >= 0)
        if nameless := sum(count for first, count in owners.items() if first in there or first < 0):
            yield f"documents of {nameless} passages", "are damaged in the catalogue and the journal; add them again"
        return
    yield from ((name, UNTOLD) for first, name in sources.items() if first not in there | salvage.written.removed)
    if not salvage.groups and not salvage.written.whole:
        yield str(salvage.folder), "neither its catalogue nor its journal can be read; add the documents again"
    elif not salvage.written.whole:
        last = salvage.groups[-1].records[0].document.source
        yield f"what came after {last}", "cannot be told any more; add again what is missing"


def _sources(salvage: Salvage) -> dict[int, str]:
    """Of all documents that the catalogue still names, by their first rows."""
    with suppress(StoreError):
        catalogue = IndexCatalogue(salvage.folder / "catalogue.sqlite")
        try:
            return catalogue.sources_by_first()
        finally:
            catalogue.close()
    return {}
