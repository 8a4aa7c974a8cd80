"""Half a million made-up voices: vectors that cluster by speaker, facts, and queries about them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vivavoce.core.voice import Acoustics, VoiceEntry, VoiceFacts

Matrix = NDArray[np.float32]

SPEAKER_D, DESCRIPTION_D = 256, 384
LATENT = 48  # what speaker embeddings really vary in
GENDERS, AGES = ("female", "male"), ("child", "young", "adult", "old")
LANGUAGES = ("en", "zh", "fr", "es", "it", "ru", "de", "pt", "ja", "nl", "sv", "pl", "tr", "fi", "cs", "el", "hi", "ko")
STYLES = (
    "calm",
    "cheerful",
    "reader",
    "announcer",
    "whisper",
    "theatrical",
    "robot",
    "slow",
    "fast",
    "friendly",
    "angry",
    "sad",
)
RARE_STYLE = "lullaby"  # one entry in a hundred: the filter of the measurements


@dataclass(frozen=True, slots=True)
class Corpus:
    """entries in order, ten in a row of one speaker; vectors (N, D)."""

    entries: list[VoiceEntry]
    speaker: Matrix
    description: Matrix


def unit(rows: Matrix) -> Matrix:
    """Rows of length one."""
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def make_corpus(speakers: int, clips: int, first: int = 0) -> Corpus:
    """``speakers`` x ``clips`` entries; the same for the same arguments."""
    rng = np.random.default_rng([first, 1])
    shape = np.random.default_rng(7)
    voices = _embedded(rng, shape, SPEAKER_D, speakers)
    kinds = _embedded(np.random.default_rng(8), shape, DESCRIPTION_D, 4000)
    owner = np.repeat(np.arange(speakers), clips)
    spread = rng.standard_normal((owner.size, SPEAKER_D), np.float32) * (0.35 / np.sqrt(SPEAKER_D))
    wording = rng.standard_normal((owner.size, DESCRIPTION_D), np.float32) * (0.45 / np.sqrt(DESCRIPTION_D))
    kind = rng.integers(0, 4000, owner.size)
    facts = [_facts(rng) for _ in range(speakers)]
    entries = [_entry(first + i, int(who), facts[who], rng, int(kind[i])) for i, who in enumerate(owner)]
    return Corpus(entries, unit(voices[owner] + spread), unit(kinds[kind] + wording))


def _embedded(rng: np.random.Generator, shape: np.random.Generator, dimension: int, count: int) -> Matrix:
    """Unit vectors around a common mean, as of real embedders (mean cosine about a half)."""
    mean, basis = shape.standard_normal(dimension), shape.standard_normal((LATENT, dimension))
    points = rng.standard_normal((count, LATENT)) @ basis / np.sqrt(LATENT)
    return unit((points + mean).astype(np.float32))


def _facts(rng: np.random.Generator) -> tuple[VoiceFacts, float]:
    gender = GENDERS[rng.integers(2)]
    facts = VoiceFacts(gender, AGES[rng.integers(4)], "", "", LANGUAGES[rng.integers(len(LANGUAGES))])
    return facts, float(rng.normal(200 if gender == "female" else 120, 25))


def _entry(number: int, who: int, known: tuple[VoiceFacts, float], rng: np.random.Generator, kind: int) -> VoiceEntry:
    facts, f0_hz = known
    style = RARE_STYLE if number % 100 == 0 else STYLES[rng.integers(len(STYLES))]
    told = VoiceFacts(facts.gender, facts.age, "", style, facts.language)
    age = {"adult": "grown"}.get(facts.age, facts.age)
    noun = "woman" if facts.gender == "female" else "man"
    measured: dict[str, Any] = {
        "f0_hz": round(max(60.0, f0_hz + rng.normal(0, 6)), 1),
        "f0_range_st": round(float(rng.uniform(3, 15)), 1),
        "rate_hz": round(float(rng.normal(4.5, 0.6)), 2),
        "loudness_lufs": round(float(rng.normal(-23, 3)), 1),
        "snr_db": round(float(rng.uniform(10, 60)), 1),
    }
    return VoiceEntry(
        id=f"voice-{number:07d}",
        name=f"Voice {number}",
        description=f"A {age} {noun} speaks {facts.language}, {style}, in manner {kind}.",
        clip=f"{number:064x}",
        duration_s=round(float(rng.uniform(3, 15)), 2),
        sample_rate=16_000,
        facts=told,
        acoustics=Acoustics(**measured),
        transcript=f"word{rng.integers(200_000)} word{rng.integers(200_000)} word{rng.integers(200_000)}",
        speaker=f"speaker-{who}",
        licence="CC0-1.0",
        source="made up",
        synthetic=True,
    )
