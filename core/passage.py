"""A piece of a document, as retrieval returns it."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Passage:
    """Text with where it stands.

    source: path or address. title: of the document, short enough to be spoken. location: page or line span, such as
    "page 3" or "lines 4-9". heading: the headings above it, outermost first, joined by " > ". span: offsets of its first
    character and behind its last in the document's text. ordinal: its place among the document's passages. before,
    after: its neighbours' texts, where they were asked for. score: how well it answers the query, in [0, 1].
    """

    text: str
    source: str
    title: str
    location: str = ""
    score: float = 0.0
    heading: str = ""
    span: tuple[int, int] = (0, 0)
    ordinal: int = 0
    before: str = ""
    after: str = ""

    @property
    def label(self) -> str:
        """Where it stands, short enough to be spoken."""
        return f"{self.title}, {self.location}" if self.location.startswith("page") else self.title


@dataclass(frozen=True, slots=True)
class Grounding:
    """Whether passages support a sentence.

    support: in [0, 1]. passage: index of the one that supports it best, -1 where there is none. why: what is missing, ""
    where it is supported.
    """

    support: float
    passage: int
    supported: bool
    why: str = ""


Treatment = Literal["said", "hedged", "dropped"]


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a sentence of an answer rests on. passage: None where nothing supports it. treatment: what became of it."""

    sentence: str
    passage: Passage | None
    support: float
    supported: bool
    why: str = ""
    treatment: Treatment = "said"
