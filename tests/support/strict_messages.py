"""The rules of OpenAI's chat messages, as a server checks them that lets nothing pass."""

import base64
import io
import json
import wave
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("it is empty")
    text.encode()  # half of a surrogate pair is no text
    return text


def _an_object(arguments: str) -> str:
    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is no JSON")

    if not isinstance(json.loads(_not_blank(arguments), parse_constant=refuse), dict):
        raise ValueError("it is no JSON object")
    return arguments


def wav_of(data: str) -> wave.Wave_read:
    return wave.open(io.BytesIO(base64.b64decode(data, validate=True)))


def _what_is_heard(data: str) -> str:
    try:
        with wav_of(data) as file:
            found, frames = (file.getnchannels(), file.getsampwidth(), file.getframerate()), file.getnframes()
            is_whole = len(file.readframes(frames)) == 2 * frames > 0
    except (wave.Error, EOFError) as error:
        raise ValueError(f"it is no WAV file ({error})") from error
    if found != (1, 2, 16_000) or not is_whole:
        raise ValueError(f"channels, bytes and Hz are {found}, {frames} frames")
    return data


Text = Annotated[str, AfterValidator(_not_blank)]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class TextPart(Strict):
    type: Literal["text"]
    text: Text


class Sound(Strict):
    data: Annotated[str, AfterValidator(_what_is_heard)]
    format: Literal["wav"]


class AudioPart(Strict):
    type: Literal["input_audio"]
    input_audio: Sound


class Function(Strict):
    name: str = Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")
    arguments: Annotated[str, AfterValidator(_an_object)]


class Call(Strict):
    id: Text
    type: Literal["function"]
    function: Function


class System(Strict):
    role: Literal["system"]
    content: Text


class User(Strict):
    role: Literal["user"]
    content: Text | Annotated[list[TextPart | AudioPart], Field(min_length=1)]


class Assistant(Strict):
    role: Literal["assistant"]
    content: Text | None = None
    tool_calls: Annotated[list[Call], Field(min_length=1)] | None = None


class ToolAnswer(Strict):
    role: Literal["tool"]
    tool_call_id: Text
    content: Text


MESSAGES = TypeAdapter(list[Annotated[System | User | Assistant | ToolAnswer, Field(discriminator="role")]])


def faults(messages: Any) -> list[str]:
    """What breaks the rules; [] where nothing does."""
    try:
        read = MESSAGES.validate_python(messages)
    except ValidationError as error:
        return [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
    found = [] if any(isinstance(message, User) for message in read) else ["nobody asks anything"]
    known: set[str] = set()
    open_: list[str] = []
    for at, message in enumerate(read):
        if isinstance(message, ToolAnswer):
            if message.tool_call_id in open_:
                open_.remove(message.tool_call_id)
            else:
                found.append(f"{at}: a result of {message.tool_call_id}, which waits for none")
            continue
        if open_:
            found.append(f"{at}: {message.role} speaks before the results of {', '.join(open_)}")
        open_ = []
        if isinstance(message, Assistant):
            open_ = [call.id for call in message.tool_calls or ()]
            if message.content is None and not open_:
                found.append(f"{at}: an answer without content and without calls")
            if twice := [id_ for id_ in open_ if id_ in known or open_.count(id_) > 1]:
                found.append(f"{at}: the call {twice[0]} stands there twice")
            known.update(open_)
    return [*found, *([f"no results of {', '.join(open_)}"] if open_ else [])]
