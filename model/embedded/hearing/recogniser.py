"""Hears: Whisper under CTranslate2, behind a voice activity detector."""

import asyncio
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vivavoce.core.audio import AudioClip
from vivavoce.core.errors import ModelError, reason

if TYPE_CHECKING:
    from vivavoce.model.embedded.hearing.whisper import Whisper

SAMPLE_RATE_HZ = 16_000
MIN_SPEECH_S = 0.2
LANGUAGES = ("en", "zh")  # that tools, router and answers know
CHINESE_PROMPT = (  # what Whisper reads before it writes Chinese: simplified characters, and what assistants are asked
    "以下是普通话的句子。请换一个温柔的女声。这个音色不错。今天北京的天气怎么样？现在几点？搜索最新的新闻。员工手册里怎么写的？"
)
MIN_LOG_PROBABILITY = -1.5  # below this Whisper is guessing: it "hears" words in noise


class WhisperRecogniser:
    """Implements `Recogniser` for English and Chinese. Loaded at the first use; several models may share one."""

    def __init__(self, folder: Path, threads: int) -> None:
        self._folder = folder
        self._threads = threads
        self._model: Whisper | None = None
        self._listening = Lock()  # Whisper keeps what it read last

    async def warm_up(self) -> None:
        """Load everything and listen once, so that the first question is heard as fast as the next."""
        await asyncio.to_thread(self._warm_up)

    async def transcribe(self, audio: AudioClip) -> str:
        """See `Recogniser.transcribe`."""
        return await asyncio.to_thread(self.listen, audio)

    def listen(self, clip: AudioClip) -> str:
        """The same. Blocking."""
        samples = clip.resampled(SAMPLE_RATE_HZ).samples
        return self._written(samples) if self._has_speech(samples) else ""

    async def close(self) -> None:
        """Nothing to end: the weights go with this object."""

    def _warm_up(self) -> None:
        noise = np.random.default_rng(0).normal(0.0, 0.01, SAMPLE_RATE_HZ).astype(np.float32)
        self._has_speech(noise)
        self._written(noise)

    def _written(self, samples: NDArray[np.float32]) -> str:
        with self._listening:
            model, language = self._loaded(), "en"
            if model.model.is_multilingual:
                heard_first = model.feature_extractor(samples)[..., :-1]  # as `transcribe` cuts it, so that it is read once
                likely = dict(model.detect_language(features=heard_first)[2])
                language = max(LANGUAGES, key=lambda name: likely.get(name, 0.0))
            segments, _ = model.transcribe(
                samples,
                language=language,
                initial_prompt=CHINESE_PROMPT if language == "zh" else None,
                beam_size=5,
                temperature=0.0,
                condition_on_previous_text=False,
                without_timestamps=True,
            )
            heard = [s.text.strip() for s in segments if s.avg_logprob > MIN_LOG_PROBABILITY]
        return " ".join(text for text in heard if any(c.isalnum() for c in text))

    def _loaded(self) -> "Whisper":
        from vivavoce.model.embedded.hearing.whisper import Whisper

        if self._model is None:
            try:
                self._model = Whisper(str(self._folder), device="cpu", compute_type="int8", cpu_threads=self._threads)
            except (RuntimeError, ValueError, OSError) as error:
                raise ModelError(f"the speech recogniser in {self._folder} cannot be loaded: {reason(error)}") from error
        return self._model

    @staticmethod
    def _has_speech(samples: NDArray[np.float32]) -> bool:
        from faster_whisper.vad import VadOptions, get_speech_timestamps

        if samples.size < MIN_SPEECH_S * SAMPLE_RATE_HZ:
            return False
        spans = get_speech_timestamps(samples, VadOptions(threshold=0.4, min_speech_duration_ms=100))
        return sum(span["end"] - span["start"] for span in spans) >= MIN_SPEECH_S * SAMPLE_RATE_HZ
