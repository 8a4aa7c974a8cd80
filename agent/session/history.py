"""A dialogue as its turns, and how it was left."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vivavoce.agent.state import to_result, to_switch
from vivavoce.core.messages import ToolCall, ToolResult
from vivavoce.core.voice import VoiceSwitch


@dataclass(frozen=True, slots=True)
class PastTurn:
    """One question and what came of it.

    at: when it was asked, in seconds since 1970. heard: what the user said; None where nobody wrote it down. recording:
    name of the recording, None of a typed question. answer: what was heard of it. interrupted: whether that is only a part,
    or nothing. voices: every change of the voice.
    """

    id: str
    at: float
    heard: str | None
    recording: str | None = None
    answer: str = ""
    interrupted: bool = False
    tool_calls: tuple[ToolResult, ...] = ()
    voices: tuple[VoiceSwitch, ...] = ()


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A turn that is not over: its process died, or it waits until the user has agreed to calls.

    awaiting: those calls; () where the process died. question: whether the user agrees to them.
    """

    awaiting: tuple[ToolCall, ...] = ()
    question: str = ""


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
        any(record.get("interrupted", False) for record in answers) or not answers or bool(answers[-1]["tool_calls"]),
        tuple(to_result(record["result"]) for record in records if record["role"] == "tool"),
        tuple(to_switch(record) for record in records if record["role"] == "switch"),
    )
