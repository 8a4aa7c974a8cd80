"""Utterances that lead to each tool, and to none: what the router learns from, as a recogniser would write them down.

They stand in examples.tsv, a line each: tool (or "none"), utterance, arguments. Arguments are JSON, or ``=KEY`` where the
utterance itself is the argument of that name. beyond.tsv has those that need a tool which no agent has of its own.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

from vivavoce.core.messages import ToolExample

TABLES = (Path(__file__).with_name("examples.tsv"), Path(__file__).with_name("beyond.tsv"))
NO_TOOL, BEYOND = "none", "beyond"


@cache
def _table() -> dict[str, tuple[ToolExample, ...]]:
    examples: dict[str, list[ToolExample]] = {}
    for line in (line for table in TABLES for line in table.read_text("utf-8").splitlines()):
        if line and not line.startswith("#"):
            tool, utterance, *rest = line.split("\t")
            examples.setdefault(tool, []).append(ToolExample(utterance, _arguments(rest[0] if rest else "", utterance)))
    return {tool: tuple(of_tool) for tool, of_tool in examples.items()}


def _arguments(text: str, utterance: str) -> dict[str, Any]:
    if text.startswith("="):
        return {text[1:]: utterance}
    return dict(json.loads(text or "{}"))


CLOCK = _table()["get_date_time"]
WEATHER = _table()["get_weather"]
WEB = _table()["web_search"]
KNOWLEDGE = _table()["knowledge_search"]
EXPLAIN = _table()["explain_source"]
VOICE = _table()["voice_search"]
CHAT_EXAMPLES = tuple(example.utterance for example in _table()[NO_TOOL])
"""Utterances that need no tool, near misses of every tool among them: the router's other side."""
BEYOND_EXAMPLES = tuple(example.utterance for example in _table()[BEYOND])
"""Requests that no tool of the product does."""
LACKING = {
    tool: tuple(example.utterance for example in _table()[tool])
    for tool in ("get_date_time", "get_weather", "web_search", "knowledge_search", "voice_search")
}
"""Requests that are such too where an agent lacks the tool."""
