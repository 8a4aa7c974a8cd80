"""A dialogue as the ids and sounds that the model reads."""

import hashlib
import json
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vivavoce.core.audio import AudioClip
from vivavoce.core.errors import ModelError
from vivavoce.core.messages import AssistantMessage, Message, SystemMessage, ToolCall, ToolMessage, ToolSpec, UserMessage
from vivavoce.core.untrusted import neutralise
from vivavoce.model.step_audio2.dialect.chat_template import Ids, Piece, Sound, render_base, render_chat
from vivavoce.model.step_audio2.dialect.markers import DEFAULT_SYSTEM, TOOL_INSTRUCTION
from vivavoce.model.step_audio2.dialect.ta4 import interleave
from vivavoce.model.step_audio2.dialect.token_ids import TokenIds, Tokenizer
from vivavoce.model.step_audio2.dialect.tool_calls import render_tool_call
from vivavoce.model.step_audio2.kv_cache import Keys
from vivavoce.model.step_audio2.network.features import SAMPLE_RATE, mel_pieces

REMEMBERED_ANSWERS = 512
REMEMBERED_SOUNDS = 64
DROP_STEP = 4  # old turns are dropped a quarter of the context at a time, so that the prefix stays the same for long

Rendered = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the model reads. keys: what stands at each position, for `kv_cache`. sounds: position of the start, sound."""

    ids: Ids
    keys: Keys
    sounds: tuple[tuple[int, Sound], ...]


class PromptWriter:
    """Renders dialogues for one checkpoint.

    n_mels: bands of its log-mel. flat: render without roles, for the Base variant. It remembers the ids of what the model
    itself said, because ids made from the text again may be other ones and would not find the cache.
    """

    def __init__(self, tokenizer: Tokenizer, ids: TokenIds, n_mels: int, *, flat: bool = False) -> None:
        self._tokenizer = tokenizer
        self._ids = ids
        self._n_mels = n_mels
        self._flat = flat
        self._said: OrderedDict[AssistantMessage, Ids] = OrderedDict()
        self._heard: OrderedDict[bytes, list[Sound]] = OrderedDict()

    def remember(self, answer: AssistantMessage, ids: Ids) -> None:
        """Keep the ids that made up an answer."""
        self._said[_without_call_ids(answer)] = ids
        if len(self._said) > REMEMBERED_ANSWERS:
            self._said.popitem(last=False)

    def write(self, messages: Sequence[Message], tools: Sequence[ToolSpec], opening: str, room: int) -> Prompt:
        """The prompt of a dialogue in at most ``room`` positions; oldest turns are left out whole.

        opening: what stands at the beginning of the answer, such as ``<tts_start>``.

        Raises:
            ModelError: the last turn alone does not fit.
        """
        instructions, turns = self._parts(messages, tools)
        answer = self._positions([{"role": "assistant", "content": opening or None, "eot": False}])
        fixed = self._positions(instructions)
        written = [self._positions(turn) for turn in turns]
        first = _first_turn_that_fits([len(turn.ids) for turn in written], room - len(fixed.ids) - len(answer.ids), room)
        return _joined([fixed, *written[first:], answer])

    def encode(self, text: str) -> Ids:
        """Ids of a text piece."""
        return tuple(self._tokenizer.encode(text, add_special_tokens=False))

    def _parts(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> tuple[list[Rendered], list[list[Rendered]]]:
        """Standing instructions, then turns; a turn begins with what the user said."""
        system = [m.text for m in messages if isinstance(m, SystemMessage)]
        if not system and not self._flat:
            system = [DEFAULT_SYSTEM]
        instructions = [{"role": "system", "content": self._safe(text)} for text in system]
        if tools:
            schemas = json.dumps([tool.as_json_schema() for tool in tools], ensure_ascii=False)
            instructions.append({"role": "tool_json_schemas", "content": self._safe(schemas)})
        turns: list[list[Rendered]] = []
        spoken = [m for m in messages if not isinstance(m, SystemMessage)]
        for at, message in enumerate(spoken):
            if isinstance(message, UserMessage) or not turns:
                turns.append([])
            more_results = at + 1 < len(spoken) and isinstance(spoken[at + 1], ToolMessage)
            if rendered := self._rendered(message, more_results=more_results):
                turns[-1].append(rendered)
        return instructions, turns

    def _rendered(self, message: Message, *, more_results: bool) -> Rendered | None:
        match message:
            case UserMessage(text, audio):
                items: list[Rendered] = []
                if audio is not None:
                    items.append({"type": "audio", "audio": self._sounds(audio)})
                if text:
                    items.append({"type": "text", "text": self._safe(text)})
                return {"role": "human", "content": items}
            case ToolMessage(result):
                items = [{"type": "text", "text": self._safe(result.output.content)}]
                if not more_results:
                    items.append({"type": "text", "text": TOOL_INSTRUCTION})
                return {"role": "input", "content": items}
            case AssistantMessage():
                said = self._said_ids(message)
                return {"role": "assistant", "content": [{"type": "token", "token": said}]} if said else None
            case _:
                return None

    def _said_ids(self, message: AssistantMessage) -> Ids:
        remembered = self._said.get(_without_call_ids(message))
        if remembered is not None:
            return remembered
        text = self._safe(message.text)
        calls = self.encode(
            "".join(render_tool_call(self._safe(call.name), self._safe(call.arguments)) for call in message.tool_calls)
        )
        if not message.audio_tokens:
            return self.encode(text) + calls
        audio = [self._ids.audio_0 + number for number in message.audio_tokens]
        return tuple(interleave(self.encode(text), audio, self._ids)) + calls

    def _sounds(self, clip: AudioClip) -> list[Sound]:
        """The 25 s pieces of a clip; its log-mel is computed once."""
        clip = clip.resampled(SAMPLE_RATE)
        key = hashlib.sha256(clip.samples.tobytes()).digest()
        if key not in self._heard:
            pieces = mel_pieces(clip.samples, self._n_mels)
            self._heard[key] = [Sound(key + bytes([at]), piece.tokens, piece.frames) for at, piece in enumerate(pieces)]
            if len(self._heard) > REMEMBERED_SOUNDS:
                self._heard.popitem(last=False)
        return self._heard[key]

    def _positions(self, messages: Sequence[Rendered]) -> Prompt:
        if not self._flat:
            return self._tokenised(render_chat(messages))
        contents = [m["content"] for m in messages if m["role"] != "tool_json_schemas" and m["content"]]
        items = [item for content in contents for item in ([content] if isinstance(content, str) else content)]
        return self._tokenised(render_base(items))

    def _tokenised(self, pieces: Sequence[Piece]) -> Prompt:
        parts: list[Prompt] = []
        for piece in pieces:
            ids = piece if isinstance(piece, tuple) else self.encode(str(piece))
            keys = np.array(ids, dtype=np.int64)
            if isinstance(piece, Sound):
                # A number that this sound alone has, and that is no id.
                number = int.from_bytes(hashlib.sha256(piece.key).digest()[:7])
                keys[1 : 1 + piece.tokens] = -number - 1 - np.arange(piece.tokens)
                parts.append(Prompt(ids, keys, ((0, piece),)))
            else:
                parts.append(Prompt(ids, keys, ()))
        return _joined(parts)

    @staticmethod
    def _safe(text: str) -> str:
        return neutralise(text, len(text))


def _without_call_ids(answer: AssistantMessage) -> AssistantMessage:
    calls = tuple(ToolCall("", call.name, call.arguments) for call in answer.tool_calls)
    return AssistantMessage(answer.text, calls, answer.audio_tokens)


def _first_turn_that_fits(lengths: Sequence[int], room: int, context: int) -> int:
    """Index of the first turn to keep.

    Raises:
        ModelError: not even the last turn fits.
    """
    if lengths and lengths[-1] > room:
        raise ModelError(
            f"this turn needs {lengths[-1]} positions of the model's context and {max(0, room)} are free; "
            "say less at once, or use fewer tools"
        )
    step = max(1, context // DROP_STEP)
    surplus, dropped, first = sum(lengths) - room, 0, 0
    if surplus <= 0:
        return 0
    goal = -(-surplus // step) * step
    while first < len(lengths) - 1 and dropped < goal:
        dropped += lengths[first]
        first += 1
    return first


def _joined(parts: Sequence[Prompt]) -> Prompt:
    ids: list[int] = []
    sounds: list[tuple[int, Sound]] = []
    for part in parts:
        sounds += [(len(ids) + at, sound) for at, sound in part.sounds]
        ids += part.ids
    keys = np.concatenate([part.keys for part in parts]) if parts else np.empty(0, np.int64)
    return Prompt(tuple(ids), keys.astype(np.int64), tuple(sounds))
