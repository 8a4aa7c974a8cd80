"""The call just made once more, with the one argument that is to be another."""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from vivavoce.core.language.days import is_day
from vivavoce.core.messages import Message, ToolCall, ToolSpec, UserMessage
from vivavoce.model.embedded.calling.enumerations import enumerations
from vivavoce.model.embedded.calling.grounding import NOTHING, Parameter, Value
from vivavoce.model.embedded.calling.stated import Stated, with_numbers
from vivavoce.model.embedded.calling.values import is_time, value_of
from vivavoce.model.embedded.routing.arguments import copied_argument
from vivavoce.model.embedded.schemas import properties_of
from vivavoce.model.embedded.wording.changes import Change, change_in, once_more
from vivavoce.model.embedded.wording.follow_ups import REMEMBERED, previous_calls, values_of
from vivavoce.model.embedded.wording.parts import PHRASE

NAME = re.compile(r"[A-Z\u00c0-\u00de][\w'-]*(?: [A-Z\u00c0-\u00de][\w'-]*)*")
AT = re.compile(r"(?:at|by) ", re.IGNORECASE)


def changed_calls(
    request: str, messages: Sequence[Message], tools: Sequence[ToolSpec], sources: Collection[str] = ()
) -> list[ToolCall]:
    """The call of the turn before as the request changes it, or once more for each that it names; else none.

    sources: tools that are asked and do nothing. What takes any words makes sense of a change by itself.
    """
    change, again = change_in(request), once_more(request)
    by_name = {tool.name: tool for tool in tools if tool.name not in sources and not copied_argument(tool)}
    heard = [message.text or "" for message in messages if isinstance(message, UserMessage)]
    said = " ".join(heard[-1 - REMEMBERED : -1])
    for call in previous_calls(messages, REMEMBERED if change and change.recalls else 1):
        if tool := by_name.get(call.name):
            before = values_of(call)
            if again and not again[0]:
                found = repeated(tool, before, again[1], said)
            else:
                found = [{**before, **one}] if change and (one := changed_argument(tool, before, change, said)) else []
            if found:
                return [ToolCall.new(tool.name, json.dumps(one, ensure_ascii=False)) for one in found]
    return []


def repeated(tool: ToolSpec, before: Mapping[str, Any], others: str, said: str = "") -> list[dict[str, Any]]:
    """Arguments for each that all is to be done for once more: "Ben and Carla", "Ben at eight", "a size of 150".

    None where one of them is no value of any parameter.
    """
    listed = enumerations(others)
    found: list[dict[str, Any]] = []
    for other in listed[0].values if listed else [others]:
        phrases = [changed_argument(tool, before, Change(phrase, is_certain=True), said) for phrase in PHRASE.split(other)]
        changed = {key: value for phrase in phrases for key, value in phrase.items()}
        if len(changed) < len(phrases):  # they are one, or not all of them are values
            changed = changed_argument(tool, before, Change(other, is_certain=True), said)
        found.append({**before, **changed} if changed else {})
    return found if all(found) else []


def changed_argument(tool: ToolSpec, before: Mapping[str, Any], change: Change, said: str = "") -> dict[str, Any]:
    """The argument that a change is of, with its new value; none where no parameter takes it.

    before: the arguments so far. said: what the user said of them. Of several the one counts that is named, then one that
    has a value, a name for a name, then the one that was said last: after "for four at seven", "change that to eight" is of
    the time.
    """
    best: tuple[tuple[Any, ...], str, Value] | None = None
    for key, about in properties_of(tool.parameters).items():
        parameter, old = Parameter(tool.name, key, about), before.get(key, NOTHING)
        value = _new_value(parameter, change, old)
        named = bool(change.what) and _is_meant(parameter, old, change.what)
        if value is NOTHING or value == old or (change.what and not named):
            continue
        rank = (
            parameter.named(Stated(change.value)),
            parameter.is_time and AT.match(change.value) is not None,
            key in before,
            _is_name(old) and _is_name(value),
            _is_typed(parameter, old),
            not parameter.is_words,
            _last_said(old, said),
        )
        if best is None or rank > best[0]:
            best = rank, key, value
    return {best[1]: best[2]} if best else {}


def _new_value(parameter: Parameter, change: Change, old: Value) -> Value:
    if parameter.about.get("type") == "boolean":
        return parameter.kept(True, Stated(change.value))
    value = value_of(parameter, change.value, old)
    if _is_typed(parameter, old) or value is NOTHING:
        return value
    is_other_kind = is_time(value) or is_day(str(value))
    return value if not is_other_kind and (change.is_certain or NAME.fullmatch(str(value))) else NOTHING


def _is_typed(parameter: Parameter, old: Value) -> bool:
    """Whether not any text is a value of it."""
    is_text = parameter.about.get("type", "string") == "string" and not parameter.is_choice
    return not is_text or parameter.is_time or parameter.is_day or is_time(old) or is_day(str(old))


def _is_name(value: Value) -> bool:
    return isinstance(value, str) and NAME.fullmatch(value) is not None


def _is_meant(parameter: Parameter, old: Value, what: str) -> bool:
    """Whether words name a parameter or the value that it has."""
    return parameter.named(Stated(what)) > 0 or (old is not NOTHING and parameter.kept(old, Stated(what)) == old)


def _last_said(value: Value, said: str) -> int:
    """Where a value was said last, -1 where it was not."""
    return with_numbers(said).lower().rfind(with_numbers(str(value)).lower())
