"""What is measured of a reference clip: filter banks for the speaker, mel frames for the flow (specification, 7.2)."""

from functools import cache

import numpy as np
import torch
from torch.nn import functional as F

from vivavoce.core.slaney import slaney_filters

SPEAKER_RATE = 16_000
SPEAKER_BANDS = 80
FRAME, SHIFT, FFT = 400, 160, 512
PREEMPHASIS = 0.97
LOWEST_HZ = 20.0
EPSILON = 1.1920929e-7  # of float32; with samples in [-1, 1] quiet passages reach it
MEL_RATE = 24_000
MEL_WINDOW = 1920
MEL_HOP = 480
MEL_TOP_HZ = 8000.0


def speaker_fbank(samples: torch.Tensor) -> torch.Tensor:
    """Kaldi's log filter banks without dither (8b.3): float32 (T,) at 16 kHz in [-1, 1] -> (1 + (T - 400) // 160, 80)."""
    frames = samples.unfold(0, FRAME, SHIFT)
    frames = frames - frames.mean(1, keepdim=True)
    before = F.pad(frames[:, None], (1, 0), mode="replicate")[:, 0, :-1]
    frames = (frames - PREEMPHASIS * before) * _povey_window()
    power = torch.fft.rfft(frames, FFT).abs() ** 2
    return (power[:, :-1] @ _kaldi_filters().T).clamp(min=EPSILON).log()


def prompt_mel(samples: torch.Tensor, bands: int = 80) -> torch.Tensor:
    """Log-mel of the flow: float32 (T,) at 24 kHz -> (T // 480, bands), 50 frames a second.

    Raises:
        ValueError: 720 samples or fewer, which cannot be mirrored at the ends.
    """
    margin = (MEL_WINDOW - MEL_HOP) // 2
    if samples.numel() <= margin:
        raise ValueError(f"{samples.numel()} samples at 24 kHz are too few; {margin + 1} are needed")
    padded = F.pad(samples[None, None], (margin, margin), mode="reflect")[0, 0]
    window = torch.hann_window(MEL_WINDOW)
    spectrum = torch.stft(padded, MEL_WINDOW, MEL_HOP, window=window, center=False, return_complex=True)
    magnitude = torch.sqrt(spectrum.real**2 + spectrum.imag**2 + 1e-9)
    return (_mel_filters(bands) @ magnitude).clamp(min=1e-5).log().T


def fitted_to_tokens(mel: torch.Tensor, tokens: int) -> torch.Tensor:
    """Cut mel frames (T, bands), or repeat the last one, so that there are two for each speech token."""
    wanted = 2 * tokens
    if mel.shape[0] >= wanted:
        return mel[:wanted]
    return torch.cat([mel, mel[-1:].expand(wanted - mel.shape[0], -1)])


@cache
def _povey_window() -> torch.Tensor:
    return torch.hann_window(FRAME, periodic=False) ** 0.85


@cache
def _mel_filters(bands: int) -> torch.Tensor:
    return torch.from_numpy(slaney_filters(MEL_RATE, MEL_WINDOW, bands, MEL_TOP_HZ))


@cache
def _kaldi_filters() -> torch.Tensor:
    """Triangles linear in mel, corners equally spaced from 20 Hz to 8 kHz, not normalised: (80, 256)."""

    def mel(hz: np.ndarray) -> np.ndarray:
        return 1127.0 * np.log(1 + hz / 700.0)

    bins = mel(np.arange(FFT // 2) * SPEAKER_RATE / FFT)
    edges = np.linspace(mel(np.array(LOWEST_HZ)), mel(np.array(SPEAKER_RATE / 2)), SPEAKER_BANDS + 2)
    left, centre, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising, falling = (bins - left) / (centre - left), (right - bins) / (right - centre)
    return torch.from_numpy(np.maximum(0, np.minimum(rising, falling)).astype(np.float32))
