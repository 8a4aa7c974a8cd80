"""What a tool is called with: said word by word, or written by a small model under a grammar.

The prompt is about one tool, so that it is short enough to be read when it is needed: nothing is read ahead.
"""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import zip_longest
from typing import Any

from vivavoce.core.language.words import IS_CJK, is_in_pairs, words
from vivavoce.core.messages import ToolExample, ToolSpec
from vivavoce.model.embedded.choosing.spans import SpanFinder
from vivavoce.model.embedded.prompts import as_chat

EXAMPLES_SHOWN = 6
PARAMETERS_SHOWN = 24
DESCRIPTION_CHARS = 160
RULES = "Use only values that the user said. Leave out optional parameters that were not mentioned."
COMPACT = {"whitespace_flexible": False, "lenient": True}  # no blanks without end; what a grammar cannot say is not refused


def arguments_prompt(tool: ToolSpec, utterance: str) -> str:
    """What makes a small model write a call's arguments: the tool, its parameters, a few examples, and what was said."""
    required = tool.parameters.get("required", ())
    lines = [
        f"Write the arguments of a call to {tool.name} as JSON. {RULES}",
        f"{tool.name}: {first_line(tool.description)}",
    ]
    for name, schema in list(tool.parameters.get("properties", {}).items())[:PARAMETERS_SHOWN]:
        kind = _kind(schema, tool.parameters.get("$defs", {})) + ("" if name in required else ", optional")
        about = str(schema.get("description", "")) if isinstance(schema, Mapping) else ""
        lines.append(f"- {name} ({kind}): {first_line(about)}")
    turns = [("system", "\n".join(lines))]
    for example in _shown(tool.examples):
        turns += [("user", example.utterance), ("assistant", json.dumps(dict(example.arguments), ensure_ascii=False))]
    return as_chat([*turns, ("user", " ".join(utterance.split()))])


def argument_grammar(tool: ToolSpec) -> str:
    """A grammar that admits JSON of the tool's parameter schema, on one line."""
    return _grammar(json.dumps({"additionalProperties": False, **tool.parameters, "x-guidance": COMPACT}))


@cache
def _grammar(schema: str) -> str:
    import xllamacpp

    to_grammar = xllamacpp.json_schema_to_grammar  # pyright: ignore[reportAttributeAccessIssue]
    return str(to_grammar(schema))


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


def grounded(arguments: Mapping[str, Any], finder: SpanFinder, tool: ToolSpec, utterance: str) -> dict[str, Any]:
    """What a language model wrote, corrected: small models invent places, add words to those that were said, and translate.

    What was found in the utterance counts. An optional string that was not found is kept only where the user said it and no
    word of it is one that belongs to the question. For a required one that the user did not say, the utterance stands in.
    """
    required = set(tool.parameters.get("required", ()))
    kept: dict[str, Any] = dict(finder.find(utterance))
    for key, value in arguments.items():
        if key in kept:
            continue
        is_said = not isinstance(value, str) or _is_said(value, utterance)
        doubtful = key in finder.parameters and finder.is_context(str(value))
        if is_said and (key in required or not doubtful):
            kept[key] = value
        elif key in required:
            kept[key] = utterance
    return kept


def _is_said(value: str, utterance: str) -> bool:
    """Whether a value has words of the utterance, and of Chinese characters mostly its own."""
    characters = [c for c in value if IS_CJK.match(c)]
    if characters and sum(c in utterance for c in characters) < len(characters) / 2:
        return False
    return bool(set(words(value)) & set(words(utterance)))


def first_line(text: str) -> str:
    """What a description begins with."""
    return text.strip().split("\n", 1)[0][:DESCRIPTION_CHARS]


def _kind(schema: Any, definitions: Mapping[str, Any]) -> str:  # noqa: ANN401 - any JSON
    """A parameter's type in a few words."""
    match schema:
        case {"enum": [*values]}:
            return "one of " + ", ".join(map(str, values))[:DESCRIPTION_CHARS]
        case {"anyOf": [*options]}:
            return " or ".join(_kind(option, definitions) for option in options if option != {"type": "null"})
        case {"type": "array", "items": items}:
            return f"list of {_kind(items, definitions)}"
        case {"type": str(kind)}:
            return kind
        case {"$ref": str(name)}:
            return _kind(definitions.get(name.rsplit("/", 1)[-1]), {})  # one step: a type may hold itself
        case _:
            return "any"


def _shown(examples: Sequence[ToolExample]) -> list[ToolExample]:
    """A few from all over the list, each set of arguments in each script in turn."""
    groups: dict[tuple[tuple[str, ...], bool], list[ToolExample]] = {}
    for example in examples:
        groups.setdefault((tuple(example.arguments), is_in_pairs(example.utterance)), []).append(example)
    each = -(-EXAMPLES_SHOWN // max(1, len(groups)))
    spread = [group[:: max(1, len(group) // each)][:each] for group in groups.values()]
    in_turn = [example for round_ in zip_longest(*spread) for example in round_ if example is not None]
    return in_turn[:EXAMPLES_SHOWN]
