"""Hears: Whisper under CTranslate2, behind a voice activity detector."""

import asyncio
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from vivavoce.core.audio import AudioClip
from vivavoce.core.errors import ModelError, reason
from vivavoce.model.embedded.hearing.pieces import SAMPLE_RATE_HZ, pieces_of_speech

if TYPE_CHECKING:
    from vivavoce.model.embedded.hearing.whisper import Whisper


class WhisperRecogniser:
    """Implements `Recogniser` for English and Chinese. Loaded at the first use; several models may share one."""

    def __init__(self, folder: Path, threads: int) -> None:
        self._folder = folder
        self._threads = threads
        self._whisper: Whisper | None = None
        self._listening = Lock()  # two at once would compete for the same cores

    async def warm_up(self) -> None:
        """Load everything and listen for a moment, so that the first question is heard as fast as the next."""
        await asyncio.to_thread(self._warm_up)

    async def transcribe(self, audio: AudioClip) -> str:
        """See `Recogniser.transcribe`."""
        return await asyncio.to_thread(self.listen, audio)

    def listen(self, clip: AudioClip) -> str:
        """The same. Blocking."""
        with self._listening:
            pieces = pieces_of_speech(clip.resampled(SAMPLE_RATE_HZ).samples)
            return self._loaded().written(pieces) if pieces else ""

    async def close(self) -> None:
        """Nothing to end: the weights go with this object."""

    def _warm_up(self) -> None:
        noise = np.random.default_rng(0).normal(0.0, 0.01, SAMPLE_RATE_HZ).astype(np.float32)
        with self._listening:
            pieces_of_speech(noise)
            self._loaded().warm_up(noise)

    def _loaded(self) -> "Whisper":
        from vivavoce.model.embedded.hearing.whisper import Whisper

        if self._whisper is None:
            try:
                self._whisper = Whisper(self._folder, self._threads)
            except (RuntimeError, ValueError, OSError) as error:
                raise ModelError(f"the speech recogniser in {self._folder} cannot be loaded: {reason(error)}") from error
        return self._whisper
