"""A dialogue as its turns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from vivavoce.agent.state import to_result
from vivavoce.core.messages import ToolResult


@dataclass(frozen=True, slots=True)
class PastTurn:
    """One question and what came of it.

    at: when it was asked, in seconds since 1970. heard: what the user said; None where nobody wrote it down. recording:
    name of the recording, None of a typed question. answer: what was heard of it. interrupted: whether that is only a part.
    """

    id: str
    at: float
    heard: str | None
    recording: str | None = None
    answer: str = ""
    interrupted: bool = False
    tool_calls: tuple[ToolResult, ...] = field(default_factory=tuple)


def turns_of(records: Sequence[Mapping[str, Any]]) -> tuple[PastTurn, ...]:
    """The turns of a session's records, in order."""
    by_turn: dict[str, list[Mapping[str, Any]]] = {}
    for record in records:
        by_turn.setdefault(record["turn"], []).append(record)
    return tuple(_turn(turn, own) for turn, own in by_turn.items())


def _turn(id_: str, records: Sequence[Mapping[str, Any]]) -> PastTurn:
    user = next((record for record in records if record["role"] == "user"), None)
    answers = [record for record in records if record["role"] == "assistant"]
    return PastTurn(
        id_,
        records[0]["at"],
        user["text"] if user else None,
        user["audio"] if user else None,
        " ".join(" ".join(record["text"] for record in answers).split()),
        any(record.get("interrupted", False) for record in answers),
        tuple(to_result(record["result"]) for record in records if record["role"] == "tool"),
    )
