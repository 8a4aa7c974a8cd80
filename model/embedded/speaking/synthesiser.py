"""The embedded voice: text to speech in its own timbre."""

import hashlib
from importlib.metadata import version
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from vivavoce.core.audio import AudioClip
from vivavoce.core.errors import ModelError, reason
from vivavoce.model.embedded.speaking.timbre import TimbreStatistics, measure

if TYPE_CHECKING:
    from hibari import Hibari

SAMPLE_RATE_HZ = 24_000
SEED = 0  # the voice draws noise; the same text must sound the same
CALIBRATION = (
    "The birch canoe slid on the smooth planks. Glue the sheet to the dark blue background. "
    "It is easy to tell the depth of a well, but these days a chicken leg is a rare dish. "
    "Rice is often served in round bowls. Why do four hours of steady work face us?"
)


class Synthesiser:
    """hibari-tts, loaded at the first use. Blocking; any number of decoders may share one, from any thread.

    It runs on one thread: a phrase is too short for a second one to pay.
    """

    def __init__(self) -> None:
        self._tts: Hibari | None = None
        self._timbre: TimbreStatistics | None = None
        self._speaking, self._measuring = Lock(), Lock()

    def load(self) -> None:
        """Load the voice, and what it reads English with.

        Raises:
            ModelError: it cannot be loaded.
        """
        with self._speaking:
            self._loaded()

    def speak(self, text: str) -> AudioClip:
        """A text, uncut.

        Raises:
            ModelError: the voice cannot be loaded, or cannot speak this text.
        """
        with self._speaking:
            tts = self._loaded()
            try:
                return AudioClip(np.asarray(tts(text, seed=SEED), np.float32), SAMPLE_RATE_HZ)
            except Exception as error:  # a text can bring the library to any error, or to no sample at all
                raise ModelError(f"the voice cannot speak {text[:40]!r}: {reason(error)}") from error

    def timbre(self) -> TimbreStatistics:
        """What its speech sounds like, measured once."""
        with self._measuring:
            if self._timbre is None:
                self._timbre = measure(self.speak(CALIBRATION))
            return self._timbre

    @property
    def timbre_key(self) -> str:
        """Names what `timbre` depends on, in hex."""
        return hashlib.sha256(f"{version('hibari-tts')} {SEED} {CALIBRATION}".encode()).hexdigest()

    def _loaded(self) -> "Hibari":
        if self._tts is None:
            try:
                from hibari import Hibari

                tts = Hibari()
                tts.phonemize("Hello.")  # reads the dictionaries
            except Exception as error:
                raise ModelError(f"the voice cannot be loaded: {reason(error)}") from error
            self._tts = tts
        return self._tts
