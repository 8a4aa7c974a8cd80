"""The voices that come with the product, and how each is made on the user's machine.

No recording lies in the repository: a human voice is cut from a clip that a pinned package carries, a synthetic one
is the embedded voice "heart" with its vocal tract and manner changed.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field

from vivavoce.core.audio import AudioClip
from vivavoce.core.errors import AudioError, StoreError, VivavoceError
from vivavoce.core.voice import DEFAULT_VOICE_ID, Voice, VoiceFacts
from vivavoce.voicebank.bank import FolderVoiceBank
from vivavoce.voicebank.builtin_texts import CALM, GRAVE, LIVELY, PLAIN, TALE
from vivavoce.voicebank.joining import joined

BUILD_VERSION = 1  # Raise it when the way of making a voice changes: every built-in voice is then made again.

HEART = "hibari-tts/heart"
HEART_LICENCE = "Apache-2.0 (package hibari-tts)"
MOONSHINE_LICENCE = "MIT (package moonshine-voice 0.1.5)"


@dataclass(frozen=True, slots=True)
class Variation:
    """How the source voice is changed; the defaults change nothing.

    pitch: factor on F0. formants: factor on formant frequencies, above 1 for a shorter vocal tract. pitch_range: factor
    on the spread of log F0, 0 is monotone. speed: factor on tempo. breath: 0 voiced to 1 whispered.
    """

    pitch: float = 1.0
    formants: float = 1.0
    pitch_range: float = 1.0
    speed: float = 1.0
    breath: float = 0.0


@dataclass(frozen=True, slots=True)
class Cut:
    """Parts of a catalogue clip. sections: seconds; all are joined with a short pause."""

    asset: str
    sections: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Spoken:
    """A text spoken by the source voice with a variation."""

    text: str
    variation: Variation


@dataclass(frozen=True, slots=True)
class BuiltinVoice:
    """One voice and its recipe."""

    id: str
    name: str
    description: str
    facts: VoiceFacts
    recipe: Cut | Spoken
    licence: str = HEART_LICENCE
    source: str = "synthesised: hibari-tts heart, timbre varied by WORLD"
    native: str | None = None

    @property
    def recipe_hash(self) -> str:
        """SHA-256 of everything the stored voice depends on."""
        everything = json.dumps([BUILD_VERSION, asdict(self)], sort_keys=True)
        return hashlib.sha256(everything.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class BuildReport:
    """Ids of voices added and kept, and (id, reason) of those skipped."""

    added: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    skipped: tuple[tuple[str, str], ...] = field(default=())


def build(
    bank: FolderVoiceBank,
    load_clip: Callable[[str], AudioClip],
    synthesise: Callable[[str, Variation], AudioClip],
    progress: Callable[[int, int, str], None] | None = None,
    voices: tuple[BuiltinVoice, ...] | None = None,
) -> BuildReport:
    """Make the built-in voices that the bank lacks or has from an older recipe. Blocking.

    load_clip: a clip by its name in the catalogue of assets. synthesise: speech of a text with a variation. progress:
    called with voices done, voices in all and the name of the next one. A voice that cannot be made is skipped.

    Raises:
        StoreError: the bank cannot be read or written.
    """
    voices = BUILTIN if voices is None else voices
    present = {entry.id: entry.recipe for entry in bank.entries()}
    added: list[str] = []
    kept: list[str] = []
    skipped: list[tuple[str, str]] = []
    for done, voice in enumerate(voices):
        if progress is not None:
            progress(done, len(voices), voice.name)
        if voice.id in present and present[voice.id] in ("", voice.recipe_hash):
            kept.append(voice.id)  # An empty recipe is a user's own voice of this id: never replaced.
            continue
        try:
            clip = _make(voice.recipe, load_clip, synthesise)
            bank.add(_voice(voice, clip), replace_existing=True)
        except StoreError:
            raise
        except VivavoceError as error:
            skipped.append((voice.id, str(error)))
        else:
            added.append(voice.id)
    if progress is not None:
        progress(len(voices), len(voices), "")
    return BuildReport(tuple(added), tuple(kept), tuple(skipped))


def _voice(voice: BuiltinVoice, clip: AudioClip) -> Voice:
    return Voice(
        id=voice.id,
        name=voice.name,
        description=voice.description,
        reference=clip,
        facts=voice.facts,
        licence=voice.licence,
        source=voice.source,
        synthetic=isinstance(voice.recipe, Spoken),
        native=voice.native,
        recipe=voice.recipe_hash,
    )


def _make(
    recipe: Cut | Spoken,
    load_clip: Callable[[str], AudioClip],
    synthesise: Callable[[str, Variation], AudioClip],
) -> AudioClip:
    if isinstance(recipe, Spoken):
        return synthesise(recipe.text, recipe.variation)
    clip = load_clip(recipe.asset)
    if recipe.sections and clip.duration_s < recipe.sections[-1][0] + 0.1:
        raise AudioError(f"{recipe.asset} is shorter than its recipe expects")
    return joined([clip.section(start, end) for start, end in recipe.sections])


def _human(id: str, name: str, description: str, facts: VoiceFacts, cut: Cut, licence: str, source: str) -> BuiltinVoice:
    return BuiltinVoice(id, name, description, facts, cut, licence, source)


HUMAN = (
    _human(
        "beckett-reader",
        "Beckett Reader",
        "A real man reads short, weary phrases slowly, with long pauses. His voice is deep and dry.",
        VoiceFacts("male", "adult", "", "reader, slow, weary, dry"),
        Cut("clip-beckett", ((0.0, 9.9),)),
        MOONSHINE_LICENCE,
        "moonshine-voice 0.1.5, assets/beckett.wav",
    ),
    _human(
        "dickens-reader",
        "Dickens Reader",
        "A real man reads a classic novel at an even pace, like an audiobook narrator.",
        VoiceFacts("male", "adult", "", "reader, audiobook narrator, even"),
        Cut("clip-two-cities", ((0.65, 12.95),)),
        MOONSHINE_LICENCE,
        "moonshine-voice 0.1.5, assets/two_cities.wav, 0.7-13.0 s",
    ),
    _human(
        "stage-man",
        "Stage Man",
        "A real actor plays an old man on stage: dramatic, rough and lively.",
        VoiceFacts("male", "old", "", "theatrical, dramatic"),
        Cut("clip-endgame", ((4.8, 8.3), (12.0, 14.35), (17.65, 19.4), (20.45, 22.05), (23.75, 27.5))),
        MOONSHINE_LICENCE,
        "moonshine-voice 0.1.5, assets/endgame_nagg_nell.wav, the man's lines",
    ),
    _human(
        "stage-woman",
        "Stage Woman",
        "A real actress plays an old woman on stage: dramatic, dry and tired.",
        VoiceFacts("female", "old", "", "theatrical, dramatic"),
        Cut("clip-endgame", ((8.78, 11.55), (14.62, 15.75), (16.0, 17.12))),
        MOONSHINE_LICENCE,
        "moonshine-voice 0.1.5, assets/endgame_nagg_nell.wav, the woman's lines",
    ),
)


def _varied(id: str, name: str, description: str, facts: VoiceFacts, text: str, variation: Variation) -> BuiltinVoice:
    return BuiltinVoice(id, name, description, facts, Spoken(text, variation))


SYNTHETIC = (
    BuiltinVoice(
        DEFAULT_VOICE_ID,
        "Heart",
        "The assistant's normal voice: a clear, friendly grown woman, made by a machine.",
        VoiceFacts("female", "adult", "american", "default, clear, friendly"),
        Spoken(PLAIN, Variation()),
        source="synthesised: hibari-tts heart",
        native=HEART,
    ),
    _varied(
        "little-girl",
        "Little Girl",
        "A small girl with a very high, bright voice. Synthetic.",
        VoiceFacts("female", "child", "", "playful, bright"),
        LIVELY,
        Variation(pitch=1.6, formants=1.2, pitch_range=1.2),
    ),
    _varied(
        "little-boy",
        "Little Boy",
        "A small boy with a high, eager voice. Synthetic.",
        VoiceFacts("male", "child", "", "playful, eager"),
        LIVELY,
        Variation(pitch=1.25, formants=1.25, pitch_range=0.8, speed=1.05),
    ),
    _varied(
        "young-man",
        "Young Man",
        "A young man with a light, easy voice. Synthetic.",
        VoiceFacts("male", "young", "american", "friendly, easy"),
        PLAIN,
        Variation(pitch=0.66, formants=0.86, pitch_range=0.9, speed=1.05),
    ),
    _varied(
        "old-deep-man",
        "Old Deep Man",
        "An old man, deep and slow, like a grandfather or a wizard. Synthetic.",
        VoiceFacts("male", "old", "", "slow, wise, rough"),
        TALE,
        Variation(pitch=0.45, formants=0.82, pitch_range=0.7, speed=0.85, breath=0.15),
    ),
    _varied(
        "giant",
        "Giant",
        "A huge giant or monster with an extremely deep, rumbling voice. Synthetic.",
        VoiceFacts("male", "adult", "", "giant, monster, slow"),
        GRAVE,
        Variation(pitch=0.36, formants=0.7, pitch_range=0.6, speed=0.85),
    ),
    _varied(
        "elderly-woman",
        "Elderly Woman",
        "An elderly woman, slow and a little breathless, like a kind grandmother. Synthetic.",
        VoiceFacts("female", "old", "", "slow, kind, gentle"),
        TALE,
        Variation(pitch=0.86, formants=1.1, pitch_range=0.7, speed=0.82, breath=0.4),
    ),
    _varied(
        "robot",
        "Robot",
        "A machine: perfectly monotone and mechanical. Synthetic.",
        VoiceFacts("", "", "", "robot, monotone, mechanical"),
        PLAIN,
        Variation(pitch=0.6, formants=1.15, pitch_range=0.0, speed=0.95),
    ),
    _varied(
        "whisper",
        "Whisper",
        "A woman whispers as if telling a secret; there is no tone, only breath. Synthetic.",
        VoiceFacts("female", "adult", "", "whisper, breathy, secretive"),
        CALM,
        Variation(speed=0.92, breath=1.0),
    ),
    _varied(
        "cheerful-woman",
        "Cheerful Woman",
        "A cheerful, fast and energetic young woman. Synthetic.",
        VoiceFacts("female", "young", "american", "cheerful, fast, energetic"),
        LIVELY,
        Variation(pitch=1.18, formants=1.02, pitch_range=1.5, speed=1.2),
    ),
    _varied(
        "calm-narrator",
        "Calm Narrator",
        "A woman tells a story calmly and slowly, soothing enough for bedtime. Synthetic.",
        VoiceFacts("female", "adult", "american", "calm, slow, narrator, soothing"),
        CALM,
        Variation(pitch=0.9, formants=0.97, pitch_range=0.75, speed=0.8, breath=0.1),
    ),
    _varied(
        "deep-woman",
        "Deep Woman",
        "A grown woman with a low, dark, confident voice. Synthetic.",
        VoiceFacts("female", "adult", "", "low, confident, serious"),
        GRAVE,
        Variation(pitch=0.76, formants=0.95, pitch_range=0.9, speed=0.95),
    ),
    _varied(
        "announcer",
        "Announcer",
        "A grown man announces the news with authority. Synthetic.",
        VoiceFacts("male", "adult", "american", "announcer, formal, authoritative, fast"),
        GRAVE,
        Variation(pitch=0.55, formants=0.8, pitch_range=1.2, speed=1.1),
    ),
    _varied(
        "elf",
        "Elf",
        "A tiny cartoon elf: squeaky, quick and playful, neither man nor woman. Synthetic.",
        VoiceFacts("", "", "", "elf, cartoon, fast, playful"),
        LIVELY,
        Variation(pitch=1.9, formants=1.45, pitch_range=1.3, speed=1.2),
    ),
)

BUILTIN: tuple[BuiltinVoice, ...] = (*SYNTHETIC[:1], *HUMAN, *SYNTHETIC[1:])
