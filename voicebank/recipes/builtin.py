"""The voices that come with the product, and how each is made on the user's machine.

No recording lies in the repository: a human voice is cut from a clip that a pinned package carries, a synthetic one
is the embedded voice "heart" with its vocal tract and manner changed.
"""

from vivavoce.core.audio import AudioClip
from vivavoce.core.errors import AudioError
from vivavoce.core.voice import DEFAULT_VOICE_ID, VoiceFacts
from vivavoce.voicebank.recipes.joining import joined
from vivavoce.voicebank.recipes.recipe import Cut, MadeVoice, Spoken, Variation
from vivavoce.voicebank.recipes.spoken_texts import CALM, GRAVE, LIVELY, PLAIN, TALE

HEART = "hibari-tts/heart"
HEART_LICENCE = "Apache-2.0 (package hibari-tts)"
HEART_SOURCE = "synthesised: hibari-tts heart, timbre varied by WORLD"
MOONSHINE_LICENCE = "MIT (package moonshine-voice 0.1.5)"
LIBRIVOX_CONSENT = "LibriVox volunteers dedicated their readings to the public domain"


def cut_from(clip: AudioClip, cut: Cut) -> AudioClip:
    """The sections of a catalogue clip, joined.

    Raises:
        AudioError: the clip is shorter than its recipe expects.
    """
    if cut.sections and clip.duration_s < cut.sections[-1][0] + 0.1:
        raise AudioError(f"{cut.asset} is shorter than its recipe expects")
    return joined([clip.section(start, end) for start, end in cut.sections])


def _human(id: str, name: str, description: str, facts: VoiceFacts, cut: Cut, source: str) -> MadeVoice:
    return MadeVoice(id, name, description, facts, cut, MOONSHINE_LICENCE, source, LIBRIVOX_CONSENT)


HUMAN = (
    _human(
        "beckett-reader",
        "Beckett Reader",
        "A real man reads short, weary phrases slowly, with long pauses. His voice is deep and dry.",
        VoiceFacts("male", "adult", "", "reader, slow, weary, dry"),
        Cut("clip-beckett", ((0.0, 9.9),)),
        "moonshine-voice 0.1.5, assets/beckett.wav",
    ),
    _human(
        "dickens-reader",
        "Dickens Reader",
        "A real man reads a classic novel at an even pace, like an audiobook narrator.",
        VoiceFacts("male", "adult", "", "reader, audiobook narrator, even"),
        Cut("clip-two-cities", ((0.65, 12.95),)),
        "moonshine-voice 0.1.5, assets/two_cities.wav, 0.7-13.0 s",
    ),
    _human(
        "stage-man",
        "Stage Man",
        "A real actor plays an old man on stage: dramatic, rough and lively.",
        VoiceFacts("male", "old", "", "theatrical, dramatic"),
        Cut("clip-endgame", ((4.8, 8.3), (12.0, 14.35), (17.65, 19.4), (20.45, 22.05), (23.75, 27.5))),
        "moonshine-voice 0.1.5, assets/endgame_nagg_nell.wav, the man's lines",
    ),
    _human(
        "stage-woman",
        "Stage Woman",
        "A real actress plays an old woman on stage: dramatic, dry and tired.",
        VoiceFacts("female", "old", "", "theatrical, dramatic"),
        Cut("clip-endgame", ((8.78, 11.55), (14.62, 15.75), (16.0, 17.12))),
        "moonshine-voice 0.1.5, assets/endgame_nagg_nell.wav, the woman's lines",
    ),
)


def _varied(id: str, name: str, description: str, facts: VoiceFacts, text: str, variation: Variation) -> MadeVoice:
    return MadeVoice(id, name, description, facts, Spoken(text, variation), HEART_LICENCE, HEART_SOURCE)


SYNTHETIC = (
    MadeVoice(
        DEFAULT_VOICE_ID,
        "Heart",
        "The assistant's normal voice: a clear, friendly grown woman, made by a machine.",
        VoiceFacts("female", "adult", "american", "default, clear, friendly"),
        Spoken(PLAIN, Variation()),
        HEART_LICENCE,
        "synthesised: hibari-tts heart",
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

BUILTIN: tuple[MadeVoice, ...] = (*SYNTHETIC[:1], *HUMAN, *SYNTHETIC[1:])
