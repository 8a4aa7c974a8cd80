"""Questions with the places that answer them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, cast, get_args

from vivavoce.core.errors import ConfigError
from vivavoce.core.passage import Passage
from vivavoce.eval.lab.set_files import rows_of

Kind = Literal["answer", "near", "far"]

HOWTO = Path(__file__).with_name("questions_howto.tsv")
CHINESE = Path(__file__).with_name("questions_chinese.tsv")
SPLITS = ("tune", "held_out")
HELD_OUT = "held out"
BETWEEN = " :: "
WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Place:
    """Where an answer stands. document: the end of its source. words: what the passage must hold; "" where any does."""

    document: str
    words: str = ""

    def is_of(self, source: str) -> bool:
        """Whether the document is the right one."""
        return source == self.document or source.replace("\\", "/").endswith(f"/{self.document}")

    def is_in(self, passage: Passage) -> bool:
        """Whether the passage holds the words, however they are spaced, marked up or cased."""
        words = _plain(self.words)
        if not words.isascii():
            words = words.strip()  # where no spaces divide the words, they stand inside a longer run
        return self.is_of(passage.source) and (not self.words or words in _plain(f"{passage.heading} {passage.text}"))


@dataclass(frozen=True, slots=True)
class Question:
    """A question as it is spoken.

    places: each answers it; none where the corpus does not. kind: "answer", or why there is none: "near" is about what the
    corpus is about, "far" is not. held_out: never used to change the search.
    """

    text: str
    places: tuple[Place, ...] = ()
    kind: Kind = "answer"
    held_out: bool = False

    @property
    def has_answer(self) -> bool:
        """Whether the corpus answers it."""
        return bool(self.places)

    def as_facts(self) -> dict[str, Any]:
        """As JSON values; the half is told, so that runs are compared apart by it."""
        return {
            "question": self.text,
            "places": [[place.document, place.words] for place in self.places],
            "kind": self.kind,
            "half": HELD_OUT if self.held_out else "",
        }

    @staticmethod
    def of(facts: Mapping[str, Any]) -> "Question":
        """The question of an item or a result."""
        places = tuple(Place(*place) for place in facts["places"])
        return Question(facts["question"], places, facts["kind"], facts["half"] == HELD_OUT)


def read_questions(path: Path) -> tuple[Question, ...]:
    """The questions of a table.

    A line is set, kind, question and any number of places, divided by tabs; a place is ``end of path :: words``.

    Raises:
        ConfigError: a line has another form; names it.
    """
    return tuple(_question(fields, where) for where, fields in rows_of(path))


def _question(fields: list[str], where: str) -> Question:
    if len(fields) < 3:
        raise ConfigError(f"{where}: {len(fields)} fields instead of 3 or more")
    split, kind, text, *places = fields
    if split not in SPLITS or kind not in get_args(Kind):
        raise ConfigError(f"{where}: set {split!r} or kind {kind!r} is unknown")
    if (kind == "answer") != bool(places):
        raise ConfigError(f"{where}: only a question of the kind 'answer' has places, and it needs one")
    return Question(text, tuple(_place(one, where) for one in places), cast(Kind, kind), split == "held_out")


def _place(text: str, where: str) -> Place:
    document, between, words = text.partition(BETWEEN)
    if not (document and between and words):
        raise ConfigError(
            f"{where}: {text!r} is no place; write the end of a path, '{BETWEEN.strip()}' and words from there"
        )
    return Place(document, words)


@lru_cache(maxsize=4096)
def _plain(text: str) -> str:
    """Words alone, with a space on either side of each."""
    return f" {' '.join(WORD.findall(text.casefold()))} "
