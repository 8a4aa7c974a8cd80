"""Prompts and grammars that make a small model choose a tool and write its arguments.

One prompt prefix serves both: example utterances followed by the call they lead to. All of it is built from the
registered ToolSpecs. Native tool templates of models this small were measured to fail.
"""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import zip_longest
from typing import Any

from vivavoce.core.language.words import IS_CJK, is_in_pairs, words
from vivavoce.core.messages import ToolExample, ToolSpec
from vivavoce.model.embedded.choosing.router import NO_TOOL
from vivavoce.model.embedded.choosing.spans import SpanFinder

EXAMPLES_PER_TOOL = 12  # of tools whose arguments the model writes
COPIED_EXAMPLES = 4  # of tools that get the whole utterance, or nothing
CHAT_EXAMPLES_SHOWN = 8
DESCRIPTION_CHARS = 160


def example_prefix(tools: Sequence[ToolSpec], chat_examples: Sequence[str]) -> str:
    """The prompt up to the user's utterance."""
    lines = ["Each request leads to one call: a tool with JSON arguments, or none for talk that needs no tool.", ""]
    for tool in tools:
        keys = ", ".join(tool.parameters.get("properties", {}))
        lines.append(f"{tool.name}({keys}): {_first_line(tool.description)}")
    lines.append("")
    step = max(1, len(chat_examples) // CHAT_EXAMPLES_SHOWN)
    shown = [[(tool.name, example) for example in _shown(tool)] for tool in tools]
    shown.append([(NO_TOOL, ToolExample(utterance)) for utterance in chat_examples[::step][:CHAT_EXAMPLES_SHOWN]])
    for round_ in zip_longest(*shown):
        for name, example in filter(None, round_):
            arguments = json.dumps(dict(example.arguments), ensure_ascii=False)
            lines.append(f"Request: {example.utterance}\nCall: {name} {arguments}")
    return "\n".join(lines) + "\n"


def request_suffix(utterance: str, tool: str = "") -> str:
    """The rest of the prompt; with ``tool`` the choice is made and only arguments are asked for."""
    flat = " ".join(utterance.split())
    return f"Request: {flat}\nCall:" + (f" {tool} " if tool else "")


def choice_grammar(tools: Sequence[ToolSpec]) -> str:
    """GBNF that admits the name of a registered tool, or none."""
    names = " | ".join(json.dumps(f" {name}") for name in [*(tool.name for tool in tools), NO_TOOL])
    return f"root ::= {names}"


def argument_grammar(tool: ToolSpec) -> str:
    """GBNF that admits JSON of the tool's parameter schema."""
    schema = _inline(dict(tool.parameters), tool.parameters.get("$defs", {}))
    return _grammar(json.dumps(schema))


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


def said_arguments(finder: SpanFinder, tool: ToolSpec, utterance: str) -> dict[str, str] | None:
    """A call's arguments as they were said, without a language model; None where the tool needs one for them."""
    if finder.parameters != tuple(tool.parameters.get("properties", {})):
        return None
    found = finder.find(utterance)
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


def _first_line(text: str) -> str:
    return text.strip().split("\n", 1)[0][:DESCRIPTION_CHARS]


def _shown(tool: ToolSpec) -> list[ToolExample]:
    """A few examples from all over the list, each set of arguments in each script in turn."""
    groups: dict[tuple[tuple[str, ...], bool], list[ToolExample]] = {}
    for example in tool.examples:
        groups.setdefault((tuple(example.arguments), is_in_pairs(example.utterance)), []).append(example)
    writes = tool.parameters.get("properties") and not copied_argument(tool)
    count = EXAMPLES_PER_TOOL if writes else COPIED_EXAMPLES
    each = -(-count // max(1, len(groups)))
    spread = [group[:: max(1, len(group) // each)][:each] for group in groups.values()]
    in_turn = [example for round_ in zip_longest(*spread) for example in round_ if example is not None]
    return in_turn[:count]


def _inline(schema: Any, definitions: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON schema is any JSON
    """Replace references by what they name and drop defaults, which grammars do not know."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            return _inline(definitions.get(str(schema["$ref"]).rsplit("/", 1)[-1], {}), definitions)
        return {key: _inline(value, definitions) for key, value in schema.items() if key not in ("default", "$defs")}
    if isinstance(schema, list):
        return [_inline(item, definitions) for item in schema]
    return schema
