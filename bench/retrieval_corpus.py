"""Made-up passages by the million, questions about passages, an index to ask, and what an exact search finds."""

import hashlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vivavoce.core.passage import Passage
from vivavoce.core.protocols import TextEmbedder
from vivavoce.core.store.vector_index import Matrix, Rows, Vector
from vivavoce.retrieval.index import DocumentIndex
from vivavoce.retrieval.search.ranking import MOST_WORDS, WORDS_WEIGHT, Mode, SearchOptions
from vivavoce.retrieval.store.catalogue import Cut
from vivavoce.retrieval.store.records import DocumentRecord, PassageRecord, embedded_text
from vivavoce.retrieval.store.view import SPACE, IndexView
from vivavoce.retrieval.words import COMMON, K1, PAIRS, B, bm25, idf, lexemes
from vivavoce.vectors.faiss_index import FaissIndexes

DIMENSION, HITS = 384, 10
KINDS: dict[Mode, str] = {"hybrid": "both", "dense": "vectors", "lexical": "words"}  # what is searched by
PER_DOCUMENT = 10  # passages
FIELDS, TOPICS, TOPIC_WORDS = 100, 2_000, 100
VOCABULARY = 200_000
SYLLABLES = [consonant + vowel for consonant in "bcdfghjklmnpqrstvwxz" for vowel in "aou"]
LENGTHS = (35, 66)  # words of a passage
OF_TOPIC = 0.3  # share of a passage's words that its topic chooses
TITLE = 2  # words
# Shares of the variance that a vector has in common with all others, with its field, its topic, its document, and its own.
# With them 8,000 passages are as near to questions as MiniLM has it on HaluEval-QA (their own 0.64, any 0.04), and to find
# their ten nearest by an inverted file is about as hard.
SHARES = (0.06, 0.25, 0.22, 0.18, 0.29)
QUERY_NOISE = 1.2  # beside a passage's vector of length one
AGREEMENT = 1e-4  # of two ways to compute the same score


@dataclass(frozen=True, slots=True)
class Queries:
    """What is asked: texts, their vectors (Q, D), and the row of the passage each was made from."""

    texts: list[str]
    vectors: Matrix
    origins: Rows

    def save(self, path: Path) -> None:
        """For other processes."""
        np.savez(path, texts=np.array(self.texts), vectors=self.vectors, origins=self.origins)

    @classmethod
    def load(cls, path: Path) -> "Queries":
        """What was saved."""
        held = np.load(path)
        return cls(held["texts"].tolist(), held["vectors"], held["origins"])


class Prepared:
    """An embedder that gives the vectors (N, D) it was handed before; without any, those of a real one, whom it times."""

    def __init__(self, model: str) -> None:
        self.id, self.dimension = model, DIMENSION
        self.real: TextEmbedder | None = None
        self.vectors: Matrix | None = None
        self.spent_s = 0.0

    def embed(self, texts: Sequence[str]) -> Matrix:
        """See `TextEmbedder.embed`."""
        if self.vectors is not None:
            return self.vectors
        if self.real is None:
            raise RuntimeError("no vectors were prepared")
        start = time.perf_counter()
        found = self.real.embed(texts)
        self.spent_s += time.perf_counter() - start
        return found


