"""A voice that the decoder can speak in, and how one is looked for."""

from dataclasses import dataclass

from vivavoce.core.audio import AudioClip

DEFAULT_VOICE_ID = "default"


@dataclass(frozen=True, slots=True)
class VoiceFacts:
    """What is known of a voice. Empty or None means unknown, never "none".

    gender: "female" or "male". age: "child", "young", "adult" or "old". accent, style: free words. language: BCP 47.
    f0_hz: median pitch measured on the clip.
    """

    gender: str = ""
    age: str = ""
    accent: str = ""
    style: str = ""
    language: str = "en"
    f0_hz: float | None = None


@dataclass(frozen=True, slots=True)
class Voice:
    """A reference clip and what is known of it.

    source: where the clip came from. synthetic: nobody's real voice. native: the name of a decoder's own timbre, for
    which it needs no conditioning.
    """

    id: str
    name: str
    description: str
    reference: AudioClip
    facts: VoiceFacts = VoiceFacts()
    licence: str = ""
    source: str = ""
    synthetic: bool = False
    native: str | None = None


@dataclass(frozen=True, slots=True)
class VoiceFilters:
    """Exact conditions a hit must meet; empty means any."""

    gender: str = ""
    age: str = ""
    language: str = ""
    synthetic: bool | None = None


@dataclass(frozen=True, slots=True)
class VoiceHit:
    """A found voice. ``score`` is comparable within one search only; higher is better."""

    voice: Voice
    score: float
    reason: str = ""
