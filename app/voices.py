"""Building the voice bank: recipes from ``voicebank``, clips from the weight store, speech from the decoder."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import cache

import numpy as np

from vivavoce.app.assets import weight_store
from vivavoce.core.audio import AudioClip
from vivavoce.core.errors import AudioError
from vivavoce.core.settings import Settings
from vivavoce.core.voice import DEFAULT_VOICE_ID, Voice
from vivavoce.model.embedded.speech_decoder import EmbeddedDecoder
from vivavoce.model.embedded.timbre import vary
from vivavoce.voicebank.bank import FolderVoiceBank
from vivavoce.voicebank.builtin import BUILTIN, BuildReport, Variation, build

TONE_VOICES = {DEFAULT_VOICE_ID: ("Tone", 220.0), "high-tone": ("High Tone", 440.0)}


def build_voices(
    bank: FolderVoiceBank, settings: Settings, progress: Callable[[int, int, str], None] | None = None
) -> BuildReport:
    """Make the built-in voices; clips that cannot be fetched are skipped and reported. Blocking.

    Raises:
        StoreError: the bank cannot be written.
    """
    store = weight_store(settings)
    return build(bank, lambda name: AudioClip.load(store.pull(name)), synthesise, progress)


async def prepare_voices(
    bank: FolderVoiceBank, ids: Sequence[str], settings: Settings, progress: Callable[[], None]
) -> dict[str, str]:
    """Let the decoder read reference clips; what came of each. A clip that cannot be a voice does not stop the others.

    Raises:
        VoiceNotFound: there is no such voice. ModelError: the decoder cannot be loaded.
    """
    from vivavoce.app.wiring import open_decoder

    voices = [bank.get(voice_id) for voice_id in ids]
    decoder = open_decoder(settings, verify=True)
    done: dict[str, str] = {}
    try:
        for voice in voices:
            try:
                await decoder.prepare(voice)
                done[voice.id] = "ready"
            except AudioError as error:
                done[voice.id] = str(error)
            progress()
    finally:
        await decoder.close()
    return done


def add_default_voice(bank: FolderVoiceBank) -> None:
    """The decoder's own voice alone: enough to speak."""
    default = tuple(voice for voice in BUILTIN if voice.id == DEFAULT_VOICE_ID)
    build(bank, AudioClip.load, synthesise, None, default)


def add_tone_voices(bank: FolderVoiceBank) -> None:
    """Two tones to try voices with, for the scripted model."""
    for voice_id, (name, pitch_hz) in TONE_VOICES.items():
        times = np.arange(32_000, dtype=np.float32) / 16_000
        tone = AudioClip((0.3 * np.sin(2 * np.pi * pitch_hz * times)).astype(np.float32), 16_000)
        description = f"A {pitch_hz:.0f} Hz tone"
        bank.add(Voice(voice_id, name, description, tone, licence="none needed", source="computed", synthetic=True))


def synthesise(text: str, variation: Variation) -> AudioClip:
    """Speech of the decoder's own voice, varied."""
    return vary(_voice().speak_natively(text), **asdict(variation))


@cache
def _voice() -> EmbeddedDecoder:
    return EmbeddedDecoder(None)
