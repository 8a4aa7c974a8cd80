"""WORLD analysis and synthesis of speech: pitch, spectral envelope, aperiodicity."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vivavoce.core.audio import AudioClip

SAMPLE_RATE_HZ = 16_000
FRAME_MS = 5.0
F0_FLOOR_HZ, F0_CEILING_HZ = 55.0, 600.0
ACTIVE_NATS = 7.5  # frames this far below the 95th percentile of energy are silence
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class WorldFrames:
    """f0: (T,) Hz, 0 where unvoiced. envelope: (T, 513) natural log of power. aperiodicity: (T, 513) in [0, 1]."""

    f0: Floats
    envelope: Floats
    aperiodicity: Floats

    @property
    def level(self) -> Floats:
        """Mean log power of each frame, (T, 1)."""
        return self.envelope.mean(axis=1, keepdims=True)

    @property
    def active(self) -> NDArray[np.bool_]:
        """Frames that are not silence, (T,)."""
        energy = np.log(np.exp(self.envelope).sum(axis=1) + 1e-20)
        return energy > np.percentile(energy, 95) - ACTIVE_NATS


def analyse(clip: AudioClip) -> WorldFrames:
    """Decompose a clip (any rate; worked on at 16 kHz)."""
    import pyworld

    samples = clip.resampled(SAMPLE_RATE_HZ).samples.astype(np.float64)
    samples = np.pad(samples, (0, max(0, SAMPLE_RATE_HZ // 10 - samples.size)))
    # WORLD divides by the local power: digital silence must not be exactly zero.
    samples = samples + np.random.default_rng(0).normal(0.0, 1e-6, samples.size)
    limits: dict[str, Any] = {"f0_floor": F0_FLOOR_HZ, "f0_ceil": F0_CEILING_HZ, "frame_period": FRAME_MS}
    f0, times = pyworld.dio(samples, SAMPLE_RATE_HZ, **limits)
    f0 = pyworld.stonemask(samples, f0, times, SAMPLE_RATE_HZ)
    power = pyworld.cheaptrick(samples, f0, times, SAMPLE_RATE_HZ)
    aperiodicity = pyworld.d4c(samples, f0, times, SAMPLE_RATE_HZ)
    return WorldFrames(f0, np.log(power + 1e-20), aperiodicity)


def synthesise(frames: WorldFrames, speed: float = 1.0) -> AudioClip:
    """The sound of frames, at 16 kHz; ``speed`` above 1 is faster."""
    import pyworld

    power = np.ascontiguousarray(np.exp(frames.envelope))
    aperiodicity = np.ascontiguousarray(np.clip(frames.aperiodicity, 0.0, 1.0))
    samples = pyworld.synthesize(np.ascontiguousarray(frames.f0), power, aperiodicity, SAMPLE_RATE_HZ, FRAME_MS / speed)
    peak = float(np.abs(samples).max())
    return AudioClip((samples * min(1.0, 0.98 / max(peak, 1e-9))).astype(np.float32), SAMPLE_RATE_HZ)


def warp(envelope: Floats, factor: float) -> Floats:
    """Stretch the frequency axis (last) by a factor; above 1 moves formants up."""
    bins = np.arange(envelope.shape[-1]) / factor
    low = np.minimum(bins.astype(int), envelope.shape[-1] - 1)
    high = np.minimum(low + 1, envelope.shape[-1] - 1)
    share = bins - low
    return envelope[..., low] * (1 - share) + envelope[..., high] * share
