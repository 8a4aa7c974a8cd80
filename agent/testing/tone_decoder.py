"""A decoder that plays tones."""

import hashlib
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass

import numpy as np

from vivavoce.core.audio import AudioClip
from vivavoce.core.errors import ModelError
from vivavoce.core.messages import AudioTokens, SpokenClip, TextDelta
from vivavoce.core.protocols import SpokenDelta, VoiceConditioning
from vivavoce.core.voice import Voice

WORD_S = 0.12
TOKENS_HZ = 25


@dataclass(frozen=True, slots=True)
class Tone:
    """The conditioning of `ToneDecoder`: a pitch that only this voice has."""

    voice_id: str
    frequency_hz: float


class ToneDecoder:
    """Implements `SpeechDecoder`: one tone a word, at a pitch derived from the voice's clip."""

    sample_rate = 16_000

    async def warm_up(self) -> None:
        """Nothing is loaded."""

    async def prepare(self, voice: Voice) -> Tone:
        """A pitch from the clip's content."""
        digest = hashlib.sha256(voice.reference.samples.tobytes()).digest()
        return Tone(voice.id, 150.0 + digest[0] + digest[1] / 256)

    async def decode(self, deltas: AsyncIterable[SpokenDelta], conditioning: VoiceConditioning) -> AsyncIterator[SpokenClip]:
        """One clip a delta that holds words or tokens."""
        tone = _own(conditioning)
        async for delta in deltas:
            if isinstance(delta, AudioTokens):
                seconds, text = len(delta.ids) / TOKENS_HZ, ""
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
