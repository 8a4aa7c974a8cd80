"""How well the document index finds passages, what its parts add, and whether its score tells what it cannot answer."""

import asyncio
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np

from vivavoce.app.wiring import open_embedder, open_index
from vivavoce.core.errors import ConfigError
from vivavoce.core.passage import Passage
from vivavoce.core.settings import Settings
from vivavoce.eval.retrieval.corpora import Corpus, chinese, halueval, howto
from vivavoce.eval.retrieval.embeddings import RememberingEmbedder
from vivavoce.eval.retrieval.measures import Asked, Calibration, Searcher, Table, ask_all, calibrate, compare
from vivavoce.eval.retrieval.questions import Question
from vivavoce.retrieval.documents.loading import Document
from vivavoce.retrieval.index import DocumentIndex
from vivavoce.retrieval.search.ranking import SearchOptions
from vivavoce.tools.text_search import ANSWERS

SETS = ("halueval", "howto", "chinese")
HYBRID, RERANKED, ANCHOR = "hybrid", "hybrid, reranked", "bm25s alone"
MODES = ("lexical", "dense", HYBRID)
LOOKED_AT = 50  # passages among which the words of an answer must be when they themselves are searched for
PACKAGES = ("bm25s", "faiss-cpu", "numpy", "torch")

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class SetReport:
    """One corpus and its questions.

    systems: what came of each question, by system. differences: of pairs of systems. lost: answerable questions whose words
    stand in no passage, since the reader of the format or the cutting into passages broke them.
    """

    name: str
    origin: tuple[str, ...]
    documents: int
    passages: int
    systems: dict[str, tuple[Asked, ...]]
    estimates: Table
    differences: Table
    lost: tuple[Question, ...]
    calibration: Calibration | None


@dataclass(frozen=True, slots=True)
class RetrievalReport:
    """All sets. facts: versions and settings that the numbers depend on."""

    sets: tuple[SetReport, ...]
    facts: dict[str, str]


async def measure(
    settings: Settings,
    sets: Sequence[str] = SETS,
    limit: int | None = None,
    progress: Progress = lambda what, done, total: None,
) -> RetrievalReport:
    """Index each set in a folder of its own, as the settings say, and ask its questions of every system.

    limit: most questions of a set, taken evenly; the documents are always all of them. progress: called with what is being
    done, how much of it is done and how much there is.

    Raises:
        ConfigError: there is no such set. WeightsError: the data of a set cannot be fetched. StoreError: the disk refuses.
    """
    if unknown := set(sets) - set(SETS):
        raise ConfigError(f"there is no set {min(unknown)!r}; choose {', '.join(SETS)}")
    cache = settings.home / "cache" / "eval"
    embedder = RememberingEmbedder(open_embedder(settings), cache / "embeddings.sqlite3")
    reports: list[SetReport] = []
    for name in sets:
        progress(f"{name}: fetching", 0, 1)
        corpus = await asyncio.to_thread(_corpus, name, cache)
        with tempfile.TemporaryDirectory() as folder:
            index = open_index(settings.model_copy(update={"home": Path(folder)}), embedder, name)
            rerank = settings.reranker is not None
            reports.append(await measure_set(corpus, index, limit=limit, rerank=rerank, progress=progress))
    chosen = {"embedder": settings.embedder or embedder.id, "reranker": settings.reranker or "none"}
    return RetrievalReport(tuple(reports), chosen | {name: version(name) for name in PACKAGES})


def _corpus(name: str, cache: Path) -> Corpus:
    match name:
        case "halueval":
            return halueval(cache)
        case "howto":
            return howto(cache)
        case _:
            return chinese()


async def measure_set(
    corpus: Corpus, index: DocumentIndex, *, limit: int | None, rerank: bool, progress: Progress
) -> SetReport:
    """One set. index: an empty one. rerank: whether it has a reranker, to be measured too.

    Raises:
        ConfigError: a document was refused, or no question has an answer. StoreError: the disk refuses.
    """
    questions = _evenly(corpus.questions, limit)
    progress(f"{corpus.name}: indexing", 0, 1)
    await asyncio.to_thread(_fill, index, corpus)
    systems = _systems(index, rerank=rerank)
    if corpus.name == "halueval":  # what other systems are known to reach on this set, they reach by this
        systems[ANCHOR] = bm25s_alone(corpus.documents)
    asked = {name: await _ask(f"{corpus.name}: {name}", search, questions, progress) for name, search in systems.items()}
    pairs = [(HYBRID, "dense"), (HYBRID, "lexical"), *([(RERANKED, HYBRID)] if rerank else [])]
    estimates, differences = compare(asked, pairs)
    has_both = any(not question.has_answer for question in questions)
    return SetReport(
        corpus.name,
        corpus.origin,
        sum(1 for _ in index.documents()),
        len(index),
        asked,
        estimates,
        differences,
        await _lost(systems["lexical"], questions),
        calibrate(asked[RERANKED if rerank else HYBRID], ANSWERS) if has_both else None,
    )


def _evenly(questions: Sequence[Question], limit: int | None) -> tuple[Question, ...]:
    if limit is None or limit >= len(questions):
        return tuple(questions)
    return tuple(questions[row] for row in np.linspace(0, len(questions) - 1, limit).round().astype(int))


def _fill(index: DocumentIndex, corpus: Corpus) -> None:
    report = index.add(corpus.files) if corpus.files else index.put(corpus.documents)
    if report.failed:
        path, why = report.failed[0]
        raise ConfigError(f"{len(report.failed)} documents of {corpus.name} were refused; the first is {path}: {why}")


def _systems(index: DocumentIndex, *, rerank: bool) -> dict[str, Searcher]:
    """Every passage counts, however many of a document there are and however alike they are."""
    options = {mode: SearchOptions(mode=mode, per_source=None, distinct=False, rerank=False) for mode in MODES}
    if rerank:
        options[RERANKED] = SearchOptions(mode=HYBRID, per_source=None, distinct=False, rerank=True)
    return {name: partial(_search, index, chosen) for name, chosen in options.items()}


async def _search(index: DocumentIndex, options: SearchOptions, query: str, k: int) -> Sequence[Passage]:
    return await index.search(query, k, options)


async def _ask(what: str, search: Searcher, questions: Sequence[Question], progress: Progress) -> tuple[Asked, ...]:
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        progress(what, done, len(questions))

    return await ask_all(search, questions, step)


async def _lost(lexical: Searcher, questions: Sequence[Question]) -> tuple[Question, ...]:
    lost: list[Question] = []
    for question in questions:
        places = [place for place in question.places if place.words]
        for place in places:
            if any(place.is_in(passage) for passage in await lexical(place.words, LOOKED_AT)):
                break
        else:
            lost += [question] if places else []
    return tuple(lost)


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
