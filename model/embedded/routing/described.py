"""Tools without examples, found by what they say of themselves: their name, description and parameters.

Likeness of meaning tells which one a request is for, and that talk is for none, better than a language model that is small
enough to be asked each time, and nothing need be read for it when an agent is opened. The embedder reads English; in other
scripts the runs of words and characters count that request and description have in common.
"""

import re
from collections.abc import Sequence
from threading import Lock

import numpy as np

from vivavoce.core.language.stems import are_alike, stem
from vivavoce.core.language.words import IS_CJK, is_in_pairs, words
from vivavoce.core.messages import ToolSpec
from vivavoce.core.protocols import FloatMatrix, TextEmbedder
from vivavoce.model.embedded.routing.router import NO_TOOL, Route, hashed_runs
from vivavoce.model.embedded.routing.sparse import SparseRows
from vivavoce.model.embedded.schemas import first_line, words_of_name
from vivavoce.model.embedded.wording.deeds import does_something
from vivavoce.model.embedded.wording.plain import plain

RUNS_SCALE = 2.0  # likeness by runs lies lower
EMBEDDED = 64  # so many are compared by meaning: those that have the most runs in common
PARTS = re.compile(
    r"(?<=[.?!;])\s+|[。？！；]|,?\s+(?:and|then|also|as well as|plus|or)\s+|,\s+|[，、]|然后|还有|以及", re.IGNORECASE
)
MOST_PARTS, MOST_JOINED = 12, 4
UNDOES = re.compile(
    r"(?:cancel|delete|remove|undo|revoke|withdraw|clear|stop|pause|call off|get rid|take .+ off\b)|取消|删|停|暂停",
    re.IGNORECASE,
)
MOST_TRANSLATED = 64
NAMED = 0.15  # so much more likely is a tool of whose name a word was said
# Stems of words that names of many tools begin with, and that say little by themselves.
COMMON = frozenset(
    (
        "get",
        "set",
        "make",
        "send",
        "find",
        "search",
        "do",
        "add",
        "creat",
        "updat",
        "check",
        "list",
        "show",
        "tell",
        "give",
        "start",
    )
)
LOOKS = re.compile(
    r"(?:gets?|finds?|searche?s?|lists?|checks?|looks?|shows?|tells?|retrieves?|fetche?s?|returns?|reads?|gives?|calculates?|"
    r"computes?|converts?|estimates?|provides?|queries|query|the|an?|information|determines?)\b",
    re.IGNORECASE,
)
LIKE_PART = 0.3  # likeness of a part and a tool that is enough


