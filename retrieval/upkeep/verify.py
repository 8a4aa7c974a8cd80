"""Whether an index is whole, file by file."""

from collections import Counter

from vivavoce.core.errors import StoreCorrupt
from vivavoce.core.store.verify import Finding, findings
from vivavoce.retrieval.index import DocumentIndex
from vivavoce.retrieval.store.records import embedded_text
from vivavoce.retrieval.store.view import IndexView
from vivavoce.retrieval.words import lexemes


def verify(index: DocumentIndex) -> list[Finding]:
    """Everything that is wrong with an index; nothing is changed. Blocking.

    Raises:
        StoreError: the index cannot be read at all, as by missing rights.
    """
    return findings(index.store, _count)


def _count(view: IndexView) -> int:
    """Passages, each read and compared with its checksum, and with the words that are told of it."""
    holding: Counter[str] = Counter()
    count = total = 0
    for group in view.catalogue.groups():
        source = group.records[0].document.source if group.records else f"row {group.first}"
        if not group.records or len(group.records) != group.records[0].document.passages:
            raise StoreCorrupt(f"{source} lacks passages; {view.catalogue.advice}")
        told = view.catalogue.lexemes(group.rows)
        for row, cut in zip(group.rows, group.records, strict=True):
            words = lexemes(embedded_text(cut.document, cut.passage))
            if told.get(row) != words:
                raise StoreCorrupt(f"the words of {source} are told wrongly; {view.catalogue.advice}")
            holding.update(set(words))
            total += len(words)
        count += len(group.records)
    if view.catalogue.total_lexemes() != total or view.catalogue.all_holding() != holding:
        raise StoreCorrupt(f"{view.catalogue.path} counts words wrongly; {view.catalogue.advice}")
    return count
