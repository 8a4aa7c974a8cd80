"""Hears: Whisper under CTranslate2, behind a voice activity detector."""

from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from vivavoce.core.audio import AudioClip
from vivavoce.core.errors import ModelError

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

SAMPLE_RATE_HZ = 16_000
MIN_SPEECH_S = 0.2
MIN_LOG_PROBABILITY = -1.5  # below this Whisper is guessing: it "hears" words in noise


class Recogniser:
    """English speech to text. Blocking; loaded once, at the first use."""

    def __init__(self, folder: Path, threads: int) -> None:
        self._folder = folder
        self._threads = threads
        self._model: WhisperModel | None = None
        self._lock = Lock()

    def load(self) -> "WhisperModel":
        """Load the weights.

        Raises:
            ModelError: the folder holds no usable Whisper model.
        """
        from faster_whisper import WhisperModel

        with self._lock:
            if self._model is None:
                try:
                    self._model = WhisperModel(
                        str(self._folder), device="cpu", compute_type="int8", cpu_threads=self._threads
                    )
                except (RuntimeError, ValueError, OSError) as error:
                    raise ModelError(f"the speech recogniser in {self._folder} cannot be loaded: {error}") from error
            return self._model

    def transcribe(self, clip: AudioClip) -> str:
        """What was said, or "" when nobody spoke.

        Raises:
            ModelError: the weights cannot be loaded.
        """
        samples = clip.resampled(SAMPLE_RATE_HZ).samples
        if not self._has_speech(samples):
            return ""
        segments, _ = self.load().transcribe(
            samples,
            language="en",
            beam_size=5,
            temperature=0.0,
            condition_on_previous_text=False,
            without_timestamps=True,
        )
        heard = [s.text.strip() for s in segments if s.avg_logprob > MIN_LOG_PROBABILITY]
        return " ".join(text for text in heard if any(c.isalnum() for c in text))

    @staticmethod
    def _has_speech(samples: Any) -> bool:  # noqa: ANN401 - numpy array, kept out of the signature of a lazy import
        from faster_whisper.vad import VadOptions, get_speech_timestamps

        if samples.size < MIN_SPEECH_S * SAMPLE_RATE_HZ:
            return False
        spans = get_speech_timestamps(samples, VadOptions(threshold=0.4, min_speech_duration_ms=100))
        return sum(span["end"] - span["start"] for span in spans) >= MIN_SPEECH_S * SAMPLE_RATE_HZ
