"""The reference's resampler, sample for sample (specification, 8b.4)."""

from functools import cache
from math import ceil, gcd

import torch
from torch.nn import functional as F

ROLLOFF = 0.99
WIDTH = 6  # zero crossings of the sinc on each side


def resample(samples: torch.Tensor, rate: int, wanted: int) -> torch.Tensor:
    """Band-limited sinc interpolation with a Hann window: (..., T) at ``rate`` Hz -> (..., ceil(T wanted / rate))."""
    if rate == wanted:
        return samples
    divisor = gcd(rate, wanted)
    old, new = rate // divisor, wanted // divisor
    kernel, width = _kernel(old, new)
    flat = samples.reshape(-1, samples.shape[-1])
    padded = F.pad(flat, (width, width + old))
    phases = F.conv1d(padded[:, None], kernel.to(samples.device), stride=old)  # (N, new, frames)
    out = phases.transpose(1, 2).flatten(1)[:, : ceil(new * samples.shape[-1] / old)]
    return out.view(*samples.shape[:-1], -1)


@cache
def _kernel(old: int, new: int) -> tuple[torch.Tensor, int]:
    """One row a phase, (new, 1, 2 width + old), and the width."""
    base = ROLLOFF * min(old, new)
    width = ceil(WIDTH * old / base)
    taps = torch.arange(-width, width + old, dtype=torch.float64) / old
    phases = -torch.arange(new, dtype=torch.float64)[:, None] / new
    times = ((phases + taps) * base).clamp(-WIDTH, WIDTH)
    kernel = torch.sinc(times) * torch.cos(torch.pi * times / (2 * WIDTH)) ** 2 * base / old
    return kernel[:, None].float(), width
