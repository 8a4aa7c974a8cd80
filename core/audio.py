"""One mono recording in memory, and the only way audio enters or leaves the product."""

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from vivavoce.core.durable import write_atomic
from vivavoce.core.errors import AudioError, reason

MAX_DURATION_S = 600.0
MIN_SAMPLE_RATE_HZ = 4_000
MAX_SAMPLE_RATE_HZ = 384_000
SILENCE_PEAK = 10 ** (-60 / 20)  # -60 dBFS: below the noise floor of any usable microphone
READABLE = "WAV, FLAC, OGG or MP3"


@dataclass(frozen=True, slots=True, eq=False)
class AudioClip:
    """A mono recording.

    samples: float32 (T,) in [-1, 1], T >= 1, finite. sample_rate: Hz.
    """

    samples: NDArray[np.float32]
    sample_rate: int

    def __post_init__(self) -> None:
        """Check shape, type, range and rate.

        Raises:
            AudioError: the samples are not a finite, non-empty mono signal, or the rate is out of range.
        """
        if not MIN_SAMPLE_RATE_HZ <= self.sample_rate <= MAX_SAMPLE_RATE_HZ:
            raise AudioError(f"sample rate {self.sample_rate} Hz is outside {MIN_SAMPLE_RATE_HZ}-{MAX_SAMPLE_RATE_HZ} Hz")
        if self.samples.ndim != 1 or self.samples.size == 0:
            raise AudioError(f"expected a non-empty mono signal, got shape {self.samples.shape}")
        if not np.isfinite(self.samples).all():
            raise AudioError("the recording holds NaN or infinite samples; export it again as 16-bit PCM")
        object.__setattr__(self, "samples", np.clip(self.samples, -1.0, 1.0).astype(np.float32, copy=False))

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.samples.size / self.sample_rate

    @property
    def is_silent(self) -> bool:
        """Whether no sample rises above -60 dBFS."""
        return float(np.abs(self.samples).max()) < SILENCE_PEAK

    @property
    def content_hash(self) -> str:
        """SHA-256 over rate and 16-bit samples, in hex: the same before and after a lossless round trip."""
        digest = hashlib.sha256(str(self.sample_rate).encode())
        digest.update(_pcm16(self.samples).tobytes())
        return digest.hexdigest()

    def resampled(self, sample_rate: int) -> Self:
        """The same sound at another rate (soxr, high quality)."""
        if sample_rate == self.sample_rate:
            return self
        samples = soxr.resample(self.samples, self.sample_rate, sample_rate)
        if samples.size == 0:
            samples = np.zeros(1, np.float32)
        return type(self)(np.asarray(samples, np.float32), sample_rate)

    def section(self, start_s: float, end_s: float) -> Self:
        """The part between two times, both clipped to the recording."""
        start, end = (int(np.clip(t * self.sample_rate, 0, self.samples.size)) for t in (start_s, end_s))
        return type(self)(self.samples[start:end], self.sample_rate)

    @classmethod
    def joined(cls, clips: "list[AudioClip]") -> Self:
        """Clips of one rate, one after another.

        Raises:
            AudioError: there is no clip, or the rates differ.
        """
        if len({clip.sample_rate for clip in clips}) != 1:
            raise AudioError("only clips of one sample rate can be joined, and at least one is needed")
        return cls(np.concatenate([clip.samples for clip in clips]), clips[0].sample_rate)

    @classmethod
    def load(cls, path: str | Path, max_duration_s: float = MAX_DURATION_S) -> Self:
        """Read a WAV, FLAC, OGG or MP3 file of any rate and channel count, mixed down to mono.

        Raises:
            AudioError: the file is missing, empty, truncated, too long or not audio.
        """
        path = Path(path)
        if not path.is_file():
            raise AudioError(f"{path}: no such file; give a {READABLE} recording")
        if path.stat().st_size == 0:
            raise AudioError(f"{path}: the file is empty; record it again")
        try:
            with soundfile.SoundFile(path) as file:
                frames, rate = file.frames, file.samplerate
                if rate <= 0 or frames / rate > max_duration_s:
                    seconds = frames / max(rate, 1)
                    raise AudioError(f"{path}: {seconds:.0f} s is longer than the {max_duration_s:.0f} s allowed; cut")
                samples = file.read(dtype="float32", always_2d=True)
        except (soundfile.LibsndfileError, RuntimeError, OSError) as error:
            raise AudioError(f"{path}: not a readable {READABLE} recording ({reason(error)})") from error
        if samples.shape[0] == 0:
            raise AudioError(f"{path}: the recording holds no samples; record it again")
        try:
            return cls(samples.mean(axis=1), rate)
        except AudioError as error:
            raise AudioError(f"{path}: {error}") from error

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Decode a small audio file held in memory.

        Raises:
            AudioError: the bytes are not a readable recording.
        """
        try:
            samples, rate = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
        except (soundfile.LibsndfileError, RuntimeError) as error:
            raise AudioError(f"not a readable {READABLE} recording ({reason(error)})") from error
        return cls(samples.mean(axis=1), rate)

    def to_bytes(self, container: str = "WAV") -> bytes:
        """Encode as a 16-bit file of the given container (``WAV`` or ``FLAC``)."""
        buffer = io.BytesIO()
        soundfile.write(buffer, _pcm16(self.samples), self.sample_rate, format=container, subtype="PCM_16")
        return buffer.getvalue()

    def save(self, path: str | Path) -> None:
        """Write a 16-bit WAV or FLAC file, whole or not at all.

        Raises:
            AudioError: the ending is neither .wav nor .flac.
            StoreError: the file cannot be written.
        """
        path = Path(path)
        container = path.suffix.lstrip(".").upper()
        if container not in ("WAV", "FLAC"):
            raise AudioError(f"{path}: audio is written as .wav or .flac; change the ending")
        write_atomic(path, self.to_bytes(container))


def _pcm16(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    return np.clip(np.rint(samples * 32768.0), -32768, 32767).astype("<i2")
