"""Indexes that cost nothing to fill, and what a reader sees of one."""

from support.word_embedder import WordEmbedder

from vivavoce.core.errors import StoreCorrupt
from vivavoce.retrieval.documents.loading import Document, Section
from vivavoce.retrieval.index import DocumentIndex


def document(name, *texts):
    """A document of several passages, each under a heading of its own."""
    starts = [sum(len(text) + 2 for text in texts[:at]) for at in range(len(texts))]
    sections = [
        Section(text, headings=(f"part {at}",), start=start)
        for at, (text, start) in enumerate(zip(texts, starts, strict=True))
    ]
    return Document(name, tuple(sections), {"kind": "txt"})


def small_index(folder, embedder="words-1"):
    return DocumentIndex(folder, WordEmbedder(embedder))


def filled(folder, count=3):
    index = small_index(folder)
    index.put({f"doc-{n}": document(f"Doc {n}", f"alpha {n} begins", f"beta {n} goes on") for n in range(count)})
    return index


def contents(index):
    """Every document with its passages."""
    return {record.source: (record, tuple(index.document(record.source)[1])) for record in index.documents()}


def state_of(folder):
    """What a reader sees: the models and every document, or that there is something to repair."""
    index = small_index(folder)
    try:
        seen = index.store.view()
        return (seen.manifest.embeddings["passage"].model, contents(index)) if seen else ("", {})
    except StoreCorrupt as error:
        assert "run `vivavoce index repair`" in str(error)
        return ("to repair", {})
