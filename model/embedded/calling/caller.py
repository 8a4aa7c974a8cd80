"""The calls that a step needs, with arguments that were stated; or the question for what was not."""

import asyncio
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from vivavoce.core.messages import LMDelta, TextDelta, ToolCall, ToolSpec
from vivavoce.model.embedded.calling.asking import question
from vivavoce.model.embedded.calling.grounding import Grounded, grounded, without_unstated
from vivavoce.model.embedded.calling.stated import Stated
from vivavoce.model.embedded.calling.writing import CallWriter, WrittenCall
from vivavoce.model.embedded.routing.arguments import copied_argument, said_arguments
from vivavoce.model.embedded.routing.described import DescribedTools
from vivavoce.model.embedded.routing.spans import SpanFinder, SpanFinders
from vivavoce.model.embedded.schemas import properties_of, required_of
from vivavoce.model.embedded.wording.parts import parts_of, wishes_of

# What may join several wishes. Where none of it stands, a single call is written.
JOINS = re.compile(
    r"\b(?:and|then|also|both|as well|plus|or|respectively|followed by|repeat|same)\b|[;,；，、]|[.?!]\s+\w"
    r"|[和跟与及]|还有|以及|然后|再",
    re.IGNORECASE,
)
MOST_CALLS = 8
NOTHING_KNOWN: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Calls:
    """calls: to be made. question: what has to be known before, "" where nothing has. missing: tool and parameter of it."""

    calls: tuple[ToolCall, ...] = ()
    question: str = ""
    missing: tuple[str, str] | None = None

    @property
    def is_bare(self) -> bool:
        """Whether nothing that was said is in it, so that only the likeness of its tool speaks for it."""
        return not self.question and all(call.arguments == "{}" for call in self.calls)

    @property
    def deltas(self) -> list[LMDelta]:
        """As a model says it."""
        return [*self.calls, *([TextDelta(self.question)] if self.question else [])]


