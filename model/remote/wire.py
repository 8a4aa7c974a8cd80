"""A dialogue as the JSON body of a chat completion, in the dialect of the server."""

import base64
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from vivavoce.core.audio import AudioClip
from vivavoce.core.messages import (
    AUDIO_TOKEN_COUNT,
    AssistantMessage,
    Message,
    SystemMessage,
    ToolCall,
    ToolMessage,
    ToolSpec,
    UserMessage,
)
from vivavoce.core.untrusted import MARKER, neutralise
from vivavoce.model.step_audio2.dialect.markers import DEFAULT_SYSTEM, TOOL_INSTRUCTION, TTS_START

Dialect = Literal["step-audio-2", "vllm-omni"]
Json = dict[str, Any]

SAMPLE_RATE = 16_000
PIECE_SAMPLES = 25 * SAMPLE_RATE  # the encoder's longest input (specification, section 2)
EMPTY_SAMPLES = 320  # so few give no placeholder (specification, section 9.11), which a server may stumble over
MAX_TEXT_CHARS = 20_000
NOTHING = "(nothing)"  # standard servers refuse empty messages
NOT_IN_A_NAME = re.compile(r"[^a-zA-Z0-9_-]")
MAX_NAME_CHARS = 64
EOT_ID = 151_665
IM_END_ID = 151_645


def chat_request(messages: Sequence[Message], tools: Sequence[ToolSpec], dialect: Dialect, *, speaking: bool) -> Json:
    """Messages, tools and what depends on the dialect; neither model nor sampling.

    speaking: let the model answer in audio tokens; "step-audio-2" only.
    """
    fork = dialect == "step-audio-2"
    wire = list(_fork_messages(messages) if fork else _standard_messages(messages))
    body: Json = {"add_generation_prompt": True, "stop_token_ids": [EOT_ID] if fork else [EOT_ID, IM_END_ID]}
    if fork:
        body["skip_special_tokens"] = False
    else:
        body["modalities"] = ["text"]
    if fork and speaking:
        wire.append({"role": "assistant", "content": TTS_START})
        body |= {"add_generation_prompt": False, "continue_final_message": True}
    if tools:
        schemas = json.dumps([tool.as_json_schema() for tool in tools], ensure_ascii=False)
        body["tools"] = json.loads(MARKER.sub("\u2039", schemas))
    return {"messages": wire, **body}


def _fork_messages(messages: Sequence[Message]) -> Iterator[Json]:
    if not any(isinstance(message, SystemMessage) for message in messages):
        # Tools without a system message are rendered wrongly by the fork (specification, section 8, quirk 18).
        yield {"role": "system", "content": DEFAULT_SYSTEM}
    for message, following in zip(messages, [*messages[1:], None], strict=True):
        match message:
            case SystemMessage(text):
                yield {"role": "system", "content": _safe(text)}
            case UserMessage():
                yield {"role": "human", "content": _heard(message)}
            case ToolMessage(result):
                instruction = "" if isinstance(following, ToolMessage) else TOOL_INSTRUCTION
                yield {
                    "role": "input",
                    "tool_call_id": result.call.id,
                    "content": _safe(result.output.content) + instruction,
                }
            case AssistantMessage():
                yield from _fork_answer(message)


def _fork_answer(message: AssistantMessage) -> Iterator[Json]:
    text, calls = _safe(message.text), [_call(call) for call in message.tool_calls]
    answer: Json = {"role": "assistant", "content": text}
    sound = "".join(f"<audio_{number}>" for number in message.audio_tokens if 0 <= number < AUDIO_TOKEN_COUNT)
    if text and sound:  # the server refuses one without the other
        answer |= {"content": "", "tts_content": {"tts_text": text, "tts_audio": sound}}
    if calls:
        answer["tool_calls"] = calls
    if text or calls:
        yield answer


def _standard_messages(messages: Sequence[Message]) -> Iterator[Json]:
    for message in messages:
        match message:
            case SystemMessage(text):
                if content := _filled(text):
                    yield {"role": "system", "content": content}
            case UserMessage():
                yield {"role": "user", "content": _heard(message) or NOTHING}
            case ToolMessage(result):
                content = _filled(result.output.content) or NOTHING
                yield {"role": "tool", "tool_call_id": result.call.id, "content": content}
            case AssistantMessage(text, calls):
                answer: Json = {"role": "assistant", "content": _filled(text)}
                if calls:
                    answer["tool_calls"] = [_standard_call(call) for call in calls]
                if answer["content"] or calls:
                    yield answer


def _heard(message: UserMessage) -> str | list[Json]:
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


def _call(call: ToolCall) -> Json:
    return {
        "id": call.id,
        "type": "function",
        "function": {"name": _safe(call.name), "arguments": _arguments(call.arguments)},
    }


def _standard_call(call: ToolCall) -> Json:
    """A call whose name is one that functions may have, whatever a model called."""
    made = _call(call)
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
    safe = _safe(text)
    return safe if safe.strip() else None


def _safe(text: str) -> str:
    return neutralise(text, MAX_TEXT_CHARS)