class DescribedTools:
    """Prepared by `fit`, asked by `route`. Blocking: about 10 ms for each tool that is compared for the first time."""

    def __init__(self, embedder: TextEmbedder) -> None:
        self._embedder = embedder
        self._tools: tuple[ToolSpec, ...] | None = None
        self._names: list[str] = []
        self._texts: list[str] = []
        self._acts: frozenset[str] = frozenset()
        self._undoes: list[bool] = []  # whether a tool says of itself that it stops or takes back something
        self._runs = _runs(())
        self._meanings: dict[str, FloatMatrix] = {}  # of texts that were compared
        self._in_english: dict[str, str] = {}  # requests that were translated, the last ones
        self._comparing = Lock()

    def fit(self, tools: Sequence[ToolSpec]) -> None:
        """Get to know the tools. Of more than `EMBEDDED` the meanings wait until they are asked for."""
        with self._comparing:
            if self._tools == tuple(tools):  # the same specs, turn after turn
                return
            described = [tool for tool in tools if not tool.examples]
            self._names = [tool.name for tool in described]
            self._texts = [_text(tool) for tool in described]
            self._acts = frozenset(tool.name for tool in described if _acts(tool))
            self._undoes = [
                UNDOES.search(f"{_text(tool)} {tool.description} {tool.parameters}") is not None for tool in described
            ]
            self._runs = _runs(self._texts)
            if 0 < len(described) <= EMBEDDED:
                self._compared(self._texts)
            self._tools = tuple(tools)

    def needs_english(self, request: str) -> bool:
        """Whether a request is in Chinese, and a tool is described in English."""
        in_english = [text for text in self._texts if IS_CJK.search(text) is None]
        return bool(in_english) and is_in_pairs(request) and request not in self._in_english

    def read_as(self, request: str, english: str) -> None:
        """Compare a request by its translation from now on."""
        if len(self._in_english) >= MOST_TRANSLATED:
            self._in_english.pop(next(iter(self._in_english)))
        self._in_english[request] = english

    def route(self, request: str, *, acting: bool = True) -> Route:
        """The tool that is most like a request, with its likeness in [-1, 1]; `NO_TOOL` where there is none.

        acting: tools that do something count too.
        """
        request = self._in_english.get(request, request)
        with self._comparing:
            if not self._names or not request.strip():
                return Route(NO_TOOL, 0.0)
            likeness = self._runs.times(_runs([request]).dense())[:, 0]
            near = np.argsort(-likeness, kind="stable")[:EMBEDDED]
            if is_in_pairs(request):
                likeness = RUNS_SCALE * likeness[near]
            else:
                likeness = self._compared([self._texts[at] for at in near]) @ self._embedder.embed([request])[0]
        if UNDOES.match(plain(request)):  # what sets an alarm does not cancel it
            likeness = np.where([self._undoes[at] for at in near], likeness, -1.0)
        if not acting:
            likeness = np.where([self._names[at] in self._acts for at in near], -1.0, likeness)
        best = int((likeness + NAMED * np.array([self._is_named(int(at), request) for at in near])).argmax())
        return Route(self._names[near[best]], float(likeness[best]))

    def acts(self, name: str) -> bool:
        """Whether a tool does something in the world, as far as it says."""
        return name in self._acts

    def is_named(self, name: str, request: str) -> bool:
        """Whether a word of a tool's name was said: "remind me" for set_reminder."""
        return name in self._names and self._is_named(self._names.index(name), request)

    def _is_named(self, at: int, request: str) -> bool:
        own = {stem(word) for word in words_of_name(self._names[at])} - COMMON
        said = {stem(word) for word in words(request)} - COMMON
        return any(one == other or are_alike(one, other) for one in own for other in said)

    def joined(self, request: str) -> list[str]:
        """The tools that parts of a request are for, each part for the nearest."""
        said = self._in_english.get(request, request)
        parts = [part for part in PARTS.split(said) if len(part.split()) > 1 or is_in_pairs(part)]
        routes = map(self.route, parts[:MOST_PARTS])
        names = dict.fromkeys(route.label for route in routes if route.probability >= LIKE_PART)
        return list(names)[:MOST_JOINED]

    def _compared(self, texts: Sequence[str]) -> FloatMatrix:
        """Meanings of one or more texts: (len(texts), dimension)."""
        if new := [text for text in dict.fromkeys(texts) if text not in self._meanings]:
            self._meanings |= zip(new, self._embedder.embed(new), strict=True)
        return np.stack([self._meanings[text] for text in texts])


def _acts(tool: ToolSpec) -> bool:
    """Whether a tool says that it does something; what its description begins with counts for more than its name."""
    said = first_line(tool.description)
    return does_something(said) or (not LOOKS.match(said) and does_something(" ".join(words_of_name(tool.name))))


def _runs(texts: Sequence[str]) -> SparseRows:
    return hashed_runs(texts).of_length(1.0)


def _text(tool: ToolSpec) -> str:
    """What a tool says of itself: "book table: Book a table. people, time"."""
    name, *parameters = (" ".join(words_of_name(name)) for name in (tool.name, *tool.parameters.get("properties", {})))
    return f"{name}: {first_line(tool.description)} {', '.join(parameters)}"
