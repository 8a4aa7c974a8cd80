"""A dialogue and its tools, as LangChain's chat models take them."""

import base64
from collections.abc import Iterator, Sequence

from langchain_core.messages import BaseMessage, convert_to_messages, merge_message_runs

from vivavoce.core.audio import AudioClip
from vivavoce.core.messages import AssistantMessage, Message, SystemMessage, ToolMessage, ToolSpec, UserMessage
from vivavoce.model.chat_messages import SAMPLE_RATE, Json, chat_messages

MAX_SOUND_S = 120.0  # 5 MB as base64; what is longer is read, since servers take no request of any size


def newest_spoken(messages: Sequence[Message]) -> UserMessage | None:
    """The user's last message, where it was spoken and its sound is not too long."""
    newest = next((message for message in reversed(messages) if isinstance(message, UserMessage)), None)
    if newest is None or newest.audio is None or newest.audio.duration_s > MAX_SOUND_S:
        return None
    return newest


def chat_prompt(messages: Sequence[Message], *, with_tools: bool, spoken: UserMessage | None = None) -> list[BaseMessage]:
    """Instructions first and once, then question and answer in turn: what the strictest of providers take.

    with_tools: False where none may be called; then earlier calls are read as text, since some providers refuse a
    dialogue with calls in it that comes without tools. spoken: the message that goes as its sound; all others go as text.
    """
    system = "\n\n".join(message.text for message in messages if isinstance(message, SystemMessage))
    rest = [message for message in messages if not isinstance(message, SystemMessage)]
    said = [SystemMessage(system), *(rest if with_tools else _without_calls(rest))]
    sound = _sound_part(spoken.audio) if spoken is not None and spoken.audio is not None else None
    wire: list[Json] = []
    for message in said:
        if not isinstance(message, UserMessage):
            wire += chat_messages([message])
        elif sound is None:
            wire += chat_messages([UserMessage(message.text)])
        elif message is spoken:
            wire.append({"role": "user", "content": [sound]})
        else:  # in parts as well, since messages in a row are merged
            wire += map(_in_parts, chat_messages([UserMessage(message.text)]))
    return merge_message_runs(convert_to_messages(wire))


def _sound_part(clip: AudioClip) -> Json:
    """LangChain's standard block, which each provider's package turns into its own."""
    data = base64.b64encode(clip.resampled(SAMPLE_RATE).to_bytes("WAV")).decode()
    return {"type": "audio", "base64": data, "mime_type": "audio/wav"}


def _in_parts(message: Json) -> Json:
    return {**message, "content": [{"type": "text", "text": message["content"]}]}


def _without_calls(messages: Sequence[Message]) -> Iterator[Message]:
    for message in messages:
        match message:
            case AssistantMessage(text):
                yield AssistantMessage(text)
            case ToolMessage(result):
                yield UserMessage(result.output.content)  # of a call that was done it is fenced, as data from outside
            case _:
                yield message


def tool_schemas(tools: Sequence[ToolSpec]) -> list[Json]:
    """Tools in the form that chat models bind. Some servers refuse parameters that name no properties."""
    schemas = [tool.as_json_schema() for tool in tools]
    for schema in schemas:
        parameters = schema["function"]["parameters"]
        schema["function"]["parameters"] = {"type": "object", "properties": {}, **parameters}
    return schemas
