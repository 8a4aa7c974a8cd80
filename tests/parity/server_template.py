"""Requests to prompts, the way the reference's HTTP server renders them (specification, section 4.2).

It differs from `chat_template` in roles of tool results, in audio always standing before text, and in tokenising the
joined text. Its bugs are kept: a header without a system message, audio moved before text and followed by a line break,
sound padded by a wrong count (section 8, quirks 17 and 18).
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from vivavoce.model.step_audio2.dialect.markers import BOT, EOT
from vivavoce.model.step_audio2.dialect.ta4 import AUDIO_PER_TEXT, interleave
from vivavoce.model.step_audio2.dialect.token_ids import TokenIds
from vivavoce.model.step_audio2.dialect.tool_calls import render_tool_call

AUDIO_PATCH = "<audio_patch>"
AUDIO_TOKEN = re.compile(r"<audio_(\d+)>")

Message = Mapping[str, Any]
Tokenise = Callable[[str], list[int]]


def reference_interleave(text: Sequence[int], audio: Sequence[int], ids: TokenIds) -> list[int]:
    """Ours without the last fillers: the reference pads the sound by the number of groups, so that the last are short."""
    output = interleave(text, audio, ids)
    groups = (len(output) - 2) // (1 + AUDIO_PER_TEXT)
    for _ in range(groups * AUDIO_PER_TEXT - max(groups, len(audio))):
        del output[len(output) - 1 - output[::-1].index(ids.audio_pad)]
    return output


class ServerTemplate:
    """Renders requests."""

    def __init__(self, tokenise: Tokenise, ids: TokenIds) -> None:
        self._tokenise = tokenise
        self._ids = ids

    def render(self, request: Mapping[str, Any]) -> str | None:
        """The prompt as text; None where tokens of speech stand in it (see `ids`).

        Raises:
            ValueError: the request contradicts itself or lacks something.
        """
        pieces = self._pieces(request)
        return None if any(isinstance(piece, list) for piece in pieces) else "".join(map(str, pieces))

    def ids(self, request: Mapping[str, Any]) -> list[int]:
        """The prompt as ids, each ``<audio_patch>`` still standing for a whole piece of sound.

        Raises:
            ValueError: the request contradicts itself or lacks something.
        """
        pieces = self._pieces(request)
        if not any(isinstance(piece, list) for piece in pieces):
            return self._tokenise("".join(map(str, pieces)))
        return [i for piece in pieces for i in (piece if isinstance(piece, list) else self._tokenise(piece))]

    def _pieces(self, request: Mapping[str, Any]) -> list[str | list[int]]:
        add, go_on = request.get("add_generation_prompt", False), request.get("continue_final_message", False)
        if add and go_on:
            raise ValueError("continue_final_message and add_generation_prompt exclude each other; choose one")
        messages = [self._parsed(message) for message in request["messages"]]
        pieces = self._opening(messages, request.get("tools"))
        begun = len(messages) > 0 and messages[0]["role"] == "system"
        for message in messages[1 if begun else 0 :]:
            pieces += self._message(message, messages)
        if go_on:
            return _cut_after(pieces, str(messages[-1]["content"]))
        return [*pieces, f"{BOT}assistant\n"] if add else pieces

    def _opening(self, messages: Sequence[Message], tools: Any) -> list[str | list[int]]:
        system = messages[0]["content"] if messages and messages[0]["role"] == "system" else None
        pieces: list[str | list[int]] = []
        if system is not None:
            pieces.append(f"{BOT}system\n{system}{EOT}")
        elif tools:
            pieces.append(f"{BOT}system\n")
        if tools:
            pieces.append(f"{BOT}tool_json_schemas\n{json.dumps(tools, ensure_ascii=False)}{EOT}")
        return pieces

    def _parsed(self, message: Message) -> dict[str, Any]:
        parsed: dict[str, Any] = {"role": message["role"], "content": self._text_of(message.get("content"))}
        if message.get("tool_calls"):
            parsed["tool_calls"] = [
                {
                    "name": call["function"]["name"],
                    "arguments": _decoded(call["function"]["arguments"]),
                    "id": call.get("id"),
                }
                for call in message["tool_calls"]
            ]
        if message.get("tts_content"):
            parsed["tts_content"] = message["tts_content"]
        if message["role"] == "tool":
            parsed["tool_call_id"] = message.get("tool_call_id")
        return parsed

    def _text_of(self, content: Any) -> str:
        if content is None or isinstance(content, str):
            return content or ""
        texts = [part["text"] for part in content if part["type"] == "text"]
        sounds = [AUDIO_PATCH for part in content if part["type"] == "input_audio"]
        # The reference joins the two groups, so that sound alone is followed by a line break.
        return "\n".join(sounds) + "\n" + "\n".join(texts) if sounds else "\n".join(texts)

    def _message(self, message: Message, messages: Sequence[Message]) -> list[str | list[int]]:
        role, content = message["role"], message["content"]
        if role == "assistant":
            return self._assistant(message)
        if role == "tool":
            name = _name_of_call(messages, message["tool_call_id"])
            return [BOT, f"function_output\n{name}\n", content, EOT]
        role = {"user": "human", "function_output": "input"}.get(role, role)
        return [f"{BOT}{role}\n{content}{EOT}"]

    def _assistant(self, message: Message) -> list[str | list[int]]:
        pieces: list[str | list[int]] = [f"{BOT}assistant\n"]
        if spoken := message.get("tts_content"):
            if not spoken.get("tts_text") or not spoken.get("tts_audio"):
                raise ValueError("tts_content needs both tts_text and tts_audio")
            audio = [self._ids.audio_0 + int(number) for number in AUDIO_TOKEN.findall(spoken["tts_audio"])]
            text = self._tokenise(spoken["tts_text"])
            pieces.append(reference_interleave(text, audio, self._ids))
        if message["content"]:
            pieces.append(message["content"])
        for call in message.get("tool_calls", ()):
            # One piece each for the opening, the arguments and the end: a continued message may be cut between them.
            opening, end = render_tool_call(call["name"], "\0").split("\0")
            pieces += [opening, json.dumps(call["arguments"], ensure_ascii=False), end]
        return [*pieces, EOT]


def _decoded(arguments: Any) -> Any:
    return json.loads(arguments) if isinstance(arguments, str) else arguments


def _name_of_call(messages: Sequence[Message], call_id: str | None) -> str:
    """The function's name; the last call of this id anywhere in the dialogue counts."""
    calls = [call for message in messages for call in message.get("tool_calls", ())]
    return next((call["name"] for call in reversed(calls) if call["id"] == call_id), "tool")


def _cut_after(pieces: list[str | list[int]], content: str) -> list[str | list[int]]:
    """Keep everything through the last piece that holds the content, so that the model goes on writing it."""
    wanted = content.strip()
    for at in range(len(pieces) - 1, -1, -1):
        piece = pieces[at]
        if isinstance(piece, str) and wanted in piece:
            return pieces[: at + 1]
    return pieces
