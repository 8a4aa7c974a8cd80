"""Clips and banks that the tests share."""

import numpy as np

from vivavoce.core.audio import AudioClip
from vivavoce.core.voice import Voice, VoiceFacts
from vivavoce.voicebank.recipes.joining import cut_from
from vivavoce.voicebank.recipes.recipe import Cut, Recipe, Spoken, Variation

RATE = 16_000
HEART_F0_HZ = 197.0


def tone(f0_hz: float, seconds: float = 1.5) -> AudioClip:
    """A buzz of ten harmonics."""
    times = np.arange(int(seconds * RATE)) / RATE
    harmonics = [np.sin(2 * np.pi * f0_hz * n * times) / n for n in range(1, 11)]
    return AudioClip((0.1 * np.sum(harmonics, axis=0)).astype(np.float32), RATE)


def voice(voice_id: str, f0_hz: float = 120.0, **fields) -> Voice:
    facts = fields.pop("facts", VoiceFacts())
    given = {"name": voice_id.title(), "description": "A voice.", "licence": "MIT", "source": "test"} | fields
    return Voice(id=voice_id, reference=tone(f0_hz), facts=facts, **given)


HUMAN_F0_HZ = {
    "clip-beckett": 110.0,
    "clip-two-cities": 112.0,
    "clip-endgame": 125.0,
}


def make_tone(recipe: Recipe) -> AudioClip:
    """A tone of about the pitch that the recipe's voice has."""
    match recipe:
        case Cut(asset):
            return cut_from(tone(HUMAN_F0_HZ[asset], 30.0), recipe)
        case Spoken(_, Variation(breath=1.0)):
            return AudioClip(np.random.default_rng(0).normal(0, 0.05, RATE * 2).astype(np.float32), RATE)
        case Spoken(_, variation):
            return tone(HEART_F0_HZ * variation.pitch)
        case _:
            return tone(HEART_F0_HZ)
