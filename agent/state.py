"""What is kept of a dialogue: JSON values only, recordings by name."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, TypedDict

from vivavoce.core.audio import AudioClip
from vivavoce.core.messages import (
    AssistantMessage,
    Message,
    SystemMessage,
    ToolCall,
    ToolMessage,
    ToolOutput,
    ToolResult,
    UserMessage,
)
from vivavoce.core.passage import Passage, Provenance
from vivavoce.core.voice import VoiceEntry, VoiceSwitch

Record = dict[str, Any]


class Progress(TypedDict):
    """How far a turn is. What was said and done is in the log.

    turn: its id. steps: how often the model was asked so far. calls_made: calls of this turn so far. pending: calls that the
    last step made. held: calls that wait until the user has agreed. reply: whether the question answers to those. was_asked:
    whether the user had heard what they are.
    """

    turn: str
    steps: int
    calls_made: int
    pending: list[Record]
    held: list[Record]
    reply: bool
    was_asked: bool


class TurnState(TypedDict):
    """The turn that is under way, as it is checkpointed: one channel, since each is written by itself."""

    progress: Progress


def user_record(turn: str, text: str | None, recording: str | None) -> Record:
    """What the user said. A turn has one of them, with its id."""
    return {"id": turn, "turn": turn, "role": "user", "text": text, "audio": recording}


def assistant_record(
    turn: str, id_: str, text: str, calls: Sequence[ToolCall], audio_tokens: Sequence[int] = (), *, interrupted: bool = False
) -> Record:
    """What the model answered. interrupted: the text is what was heard of it."""
    return {
        "id": id_,
        "turn": turn,
        "role": "assistant",
        "text": text,
        "tool_calls": [asdict(call) for call in calls],
        "audio_tokens": list(audio_tokens),
        **({"interrupted": True} if interrupted else {}),
    }


def tool_record(turn: str, result: ToolResult, *, begun: bool = True, ended: bool = True) -> Record:
    """How a call ended; or, while it has not, what is true of it should the process die now."""
    id_ = f"{turn}:{result.call.id}"
    return {"id": id_, "turn": turn, "role": "tool", "result": asdict(result), "begun": begun, "ended": ended}


def switch_record(turn: str, cause: str, voice: VoiceEntry, asked: str) -> Record:
    """That from now on the session speaks in a voice; see `VoiceSwitch`. cause: id of the call that chose it, or ""."""
    at = datetime.now(UTC).isoformat(timespec="seconds")
    switch = VoiceSwitch(
        voice.id, voice.name, asked, voice.licence, voice.consent, voice.source, synthetic=voice.synthetic, at=at
    )
    return {"id": f"{turn}:switch:{cause}", "turn": turn, "role": "switch", "switch": asdict(switch)}


def to_switch(record: Mapping[str, Any]) -> VoiceSwitch:
    """The switch of a record."""
    return VoiceSwitch(**record["switch"])


def to_provenance(record: Mapping[str, Any]) -> Provenance:
    """What a sentence rests on, of `asdict`'s record."""
    passage = record["passage"]
    fields: dict[str, Any] = {**record, "passage": _to_passage(passage) if passage else None}
    return Provenance(**fields)


def _to_passage(record: Mapping[str, Any]) -> Passage:
    start, end = record["span"]
    fields: dict[str, Any] = {**record, "span": (start, end)}
    return Passage(**fields)


def to_result(record: Mapping[str, Any]) -> ToolResult:
    """How a call ended, of `asdict`'s record."""
    given: Mapping[str, Any] = record["output"]
    passages = tuple(map(_to_passage, given["passages"]))
    fields: dict[str, Any] = {**given, "sources": tuple(given["sources"]), "passages": passages}
    return ToolResult(ToolCall(**record["call"]), record["status"], ToolOutput(**fields), record["duration_s"])


def to_messages(records: Sequence[Mapping[str, Any]], load_audio: Callable[[str], AudioClip | None]) -> list[Message]:
    """The messages that a model reads. An answer of which nothing was heard is none.

    Audio is loaded where there is no text for it, and for the newest question: there are models that want both.
    """
    newest = next((record for record in reversed(records) if record["role"] == "user"), None)
    read = [record for record in records if record["role"] != "switch" and not _is_unheard(record)]
    return [_to_message(record, load_audio, is_newest=record is newest) for record in read]


def _is_unheard(record: Mapping[str, Any]) -> bool:
    return record["role"] == "assistant" and not (record["text"].strip() or record["tool_calls"] or record["audio_tokens"])


def _to_message(record: Mapping[str, Any], load_audio: Callable[[str], AudioClip | None], *, is_newest: bool) -> Message:
    match record["role"]:
        case "user":
            heard = record["text"]
            audio = load_audio(record["audio"]) if record["audio"] and (heard is None or is_newest) else None
            return UserMessage(heard if heard is not None or audio is not None else "", audio)
        case "assistant":
            calls = tuple(ToolCall(**call) for call in record["tool_calls"])
            return AssistantMessage(record["text"], calls, tuple(record["audio_tokens"]))
        case "tool":
            return ToolMessage(to_result(record["result"]))
        case _:
            return SystemMessage(record["text"])
