"""What the agent may know in each arm: which of its tools it has, and what lies in its index."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from vivavoce.agent import Agent
from vivavoce.app.backends import at_home
from vivavoce.app.parts import open_embedder, open_index
from vivavoce.app.wiring import open_agent
from vivavoce.core.errors import ConfigError
from vivavoce.core.passage import Passage
from vivavoce.core.settings import Settings
from vivavoce.eval.hallucination.sets import Question, QuestionSet
from vivavoce.eval.hallucination.web import cassette, closed_web, live, replayed
from vivavoce.eval.hallucination.words import places, words
from vivavoce.eval.retrieval.embeddings import RememberingEmbedder
from vivavoce.eval.retrieval.systems import bm25s_alone
from vivavoce.retrieval.documents.document import Document, Section
from vivavoce.retrieval.index import DocumentIndex
from vivavoce.tools.web_search import Provider, WebSearchTool

KNOWLEDGE = "knowledge_search"
WRONG_AMONG = 20  # nearest passages, of which the first that does not hold the answer misleads
SEARCHED = 5  # passages that retrieval is measured on

CLOSED_WEB = "no recording, so the set's passages in its place, found by BM25 with the query that the model wrote"

Web = Literal["", "recorded", "live"]
Holds = Literal["nothing", "all", "right", "wrong", "others"]


@dataclass(frozen=True, slots=True)
class Arm:
    """What one arm has.

    holds: what the index holds: all passages of the set, the question's own, a wrong one near to the question, or all
    but those of the questions that are asked. about: for the report. web: where the web is searched. look_up: see
    `Settings.look_up`.
    """

    holds: Holds
    about: str
    web: Web = ""
    look_up: Literal["asked", "first", "only"] = "only"

    @property
    def changes(self) -> bool:
        """Whether each question finds another index."""
        return self.holds in ("right", "wrong")


ARMS = {
    "closed-book": Arm("nothing", "no tools: the model's own knowledge"),
    "rag": Arm("all", "document search over all passages of the set; what it does not find is not answered"),
    "oracle": Arm(
        "right", "document search over the right passage alone; the search may still find that it does not answer"
    ),
    "wrong-passage": Arm("wrong", "document search over a near but wrong passage: not to answer is right"),
    "no-answer": Arm("others", "document search over all passages but the right ones: not to answer is right"),
    "web": Arm("nothing", "web search", web="recorded"),
    "rag+web": Arm("all", "document search, and the web where the documents have nothing", web="recorded"),
}
ON_REQUEST = {
    "rag-asked": Arm("all", "as rag, but documents are searched only where a question sounds like it", look_up="asked"),
    "rag-first": Arm("all", "as rag, but what the documents lack is answered from memory", look_up="first"),
    "web-live": Arm("nothing", "web search over the network; it is recorded to be replayed", web="live"),
}


@dataclass(slots=True)
class Room:
    """An agent of one arm with the index it searches. web: what its web is, in words."""

    agent: Agent
    index: DocumentIndex | None
    web: str = ""
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @asynccontextmanager
    async def holding(self, sources: Sequence[str], knowledge: "Knowledge") -> AsyncGenerator[None]:
        """The index holds just these passages meanwhile."""
        async with self._turn:
            if self.index is not None:
                await asyncio.to_thread(_replace, self.index, sources, knowledge)
            yield

    async def found(self, query: str) -> Sequence[Passage]:
        """What a search finds for a question as it was heard; nothing without an index."""
        return await self.index.search(query, SEARCHED) if self.index is not None and query.strip() else ()


class Knowledge:
    """The passages of a set, ready to be put into indexes. cache: where their embeddings are kept from run to run."""

    def __init__(self, questions: QuestionSet, settings: Settings, cache: Path) -> None:
        self.set = questions
        self.embedder = RememberingEmbedder(open_embedder(settings), cache / "embeddings.sqlite3")
        self.documents = {source: Document(questions.title, (Section(text),)) for source, text in questions.passages.items()}
        self._searxng_url = settings.searxng_url
        self._recording = cache / f"{questions.name}.web.jsonl"
        self.search = bm25s_alone(self.documents) if self.documents else None

    async def misleading(self, question: Question) -> tuple[str, ...]:
        """Passages to mislead with: the question's own, or the nearest by its words that does not hold the answer."""
        if question.misleading or self.search is None:
            return question.misleading
        wanted = [words(right) for right in question.right]
        for passage in await self.search(question.text, WRONG_AMONG):
            said = words(passage.text)
            if passage.source not in question.passages and not any(places(one, said) for one in wanted):
                return (passage.source,)
        return ()

    async def sources(self, arm: Arm, question: Question) -> tuple[str, ...]:
        """What the index of an arm that changes holds for a question."""
        return question.passages if arm.holds == "right" else await self.misleading(question)

    def web(self, kind: Web) -> tuple[list[Provider], str]:
        """Who is asked when the web is searched, and what that is in words; nobody where it is not searched.

        Raises:
            ConfigError: the recorded web cannot be read, or there is none and no passages to take its place.
        """
        if not kind:
            return [], ""
        if kind == "live":
            return live(self._searxng_url, self._recording), "searched live, and recorded"
        if self._recording.is_file():
            return [replayed(cassette(self._recording))], f"replayed from {self._recording.name}"
        if self.search is None:
            raise ConfigError(f"{self.set.name} has neither passages nor a recorded web; record one with the arm web-live")
        return [replayed(closed_web(self.search, self.set.title))], CLOSED_WEB

    def fill(self, index: DocumentIndex, sources: Sequence[str]) -> None:
        """Put passages into an index. Blocking."""
        if sources:
            index.put({source: self.documents[source] for source in sources})


@asynccontextmanager
async def open_room(
    arm: Arm, collection: str, knowledge: Knowledge, asked: Sequence[Question], settings: Settings
) -> AsyncGenerator[Room]:
    """An agent of an arm.

    collection: of documents; arms whose index holds the same may share it. asked: all questions of the run. settings: with a
    home of the run's own.

    Raises:
        WeightsError: a model is missing. ConfigError: a setting is wrong. StoreError: the index cannot be written.
    """
    own = settings.changed(embedded__look_up=arm.look_up, collections=collection)
    index = None
    if arm.holds != "nothing":
        index = open_index(at_home(own), knowledge.embedder, collection)
        if not arm.changes and not len(index):
            await asyncio.to_thread(knowledge.fill, index, _lasting(arm, knowledge, asked))
    providers, web = knowledge.web(arm.web)
    tools = [WebSearchTool(providers=providers)] if providers else []
    async with open_agent(own, tools=tools, only=() if index is None else (KNOWLEDGE,)) as agent:
        yield Room(agent, index, web)


def _lasting(arm: Arm, knowledge: Knowledge, asked: Sequence[Question]) -> list[str]:
    """What the index holds for all questions."""
    right = {source for question in asked for source in question.passages} if arm.holds == "others" else set[str]()
    return [source for source in knowledge.documents if source not in right]


def _replace(index: DocumentIndex, sources: Sequence[str], knowledge: Knowledge) -> None:
    held = [document.source for document in index.documents()]
    if held:
        index.remove(*held)
    knowledge.fill(index, sources)
