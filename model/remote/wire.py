"""A dialogue as the JSON body of a chat completion, in the dialect of the server."""

import json
from collections.abc import Iterator, Sequence
from typing import Literal

from vivavoce.core.messages import (
    AUDIO_TOKEN_COUNT,
    AssistantMessage,
    Message,
    SystemMessage,
    ToolMessage,
    ToolSpec,
    UserMessage,
)
from vivavoce.core.untrusted import MARKER
from vivavoce.model.chat_messages import Json, call_json, chat_messages, heard, safe
from vivavoce.model.step_audio2.dialect.markers import DEFAULT_SYSTEM, TOOL_INSTRUCTION, TTS_START

Dialect = Literal["step-audio-2", "vllm-omni"]

EOT_ID = 151_665
IM_END_ID = 151_645


def chat_request(messages: Sequence[Message], tools: Sequence[ToolSpec], dialect: Dialect, *, speaking: bool) -> Json:
    """Messages, tools and what depends on the dialect; neither model nor sampling.

    speaking: let the model answer in audio tokens; "step-audio-2" only.
    """
    fork = dialect == "step-audio-2"
    wire = list(_fork_messages(messages) if fork else chat_messages(messages))
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
                yield {"role": "system", "content": safe(text)}
            case UserMessage():
                yield {"role": "human", "content": heard(message)}
            case ToolMessage(result):
                instruction = "" if isinstance(following, ToolMessage) else TOOL_INSTRUCTION
                yield {
                    "role": "input",
                    "tool_call_id": result.call.id,
                    "content": safe(result.output.content) + instruction,
                }
            case AssistantMessage():
                yield from _fork_answer(message)


def _fork_answer(message: AssistantMessage) -> Iterator[Json]:
    text, calls = safe(message.text), [call_json(call) for call in message.tool_calls]
    answer: Json = {"role": "assistant", "content": text}
    sound = "".join(f"<audio_{number}>" for number in message.audio_tokens if 0 <= number < AUDIO_TOKEN_COUNT)
    if text and sound:  # the server refuses one without the other
        answer |= {"content": "", "tts_content": {"tts_text": text, "tts_audio": sound}}
    if calls:
        answer["tool_calls"] = calls
    if text or calls:
        yield answer
