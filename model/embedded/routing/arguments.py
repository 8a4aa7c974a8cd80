"""What a tool with examples is called with, where no language model is needed for it."""

from collections.abc import Mapping
from typing import Any

from vivavoce.core.messages import ToolSpec
from vivavoce.model.embedded.routing.spans import SpanFinder


def copied_argument(tool: ToolSpec) -> str:
    """The parameter that takes the utterance as it is, or "".

    A tool says so by its examples: each gives the whole utterance as the only argument.
    """
    keys = {tuple(example.arguments) for example in tool.examples}
    if len(keys) != 1 or len(only := next(iter(keys))) != 1:
        return ""
    return only[0] if all(e.arguments[only[0]] == e.utterance for e in tool.examples) else ""


def said_arguments(
    finder: SpanFinder, tool: ToolSpec, utterance: str, known: Mapping[str, Any] | None = None
) -> dict[str, Any] | None:
    """A call's arguments as they were said, without a language model; None where the tool needs one for them.

    known: what holds where nothing else is said.
    """
    if finder.parameters != tuple(tool.parameters.get("properties", {})):
        return None
    found = {**(known or {}), **finder.find(utterance)}
    return found if all(name in found for name in tool.parameters.get("required", ())) else None
