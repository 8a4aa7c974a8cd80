"""A dialogue as the messages of a chat completion, such that a server which checks everything takes them."""

import base64
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from vivavoce.core.audio import AudioClip
from vivavoce.core.messages import AssistantMessage, Message, SystemMessage, ToolCall, ToolMessage, UserMessage
from vivavoce.core.untrusted import MARKER, neutralise

Json = dict[str, Any]

SAMPLE_RATE = 16_000
PIECE_SAMPLES = 25 * SAMPLE_RATE  # Step-Audio 2's longest input (specification, section 2)
EMPTY_SAMPLES = 320  # so few give no placeholder (specification, section 9.11), which a server may stumble over
MAX_TEXT_CHARS = 20_000
NOTHING = "(nothing)"  # servers refuse empty messages
NOT_IN_A_NAME = re.compile(r"[^a-zA-Z0-9_-]")
MAX_NAME_CHARS = 64


def chat_messages(messages: Sequence[Message]) -> Iterator[Json]:
    """One after the other. What is blank is left out or named; names and arguments are ones that calls may have."""
    for message in messages:
        match message:
            case SystemMessage(text):
                if content := _filled(text):
                    yield {"role": "system", "content": content}
            case UserMessage():
                yield {"role": "user", "content": heard(message) or NOTHING}
            case ToolMessage(result):
                content = _filled(result.output.content) or NOTHING
                yield {"role": "tool", "tool_call_id": result.call.id, "content": content}
            case AssistantMessage(text, calls):
                answer: Json = {"role": "assistant", "content": _filled(text)}
                if calls:
                    answer["tool_calls"] = [_named_call(call) for call in calls]
                if answer["content"] or calls:
                    yield answer


def heard(message: UserMessage) -> str | list[Json]:
    """What the user said: text, or sound in pieces, then text."""
    text = _filled(message.text or "") or ""
    parts = [] if message.audio is None else [_audio_part(piece) for piece in _pieces(message.audio)]
    if not parts:
        return text
    return [*parts, {"type": "text", "text": text}] if text else parts


def _pieces(clip: AudioClip) -> Iterator[AudioClip]:
    samples = clip.resampled(SAMPLE_RATE).samples
    for start in range(0, samples.size, PIECE_SAMPLES):
        piece = samples[start : start + PIECE_SAMPLES]
        if piece.size > EMPTY_SAMPLES:
            yield AudioClip(piece, SAMPLE_RATE)


def _audio_part(piece: AudioClip) -> Json:
    data = base64.b64encode(piece.to_bytes("WAV")).decode()
    return {"type": "input_audio", "input_audio": {"data": data, "format": "wav"}}


def call_json(call: ToolCall) -> Json:
    """A call, its arguments an object whatever was written."""
    return {
        "id": call.id,
        "type": "function",
        "function": {"name": safe(call.name), "arguments": _arguments(call.arguments)},
    }


def _named_call(call: ToolCall) -> Json:
    """A call whose name is one that functions may have, whatever a model called."""
    made = call_json(call)
    made["function"]["name"] = NOT_IN_A_NAME.sub("_", made["function"]["name"])[:MAX_NAME_CHARS] or "_"
    return made


def _arguments(raw: str) -> str:
    """Arguments that a server can parse: what a model wrote wrongly was answered by an error, and is left out."""
    try:
        arguments = json.loads(raw)
        written = json.dumps(arguments, ensure_ascii=False, allow_nan=False) if isinstance(arguments, dict) else "{}"
    except (ValueError, RecursionError):
        return "{}"
    return MARKER.sub("\u2039", written.encode(errors="replace").decode())


def _filled(text: str) -> str | None:
    """A text, or None where it is blank."""
    inert = safe(text)
    return inert if inert.strip() else None


def safe(text: str) -> str:
    """A text without control characters and markers, and not endless."""
    return neutralise(text, MAX_TEXT_CHARS)
