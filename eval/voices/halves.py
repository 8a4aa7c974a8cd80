"""Halves of clips: a bank is given the first, and the second, which it has not heard, tells whether it knows the voice."""

from dataclasses import replace

from vivavoce.core.audio import AudioClip
from vivavoce.core.voice import Voice, VoiceEntry

HALF_S = 2.0  # the shortest half of a clip that shows who speaks


def is_long(entry: VoiceEntry) -> bool:
    """Whether both halves of its clip show who speaks."""
    return entry.duration_s >= 2 * HALF_S


def first_half(clip: AudioClip) -> AudioClip:
    """What a bank may know."""
    return clip.section(0.0, clip.duration_s / 2)


def second_half(clip: AudioClip) -> AudioClip:
    """What is held out."""
    return clip.section(clip.duration_s / 2, clip.duration_s)


def with_clip(entry: VoiceEntry, clip: AudioClip) -> Voice:
    """A voice with another clip, to be measured anew."""
    return replace(Voice.of(entry, clip), acoustics=None, recipe="")