class Caller:
    """Makes calls of tools with examples from what those teach, of others from what they say of themselves."""

    def __init__(self, described: DescribedTools, finders: SpanFinders, writer: CallWriter, language: str) -> None:
        self._described = described
        self._finders = finders
        self._writer = writer
        self._language = language

    async def calls(
        self, tool: ToolSpec, request: str, tools: Sequence[ToolSpec], known: Mapping[str, Any] = NOTHING_KNOWN
    ) -> Calls:
        """Calls of a tool, or of several where the request joins wishes that tools without examples are for.

        known: arguments that hold where the request says nothing else.

        Raises:
            ModelError: the language model failed.
        """
        if not tool.parameters.get("properties"):
            return Calls((ToolCall.new(tool.name, "{}"),))
        if tool.examples:
            return self._checked([await self._taught(tool, request, known)], request, known)
        return self._checked(await self._written(tool, request, tools), request, known)

    async def completed(self, tool: ToolSpec, said: Sequence[str], given: Mapping[str, Any] = NOTHING_KNOWN) -> Calls:
        """Calls of a tool that was asked for in the first of these texts, and described further in the others.

        given: arguments that are certain already.

        Raises:
            ModelError: the language model failed.
        """
        first, *more = (text.strip().rstrip(".。!！") for text in said)
        written = await self._written(tool, first, [tool], more)
        return self._checked([one.of(tool, given) for one in written], first, given)

    async def _written(
        self, tool: ToolSpec, request: str, tools: Sequence[ToolSpec], more: Sequence[str] = ()
    ) -> list["_Candidate"]:
        wishes = [". ".join([wish, *more]) for wish in wishes_of(request)]
        if len(wishes) > 1:
            written = [(await self._writer.one(without_unstated(tool, Stated(said)), said), said) for said in wishes]
        else:
            written = [(call, wishes[0]) for call in await self._joined(tool, request, wishes[0], tools)]
        whole = {one.name: one for one in tools}
        return [self._grounded(call, Stated(said)).of(whole[call.tool.name]) for call, said in written]

    async def _joined(self, tool: ToolSpec, request: str, said: str, tools: Sequence[ToolSpec]) -> list[WrittenCall]:
        """The calls of a request which may join several wishes, with what was said further of them."""
        stated = Stated(said)
        if joins := len(JOINS.findall(request)):
            names = await asyncio.to_thread(self._described.joined, request)
            candidates = [without_unstated(one, stated) for one in tools if one.name in {tool.name, *names}]
            if written := await self._writer.several(candidates, said, min(joins + 1, MOST_CALLS)):
                return written
        return [await self._writer.one(without_unstated(tool, stated), said)]

    async def _taught(self, tool: ToolSpec, request: str, known: Mapping[str, Any]) -> "_Candidate":
        """A call of a tool with examples."""
        if key := copied_argument(tool):
            return _Candidate(tool, {key: request})
        finder = await asyncio.to_thread(self._finders.of, tool)
        said = said_arguments(finder, tool, request, known)
        if said is not None:
            return _Candidate(tool, said)
        written = self._grounded(await self._writer.one(tool, request), Stated(request))
        return _corrected(written, finder, request, known)

    def _grounded(self, call: WrittenCall, stated: Stated) -> "_Candidate":
        if not isinstance(call.arguments, dict):
            return _Candidate(call.tool, call.arguments)
        found: Grounded = grounded(call.arguments, call.tool.name, call.tool.parameters, stated)
        return _Candidate(call.tool, dict(found.arguments), found.missing)

    def _checked(self, candidates: Sequence["_Candidate"], request: str, known: Mapping[str, Any]) -> Calls:
        lacks = [next((key for key in one.missing if key not in known), None) for one in candidates]
        complete = [one for one, lack in zip(candidates, lacks, strict=True) if lack is None]
        asks_twice = len(parts_of(request)) > 1
        whole = [one.tool for one in complete]
        for one, lack in zip(candidates, lacks, strict=True):
            if lack and (not complete or (asks_twice and one.tool not in whole)):
                return Calls(question=question(one.tool, lack, self._language), missing=(one.tool.name, lack))
        calls: list[_Candidate] = []
        for one in complete:
            if one.says_more(calls) or (asks_twice and one.tool not in [call.tool for call in calls]):
                calls.append(one)
        return Calls(tuple(call.call(known) for call in calls or complete[:1]))


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A call as it was written. missing: required parameters that were not stated."""

    tool: ToolSpec
    arguments: Any
    missing: tuple[str, ...] = ()

    def of(self, tool: ToolSpec, given: Mapping[str, Any] = NOTHING_KNOWN) -> "_Candidate":
        """The same of the whole tool, of which only some parameters were shown. given: arguments that are certain."""
        return replace(
            self, tool=tool, arguments={**self.arguments, **given} if isinstance(self.arguments, dict) else self.arguments
        )

    def call(self, known: Mapping[str, Any]) -> ToolCall:
        if not isinstance(self.arguments, dict):
            return ToolCall.new(self.tool.name, str(self.arguments))
        own = {key: value for key, value in known.items() if key in properties_of(self.tool.parameters)}
        return ToolCall.new(self.tool.name, _as_json({**own, **self.arguments}))

    def says_more(self, earlier: Sequence["_Candidate"]) -> bool:
        """Whether it holds a value that no call before it does: small models write on when all is written."""
        known = {value for one in earlier for value in _values(one.arguments)}
        return not set(_values(self.arguments)) <= known


def _values(arguments: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON
    """The single values of arguments, in one form; a share is what it is per cent."""
    match arguments:
        case dict():
            yield from (value for one in arguments.values() for value in _values(one))
        case list():
            yield from (value for one in arguments for value in _values(one))
        case float() if 0 < arguments < 1:
            yield from (f"{arguments:.9g}", f"{arguments * 100:.9g}")
        case int() | float() if not isinstance(arguments, bool):
            yield f"{arguments:.9g}"
        case _:
            yield str(arguments).lower()


def _corrected(call: _Candidate, finder: SpanFinder, request: str, known: Mapping[str, Any]) -> _Candidate:
    """What was found in the utterance counts; of the rest no word may belong to the question.

    A text that examples do not take word by word from what was said, such as words to search with, is the request itself.
    """
    if not isinstance(call.arguments, dict):
        return call
    found = finder.find(request)
    kept = {
        key: value
        for key, value in call.arguments.items()
        if not (key in finder.parameters and key not in found and finder.is_context(str(value)))
    }
    kept |= found
    free = [
        key
        for key in call.missing
        if not (key in kept or key in known) and key not in finder.parameters and _is_text(call.tool, key)
    ]
    kept |= dict.fromkeys(free, request)
    required = required_of(call.tool.parameters)
    return _Candidate(call.tool, kept, tuple(key for key in required if key not in kept))


def _is_text(tool: ToolSpec, key: str) -> bool:
    about = properties_of(tool.parameters).get(key, {})
    return about.get("type") == "string" and "enum" not in about


def _as_json(arguments: Mapping[str, Any]) -> str:
    """Arguments as JSON; half a character, which nothing after this could write, becomes a question mark."""
    return json.dumps(arguments, ensure_ascii=False).encode("utf-8", "replace").decode()
