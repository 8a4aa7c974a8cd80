"""Hears: Whisper under CTranslate2, behind a voice activity detector."""

from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vivavoce.core.audio import AudioClip
from vivavoce.core.errors import ModelError

if TYPE_CHECKING:
    from vivavoce.model.embedded.hearing.whisper import Whisper

SAMPLE_RATE_HZ = 16_000
MIN_SPEECH_S = 0.2
LANGUAGES = ("en", "zh")  # that tools, router and answers know
CHINESE_PROMPT = (  # what Whisper reads before it writes Chinese: simplified characters, and what assistants are asked
    "以下是普通话的句子。请换一个温柔的女声。这个音色不错。今天北京的天气怎么样？现在几点？搜索最新的新闻。员工手册里怎么写的？"
)
MIN_LOG_PROBABILITY = -1.5  # below this Whisper is guessing: it "hears" words in noise


class Recogniser:
    """English and Chinese speech to text. Blocking; loaded once, at the first use."""

    def __init__(self, folder: Path, threads: int) -> None:
        self._folder = folder
        self._threads = threads
        self._model: Whisper | None = None
        self._lock = Lock()

    def load(self) -> "Whisper":
        """Load the weights.

        Raises:
            ModelError: the folder holds no usable Whisper model.
        """
        from vivavoce.model.embedded.hearing.whisper import Whisper

        with self._lock:
            if self._model is None:
                try:
                    self._model = Whisper(str(self._folder), device="cpu", compute_type="int8", cpu_threads=self._threads)
                except (RuntimeError, ValueError, OSError) as error:
                    raise ModelError(f"the speech recogniser in {self._folder} cannot be loaded: {error}") from error
            return self._model

    def warm_up(self) -> None:
        """Load everything and listen once, so that the first question is heard as fast as the next."""
        noise = np.random.default_rng(0).normal(0.0, 0.01, SAMPLE_RATE_HZ).astype(np.float32)
        self._has_speech(noise)
        self._listen(noise)

    def transcribe(self, clip: AudioClip) -> str:
        """What was said, or "" when nobody spoke.

        Raises:
            ModelError: the weights cannot be loaded.
        """
        samples = clip.resampled(SAMPLE_RATE_HZ).samples
        return self._listen(samples) if self._has_speech(samples) else ""

    def _listen(self, samples: NDArray[np.float32]) -> str:
        model, language = self.load(), "en"
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

    @staticmethod
    def _has_speech(samples: NDArray[np.float32]) -> bool:
        from faster_whisper.vad import VadOptions, get_speech_timestamps

        if samples.size < MIN_SPEECH_S * SAMPLE_RATE_HZ:
            return False
        spans = get_speech_timestamps(samples, VadOptions(threshold=0.4, min_speech_duration_ms=100))
        return sum(span["end"] - span["start"] for span in spans) >= MIN_SPEECH_S * SAMPLE_RATE_HZ
