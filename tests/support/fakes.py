"""Embedders without weights, and a bank that costs nothing to fill."""

import os
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from vivavoce.core.audio import AudioClip
from vivavoce.core.voice import Acoustics, Voice, VoiceFacts
from vivavoce.voicebank.bank import FolderVoiceBank

RATE = 8_000
MEASURED = Acoustics(120.0, 4.0, 4.5, -20.0, 30.0)  # given, so that nothing is measured


class LetterCounts:
    """A text embedder that counts letters, and how much it is used."""

    dimension = 26

    def __init__(self, name="letters-1"):
        self.id = name
        self.embedded = []

    def embed(self, texts):
        self.embedded += texts
        rows = np.asarray([[t.lower().count(chr(97 + i)) + 1e-3 for i in range(26)] for t in texts], np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


class Spectrum:
    """A speaker embedder: the coarse spectrum of the first half second."""

    dimension = 64

    def __init__(self, name="spectrum-1"):
        self.id = name

    def embed(self, clip):
        samples = clip.resampled(RATE).samples[: RATE // 2]
        power = np.abs(np.fft.rfft(samples, RATE // 2))[:1024].reshape(64, -1).sum(axis=1) + 1e-3
        return (power / np.linalg.norm(power)).astype(np.float32)


def buzz(number, seconds=1.0, rate=RATE):
    """Three tones that no other number has."""
    rng = np.random.default_rng(number)
    times = np.arange(int(seconds * rate)) / rate
    tones = [np.sin(2 * np.pi * rng.uniform(100, 3_500) * times) for _ in range(3)]
    samples = np.rint(0.2 * np.sum(tones, axis=0) * 32_768) / 32_768  # as it is stored
    return AudioClip(samples.astype(np.float32), rate)


def small_voice(voice_id, number=0, **fields):
    given = {"name": voice_id.title(), "description": f"Voice {number}.", "licence": "MIT", "source": "test"} | fields
    return Voice(**({"id": voice_id, "reference": buzz(number), "facts": VoiceFacts(), "acoustics": MEASURED} | given))


def small_bank(folder, texts="letters-1", speakers="spectrum-1", **options):
    return FolderVoiceBank(
        folder, LetterCounts(texts) if texts else None, Spectrum(speakers) if speakers else None, **options
    )


def filled(folder, count=3, **options):
    """A bank of a few voices, added one by one."""
    bank = small_bank(folder, **options)
    for number in range(count):
        bank.add(small_voice(f"voice-{number}", number))
    return bank


def contents(bank):
    """All that a bank tells: every entry, and that its clip is whole."""
    return {entry.id: (entry, bank.clip(entry).content_hash) for entry in bank.entries()}


def assert_one_line(error, *words):
    """An error is one line and says these words."""
    text = str(error)
    assert text and "\n" not in text, text
    for word in words:
        assert word in text, text


@contextmanager
def folder_in_memory(otherwise):
    """A folder that no disk slows down, where the system has one."""
    memory = Path("/dev/shm")
    if not (memory.is_dir() and os.access(memory, os.W_OK)):
        yield otherwise
        return
    with TemporaryDirectory(dir=memory, prefix="vivavoce-test-") as folder:
        yield Path(folder)
