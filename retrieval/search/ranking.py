"""Search over one committed state: candidates by meaning and by words, both ranked over all of them, fused, thinned out."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from vivavoce.core.language.words import is_in_pairs
from vivavoce.core.passage import Passage
from vivavoce.core.store.vector_index import Mask, Rows, Vector
from vivavoce.retrieval.search.answerability import Evidence, absent_names, answerability, coverage
from vivavoce.retrieval.store.records import DocumentRecord, PassageRecord
from vivavoce.retrieval.store.view import SPACE, IndexView
from vivavoce.retrieval.words import bm25, idf, lexemes

Mode = Literal["hybrid", "dense", "lexical"]
Fusion = Literal["scores", "ranks"]
NEAREST = 120  # candidates by meaning
WORDY = 400  # candidates by words
READ = 100  # of all candidates, those whose texts are read: the best by what is known of them without
POSTINGS = 30_000  # of the rarest words that candidates are found by; commoner words only rank them
MOST_WORDS = 40  # of a query
WORDS_WEIGHT = 1.0  # of the words beside the cosine: more suits questions that quote, less those that paraphrase
WIDEN, WIDEST = 8, 64  # how many times as many candidates are looked at where too few are left
KEPT_FILTERS = 16  # whose rows are remembered
FEWEST = 100  # passages; of fewer, the words that one of them shares with the question would seem to tell nothing
ABSENT_AMONG = 4  # passages among which names of a question are looked for
RANK_OFFSET = 60  # of reciprocal rank fusion (Cormack, Clarke and Buettcher 2009)
RERANKED = 20  # candidates that a reranker reads
SAME = 0.97  # cosine from which two passages say the same
WORD = re.compile(r"\w+")
DEEP = 8  # candidates per wanted hit that are read when some of them are left out


class Reranker(Protocol):
    """Reads query and passage together."""

    def score(self, query: str, texts: Sequence[str]) -> Vector:
        """How well each text (N,) answers; higher is better, of any scale. Blocking."""
        ...


@dataclass(frozen=True, slots=True)
class PassageFilters:
    """Exact conditions on documents; all that are set must be met.

    source: pattern of the path or address, such as ``*/manuals/*.pdf``. metadata: values by key as the loader found
    them, such as kind "pdf".
    """

    source: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])

    def met_by(self, document: DocumentRecord) -> bool:
        """Whether a document meets them."""
        known = {"title": document.title, **document.metadata}
        return (not self.source or fnmatchcase(document.source, self.source)) and all(
            known.get(key, "").casefold() == value.casefold() for key, value in self.metadata.items()
        )


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """How to search.

    fusion: of meaning and words by a weighted sum of their scores (Bruch, Gai and Ingber 2023), or by reciprocal ranks,
    which suits embedders whose cosines lie elsewhere. per_source: most passages of one document. distinct: leave out
    passages that say what an earlier one says. diversity: of maximal marginal relevance (Carbonell and Goldstein 1998),
    0 ranks by relevance alone, 1 by novelty alone. neighbours: bring the passages before and after. rerank: let the
    index's reranker, if it has one, read the best candidates.
    """

    mode: Mode = "hybrid"
    fusion: Fusion = "scores"
    filters: PassageFilters | None = None
    per_source: int | None = None
    distinct: bool = True
    diversity: float = 0.0
    neighbours: bool = False
    rerank: bool = True


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for. meaning: its embedding (D,), None for a lexical search."""

    text: str
    meaning: Vector | None
    k: int
    options: SearchOptions


@dataclass(frozen=True, slots=True)
class _Candidates:
    """rows (N,), best first, with what they were ranked by: cosines, and BM25 as a share of its most."""

    rows: Rows
    cosines: Vector
    words: Vector

    def picked(self, order: NDArray[np.int64]) -> "_Candidates":
        return _Candidates(self.rows[order], self.cosines[order], self.words[order])


def find(view: IndexView, query: Query, reranker: Reranker | None = None) -> list[Passage]:
    """The ``k`` best passages, best first; their scores say how well they answer."""
    found = find_with_evidence(view, query, reranker)
    return [replace(passage, score=answerability(evidence)) for passage, evidence in found]


def find_with_evidence(view: IndexView, query: Query, reranker: Reranker | None = None) -> list[tuple[Passage, Evidence]]:
    """The same, with what their scores are made of."""
    allowed = _allowed(view, query.options.filters)
    asked = lexemes(query.text)[:MOST_WORDS]
    weights = _weights(view, asked)
    chosen, texts, records = _looked_at(view, query, asked, weights, allowed, reranker)
    documents = view.catalogue.documents_at([records[row][0] for row in chosen.rows.tolist()])
    telling = weights if view.count >= FEWEST else _weights(view, asked, FEWEST)
    absent = absent_names(query.text, [texts[row] for row in chosen.rows.tolist()[:ABSENT_AMONG]])
    found: list[tuple[Passage, Evidence]] = []
    for row, cosine in zip(chosen.rows.tolist(), chosen.cosines.tolist(), strict=True):
        first, record = records[row]
        if first in documents:
            passage = record.passage(documents[first])
            if query.options.neighbours:
                passage = _with_neighbours(view, passage, row, first)
            known = cosine if query.meaning is not None else None
            found.append((passage, Evidence(known, coverage(texts[row], telling), absent, is_in_pairs(query.text))))
    return found


def _looked_at(
    view: IndexView,
    query: Query,
    asked: Sequence[str],
    weights: Mapping[str, float],
    allowed: Mask,
    reranker: Reranker | None,
) -> tuple[_Candidates, dict[int, list[str]], dict[int, tuple[int, PassageRecord]]]:
    """The chosen rows, and of all candidates their lexemes and records by row."""
    wider = 1
    while True:
        ranked, texts = _ranked(view, query, asked, weights, allowed, wider)
        records = view.catalogue.passages(ranked.rows.tolist())
        there = np.array([row in records for row in ranked.rows.tolist()], bool)  # a writer may just have taken one out
        ranked = ranked.picked(np.flatnonzero(there))
        if reranker is not None and query.options.rerank and ranked.rows.size:
            ranked = _reranked(ranked, query, records, reranker)
        chosen = _chosen(view, query, ranked, records)
        if chosen.rows.size >= query.k or ranked.rows.size < wider * NEAREST or wider >= WIDEST:
            return chosen, texts, records
        wider *= WIDEN  # thinning out left too few; there may be more further down


def _allowed(view: IndexView, filters: PassageFilters | None) -> Mask:
    """(R,) rows that may be found."""
    if filters is None:
        return view.alive

    def work_out() -> Mask:
        allowed = np.zeros(view.state.rows, bool)
        for first, document in view.catalogue.documents():
            if filters.met_by(document):
                allowed[first : first + document.passages] = True
        return allowed & view.alive

    key = (filters.source, tuple(sorted(filters.metadata.items())))
    return view.remembered("allowed", key, work_out, KEPT_FILTERS)


def _weights(view: IndexView, words: Sequence[str], fewest: int = 0) -> dict[str, float]:
    """The words of a query with what they tell, those that no passage holds among them, rarest first.

    fewest: passages that there are at least, for what words tell.
    """
    holding = view.catalogue.holding(list(dict.fromkeys(words)))
    rarest_first = sorted(dict.fromkeys(words), key=lambda word: (holding.get(word, 0), word))
    return {word: idf(max(view.count, fewest), holding.get(word, 0)) for word in rarest_first}


def _ranked(
    view: IndexView, query: Query, asked: Sequence[str], weights: Mapping[str, float], allowed: Mask, wider: int
) -> tuple[_Candidates, dict[int, list[str]]]:
    """Candidates, best first, and their lexemes by row."""
    mode = query.options.mode
    found: list[Rows] = []
    if query.meaning is not None and mode != "lexical":
        found.append(view.index(SPACE).search(query.meaning, wider * max(query.k, NEAREST), allowed)[0])
    holding, sums = (np.zeros(0, np.int64), np.zeros(0, np.float32)) if mode == "dense" else _holding(view, weights, allowed)
    found.append(holding[_highest(sums, wider * max(query.k, WORDY))])
    rows = np.unique(np.concatenate(found))
    cosines = np.zeros(rows.size, np.float32)
    if query.meaning is not None:
        told = view.index(SPACE).cosines(query.meaning, rows)
        cosines = np.clip(np.nan_to_num(told), -1.0, 1.0)  # damaged vectors may hold any number
    guess = _scores(query.options, cosines, _at(rows, holding, sums / (sum(weights.values()) or 1.0)))
    best = _highest(guess, wider * max(query.k, READ))
    rows, cosines = rows[best], cosines[best]
    read = view.catalogue.lexemes(rows.tolist())
    texts = {row: read.get(row, []) for row in rows.tolist()}
    words = bm25(list(texts.values()), weights, asked, view.mean_length)
    scores = _scores(query.options, cosines, words)
    return _Candidates(rows, cosines, words).picked(np.lexsort((rows, -cosines, -scores))), texts


def _scores(options: SearchOptions, cosines: Vector, words: Vector) -> Vector:
    """What candidates (N,) are ranked by."""
    alone = {"dense": cosines, "lexical": words}.get(options.mode)
    return _fused(cosines, words, options.fusion) if alone is None else alone


def _highest(values: Vector, count: int) -> NDArray[np.int64]:
    """Positions of the highest of values (N,), at most ``count``, in no order."""
    if count >= values.size:
        return np.arange(values.size)
    return np.argpartition(-values, count)[:count]


def _at(rows: Rows, known: Rows, values: Vector) -> Vector:
    """The values of rows (N,), both sorted; 0 where none is known."""
    if known.size == 0:
        return np.zeros(rows.size, np.float32)
    places = np.minimum(np.searchsorted(known, rows), known.size - 1)
    return np.where(known[places] == rows, values[places], 0.0).astype(np.float32)


def _fused(cosines: Vector, words: Vector, fusion: Fusion) -> Vector:
    """One score of two (N,)."""
    if fusion == "scores":
        return (cosines + WORDS_WEIGHT * words).astype(np.float32)
    ranks = 1.0 / (RANK_OFFSET + _ranks(cosines)) + 1.0 / (RANK_OFFSET + _ranks(words))
    return ranks.astype(np.float32)


def _holding(view: IndexView, weights: Mapping[str, float], allowed: Mask) -> tuple[Rows, Vector]:
    """The rows that hold some of a query's rare words, ascending, and what the words that each holds tell together."""
    postings: list[Rows] = []
    tells: list[Vector] = []
    read = 0
    for word, weight in weights.items():
        if postings and read >= POSTINGS:
            break
        rows = view.catalogue.rows_with(word)
        rows = rows[rows < allowed.size]
        rows = rows[allowed[rows]]
        postings.append(rows)
        tells.append(np.full(rows.size, weight, np.float32))
        read += rows.size
    if not postings:
        return np.zeros(0, np.int64), np.zeros(0, np.float32)
    rows, places = np.unique(np.concatenate(postings), return_inverse=True)
    return rows, np.bincount(places, np.concatenate(tells), rows.size).astype(np.float32)


def _ranks(scores: Vector) -> NDArray[np.int64]:
    """The place of each score (N,), from 1; equal scores share the better place."""
    ordered = np.sort(-scores)
    return np.searchsorted(ordered, -scores, side="left") + 1


def _reranked(
    ranked: _Candidates, query: Query, records: Mapping[int, tuple[int, PassageRecord]], reranker: Reranker
) -> _Candidates:
    """The best candidates in the reranker's order, the others behind them."""
    head = ranked.rows[:RERANKED].tolist()
    scores = reranker.score(query.text, [records[row][1].text for row in head])
    order = np.argsort(-scores, kind="stable")
    return ranked.picked(np.concatenate([order, np.arange(len(head), ranked.rows.size)]))


def _chosen(
    view: IndexView, query: Query, ranked: _Candidates, records: Mapping[int, tuple[int, PassageRecord]]
) -> _Candidates:
    """The first ``k`` that are allowed beside those before them."""
    options, taken = query.options, list[int]()
    pool = list(range(ranked.rows.size if options.per_source is not None else min(ranked.rows.size, DEEP * query.k)))
    vectors = view.vectors[SPACE]
    per_source: dict[int, int] = {}
    said: set[tuple[str, ...]] = set()
    alike = np.zeros(len(pool), np.float32)  # to the nearest that was taken
    relevance = np.linspace(1.0, 0.0, len(pool), dtype=np.float32) if pool else alike
    while pool and len(taken) < query.k:
        at = pool[0]  # the most relevant
        if options.diversity:
            at = max(pool, key=lambda i: (1.0 - options.diversity) * relevance[i] - options.diversity * alike[i])
        pool.remove(at)
        row = int(ranked.rows[at])
        first, record = records[row]
        words = tuple(WORD.findall(record.text.casefold())) or (record.text,)
        if options.per_source is not None and per_source.get(first, 0) >= options.per_source:
            continue
        if options.distinct and (alike[at] >= SAME or words in said):
            continue
        taken.append(at)
        said.add(words)
        per_source[first] = per_source.get(first, 0) + 1
        if (options.distinct or options.diversity) and vectors.shape[1]:
            near = vectors[ranked.rows[: alike.size]] @ vectors[row]
            alike = np.maximum(alike, near)
    return ranked.picked(np.array(taken, np.int64))


def _with_neighbours(view: IndexView, passage: Passage, row: int, first: int) -> Passage:
    """The same with the texts beside it in its document."""
    beside = view.catalogue.passages([at for at in (row - 1, row + 1) if at >= 0])
    texts = {at: record.text for at, (document, record) in beside.items() if document == first}
    return replace(passage, before=texts.get(row - 1, ""), after=texts.get(row + 1, ""))
