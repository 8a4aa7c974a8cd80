"""The state of a dialogue as it is checkpointed: JSON values only, audio by content hash."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any, TypedDict

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


def merge_records(old: list[Record], new: list[Record]) -> list[Record]:
    """Append; a record whose id is known replaces the earlier one."""
    merged = {record["id"]: record for record in old}
    merged.update({record["id"]: record for record in new})
    return list(merged.values())


def last_of(old: str, new: str) -> str:
    """The newer of two values; parallel tools may each set it."""
    return new or old


def newest(_: str, new: str) -> str:
    """The newer of two values, even an empty one."""
    return new


class DialogueState(TypedDict):
    """messages: records, see `to_message`. pending: calls that the last message made. steps: rounds so far this turn.

    switches: every change of the voice in this session, see `switch_record`. provenance: what the sentences of the last
    answer rest on. unsaid: what is left of a long result that is read out in parts.
    """

    messages: Annotated[list[Record], merge_records]
    voice_id: Annotated[str, last_of]
    pending: list[Record]
    steps: int
    switches: Annotated[list[Record], merge_records]
    provenance: list[Record]
    unsaid: Annotated[str, newest]


def user_record(id_: str, text: str | None, audio_hash: str | None) -> Record:
    """What the user said."""
    return {"id": id_, "role": "user", "text": text, "audio": audio_hash}


def assistant_record(id_: str, text: str, calls: tuple[ToolCall, ...], audio_tokens: tuple[int, ...] = ()) -> Record:
    """What the model answered."""
    return {
        "id": id_,
        "role": "assistant",
        "text": text,
        "tool_calls": [asdict(call) for call in calls],
        "audio_tokens": list(audio_tokens),
    }


def tool_record(result: ToolResult) -> Record:
    """How a call ended."""
    return {"id": result.call.id, "role": "tool", "result": asdict(result)}


def switch_record(id_: str, voice: VoiceEntry, asked: str) -> Record:
    """That from now on the session speaks in a voice; see `VoiceSwitch`."""
    at = datetime.now(UTC).isoformat(timespec="seconds")
    switch = VoiceSwitch(
        voice.id, voice.name, asked, voice.licence, voice.consent, voice.source, synthetic=voice.synthetic, at=at
    )
    return {"id": id_, **asdict(switch)}


def to_switch(record: Mapping[str, Any]) -> VoiceSwitch:
    """The switch of a record."""
    return VoiceSwitch(**{name: value for name, value in record.items() if name != "id"})


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


def to_message(record: Mapping[str, Any], load_audio: Callable[[str], AudioClip | None]) -> Message:
    """The message a model reads. Audio is loaded only where there is no text for it."""
    match record["role"]:
        case "user":
            heard = record["text"]
            audio = load_audio(record["audio"]) if heard is None and record["audio"] else None
            return UserMessage(heard if heard is not None or audio is not None else "", audio)
        case "assistant":
            calls = tuple(ToolCall(**call) for call in record["tool_calls"])
            return AssistantMessage(record["text"], calls, tuple(record["audio_tokens"]))
        case "tool":
            return ToolMessage(to_result(record["result"]))
        case _:
            return SystemMessage(record["text"])
