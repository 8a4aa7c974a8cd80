"""What an index writes down of documents and passages: canonical JSON, the same bytes for the same record."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from vivavoce.core.errors import StoreCorrupt
from vivavoce.core.passage import Passage

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class DocumentRecord:
    """A document of the index.

    source: path or address. title: short enough to be spoken. passages: how many it was cut into. sha256: of the file.
    size, mtime_ns: of the file when it was read, 0 for what never was one. metadata: what its loader found.
    """

    source: str
    title: str
    passages: int
    sha256: str
    size: int = 0
    mtime_ns: int = 0
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class PassageRecord:
    """A passage without what its document tells of it; see `Passage`."""

    text: str
    location: str
    heading: str
    span: tuple[int, int]
    ordinal: int

    @classmethod
    def of(cls, passage: Passage) -> "PassageRecord":
        """What is written down of a passage."""
        return cls(passage.text, passage.location, passage.heading, passage.span, passage.ordinal)

    def passage(self, document: DocumentRecord, score: float = 0.0) -> Passage:
        """The passage again."""
        return Passage(
            self.text, document.source, document.title, self.location, score, self.heading, self.span, self.ordinal
        )


def embedded_text(document: DocumentRecord, passage: PassageRecord) -> str:
    """What the embedder and the lexical search read of a passage."""
    above = passage.heading if passage.heading.startswith(document.title) else f"{document.title}. {passage.heading}"
    above = above.strip(". ")
    return f"{above}. {passage.text}" if above else passage.text


def encode(record: DocumentRecord | PassageRecord) -> str:
    """One line of canonical JSON."""
    return json.dumps(asdict(record), ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def decode_document(text: str) -> DocumentRecord:
    """The record of a line.

    Raises:
        StoreCorrupt: it is none.
    """
    return _decoded(text, _documents())


def decode_passage(text: str) -> PassageRecord:
    """The record of a line.

    Raises:
        StoreCorrupt: it is none.
    """
    return _decoded(text, _passages())


def _decoded(text: str, adapter: TypeAdapter[T]) -> T:
    try:
        return adapter.validate_json(text)
    except ValidationError as error:
        raise StoreCorrupt(f"a record of the index is damaged ({error.error_count()} wrong fields)") from error


@cache
def _documents() -> TypeAdapter[DocumentRecord]:
    return TypeAdapter(DocumentRecord)


@cache
def _passages() -> TypeAdapter[PassageRecord]:
    return TypeAdapter(PassageRecord)