class Hashing:
    """A cheap embedder: each text gets a vector that means nothing; or a real one's. It counts texts."""

    id, dimension = "made-up", DIMENSION

    def __init__(self) -> None:
        self.real: TextEmbedder | None = None
        self.texts = 0

    def embed(self, texts: Sequence[str]) -> Matrix:
        """See `TextEmbedder.embed`."""
        self.texts += len(texts)
        if self.real is not None:
            return self.real.embed(texts)
        seeds = [int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") for text in texts]
        return unit(np.stack([np.random.default_rng(seed).standard_normal(DIMENSION) for seed in seeds]))


class Asked:
    """An index that is asked by texts with vectors; also one of the compared systems, once for each mode."""

    def __init__(self, folder: Path, model: str, mode: Mode = "hybrid") -> None:
        self.embedder = Prepared(model)
        self.index = DocumentIndex(folder, self.embedder, large=FaissIndexes())
        self.name = f"document index, {KINDS[mode]}"
        self._options = {True: SearchOptions(mode=mode), False: SearchOptions(mode=mode, distinct=False)}

    @property
    def view(self) -> IndexView:
        """What is committed; there must be something."""
        view = self.index.store.view()
        if view is None:
            raise FileNotFoundError(f"{self.index.store.folder} holds no index; delete it and start again")
        return view

    def search(self, text: str, vector: Vector) -> Any:
        """As a user asks it."""
        return self.find(text, vector)

    def find(self, text: str, vector: Vector, *, distinct: bool = True) -> list[Passage]:
        """As a user asks it, or with what an answer says twice."""
        self.embedder.vectors = vector[None]
        return self.index.find(text, HITS, self._options[distinct])

    def rows(self, found: Any) -> set[int]:
        """The rows of an answer's passages."""
        catalogue, rows = self.view.catalogue, set[int]()
        for passage in found:
            document = catalogue.document(passage.source)
            rows |= {document[0] + passage.ordinal} if document else set()
        return rows


def unit(rows: NDArray[Any]) -> Matrix:
    """Rows of length one."""
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


# Made-up passages


def make_passages(count: int, first: int) -> tuple[list[Cut], Matrix]:
    """Whole documents of ``count`` passages from row ``first`` on, and their vectors; the same for the same arguments."""
    rng = np.random.default_rng([first, 1])
    topics = rng.integers(TOPICS, size=count // PER_DOCUMENT)
    cuts: list[Cut] = []
    for number, topic in enumerate(topics.tolist(), first // PER_DOCUMENT):
        texts = [_text(rng, topic, int(rng.integers(*LENGTHS))) for _ in range(PER_DOCUMENT)]
        title = _text(rng, topic, TITLE)
        record = DocumentRecord(f"made-up/{number:07d}.txt", title, PER_DOCUMENT, f"{number:064x}")
        start = 0
        for ordinal, text in enumerate(texts):
            cuts.append(Cut(record, PassageRecord(text, "", "", (start, start + len(text)), ordinal)))
            start += len(text) + 1
    return cuts, _vectors(rng, topics)


def make_queries(view: IndexView, count: int) -> Queries:
    """Six to ten words of a passage in their order, some rare and some common, and two of no passage; a vector near it."""
    rng = np.random.default_rng(5)
    rows = np.sort(rng.choice(view.state.rows, count, replace=False))
    records = view.catalogue.passages(rows.tolist())
    texts: list[str] = []
    for row in rows.tolist():
        words = records[row][1].text.split(" ")
        taken = np.sort(rng.choice(len(words), int(rng.integers(6, 11)), replace=False))
        texts.append(" ".join([*(words[at] for at in taken.tolist()), *_words(rng, 2)]))
    noise = unit(_shaped(rng, count))
    order = rng.permutation(count)
    vectors = unit(view.vectors[SPACE][rows] + QUERY_NOISE * noise)
    return Queries([texts[at] for at in order.tolist()], vectors[order], rows[order])


def _text(rng: np.random.Generator, topic: int, length: int) -> str:
    words = _words(rng, length)
    of_topic = np.flatnonzero(rng.random(length) < OF_TOPIC)
    chosen = rng.integers(TOPIC_WORDS, size=of_topic.size)
    for at, word in zip(of_topic.tolist(), chosen.tolist(), strict=True):
        words[at] = _vocabulary()[_topic_words()[topic, word]]
    return " ".join(words)


def _words(rng: np.random.Generator, count: int) -> list[str]:
    """Words as often as Zipf's law has it."""
    vocabulary = _vocabulary()
    return [vocabulary[rank] for rank in np.searchsorted(_zipf(), rng.random(count)).tolist()]


@cache
def _zipf() -> NDArray[np.float64]:
    """The share of words up to each rank; the last is 1."""
    shares = np.cumsum(1.0 / np.arange(1, VOCABULARY + 1))
    return shares / shares[-1]


@cache
def _vocabulary() -> list[str]:
    """Words by rank: English function words, then words of three syllables, which a stemmer leaves apart."""
    common = sorted(word for word in COMMON if word.isascii())
    size, made = len(SYLLABLES), list[str]()
    # A stride that shares no divisor with the number of words, so that neighbours in rank do not look alike.
    for number in range(VOCABULARY - len(common)):
        code = number * 100_003 % size**3
        made.append(SYLLABLES[code // size**2] + SYLLABLES[code // size % size] + SYLLABLES[code % size])
    return common + made


@cache
def _topic_words() -> NDArray[np.int64]:
    """(topics, words): some rarer, some commoner."""
    ranks = 100 * (VOCABULARY / 200) ** np.random.default_rng(9).random((TOPICS, TOPIC_WORDS))
    return ranks.astype(np.int64)


@cache
def _basis() -> NDArray[np.float32]:
    """(D, D): directions in which MiniLM's vectors vary, with about the spectrum that it shows on HaluEval-QA."""
    rotation = np.linalg.qr(np.random.default_rng(7).standard_normal((DIMENSION, DIMENSION)))[0]
    place = np.arange(1, DIMENSION + 1)
    variances = place**-0.4 * np.exp(-place / 120)
    return (np.sqrt(variances / variances.sum())[:, None] * rotation).astype(np.float32)


def _shaped(rng: np.random.Generator, count: int) -> NDArray[np.float32]:
    """Points of about unit length, (N, D)."""
    return rng.standard_normal((count, DIMENSION), np.float32) @ _basis()


@cache
def _centres() -> NDArray[np.float32]:
    """(topics, D), with what all vectors have in common."""
    rng = np.random.default_rng(8)
    common, fields, topics = unit(rng.standard_normal((1, DIMENSION))), _shaped(rng, FIELDS), _shaped(rng, TOPICS)
    within = fields[rng.integers(FIELDS, size=TOPICS)]
    return np.sqrt(SHARES[0]) * common + np.sqrt(SHARES[1]) * within + np.sqrt(SHARES[2]) * topics


def _vectors(rng: np.random.Generator, topics: Rows) -> Matrix:
    """(N, D): of the passages of documents with such topics."""
    documents = _centres()[topics] + np.sqrt(SHARES[3]) * _shaped(rng, topics.size)
    own = np.sqrt(SHARES[4]) * _shaped(rng, topics.size * PER_DOCUMENT)
    return unit(np.repeat(documents, PER_DOCUMENT, axis=0) + own)


def texts_of(view: IndexView) -> Iterator[str]:
    """What is embedded and searched of each passage, in the order of the rows."""
    for group in view.catalogue.groups():
        yield from (embedded_text(cut.document, cut.passage) for cut in group.records)


# What an exact search finds


class Scan:
    """Ranks every passage by the search's own score. One pass over all texts notes where the words of all queries stand."""

    def __init__(self, view: IndexView, queries: Sequence[str]) -> None:
        self._view = view
        self._lexical = {query: lexemes(query)[:MOST_WORDS] for query in queries}
        words = {word for lexical in self._lexical.values() for word in lexical}
        pairs = {pair for lexical in self._lexical.values() for pair in pairwise(lexical)}
        self._lengths = np.zeros(view.state.rows, np.int32)
        self._counts: dict[Any, dict[int, int]] = {term: {} for term in (*words, *pairs)}
        for first in range(0, view.state.rows, 10_000):
            texts = view.catalogue.lexemes(range(first, min(first + 10_000, view.state.rows)))
            for row, text in texts.items():
                self._read(row, text, words, pairs)

    def _read(self, row: int, text: Sequence[str], words: set[str], pairs: set[tuple[str, str]]) -> None:
        self._lengths[row], before = len(text), ""
        for word in text:
            if word in words:
                for term in (word, (before, word)):
                    if term in pairs or term is word:
                        rows = self._counts[term]
                        rows[row] = rows.get(row, 0) + 1
            before = word

    def best(self, query: str, vector: Vector, k: int = HITS) -> set[int]:
        """The ``k`` best rows.

        Raises:
            RuntimeError: the search's functions give them another score.
        """
        view, lexical = self._view, self._lexical[query]
        holding = view.catalogue.holding(list(dict.fromkeys(lexical)))
        weights = {word: idf(view.count, held) for word, held in holding.items()}
        cosines, words = view.vectors[SPACE] @ vector, self._words(lexical, weights)
        scores = cosines + WORDS_WEIGHT * words
        rows = np.argpartition(-scores, 2 * k)[: 2 * k]
        rows = rows[np.lexsort((rows, -cosines[rows], -scores[rows]))][:k]
        texts = view.catalogue.lexemes(rows.tolist())
        told = bm25([texts[row] for row in rows.tolist()], weights, lexical, view.mean_length)
        if not np.allclose(told, words[rows], atol=AGREEMENT):
            raise RuntimeError("the exact scan and the search rank by different scores; bring them together again")
        return set(rows.tolist())

    def _words(self, lexical: Sequence[str], weights: dict[str, float]) -> Vector:
        """BM25 of every passage as `bm25` has it, (R,)."""
        norms = K1 * (1.0 - B + B * self._lengths / max(self._view.mean_length, 1.0))
        terms: dict[Any, float] = dict(weights)
        for one, two in pairwise(lexical):
            if one in weights and two in weights:
                terms[one, two] = PAIRS * (weights[one] + weights[two]) / 2
        sums = np.zeros(norms.size)
        for term, weight in terms.items():
            rows = np.fromiter(self._counts[term], np.int64)
            n = np.fromiter(self._counts[term].values(), np.float64)
            sums[rows] += weight * n * (K1 + 1.0) / (n + norms[rows])
        return (sums / ((K1 + 1.0) * max(sum(weights.values()), 1e-6))).astype(np.float32)


def nearest(view: IndexView, queries: Matrix, k: int = HITS) -> list[set[int]]:
    """The rows of the ``k`` true nearest vectors for each query (Q, D)."""
    found: list[set[int]] = []
    for query in queries:
        cosines = view.vectors[SPACE] @ query
        found.append(set(np.argpartition(-cosines, k)[:k].tolist()))
    return found
