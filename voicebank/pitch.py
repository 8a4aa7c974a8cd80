"""The median pitch of a clip."""

import numpy as np

from vivavoce.core.audio import AudioClip

ANALYSIS_RATE_HZ = 16_000
FLOOR_HZ = 50.0
CEILING_HZ = 600.0
FRAME_MS = 10.0
LEAST_VOICED = 0.08  # Below this share of voiced frames what was found is noise: a whisper has no pitch.


def median_f0_hz(clip: AudioClip) -> float | None:
    """Median pitch over the voiced frames (WORLD's DIO), or None where hardly any frame is voiced."""
    import pyworld

    samples = clip.resampled(ANALYSIS_RATE_HZ).samples.astype(np.float64)
    f0, times = pyworld.dio(samples, ANALYSIS_RATE_HZ, f0_floor=FLOOR_HZ, f0_ceil=CEILING_HZ, frame_period=FRAME_MS)
    f0 = pyworld.stonemask(samples, f0, times, ANALYSIS_RATE_HZ)
    voiced = f0[f0 > 0]
    if voiced.size < LEAST_VOICED * f0.size:
        return None
    return round(float(np.median(voiced)), 1)
