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

WORD_S, PAUSE_S = 0.12, 0.02
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
        """One clip a delta that holds more than white space; what is no word (a sign, a pictograph) is not spoken."""
        tone, space = _own(conditioning), ""
        async for delta in deltas:
            if isinstance(delta, AudioTokens):
                if delta.ids:
                    yield SpokenClip(self._sound(tone, len(delta.ids) / TOKENS_HZ))
            elif not isinstance(delta, TextDelta):
                tone = _own(delta)
            elif delta.text.isspace():
                space += delta.text  # kept with the words that follow: they must not grow together
            elif delta.text:
                words = sum(any(c.isalnum() for c in word) for word in delta.text.split())
                sound = self._sound(tone, words * WORD_S) if words else self._silence()
                yield SpokenClip(sound, space + delta.text, spoken=words > 0)
                space = ""

    def _sound(self, tone: Tone, seconds: float) -> AudioClip:
        times = np.arange(int(seconds * self.sample_rate), dtype=np.float32) / self.sample_rate
        return AudioClip((0.3 * np.sin(2 * np.pi * tone.frequency_hz * times)).astype(np.float32), self.sample_rate)

    def _silence(self) -> AudioClip:
        return AudioClip(np.zeros(int(PAUSE_S * self.sample_rate), np.float32), self.sample_rate)

    async def close(self) -> None:
        """Nothing is held."""


def _own(conditioning: VoiceConditioning) -> Tone:
    if not isinstance(conditioning, Tone):
        raise ModelError("this conditioning was prepared by another decoder; prepare the voice again")
    return conditioning
