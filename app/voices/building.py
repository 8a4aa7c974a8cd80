"""Building the voice bank: recipes from ``voicebank``, clips from the weight store, speech from the decoder."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path

import numpy as np

from vivavoce.app.assets import weight_store
from vivavoce.app.voices.debian import DebianPackages
from vivavoce.app.voices.pack_audio import PackAudio
from vivavoce.core.audio import AudioClip
from vivavoce.core.durable import discard
from vivavoce.core.errors import AudioError
from vivavoce.core.settings import Settings
from vivavoce.core.voice import DEFAULT_VOICE_ID, Voice
from vivavoce.model.embedded.speaking.synthesiser import Synthesiser
from vivavoce.model.embedded.speaking.timbre import vary
from vivavoce.voicebank.bank import FolderVoiceBank
from vivavoce.voicebank.recipes.joining import cut_from
from vivavoce.voicebank.recipes.recipe import BuildReport, Cut, Recipe, Recorded, Spoken, Synthesised, build
from vivavoce.voicebank.recipes.voices import builtin_voices, made_voices

TONE_VOICES = {DEFAULT_VOICE_ID: ("Tone", 220.0), "high-tone": ("High Tone", 440.0)}


def build_voices(
    bank: FolderVoiceBank,
    settings: Settings,
    progress: Callable[[int, int, str], None] | None = None,
    *,
    demo: bool = False,
) -> BuildReport:
    """Make the built-in voices; clips that cannot be fetched are skipped and reported. Blocking.

    demo: also the voices of Debian packages and installed synthesizers.

    Raises:
        StoreError: the bank cannot be written.
    """
    store = weight_store(settings)
    with tempfile.TemporaryDirectory() as folder:
        packages = PackAudio(DebianPackages(Path(folder)))

        def make(recipe: Recipe) -> AudioClip:
            match recipe:
                case Cut(asset):
                    return cut_from(AudioClip.load(store.pull(asset)), recipe)
                case Spoken():
                    return _spoken(recipe)
                case Recorded():
                    return packages.recorded(recipe)
                case Synthesised():
                    return packages.synthesised(recipe)

        return build(bank, made_voices() if demo else builtin_voices(), make, progress)


async def prepare_voices(
    bank: FolderVoiceBank, ids: Sequence[str], settings: Settings, progress: Callable[[], None]
) -> dict[str, str]:
    """Let the decoder read reference clips; what came of each. A clip that cannot be a voice does not stop the others.

    Raises:
        VoiceNotFound: there is no such voice. VoiceRefused: one is marked as not to be cloned.
        ModelError: the decoder cannot be loaded.
    """
    from vivavoce.app.backends import open_decoder

    for voice_id in ids:
        bank.entry(voice_id).check_may_be_spoken()
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


def decoders_prepared(settings: Settings, clip: str) -> list[str]:
    """Decoders that have read the clip of this content hash: switching to it costs them nothing."""
    return sorted({path.name.split("-")[0] for path in _conditionings(settings, clip)})


def forget_voices(bank: FolderVoiceBank, settings: Settings, ids: Sequence[str]) -> None:
    """Remove voices, and what decoders made of clips that no voice has any more.

    Raises:
        VoiceNotFound: there is no such voice; none is removed then.
    """
    clips = {bank.entry(voice_id).clip for voice_id in ids}
    bank.remove(*ids)
    for clip in clips:
        if not bank.ids_of_clip(clip):
            for path in _conditionings(settings, clip):
                discard(path)


def _conditionings(settings: Settings, clip: str) -> list[Path]:
    """Files that decoders keep of a clip; both name them "<decoder>-<32 digits of the hash>..."."""
    return list((settings.home / "conditioning").glob(f"*-{clip[:32]}*"))


def transcriber(settings: Settings) -> Callable[[AudioClip, str], str]:
    """What writes down English speech, and nothing of other languages.

    Raises:
        WeightsError: the recogniser's weights are not installed.
    """
    from vivavoce.app.backends import open_recogniser

    recogniser = open_recogniser(settings)
    return lambda clip, language: recogniser.listen(clip) if language.split("-")[0] in ("", "en") else ""


def add_default_voice(bank: FolderVoiceBank) -> None:
    """The decoder's own voice alone: enough to speak."""
    default = builtin_voices()[0]
    assert isinstance(default.recipe, Spoken)
    bank.add(default.voice(_spoken(default.recipe)))


def add_tone_voices(bank: FolderVoiceBank) -> None:
    """Two tones to try voices with, for the scripted model."""
    for voice_id, (name, pitch_hz) in TONE_VOICES.items():
        times = np.arange(32_000, dtype=np.float32) / 16_000
        tone = AudioClip((0.3 * np.sin(2 * np.pi * pitch_hz * times)).astype(np.float32), 16_000)
        description = f"A {pitch_hz:.0f} Hz tone"
        bank.add(Voice(voice_id, name, description, tone, licence="none needed", source="computed", synthetic=True))


def _spoken(recipe: Spoken) -> AudioClip:
    return vary(_voice().speak(recipe.text), **asdict(recipe.variation))


@cache
def _voice() -> Synthesiser:
    return Synthesiser()
