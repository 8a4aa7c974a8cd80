"""Mel filters after Slaney, as librosa's `mel` makes them."""

import numpy as np
from numpy.typing import NDArray

LINEAR_HZ_PER_MEL = 200 / 3
BREAK_HZ = 1000.0
LOG_STEP = float(np.log(6.4)) / 27


def slaney_filters(rate: int, n_fft: int, bands: int, top_hz: float) -> NDArray[np.float32]:
    """Triangles from 0 to ``top_hz``, each of unit area: float32 (bands, n_fft // 2 + 1)."""
    bins_hz = np.linspace(0, rate / 2, n_fft // 2 + 1)
    corners = _mel_to_hz(np.linspace(0.0, _hz_to_mel(top_hz), bands + 2))
    widths = np.diff(corners)
    slopes = corners[:, None] - bins_hz[None, :]
    rising = -slopes[:-2] / widths[:-1, None]
    falling = slopes[2:] / widths[1:, None]
    triangles = np.maximum(0, np.minimum(rising, falling))
    area = 2.0 / (corners[2:] - corners[:-2])
    return (triangles * area[:, None]).astype(np.float32)


def _hz_to_mel(hz: float) -> float:
    if hz < BREAK_HZ:
        return hz / LINEAR_HZ_PER_MEL
    return BREAK_HZ / LINEAR_HZ_PER_MEL + float(np.log(hz / BREAK_HZ)) / LOG_STEP


def _mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    break_mel = BREAK_HZ / LINEAR_HZ_PER_MEL
    return np.where(mel < break_mel, mel * LINEAR_HZ_PER_MEL, BREAK_HZ * np.exp(LOG_STEP * (mel - break_mel)))
