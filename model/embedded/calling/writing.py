"""Calls as a small language model writes them: it reads the tools and what was said, and writes JSON under their schemas.

The prompt holds the few tools that may be meant, so that it is short enough to be read when it is needed: nothing is read
ahead.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import zip_longest
from typing import Any

import json_repair

from vivavoce.core.language.words import is_in_pairs
from vivavoce.core.messages import ToolExample, ToolSpec
from vivavoce.model.embedded.llama import ARGUMENT_SLOT, LlamaServer
from vivavoce.model.embedded.prompts import as_chat
from vivavoce.model.embedded.schemas import DESCRIPTION_CHARS, first_line, required_of

EXAMPLES_SHOWN = 6
PARAMETERS_SHOWN = 24
ONE_TOKENS, SEVERAL_TOKENS = 160, 320
TASK = 'You call functions for the user. Write {what} as JSON: {{"name": ..., "arguments": ...}}.'
RULES = "Use only values that the user said. Leave out optional parameters that were not mentioned."
COMPACT = {"whitespace_flexible": False, "lenient": True}  # no blanks without end; what a grammar cannot say is not refused


@dataclass(frozen=True, slots=True)
class WrittenCall:
    """A call as it was written. arguments: of any JSON type; a text where it is no JSON, for the controller to report."""

    tool: ToolSpec
    arguments: Any


class CallWriter:
    """Writes calls. llama: reads and writes."""

    def __init__(self, llama: LlamaServer) -> None:
        self._llama = llama

    async def one(self, tool: ToolSpec, said: str) -> WrittenCall:
        """A call of a tool.

        Raises:
            ModelError: the language model failed.
        """
        begun = f'{{"name":{json.dumps(tool.name)},"arguments":'
        raw = await self._llama.complete(
            call_prompt([tool], said) + begun,
            ARGUMENT_SLOT,
            max_tokens=ONE_TOKENS,
            grammar=_grammar(json.dumps(_parameters(tool))),
        )
        written = json_repair.loads(raw)  # it may be cut off at the limit
        return WrittenCall(tool, written if isinstance(written, dict) else raw.strip())

    async def several(self, tools: Sequence[ToolSpec], said: str, least: int, most: int) -> list[WrittenCall]:
        """At least and at most so many calls, in order; empty where nothing can be read.

        A small model ends with the first where it may, so it writes on, and the caller finds out what says something.

        Raises:
            ModelError: the language model failed.
        """
        raw = await self._llama.complete(
            call_prompt(tools, said, several=True),
            ARGUMENT_SLOT,
            max_tokens=SEVERAL_TOKENS,
            grammar=_grammar(json.dumps(_list_of_calls(tools, least, most))),
        )
        by_name = {tool.name: tool for tool in tools}
        calls: list[WrittenCall] = []
        written = json_repair.loads(raw)
        for call in written if isinstance(written, list) else []:
            if isinstance(call, dict) and call.get("name") in by_name and isinstance(call.get("arguments"), dict):
                calls.append(WrittenCall(by_name[call["name"]], call["arguments"]))
        return [call for at, call in enumerate(calls) if call not in calls[:at]]


def call_prompt(tools: Sequence[ToolSpec], said: str, *, several: bool = False) -> str:
    """What makes a small model write calls: tools, their parameters, examples of a single one, and what was said."""
    task = TASK.format(what="a list of the calls, each" if several else "one call")
    turns = [("system", f"{task} {RULES}\n\nFunctions:\n" + "\n\n".join(map(_shown, tools)))]
    if len(tools) == 1:
        for example in _chosen(tools[0].examples):
            call = {"name": tools[0].name, "arguments": dict(example.arguments)}
            written = json.dumps([call] if several else call, ensure_ascii=False, separators=(",", ":"))
            turns += [("user", example.utterance), ("assistant", written)]
    return as_chat([*turns, ("user", " ".join(said.split()))])


def _parameters(tool: ToolSpec) -> dict[str, Any]:
    return {"additionalProperties": False, **tool.parameters, "x-guidance": COMPACT}


def _list_of_calls(tools: Sequence[ToolSpec], least: int, most: int) -> dict[str, Any]:
    kinds: list[dict[str, Any]] = [
        {
            "type": "object",
            "properties": {"name": {"const": tool.name}, "arguments": {"additionalProperties": False, **tool.parameters}},
            "required": ["name", "arguments"],
            "additionalProperties": False,
        }
        for tool in tools
    ]
    items = kinds[0] if len(kinds) == 1 else {"oneOf": kinds}
    return {"type": "array", "items": items, "minItems": least, "maxItems": most, "x-guidance": COMPACT}


@cache
def _grammar(schema: str) -> str:
    import xllamacpp

    to_grammar = xllamacpp.json_schema_to_grammar  # pyright: ignore[reportAttributeAccessIssue]
    return str(to_grammar(schema))


def _shown(tool: ToolSpec) -> str:
    required = required_of(tool.parameters)
    lines = [f"{tool.name}: {first_line(tool.description)}"]
    for name, schema in list((tool.parameters.get("properties") or {}).items())[:PARAMETERS_SHOWN]:
        kind = _kind(schema, tool.parameters.get("$defs", {})) + ("" if name in required else ", optional")
        about = str(schema.get("description", "")) if isinstance(schema, Mapping) else ""
        lines.append(f"- {name} ({kind}): {first_line(about)}")
    return "\n".join(lines)


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


def _chosen(examples: Sequence[ToolExample]) -> list[ToolExample]:
    """A few from all over the list, each set of arguments in each script in turn."""
    groups: dict[tuple[tuple[str, ...], bool], list[ToolExample]] = {}
    for example in examples:
        groups.setdefault((tuple(example.arguments), is_in_pairs(example.utterance)), []).append(example)
    each = -(-EXAMPLES_SHOWN // max(1, len(groups)))
    spread = [group[:: max(1, len(group) // each)][:each] for group in groups.values()]
    in_turn = [example for round_ in zip_longest(*spread) for example in round_ if example is not None]
    return in_turn[:EXAMPLES_SHOWN]
