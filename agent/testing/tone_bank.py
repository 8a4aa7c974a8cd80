"""A voice bank in memory, of tones."""

from collections.abc import Mapping, Sequence

import numpy as np

from vivavoce.core.audio import AudioClip
from vivavoce.core.errors import VoiceNotFound
from vivavoce.core.voice import DEFAULT_VOICE_ID, Voice, VoiceEntry, VoiceFilters, VoiceHit

RATE_HZ = 16_000
CLIP_S = 1.0
FITS, FITS_BADLY = 0.9, 0.1


class ToneBank:
    """Implements `VoiceBank`. pitches: Hz by the voice's id, which is also its name; `DEFAULT_VOICE_ID` is always there."""

    def __init__(self, pitches: Mapping[str, float] | None = None) -> None:
        pitches = {DEFAULT_VOICE_ID: 220.0} | dict(pitches if pitches is not None else {"high": 440.0})
        self._voices = {voice_id: _tone(voice_id, pitch_hz) for voice_id, pitch_hz in pitches.items()}

    def __len__(self) -> int:
        """Voices in the bank."""
        return len(self._voices)

    def has(self, voice_id: str) -> bool:
        """Whether there is a voice of this id."""
        return voice_id in self._voices

    def entry(self, voice_id: str) -> VoiceEntry:
        """One voice without its clip."""
        return VoiceEntry.of(self.get(voice_id))

    def get(self, voice_id: str) -> Voice:
        """One voice with its clip."""
        try:
            return self._voices[voice_id]
        except KeyError:
            raise VoiceNotFound(f"no voice is called {voice_id!r}; there are {', '.join(self._voices)}") from None

    async def search(
        self, query: str | AudioClip, k: int, filters: VoiceFilters | None = None, *, like: AudioClip | None = None
    ) -> Sequence[VoiceHit]:
        """The voices that a description names first; filters and clips change nothing."""
        words = query.lower() if isinstance(query, str) else ""
        hits = [
            VoiceHit(self.entry(voice_id), FITS if voice_id in words else FITS_BADLY, f"it is called {voice_id}")
            for voice_id in self._voices
        ]
        return sorted(hits, key=lambda hit: -hit.score)[:k]


def _tone(voice_id: str, pitch_hz: float) -> Voice:
    times = np.arange(int(CLIP_S * RATE_HZ), dtype=np.float32) / RATE_HZ
    clip = AudioClip((0.3 * np.sin(2 * np.pi * pitch_hz * times)).astype(np.float32), RATE_HZ)
    name, description = voice_id.replace("-", " ").title(), f"A {pitch_hz:.0f} Hz tone"
    return Voice(voice_id, name, description, clip, licence="none needed", source="computed", synthetic=True)
