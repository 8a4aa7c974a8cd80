"""What questions are asked of: the ways of the index to search, and a yardstick beside them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from vivavoce.core.passage import Passage
from vivavoce.retrieval.documents.loading import Document
from vivavoce.retrieval.index import DocumentIndex
from vivavoce.retrieval.search.ranking import SearchOptions

LEXICAL, DENSE, HYBRID = "lexical", "dense", "hybrid"
RERANKED, ANCHOR = "hybrid, reranked", "bm25s alone"
MODES = (LEXICAL, DENSE, HYBRID)

T = TypeVar("T")
Searcher = Callable[[str, int], Awaitable[Sequence[Passage]]]


def default_of(systems: Mapping[str, T]) -> T:
    """What belongs to the search that users have."""
    return systems[RERANKED if RERANKED in systems else HYBRID]


def systems_of(index: DocumentIndex, *, rerank: bool) -> dict[str, Searcher]:
    """By name. Every passage counts, however many of a document there are and however alike they are."""
    options = {mode: SearchOptions(mode=mode, per_source=None, distinct=False, rerank=False) for mode in MODES}
    if rerank:
        options[RERANKED] = SearchOptions(mode=HYBRID, per_source=None, distinct=False, rerank=True)
    return {name: partial(_search, index, chosen) for name, chosen in options.items()}


async def _search(index: DocumentIndex, options: SearchOptions, query: str, k: int) -> Sequence[Passage]:
    return await index.search(query, k, options)


def bm25s_alone(documents: Mapping[str, Document]) -> Searcher:
    """The library with its own tokenizer and its defaults, as a yardstick: BM25 in Lucene's form, English stop words."""
    import bm25s

    sources = list(documents)
    texts = [" ".join(section.text for section in documents[source].sections) for source in sources]
    index = bm25s.BM25()
    index.index(bm25s.tokenize(texts, show_progress=False), show_progress=False)

    async def search(query: str, k: int) -> Sequence[Passage]:
        words = bm25s.tokenize(query, return_ids=False, show_progress=False)
        rows, scores = index.retrieve(words, k=min(k, len(texts)), show_progress=False)
        return [
            Passage(texts[row], sources[row], "", score=float(s)) for row, s in zip(rows[0], scores[0], strict=True) if s
        ]

    return search
