"""Text RAG: passages of the user's documents, with the names of their sources; and where the last answer came from."""

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from pydantic import BaseModel, ConfigDict, Field

from vivavoce.core.calls import current_call
from vivavoce.core.errors import StoreError, ToolFailed
from vivavoce.core.language import sentences
from vivavoce.core.language.words import words
from vivavoce.core.messages import ToolOutput, ToolSpec
from vivavoce.core.passage import Passage, Provenance
from vivavoce.core.protocols import Retriever
from vivavoce.tools.arguments import parse, schema_of
from vivavoce.tools.examples import EXPLAIN, KNOWLEDGE
from vivavoce.tools.saying import say

PASSAGES = 4
ANSWERS = 0.5  # score from which a passage is taken to answer, see `vivavoce.retrieval.search.answerability`
NEAR_BEST = 0.3  # further passages are kept only when nearly as good
MOST_CHARS = 2_400  # of all passages together, about 600 tokens
BEGUN = 16  # searches that are kept ahead of their calls, of all sessions
FRESH_S = 10.0  # how long what was found ahead is taken for what would be found now
FILLERS = frozenset(["please", "um", "uh", "well", "so", "okay", "ok", "hey", "hi", "hello", "now", "then"])
LOCATION = re.compile(r"\b(line|page)s? (\d+)(?:-(\d+))?")
DESCRIPTION = "Search the user's own documents: manuals, guides, rules, handbooks.\n检索用户自己的文档：手册、指南、规则。"
ABOUT_SOURCE = "Tell where the last answer came from: document, page or line.\n说明上一个回答的出处。"
Shorten = Callable[[str, str], str]


class SearchArguments(BaseModel):
    """What is looked for."""

    model_config = ConfigDict(extra="forbid")

    query: str = Field(min_length=1, max_length=4000, description="the question, as the user said it")


class NoArguments(BaseModel):
    """Nothing is asked for."""

    model_config = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True)
class _Begun:
    """A search that runs ahead of its call."""

    started: float
    task: "asyncio.Task[tuple[Sequence[Passage], float]]"  # passages, and when they were found

    @property
    def is_fresh(self) -> bool:
        """Whether it may still be taken up: not too old, and not failed."""
        failed = self.task.done() and (self.task.cancelled() or self.task.exception() is not None)
        return not failed and time.perf_counter() - self.started < FRESH_S


class KnowledgeSearchTool:
    """``knowledge_search`` over a retriever. shorten: (query, text) -> the part of the text that matters.

    Implements `Anticipating`: a search that began with the same words, in any order and without politeness, is taken up.
    """

    def __init__(self, retriever: Retriever, shorten: Shorten | None = None) -> None:
        self._retriever = retriever
        self._shorten = shorten or _whole
        self._begun: OrderedDict[frozenset[str], _Begun] = OrderedDict()
        self.spec = ToolSpec("knowledge_search", DESCRIPTION, schema_of(SearchArguments), KNOWLEDGE, idempotent=True)

    def anticipate(self, heard: str) -> None:
        """See `Anticipating`."""
        key = _same_question(heard)
        begun = self._begun.get(key)
        if not key or (begun is not None and begun.is_fresh):
            return
        self.discard(heard)
        self._begun[key] = _Begun(time.perf_counter(), asyncio.ensure_future(self._timed(heard)))
        while len(self._begun) > BEGUN:
            _, dropped = self._begun.popitem(last=False)
            _drop(dropped)

    def discard(self, heard: str) -> None:
        """See `Anticipating`."""
        begun = self._begun.pop(_same_question(heard), None)
        if begun is not None:
            _drop(begun)

    async def call(self, arguments: str) -> ToolOutput:
        """Passages that answer, best first; an honest no when nothing does."""
        query = parse(arguments, SearchArguments).query
        try:
            found, saved_s = await self._found(query)
        except StoreError as error:
            raise ToolFailed(say(sentences.DOCUMENTS_UNSEARCHABLE)) from error
        answers = [passage for passage in found if passage.score >= ANSWERS]
        if not answers:
            spoken = say(sentences.DOCUMENTS_HAVE_NOTHING)
            return ToolOutput("No document answers that. Say that you do not know.", spoken=spoken, saved_s=saved_s)
        near = [passage for passage in answers if passage.score >= answers[0].score - NEAR_BEST]
        kept = _budgeted(near)
        parts = [f"{passage.label}: {self._shorten(query, passage.text)}" for passage in kept]
        spoken = say(sentences.DOCUMENT_SAYS, title=_cited(kept[0]), text=self._shorten(query, kept[0].text))
        return ToolOutput("\n".join(parts), spoken=spoken, sources=_labels(kept), passages=tuple(kept), saved_s=saved_s)

    async def _found(self, query: str) -> tuple[Sequence[Passage], float]:
        """What a search finds, and the seconds that were saved because it had begun already."""
        begun = self._begun.pop(_same_question(query), None)
        if begun is None or not begun.is_fresh:
            return await self._retriever.search(query, PASSAGES), 0.0
        called = time.perf_counter()
        found, at = await begun.task
        return found, min(at, called) - begun.started

    async def _timed(self, query: str) -> tuple[Sequence[Passage], float]:
        found = await self._retriever.search(query, PASSAGES)
        return found, time.perf_counter()


