"""Sound to log-mel frames, 16 kHz (specification, section 2)."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray

from vivavoce.core.slaney import slaney_filters

SAMPLE_RATE = 16_000
PIECE_SAMPLES = 25 * SAMPLE_RATE
PADDING = 479  # zeros after each piece
N_FFT = 400
HOP = 160
UNCOUNTED_FRAMES = 2  # fed to the encoder, but not part of the declared length
FLOOR = 1e-10
RANGE_LOG10 = 8.0  # everything quieter than this below the loudest value is lifted


@dataclass(frozen=True, slots=True)
class MelPiece:
    """At most 25 s of sound as the encoder takes it. frames: float32 (n_mels, L); ``length`` of the L are counted."""

    frames: torch.Tensor

    @property
    def length(self) -> int:
        """The declared length, frames."""
        return self.frames.shape[1] - UNCOUNTED_FRAMES

    @property
    def tokens(self) -> int:
        """How many placeholders stand for it in a prompt: 12.5 a second, 0 for 320 samples or fewer."""
        return token_count(self.length)


def mel_pieces(samples: NDArray[np.float32], n_mels: int = 128) -> list[MelPiece]:
    """Cut 16 kHz samples, float32 (T,) in [-1, 1], every 25 s and compute the log-mel of each piece."""
    starts = range(0, samples.size, PIECE_SAMPLES)
    return [MelPiece(log_mel(torch.from_numpy(samples[at : at + PIECE_SAMPLES].copy()), n_mels)) for at in starts]


def token_count(length: int) -> int:
    """Placeholders for a piece of a declared length (section 2.5; floor division matters for tiny pieces, 9.11)."""
    encoded = (length + 1) // 2 // 2
    return (encoded + 2 - 3) // 2 + 1


def log_mel(samples: torch.Tensor, n_mels: int = 128, padding: int = PADDING) -> torch.Tensor:
    """Whisper's log-mel: float32 (T,) at 16 kHz -> float32 (n_mels, (T + padding) // 160)."""
    padded = torch.nn.functional.pad(samples.float(), (0, padding))
    if padded.numel() <= N_FFT // 2:  # reflection needs more samples than it mirrors
        padded = torch.nn.functional.pad(padded, (0, N_FFT // 2 + 1 - padded.numel()))
    spectrum = torch.stft(padded, N_FFT, HOP, window=torch.hann_window(N_FFT), center=True, return_complex=True)
    power = spectrum[:, :-1].abs() ** 2
    mel = torch.clamp(mel_filters(n_mels) @ power, min=FLOOR).log10()
    mel = torch.maximum(mel, mel.max() - RANGE_LOG10)
    return (mel + 4.0) / 4.0


@cache
def mel_filters(n_mels: int) -> torch.Tensor:
    """Slaney's triangles from 0 to 8 kHz: float32 (n_mels, 201)."""
    return torch.from_numpy(slaney_filters(SAMPLE_RATE, N_FFT, n_mels, SAMPLE_RATE / 2))
