"""The embedded voice: text to speech in its own timbre."""

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
    """hibari-tts, loaded at the first use. Blocking; any number of decoders may share one, from any thread."""

    def __init__(self, threads: int = 2) -> None:
        self._threads = threads
        self._tts: Hibari | None = None
        self._timbre: TimbreStatistics | None = None
        self._speaking, self._measuring = Lock(), Lock()

    def speak(self, text: str) -> AudioClip:
        """A text, uncut.

        Raises:
            ModelError: the voice cannot speak it.
        """
        with self._speaking:
            try:
                samples = np.asarray(self._loaded()(text, seed=SEED), np.float32)
            except (RuntimeError, ValueError, IndexError, KeyError) as error:
                raise ModelError(f"the voice cannot speak {text[:40]!r}: {reason(error)}") from error
        return AudioClip(samples, SAMPLE_RATE_HZ)

    def timbre(self) -> TimbreStatistics:
        """What its speech sounds like, measured once."""
        with self._measuring:
            if self._timbre is None:
                self._timbre = measure(self.speak(CALIBRATION))
            return self._timbre

    def _loaded(self) -> "Hibari":
        if self._tts is None:
            from hibari import Hibari

            self._tts = Hibari(threads=self._threads)
        return self._tts
