"""A piece of a document, as retrieval returns it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Passage:
    """Text with where it stands.

    source: path or address. title: a short name fit to be spoken. location: page or line span. score: cosine
    similarity to the query in [-1, 1].
    """

    text: str
    source: str
    title: str
    location: str = ""
    score: float = 0.0
