"""The retrieval lab: how well passages are found, what the parts of the search add, and what its score tells.

A question is asked of every system at once. The documents of a set are always all of them; ``limit`` counts questions.
"""

import asyncio
import tempfile
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vivavoce.app.parts import open_embedder, open_index
from vivavoce.core.errors import ConfigError
from vivavoce.core.settings import Settings
from vivavoce.eval.lab.lab import Item, Measure, Options, Result
from vivavoce.eval.lab.page import Page
from vivavoce.eval.retrieval.corpora import CORPORA, Corpus
from vivavoce.eval.retrieval.embeddings import CountingEmbedder, RememberingEmbedder
from vivavoce.eval.retrieval.measures import DEPTH, Asked, judged
from vivavoce.eval.retrieval.questions import Question
from vivavoce.eval.retrieval.report import DOCUMENTS, retrieval_page
from vivavoce.eval.retrieval.systems import ANCHOR, LEXICAL, MODES, RERANKED, Searcher, bm25s_alone, default_of, systems_of
from vivavoce.retrieval.index import DocumentIndex
from vivavoce.tools.text_search import ANSWERS

HALUEVAL = "halueval"  # what other systems are known to reach on this set, they reach by the yardstick
LOOKED_AT = 50  # passages among which the words of an answer must be when they themselves are searched for


def remembering(settings: Settings) -> CountingEmbedder:
    """The product's embedder, whose vectors are kept from run to run."""
    return RememberingEmbedder(open_embedder(settings), settings.home / "cache" / "eval" / "embeddings.sqlite3")


@dataclass(frozen=True, slots=True)
class Subject:
    """An index that holds a corpus, with what searches it. embedder: its id."""

    index: DocumentIndex
    systems: Mapping[str, Searcher]
    embedder: str


class RetrievalLab:
    """Implements `Lab`. corpora: by the names of the sets, each made from a cache. embedder: how it is opened."""

    name = "retrieval"
    parallel = False

    def __init__(
        self,
        corpora: Mapping[str, Callable[[Path], Corpus]] = CORPORA,
        embedder: Callable[[Settings], CountingEmbedder] = remembering,
    ) -> None:
        self.sets = tuple(corpora)
        self._corpora = corpora
        self._embedder = embedder

    def items(self, options: Options) -> Sequence[Item]:
        """See `Lab.items`. Of each set its documents, then its questions."""
        rerank = options.settings.reranker is not None
        return [item for name in options.sets for item in _items(self._corpus(name, options), rerank, options.limit)]

    def _corpus(self, name: str, options: Options) -> Corpus:
        if name not in self._corpora:
            raise ConfigError(f"there is no set {name!r}; choose {', '.join(self._corpora)}")
        return self._corpora[name](options.settings.home / "cache" / "eval")

    @asynccontextmanager
    async def open(self, options: Options, folder: Path) -> AsyncGenerator[Measure]:
        """See `Lab.open`. Each set is indexed in a folder of its own, as the settings say."""
        embedder = self._embedder(options.settings)
        subjects: dict[str, Subject] = {}
        with tempfile.TemporaryDirectory() as home:
            settings = options.settings.changed(home=Path(home))
            for name in options.sets:
                index = open_index(settings, embedder, name)
                corpus = await asyncio.to_thread(self._corpus, name, options)
                subjects[name] = await asyncio.to_thread(_indexed, corpus, index, settings, embedder.id)

            async def measure(item: Item) -> Result:
                subject = subjects[item.facts["set"]]
                return _described(item, subject) if item.facts["kind"] == DOCUMENTS else await _answered(item, subject)

            yield measure

    def page(self, results: Sequence[Result], facts: Mapping[str, Any]) -> Page:
        """See `Lab.page`."""
        return retrieval_page(results)


def _items(corpus: Corpus, rerank: bool, limit: int | None) -> list[Item]:
    rows = _evenly(len(corpus.questions), limit)
    if not any(corpus.questions[row].has_answer for row in rows):
        raise ConfigError(f"{corpus.name} has no question with an answer to measure on; add some")
    names = _names(corpus, rerank)
    facts = {"set": corpus.name, "kind": DOCUMENTS, "origin": list(corpus.origin), "systems": names}
    documents = Item(f"{corpus.name}/{DOCUMENTS}", DOCUMENTS, facts, {})
    return [documents, *(_question_item(corpus, row, names) for row in rows)]


def _names(corpus: Corpus, rerank: bool) -> list[str]:
    """The systems that are asked, in order."""
    return [*MODES, *([RERANKED] if rerank else []), *([ANCHOR] if corpus.name == HALUEVAL else [])]


def _evenly(count: int, limit: int | None) -> Sequence[int]:
    """Both ends and what lies between, which is how the questions of the published figures were chosen."""
    if limit is None or limit >= count:
        return range(count)
    return [int(row) for row in np.linspace(0, count - 1, limit).round()]


def _question_item(corpus: Corpus, row: int, systems: Sequence[str]) -> Item:
    question, name = corpus.questions[row], f"{corpus.name}/{row}"
    worst = _scores({system: Asked.of(question, None) for system in systems})
    return Item(name, name, {"set": corpus.name, **question.as_facts()}, worst)


def _indexed(corpus: Corpus, index: DocumentIndex, settings: Settings, embedder: str) -> Subject:
    """Blocking.

    Raises:
        ConfigError: a document was refused. StoreError: the disk refuses.
    """
    report = index.add(corpus.files) if corpus.files else index.put(corpus.documents)
    if report.failed:
        path, why = report.failed[0]
        raise ConfigError(f"{len(report.failed)} documents of {corpus.name} were refused; the first is {path}: {why}")
    systems = systems_of(index, rerank=settings.reranker is not None)
    if corpus.name == HALUEVAL:
        systems[ANCHOR] = bm25s_alone(corpus.documents)
    return Subject(index, systems, settings.embedder or embedder)


def _described(item: Item, subject: Subject) -> Result:
    """The documents of a set, as they lie in the index."""
    documents = sum(1 for _ in subject.index.documents())
    record = {"documents": documents, "passages": len(subject.index), "embedder": subject.embedder}
    return Result(item.id, item.cluster, item.facts, {}, "indexed", record=record)


async def _answered(item: Item, subject: Subject) -> Result:
    """What every system finds for a question."""
    question = Question.of(item.facts)
    asked = {name: judged(question, await search(question.text, DEPTH)) for name, search in subject.systems.items()}
    lost = await _is_lost(subject.systems[LEXICAL], question)
    record = {"systems": {name: one.as_record() for name, one in asked.items()}, "lost": lost}
    scores = _scores(asked)
    verdict = "right" if default_of(asked).is_right else "wrong"
    if not question.has_answer:
        verdict = "refused" if scores["refused"] else "answered"
    return Result(item.id, item.cluster, item.facts, scores, verdict, record=record)


def _scores(asked: Mapping[str, Asked]) -> dict[str, float]:
    """The measures of every system; of a question without an answer, whether the search that users have refuses it."""
    default = default_of(asked)
    if not default.question.has_answer:
        return {"refused": float(default.score < ANSWERS)}
    return {f"{name}: {measure}": value for name, one in asked.items() for measure, value in one.measures.items()}


async def _is_lost(lexical: Searcher, question: Question) -> bool:
    """Whether the words of every answer stand in no passage: the reader of the format or the cutting broke them."""
    places = [place for place in question.places if place.words]
    for place in places:
        if any(place.is_in(passage) for passage in await lexical(place.words, LOOKED_AT)):
            return False
    return bool(places)
