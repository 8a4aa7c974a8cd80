"""The calls that a step needs, with arguments that were stated; or the question for what was not."""

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from vivavoce.core.messages import ToolCall, ToolSpec
from vivavoce.model.embedded.choosing.arguments import copied_argument, said_arguments
from vivavoce.model.embedded.choosing.asking import question
from vivavoce.model.embedded.choosing.described import DescribedTools
from vivavoce.model.embedded.choosing.grounding import Grounded, grounded
from vivavoce.model.embedded.choosing.spans import SpanFinder, SpanFinders
from vivavoce.model.embedded.choosing.stated import Stated
from vivavoce.model.embedded.choosing.writing import CallWriter, WrittenCall

# What may join several wishes. Where none of it stands, a single call is written.
JOINS = re.compile(
    r"\b(?:and|then|also|both|as well|plus|or|respectively|followed by|repeat|same)\b|[;,；，、]|[.?!]\s+\w"
    r"|[和跟与及]|还有|以及|然后|再",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Calls:
    """calls: to be made. question: what has to be known before, "" where nothing has."""

    calls: tuple[ToolCall, ...] = ()
    question: str = ""
    missing: tuple[str, str] | None = None


class Caller:
    """Makes calls of tools with examples from what those teach, of others from what they say of themselves."""

    def __init__(self, described: DescribedTools, finders: SpanFinders, writer: CallWriter, language: str) -> None:
        self._described = described
        self._finders = finders
        self._writer = writer
        self._language = language

    async def calls(
        self, tool: ToolSpec, request: str, tools: Sequence[ToolSpec], earlier: Mapping[str, Any] | None = None
    ) -> Calls:
        """Calls of a tool, or of several where the request joins wishes that tools without examples are for.

        earlier: arguments of the call that this one follows; they hold where nothing else is said.

        Raises:
            ModelError: the language model failed.
        """
        if not tool.parameters.get("properties"):
            return Calls((ToolCall.new(tool.name, "{}"),))
        if tool.examples:
            return self._checked([await self._taught(tool, request)], earlier or {})
        stated = Stated(request)
        written = await self._written(tool, request, tools)
        return self._checked([self._grounded(call, stated) for call in written], earlier or {})

    async def _written(self, tool: ToolSpec, request: str, tools: Sequence[ToolSpec]) -> list[WrittenCall]:
        if JOINS.search(request):
            names = await asyncio.to_thread(self._described.joined, request)
            candidates = [one for one in tools if one.name in {tool.name, *names}]
            if written := await self._writer.several(candidates, request):
                return written
        return [await self._writer.one(tool, request)]

    async def _taught(self, tool: ToolSpec, request: str) -> "_Candidate":
        """A call of a tool with examples."""
        if key := copied_argument(tool):
            return _Candidate(tool, {key: request})
        finder = await asyncio.to_thread(self._finders.of, tool)
        said = said_arguments(finder, tool, request)
        if said is not None:
            return _Candidate(tool, said)
        return _corrected(self._grounded(await self._writer.one(tool, request), Stated(request)), finder, request)

    def _grounded(self, call: WrittenCall, stated: Stated) -> "_Candidate":
        if not isinstance(call.arguments, dict):
            return _Candidate(call.tool, call.arguments)
        found: Grounded = grounded(call.arguments, call.tool.name, call.tool.parameters, stated)
        return _Candidate(call.tool, dict(found.arguments), found.missing)

    def _checked(self, candidates: Sequence["_Candidate"], earlier: Mapping[str, Any]) -> Calls:
        calls: list[ToolCall] = []
        for one in candidates:
            missing = next((key for key in one.missing if key not in earlier), None)
            if missing is not None:
                return Calls(question=question(one.tool, missing, self._language), missing=(one.tool.name, missing))
            arguments = {**earlier, **one.arguments} if isinstance(one.arguments, dict) else one.arguments
            calls.append(ToolCall.new(one.tool.name, _as_json(arguments)))
        distinct = {(call.name, call.arguments): call for call in calls}
        return Calls(tuple(distinct.values()))


@dataclass(frozen=True, slots=True)
class _Candidate:
    tool: ToolSpec
    arguments: Any
    missing: tuple[str, ...] = field(default=())


def _corrected(call: _Candidate, finder: SpanFinder, request: str) -> _Candidate:
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
    free = [key for key in call.missing if key not in kept and key not in finder.parameters and _is_text(call.tool, key)]
    kept |= dict.fromkeys(free, request)
    required = call.tool.parameters.get("required", ())
    return _Candidate(call.tool, kept, tuple(key for key in required if key not in kept))


def _is_text(tool: ToolSpec, key: str) -> bool:
    about = tool.parameters["properties"].get(key)
    return isinstance(about, Mapping) and about.get("type") == "string" and "enum" not in about


def _as_json(arguments: Any) -> str:  # noqa: ANN401 - any JSON, or a text that is none
    """Arguments as JSON; half a character, which nothing after this could write, becomes a question mark."""
    if isinstance(arguments, str):
        return arguments
    return json.dumps(arguments, ensure_ascii=False).encode("utf-8", "replace").decode()
