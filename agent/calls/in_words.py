"""A call as it can be said: asked about before it acts, or told of when nobody knows how it ended."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from vivavoce.core.language.sentences import CALL_INTERRUPTED, CALL_WITH, CONFIRM, LIST_AND, LIST_COMMA
from vivavoce.core.messages import ToolCall, ToolSpec
from vivavoce.core.untrusted import neutralise

VALUE_CHARS, NAME_CHARS = 120, 60
FIELD = re.compile(r"\{(\w+)\}")


def arguments_of(call: ToolCall) -> dict[str, Any] | None:
    """The arguments; None where they are no JSON object."""
    try:
        arguments = json.loads(call.arguments or "{}")
    except (ValueError, RecursionError):
        return None
    return arguments if isinstance(arguments, dict) else None


def confirmation(calls: Sequence[ToolCall], specs: Mapping[str, ToolSpec], language: str) -> str:
    """The question whether calls may be made: the tool's own, see `ToolSpec.confirm`, or one made of name and arguments."""
    own: list[str] = []
    others: list[str] = []
    for call in calls:
        confirm = specs[call.name].confirm if call.name in specs else True  # the agent may no longer have it
        asked = _filled(confirm, arguments_of(call) or {}) if isinstance(confirm, str) else None
        if asked is None:
            others.append(action(call, language))
        else:
            own.append(asked)
    return " ".join([*own, *([CONFIRM(language, action=_listed(others, language))] if others else [])])


def interrupted(calls: Sequence[ToolCall], language: str) -> str:
    """That calls had begun, and nobody knows what came of them."""
    return CALL_INTERRUPTED(language, action=_listed([action(call, language) for call in calls], language))


def action(call: ToolCall, language: str) -> str:
    """What a call does, from its name and arguments."""
    name = neutralise(call.name.replace("_", " "), NAME_CHARS)
    arguments = [f"{neutralise(key.replace('_', ' '), NAME_CHARS)} {_said(value)}" for key, value in _given(call)]
    return CALL_WITH(language, action=name, arguments=_listed(arguments, language)) if arguments else name


def _given(call: ToolCall) -> list[tuple[str, Any]]:
    return [(key, value) for key, value in (arguments_of(call) or {}).items() if value is not None]


def _said(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return neutralise(" ".join(text.split()), VALUE_CHARS)


def _filled(template: str, arguments: Mapping[str, Any]) -> str | None:
    """A sentence with arguments in its braces; None where one was not given."""
    if not set(FIELD.findall(template)) <= set(arguments):
        return None
    return FIELD.sub(lambda field: _said(arguments[field[1]]), template)


def _listed(parts: Sequence[str], language: str) -> str:
    *most, last = parts
    return LIST_COMMA(language).join(most) + LIST_AND(language) + last if most else last
