"""Shipped fakes: a language model that follows a script and a decoder that plays tones.

They make the whole product testable in milliseconds, and let a developer work on an agent without any weights.
"""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from vivavoce.core.audio import AudioClip
from vivavoce.core.errors import ModelError
from vivavoce.core.messages import (
    AudioTokens,
    Heard,
    LMDelta,
    Message,
    SpokenClip,
    SystemMessage,
    TextDelta,
    ToolMessage,
    ToolSpec,
    UserMessage,
)
from vivavoce.core.protocols import SpokenDelta, VoiceConditioning
from vivavoce.core.voice import Voice
from vivavoce.model.step_audio2.dialect.tool_calls import ToolCallParser, render_tool_call

Script = Callable[[Sequence[Message], Sequence[ToolSpec]], Iterable[LMDelta | str]]
WORD_S = 0.12


def echo(messages: Sequence[Message], tools: Sequence[ToolSpec]) -> Iterable[LMDelta | str]:
    """The default script: `tool NAME {json}` calls a tool, results are read out, anything else is repeated."""
    last = messages[-1]
    if isinstance(last, ToolMessage):
        yield last.result.output.spoken or last.result.output.content
        return
    text = last.text or "" if isinstance(last, UserMessage) else ""
    if isinstance(last, UserMessage) and last.text is None and last.audio is not None:
        text = f"{last.audio.duration_s:.1f} seconds of speech"
        yield Heard(text)
    command, _, rest = text.partition(" ")
    name, _, arguments = rest.partition(" ")
    if command == "tool" and name:
        yield render_tool_call(name, arguments or "{}")
    else:
        yield f"You said: {text}."


class ScriptedLM:
    """A `SpeechLM` that does what a function says. Strings are parsed as the model's own text, tool calls included."""

    def __init__(self, script: Script = echo, delay_s: float = 0.0) -> None:
        self._script = script
        self._delay_s = delay_s

    async def warm_up(self, tools: Sequence[ToolSpec], instructions: Sequence[SystemMessage] = ()) -> None:
        """Nothing to do."""

    async def stream(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> AsyncGenerator[LMDelta]:
        """See `SpeechLM.stream`."""
        parser = ToolCallParser()
        for item in self._script(messages, tools):
            await asyncio.sleep(self._delay_s)
            for delta in parser.push(item) if isinstance(item, str) else [item]:
                yield delta
        for delta in parser.finish():
            yield delta

    async def close(self) -> None:
        """Nothing is held."""


@dataclass(frozen=True, slots=True)
class Tone:
    """The conditioning of `ToneDecoder`: a pitch that only this voice has."""

    voice_id: str
    frequency_hz: float


class ToneDecoder:
    """A `SpeechDecoder` that plays one tone a word, at a pitch derived from the voice's clip."""

    sample_rate = 16_000

    async def warm_up(self) -> None:
        """Nothing to do."""

    async def prepare(self, voice: Voice) -> Tone:
        """A pitch from the clip's content."""
        digest = hashlib.sha256(voice.reference.samples.tobytes()).digest()
        return Tone(voice.id, 150.0 + digest[0] + digest[1] / 256)

    async def decode(self, deltas: AsyncIterable[SpokenDelta], conditioning: VoiceConditioning) -> AsyncIterator[SpokenClip]:
        """One clip a delta that holds words or tokens."""
        tone = _own(conditioning)
        async for delta in deltas:
            if isinstance(delta, AudioTokens):
                seconds, text = len(delta.ids) / 25, ""
            elif isinstance(delta, TextDelta):
                seconds, text = len(delta.text.split()) * WORD_S, delta.text
            else:
                seconds, text, tone = 0, "", _own(delta)
            if seconds:
                times = np.arange(int(seconds * self.sample_rate), dtype=np.float32) / self.sample_rate
                sound = 0.3 * np.sin(2 * np.pi * tone.frequency_hz * times)
                yield SpokenClip(AudioClip(sound.astype(np.float32), self.sample_rate), text)

    async def close(self) -> None:
        """Nothing is held."""


def _own(conditioning: VoiceConditioning) -> Tone:
    if not isinstance(conditioning, Tone):
        raise ModelError("this conditioning was prepared by another decoder; prepare the voice again")
    return conditioning
