"""Prompts and grammars that make a small model choose a tool and write its arguments.

One prompt prefix serves both: example utterances followed by the call they lead to. All of it is built from the
registered ToolSpecs. Native tool templates of models this small were measured to fail.
"""

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from vivavoce.core.messages import ToolExample, ToolSpec
from vivavoce.model.embedded.router import NO_TOOL

EXAMPLES_PER_TOOL = 5
CHAT_EXAMPLES_SHOWN = 5
DESCRIPTION_CHARS = 160
WORD = re.compile(r"\w+")


def example_prefix(tools: Sequence[ToolSpec], chat_examples: Sequence[str]) -> str:
    """The prompt up to the user's utterance."""
    lines = ["Each request leads to one call: a tool with JSON arguments, or none for talk that needs no tool.", ""]
    for tool in tools:
        keys = ", ".join(tool.parameters.get("properties", {}))
        lines.append(f"{tool.name}({keys}): {_first_line(tool.description)}")
    lines.append("")
    for round_ in range(max(EXAMPLES_PER_TOOL, CHAT_EXAMPLES_SHOWN)):
        for tool in tools:
            for example in _spread(tool.examples)[round_ : round_ + 1]:
                arguments = json.dumps(dict(example.arguments), ensure_ascii=False)
                lines.append(f"Request: {example.utterance}\nCall: {tool.name} {arguments}")
        for utterance in chat_examples[round_ : min(round_ + 1, CHAT_EXAMPLES_SHOWN)]:
            lines.append(f"Request: {utterance}\nCall: {NO_TOOL} {{}}")
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


def grounded(arguments: Mapping[str, Any], tool: ToolSpec, utterance: str) -> dict[str, Any]:
    """Arguments without optional strings that the user never said: small models invent places."""
    required = set(tool.parameters.get("required", ()))
    said = set(WORD.findall(utterance.lower()))
    kept: dict[str, Any] = {}
    for key, value in arguments.items():
        words = WORD.findall(value.lower()) if isinstance(value, str) else []
        if key in required or not isinstance(value, str) or any(word in said for word in words):
            kept[key] = value
    return kept


def _first_line(text: str) -> str:
    return text.strip().split("\n", 1)[0][:DESCRIPTION_CHARS]


def _spread(examples: Sequence[ToolExample]) -> list[ToolExample]:
    """A few examples from all over the list, with different sets of arguments first."""
    step = max(1, len(examples) // EXAMPLES_PER_TOOL)
    picked = list(examples[::step])[:EXAMPLES_PER_TOOL]
    missing = {tuple(e.arguments) for e in examples} - {tuple(e.arguments) for e in picked}
    firsts = [next(e for e in examples if tuple(e.arguments) == keys) for keys in sorted(missing)]
    return (firsts + picked)[:EXAMPLES_PER_TOOL]


def _inline(schema: Any, definitions: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON schema is any JSON
    """Replace references by what they name and drop defaults, which grammars do not know."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            return _inline(definitions.get(str(schema["$ref"]).rsplit("/", 1)[-1], {}), definitions)
        return {key: _inline(value, definitions) for key, value in schema.items() if key not in ("default", "$defs")}
    if isinstance(schema, list):
        return [_inline(item, definitions) for item in schema]
    return schema
