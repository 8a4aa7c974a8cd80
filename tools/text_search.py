"""Text RAG: passages of the user's documents, with the names of their sources."""

from collections.abc import Callable

from pydantic import BaseModel, ConfigDict, Field

from vivavoce.core.messages import ToolOutput, ToolSpec
from vivavoce.core.passage import Passage
from vivavoce.core.protocols import Retriever
from vivavoce.tools.arguments import parse, schema_of
from vivavoce.tools.examples import KNOWLEDGE

PASSAGES = 3
MIN_SCORE = 0.25  # cosine; unrelated questions to a small corpus stay below it
NEAR_BEST = 0.12  # further passages are kept only when nearly as good
DESCRIPTION = "Search the user's own documents: manuals, guides, rules, handbooks.\n检索用户自己的文档：手册、指南、规则。"
Shorten = Callable[[str, str], str]


class SearchArguments(BaseModel):
    """What is looked for."""

    model_config = ConfigDict(extra="forbid")

    query: str = Field(min_length=1, max_length=1000, description="the question, as the user said it")


class KnowledgeSearchTool:
    """``knowledge_search`` over a retriever. shorten: (query, text) -> the part of the text that matters."""

    def __init__(self, retriever: Retriever, shorten: Shorten | None = None) -> None:
        self._retriever = retriever
        self._shorten = shorten or _whole
        self.spec = ToolSpec("knowledge_search", DESCRIPTION, schema_of(SearchArguments), KNOWLEDGE)

    async def call(self, arguments: str) -> ToolOutput:
        """Passages that answer, best first; an honest no when nothing is near."""
        query = parse(arguments, SearchArguments).query
        found = await self._retriever.search(query, PASSAGES)
        if not found or found[0].score < MIN_SCORE:
            nothing = "I could not find anything about that in the documents."
            return ToolOutput("No document says anything about that.", spoken=nothing)
        near = [passage for passage in found if passage.score >= found[0].score - NEAR_BEST]
        parts = [f"{passage.title}: {self._shorten(query, passage.text)}" for passage in near]
        spoken = f"According to {_named(found[0].title)}: {self._shorten(query, found[0].text)}"
        return ToolOutput("\n".join(parts), spoken=spoken, sources=_titles(near))


def _named(title: str) -> str:
    """A title as it stands in a sentence."""
    return title if title.lower().startswith(("the ", "a ", "an ")) else f"the {title}"


def _whole(query: str, text: str) -> str:
    return text


def _titles(passages: list[Passage]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(passage.title for passage in passages))
