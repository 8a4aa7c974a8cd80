"""A voice that the decoder can speak in, and how one is looked for."""

from dataclasses import dataclass, fields
from typing import Self

from vivavoce.core.audio import AudioClip
from vivavoce.core.errors import VoiceRefused

DEFAULT_VOICE_ID = "default"
MIN_FIT = 0.47  # of `VoiceHit.score`: below it nothing in the bank fits; calibrated by `vivavoce eval voices`

Range = tuple[float | None, float | None]


@dataclass(frozen=True, slots=True)
class VoiceFacts:
    """What is said of a voice. Empty means unknown, never "none".

    gender: "female" or "male". age: "child", "young", "adult" or "old". language: BCP 47. pitch, speed: words such as
    "low" or "fast". accent, style, emotion: free words, several divided by commas.
    """

    gender: str = ""
    age: str = ""
    accent: str = ""
    style: str = ""
    language: str = "en"
    emotion: str = ""
    pitch: str = ""
    speed: str = ""


@dataclass(frozen=True, slots=True)
class Acoustics:
    """What is measured on a clip; None where it cannot be.

    f0_hz: median pitch. f0_range_st: semitones between the 5th and the 95th percentile of pitch. rate_hz: syllables a
    second of speech. loudness_lufs: ITU-R BS.1770. snr_db: estimate of speech over background.
    """

    f0_hz: float | None = None
    f0_range_st: float | None = None
    rate_hz: float | None = None
    loudness_lufs: float | None = None
    snr_db: float | None = None


@dataclass(frozen=True, slots=True)
class VoiceEntry:
    """All that a bank knows of a voice, without its samples.

    clip: content hash of the reference clip. sample_rate: Hz. speaker: whoever speaks, the same for all clips of one
    person. source: where the clip came from. consent: under what consent it may be used. synthetic: nobody's real voice.
    do_not_clone: it may be found and heard, never spoken in. native: the name of a decoder's own timbre, for which it
    needs no conditioning. recipe: hash of what a built-in voice was made from; empty for a user's own.
    """

    id: str
    name: str
    description: str
    clip: str
    duration_s: float
    sample_rate: int
    facts: VoiceFacts = VoiceFacts()
    acoustics: Acoustics = Acoustics()
    transcript: str = ""
    speaker: str = ""
    licence: str = ""
    source: str = ""
    consent: str = ""
    synthetic: bool = False
    do_not_clone: bool = False
    native: str | None = None
    recipe: str = ""

    @classmethod
    def of(cls, voice: "Voice") -> Self:
        """What a bank writes down of a voice."""
        clip = voice.reference
        shared = {field.name: getattr(voice, field.name) for field in fields(voice) if field.name != "reference"}
        shared["acoustics"] = voice.acoustics or Acoustics()
        return cls(clip=clip.content_hash, duration_s=round(clip.duration_s, 3), sample_rate=clip.sample_rate, **shared)

    def check_may_be_spoken(self) -> Self:
        """This voice, for a decoder.

        Raises:
            VoiceRefused: it is marked as not to be cloned.
        """
        if self.do_not_clone:
            raise VoiceRefused(f"the voice {self.name} is marked 'do not clone'; it can be found and heard, not spoken in")
        return self

    @property
    def has_permission(self) -> bool:
        """Whether a licence or a consent is on record."""
        return bool(self.licence.strip() or self.consent.strip())


@dataclass(frozen=True, slots=True)
class Voice:
    """A reference clip and what is known of it; see `VoiceEntry` for the fields. acoustics: None means not measured yet."""

    id: str
    name: str
    description: str
    reference: AudioClip
    facts: VoiceFacts = VoiceFacts()
    acoustics: Acoustics | None = None
    transcript: str = ""
    speaker: str = ""
    licence: str = ""
    source: str = ""
    consent: str = ""
    synthetic: bool = False
    do_not_clone: bool = False
    native: str | None = None
    recipe: str = ""

    @classmethod
    def of(cls, entry: VoiceEntry, reference: AudioClip) -> Self:
        """An entry with its clip."""
        shared = {field.name: getattr(entry, field.name) for field in fields(cls) if field.name != "reference"}
        return cls(reference=reference, **shared)


@dataclass(frozen=True, slots=True)
class VoiceSwitch:
    """That a session began to speak in a voice: which one, when (ISO 8601, UTC), and by what right.

    asked: the request that led to it; empty where the caller named the voice.
    """

    voice_id: str
    name: str
    asked: str
    licence: str
    consent: str
    source: str
    synthetic: bool
    at: str


@dataclass(frozen=True, slots=True)
class VoiceFilters:
    """Exact conditions a hit must meet; empty or None means any.

    language: also met by its regional forms. style, emotion, accent: one of the words. Ranges are inclusive, with None
    for an open end; an unknown value meets no range.
    """

    gender: str = ""
    age: str = ""
    language: str = ""
    accent: str = ""
    style: str = ""
    emotion: str = ""
    pitch: str = ""
    speed: str = ""
    speaker: str = ""
    licence: str = ""
    source: str = ""
    synthetic: bool | None = None
    may_be_spoken: bool | None = None
    duration_s: Range | None = None
    sample_rate: Range | None = None
    f0_hz: Range | None = None
    f0_range_st: Range | None = None
    rate_hz: Range | None = None
    loudness_lufs: Range | None = None
    snr_db: Range | None = None


@dataclass(frozen=True, slots=True)
class VoiceHit:
    """A found voice. score: how well it fits, in [0, 1]. reason: which fields matched. scores: by ranker."""

    voice: VoiceEntry
    score: float
    reason: str = ""
    scores: tuple[tuple[str, float], ...] = ()