class ExplainSourceTool:
    """``explain_source``: where the last answer came from."""

    def __init__(self) -> None:
        self.spec = ToolSpec("explain_source", ABOUT_SOURCE, schema_of(NoArguments), EXPLAIN, idempotent=True)

    async def call(self, arguments: str) -> ToolOutput:
        """A sentence that names each source with its place."""
        parse(arguments, NoArguments)
        spoken = " ".join(_explained(current_call().session.provenance)) or say(sentences.NO_SOURCE)
        return ToolOutput(spoken, spoken=spoken, about_last_answer=True)


def _explained(provenance: Sequence[Provenance]) -> list[str]:
    passages = list(dict.fromkeys(known.passage for known in provenance if known.passage is not None))
    said = [say(sentences.SOURCE_IS, title=_named(passage.title), place=_place(passage)) for passage in passages[:2]]
    doubted = [known.sentence for known in provenance if not known.supported and known.treatment != "dropped"]
    if doubted:
        said.append(say(sentences.SOURCE_UNSUPPORTED, sentence=doubted[0]))
    return said


def _cited(passage: Passage) -> str:
    """A passage's document, and its page where it has pages."""
    return _named(passage.title) + (_location(passage) if passage.location.startswith("page") else "")


def _place(passage: Passage) -> str:
    """Where a passage stands, as it is said."""
    part = passage.heading.rpartition(" > ")[2]
    heading = say(sentences.SOURCE_HEADING, heading=part) if part and part != passage.title else ""
    return heading + _location(passage)


def _location(passage: Passage) -> str:
    location = LOCATION.sub(_span, passage.location)
    return say(sentences.SOURCE_LOCATION, location=location) if location else ""


def _span(found: re.Match[str]) -> str:
    kind, first, last = found.groups()
    one, several = (sentences.ONE_LINE, sentences.LINES) if kind == "line" else (sentences.ONE_PAGE, sentences.PAGES)
    return say(one, first=first) if last in (None, first) else say(several, first=first, last=last)


def _drop(begun: _Begun) -> None:
    begun.task.cancel()
    begun.task.add_done_callback(lambda task: task.cancelled() or task.exception())  # nobody waits for its error


def _same_question(text: str) -> frozenset[str]:
    """Questions with the same words find the same passages."""
    return frozenset(words(text)) - FILLERS


def _budgeted(passages: Sequence[Passage]) -> list[Passage]:
    """As many as a small model can read; the first in any case."""
    kept: list[Passage] = []
    left = MOST_CHARS
    for passage in passages:
        if kept and len(passage.text) > left:
            break
        kept.append(replace(passage, text=passage.text[:MOST_CHARS]))
        left -= len(passage.text)
    return kept


def _named(title: str) -> str:
    """A title as it stands in a sentence."""
    has_article = title.lower().startswith(("the ", "a ", "an "))
    return say(sentences.TITLE_WITH_ARTICLE if has_article else sentences.TITLE, title=title)


def _whole(query: str, text: str) -> str:
    return text


def _labels(passages: Sequence[Passage]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(passage.label for passage in passages))
