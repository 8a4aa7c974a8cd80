"""The calls that a step needs, with arguments that were stated; or the question for what was not."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from vivavoce.core.messages import LMDelta, TextDelta, ToolCall, ToolSpec
from vivavoce.model.embedded.calling.asking import question
from vivavoce.model.embedded.calling.candidates import NOTHING_KNOWN, Candidate, for_all_named
from vivavoce.model.embedded.calling.changing import repeated
from vivavoce.model.embedded.calling.grounding import Grounded, grounded, without_unstated
from vivavoce.model.embedded.calling.stated import Stated
from vivavoce.model.embedded.calling.writing import CallWriter, WrittenCall
from vivavoce.model.embedded.routing.arguments import copied_argument, said_arguments
from vivavoce.model.embedded.routing.described import LIKE_PART, DescribedTools
from vivavoce.model.embedded.routing.spans import SpanFinder, SpanFinders
from vivavoce.model.embedded.schemas import properties_of, required_of
from vivavoce.model.embedded.wording.changes import once_more
from vivavoce.model.embedded.wording.parts import parts_of, wishes_of

# What may join several wishes. Where none of it stands, a single call is written.
JOINS = re.compile(
    r"\b(?:and|then|also|both|as well|plus|or|respectively|followed by|repeat|same)\b|[;；，、]|,\s+(?=[a-z])|[.?!]\s+\w"
    r"|[和跟与及]|还有|以及|然后|再",
    re.IGNORECASE,
)
# What certainly begins another wish.
FOLLOWS = re.compile(r"\b(?:then|also|finally|as well as|plus)\b|然后|还有|另外|最后", re.IGNORECASE)
# A part with such a word is understood only beside the others.
LEANS = re.compile(
    r"\b(?:it|its|that|this|there|them|they|those|these|same|instead|he|she|his|her|him|their|another|one|ones|again|repeat|"
    r"both|each|other|two)\b|[它他她那这]|一样|再|另",
    re.IGNORECASE,
)
MOST_CALLS = 8


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
    ) -> list[Candidate]:
        """Calls of the wishes in a request, read apart where they can be. more: what was said further."""
        if not more and (repeated_calls := await self._once_more(tool, request, tools)):
            return repeated_calls
        if len(wishes := wishes_of(request)) > 1:
            return [call for wish in wishes for call in await self._read(tool, wish, [tool], more)]
        parts = [] if more else await asyncio.to_thread(self._apart, request, tools)
        written = [call for one, part in parts for call in await self._read(one, part, [one])]
        if not written or any(call.missing for call in written):  # what a part lacks may stand in another
            written = await self._read(tool, request, tools, more)
        return written

    async def _once_more(self, tool: ToolSpec, request: str, tools: Sequence[ToolSpec]) -> list[Candidate]:
        """Calls of a request that asks for the same again: "find a cafe in Bonn, and do the same for Ulm"; else none."""
        again = once_more(request)
        if again is None or not again[0]:
            return []
        first, others = again
        calls = await self._written(tool, first, tools)
        if not all(isinstance(call.arguments, dict) for call in calls):
            return []
        repetitions = [
            replace(call, arguments=arguments)
            for call in calls
            for arguments in repeated(call.tool, call.arguments, others, first)
        ]
        return [*calls, *repetitions] if repetitions else []

    def _apart(self, request: str, tools: Sequence[ToolSpec]) -> list[tuple[ToolSpec, str]]:
        """Parts of a request that can be read by themselves, each with its tool; none where one leans on another."""
        parts = [request[slice(*span)] for span in parts_of(request)]
        if len(parts) < 2 or any(LEANS.search(part) for part in parts):
            return []
        routes = [self._described.route(part) for part in parts]
        by_name = {one.name: one for one in tools}
        if any(route.probability < LIKE_PART or route.label not in by_name for route in routes):
            return []
        return [(by_name[route.label], part) for route, part in zip(routes, parts, strict=True)]

    async def _read(
        self, tool: ToolSpec, request: str, tools: Sequence[ToolSpec], more: Sequence[str] = ()
    ) -> list[Candidate]:
        """Calls as they are written, less what was not stated."""
        said = ". ".join([request, *more])
        stated = Stated(said)
        written: list[WrittenCall] = []
        if joins := len(JOINS.findall(request)):
            names = await asyncio.to_thread(self._described.joined, request)
            candidates = [without_unstated(one, stated) for one in tools if one.name in {tool.name, *names}]
            least = min(1 + max(1, len(FOLLOWS.findall(request))), MOST_CALLS)
            written = await self._writer.several(candidates, said, least, max(least, min(joins + 1, MOST_CALLS)))
        written = written or [await self._writer.one(without_unstated(tool, stated), said)]
        whole = {one.name: one for one in tools}
        return [self._grounded(call, stated).of(whole[call.tool.name]) for call in written]

    async def _taught(self, tool: ToolSpec, request: str, known: Mapping[str, Any]) -> Candidate:
        """A call of a tool with examples."""
        if key := copied_argument(tool):
            return Candidate(tool, {key: request})
        finder = await asyncio.to_thread(self._finders.of, tool)
        said = said_arguments(finder, tool, request, known)
        if said is not None:
            return Candidate(tool, said)
        written = self._grounded(await self._writer.one(tool, request), Stated(request))
        return _corrected(written, finder, request, known)

    def _grounded(self, call: WrittenCall, stated: Stated) -> Candidate:
        if not isinstance(call.arguments, dict):
            return Candidate(call.tool, call.arguments)
        found: Grounded = grounded(call.arguments, call.tool.name, call.tool.parameters, stated)
        return Candidate(call.tool, dict(found.arguments), found.missing)

    def _checked(self, candidates: Sequence[Candidate], request: str, known: Mapping[str, Any]) -> Calls:
        lacks = [next((key for key in one.missing if key not in known), None) for one in candidates]
        complete = [one for one, lack in zip(candidates, lacks, strict=True) if lack is None]
        asks_twice, certain = len(parts_of(request)) > 1, 1 + len(FOLLOWS.findall(request))
        whole = [one.tool for one in complete]
        for one, lack in zip(candidates, lacks, strict=True):
            if lack and (not complete or (asks_twice and one.tool not in whole)):
                return Calls(question=question(one.tool, lack, self._language), missing=(one.tool.name, lack))
        calls: list[Candidate] = []
        for one in complete:
            is_other = len(calls) < certain or (asks_twice and one.tool not in [call.tool for call in calls])
            if one.says_more(calls) or (is_other and one not in calls):
                calls.append(one)
        return Calls(tuple(call.call(known) for call in for_all_named(calls or complete[:1], request)))


def _corrected(call: Candidate, finder: SpanFinder, request: str, known: Mapping[str, Any]) -> Candidate:
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
    return Candidate(call.tool, kept, tuple(key for key in required if key not in kept))


def _is_text(tool: ToolSpec, key: str) -> bool:
    about = properties_of(tool.parameters).get(key, {})
    return about.get("type") == "string" and "enum" not in about
