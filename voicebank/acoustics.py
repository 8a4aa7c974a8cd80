"""What can be measured on a clip: pitch, its range, speaking rate, loudness, background."""

import numpy as np
from numpy.typing import NDArray

from vivavoce.core.audio import AudioClip
from vivavoce.core.voice import Acoustics

RATE_HZ = 16_000
FLOOR_HZ, CEILING_HZ = 50.0, 600.0
FRAME_S = 0.01
LEAST_VOICED = 0.08  # Below this share of voiced frames what was found is noise: a whisper has no pitch.
LEAST_LOUDNESS_S = 0.4  # one block of BS.1770
SPEECH_DB = 20.0  # frames within this of the loud ones are speech
DIP_DB = 2.0  # two syllables have a dip of this between them (de Jong and Wempe 2009)
NEAREST_SYLLABLES = 10  # frames
QUIETEST_DB = -100.0
MOST_SNR_DB = 80.0


def measure(clip: AudioClip) -> Acoustics:
    """Measure a clip of speech. Blocking, about 0.02 of its length."""
    heard = clip.resampled(RATE_HZ)
    f0_hz = _voiced_f0(heard)
    level_db = _levels(heard.samples)
    return Acoustics(
        f0_hz=round(float(np.median(f0_hz)), 1) if f0_hz is not None else None,
        f0_range_st=_range(f0_hz),
        rate_hz=_syllable_rate(level_db, f0_hz is not None),
        loudness_lufs=_loudness(heard),
        snr_db=_snr(level_db),
    )


def _voiced_f0(clip: AudioClip) -> NDArray[np.float64] | None:
    """Pitch of the voiced frames in Hz (WORLD's DIO), or None where hardly any frame is voiced."""
    import pyworld

    samples = clip.samples.astype(np.float64)
    f0, times = pyworld.dio(samples, RATE_HZ, f0_floor=FLOOR_HZ, f0_ceil=CEILING_HZ, frame_period=FRAME_S * 1000)
    f0 = pyworld.stonemask(samples, f0, times, RATE_HZ)
    voiced = f0[f0 > 0]
    return voiced if voiced.size >= LEAST_VOICED * f0.size and voiced.size else None


def _range(f0_hz: NDArray[np.float64] | None) -> float | None:
    """Semitones between the 5th and 95th percentile."""
    if f0_hz is None:
        return None
    low, high = np.percentile(f0_hz, (5, 95))
    return round(float(12 * np.log2(high / low)), 1)


def _levels(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """Level of each frame in dBFS, over windows of 25 ms."""
    hop, window = int(FRAME_S * RATE_HZ), int(0.025 * RATE_HZ)
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(samples, (0, window)), window)[::hop]
    return np.maximum(10 * np.log10(np.maximum((frames.astype(np.float64) ** 2).mean(axis=1), 1e-12)), QUIETEST_DB)


def _syllable_rate(level_db: NDArray[np.float64], voiced: bool) -> float | None:
    """Syllables a second of speech, pauses left out: peaks of a smoothed level that stand out from the dips around them."""
    from scipy.ndimage import gaussian_filter1d
    from scipy.signal import find_peaks

    speech = level_db > np.percentile(level_db, 95) - SPEECH_DB
    if not voiced or speech.sum() * FRAME_S < 0.5:
        return None
    smooth = gaussian_filter1d(level_db, 3.0)
    peaks, _ = find_peaks(smooth, prominence=DIP_DB, distance=NEAREST_SYLLABLES)
    return round(float(speech[peaks].sum() / (speech.sum() * FRAME_S)), 2)


def _loudness(clip: AudioClip) -> float | None:
    if clip.duration_s < LEAST_LOUDNESS_S:
        return None
    import pyloudnorm

    loudness = float(pyloudnorm.Meter(RATE_HZ).integrated_loudness(clip.samples.astype(np.float64)))
    return round(loudness, 1) if np.isfinite(loudness) else None


def _snr(level_db: NDArray[np.float64]) -> float | None:
    """Power of the loud half over that of the quietest twentieth; None where the clip has no pause to hear noise in."""
    quiet_db, loud_db = np.percentile(level_db, (5, 75))
    if loud_db - quiet_db < 3.0:
        return None
    return round(min(MOST_SNR_DB, float(10 * np.log10(max(10 ** ((loud_db - quiet_db) / 10) - 1, 1e-3)))), 1)
