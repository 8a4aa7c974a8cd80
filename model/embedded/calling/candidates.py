"""Calls as they were written, before they are made: what one says more than another, and what was named beside them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from vivavoce.core.messages import ToolCall, ToolSpec
from vivavoce.model.embedded.calling.enumerations import distributed
from vivavoce.model.embedded.schemas import properties_of

NOTHING_KNOWN: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A call as it was written. missing: required parameters that were not stated."""

    tool: ToolSpec
    arguments: Any
    missing: tuple[str, ...] = ()

    def of(self, tool: ToolSpec, given: Mapping[str, Any] = NOTHING_KNOWN) -> "Candidate":
        """The same of the whole tool, of which only some parameters were shown. given: arguments that are certain."""
        return replace(
            self, tool=tool, arguments={**self.arguments, **given} if isinstance(self.arguments, dict) else self.arguments
        )

    def call(self, known: Mapping[str, Any]) -> ToolCall:
        """As it is made. known: arguments that hold where it says nothing else."""
        if not isinstance(self.arguments, dict):
            return ToolCall.new(self.tool.name, str(self.arguments))
        own = {key: value for key, value in known.items() if key in properties_of(self.tool.parameters)}
        return ToolCall.new(self.tool.name, _as_json({**own, **self.arguments}))

    def says_more(self, earlier: Sequence["Candidate"]) -> bool:
        """Whether it holds a value that no call before it does: small models write on when all is written."""
        known = {value for one in earlier for value in _values(one.arguments)}
        return not set(_values(self.arguments)) <= known


def for_all_named(calls: Sequence[Candidate], request: str) -> list[Candidate]:
    """The calls, and those for what was named beside their values; of tools with examples the request was cut before."""
    found: list[Candidate] = []
    for tool in dict.fromkeys(call.tool.name for call in calls):
        own = [call for call in calls if call.tool.name == tool]
        found += own
        if not own[0].tool.examples and all(isinstance(call.arguments, dict) for call in own):
            others = [value for call in calls if call not in own for value in _values(call.arguments)]
            all_named = distributed([call.arguments for call in own], request, others)
            found += [Candidate(own[0].tool, arguments) for arguments in all_named[len(own) :]]
    return found


def _values(arguments: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON
    """The single values of arguments, in one form; a share is what it is per cent."""
    match arguments:
        case dict():
            yield from (value for one in arguments.values() for value in _values(one))
        case list():
            yield from (value for one in arguments for value in _values(one))
        case float() if 0 < arguments < 1:
            yield from (f"{arguments:.9g}", f"{arguments * 100:.9g}")
        case bool():
            return  # switched the other way is nothing new
        case int() | float():
            yield f"{arguments:.9g}"
        case _:
            yield str(arguments).lower()


def _as_json(arguments: Mapping[str, Any]) -> str:
    """Arguments as JSON; half a character, which nothing after this could write, becomes a question mark."""
    return json.dumps(arguments, ensure_ascii=False).encode("utf-8", "replace").decode()
