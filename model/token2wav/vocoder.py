"""Mel frames to sound: HiFT, harmonics shaped by a network and an inverse STFT (specification, 7.8)."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm

from vivavoce.model.packing import channels_last

RATE = 24_000
HARMONICS = 9
SINE = 0.1
NOISE = 0.003
VOICED_HZ = 10.0
SLOPE = 0.1
LAST_SLOPE = 0.01
LIMIT = 0.99
MAX_MAGNITUDE = 100.0
N_FFT, HOP = 16, 4
UP_RATES = (8, 5, 3)
UP_KERNELS = (16, 11, 7)
KERNELS = (3, 7, 11)
SOURCE_KERNELS = (7, 7, 11)
DILATIONS = (1, 3, 5)
SOURCE_DOWNS = ((15, 30, 7), (3, 6, 1), (1, 1, 0))  # stride, kernel, padding
SAMPLES_A_FRAME = 480


class Snake(nn.Module):
    """x + sin(alpha x)^2 / alpha."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, T) -> (B, C, T)."""
        alpha = self.alpha[:, None]
        if torch.is_grad_enabled():
            return x + torch.sin(x * alpha) ** 2 / (alpha + 1e-9)
        # The same in one buffer: memory is what takes time here.
        wave = _sine(x * alpha).mul_((alpha + 1e-9).rsqrt())
        return torch.addcmul(x, wave, wave)


class ResidualBlock(nn.Module):
    """Three pairs of convolutions, the first of each dilated."""

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()
        self.convs1 = nn.ModuleList(_convolution(channels, channels, kernel, dilation) for dilation in DILATIONS)
        self.convs2 = nn.ModuleList(_convolution(channels, channels, kernel) for _ in DILATIONS)
        self.activations1 = nn.ModuleList(Snake(channels) for _ in DILATIONS)
        self.activations2 = nn.ModuleList(Snake(channels) for _ in DILATIONS)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, T) -> (B, C, T)."""
        parts = zip(self.activations1, self.convs1, self.activations2, self.convs2, strict=True)
        for first, dilated, second, plain in parts:
            x = x + plain(second(dilated(first(x))))
        return x


class PitchPredictor(nn.Module):
    """Mel frames to F0 in Hz."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for number in range(5):
            layers += [_convolution(channels if number == 0 else hidden, hidden, 3), nn.ELU()]
        self.condnet = nn.Sequential(*layers)
        self.classifier = nn.Linear(hidden, 1)

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        """(B, C, T) -> (B, T)."""
        return self.classifier(self.condnet(mel).transpose(1, 2))[..., 0].abs()


class HarmonicSource(nn.Module):
    """F0 to a sum of harmonics."""

    def __init__(self) -> None:
        super().__init__()
        self.l_linear = nn.Linear(HARMONICS, 1)

    def forward(self, f0: torch.Tensor, noise: torch.Tensor | None, start: torch.Tensor | None = None) -> torch.Tensor:
        """F0 (B, T) in Hz and normal noise (B, 480 T, 9) -> (B, 1, 480 T).

        start: turns (B, 9) of each harmonic before the first frame. Without it phases begin at 0 and grow in float32, as in
        the reference, whose error grows with them (8b.11); with it they stay within one turn.
        """
        if start is None:
            phase = torch.cumsum(_turns_a_sample(f0), 1) * 2 * torch.pi
            phase = F.interpolate(phase.transpose(1, 2) * SAMPLES_A_FRAME, scale_factor=SAMPLES_A_FRAME, mode="linear")
            waves = torch.sin(phase).transpose(1, 2)
        else:
            waves = torch.sin(_interpolated(turns_before(f0, start)) * 2 * torch.pi)
        voiced = (f0 > VOICED_HZ).float().repeat_interleave(SAMPLES_A_FRAME, 1)[..., None]
        waves = SINE * waves * voiced
        if noise is not None:
            waves = waves + noise * (voiced * NOISE + (1 - voiced) * SINE / 3)
        return torch.tanh(self.l_linear(waves)).transpose(1, 2)


def turns_before(f0: torch.Tensor, start: torch.Tensor) -> torch.Tensor:
    """Turns of each harmonic before each frame, and after the last: F0 (B, T), start (B, 9) -> float64 (B, T + 1, 9)."""
    steps = _turns_a_sample(f0).double() * SAMPLES_A_FRAME
    return torch.cat([start[:, None], start[:, None] + torch.cumsum(steps, 1)], 1)


def _turns_a_sample(f0: torch.Tensor) -> torch.Tensor:
    """(B, T) -> (B, T, 9)."""
    return (torch.arange(1, HARMONICS + 1, device=f0.device) * f0[..., None] / RATE) % 1


def _interpolated(before: torch.Tensor) -> torch.Tensor:
    """Turns by frame (B, T + 1, 9) to turns by sample (B, 480 T, 9), linear between the centres of frames."""
    frames = before.shape[1] - 1
    samples = torch.arange(frames * SAMPLES_A_FRAME, device=before.device, dtype=torch.float64)
    position = ((samples + 0.5) / SAMPLES_A_FRAME - 0.5).clamp(0, frames - 1)
    left = position.floor().long()
    right = (left + 1).clamp(max=frames - 1)
    share = (position - left)[:, None]
    at_centre = before[:, 1:]
    turns = at_centre[:, left] + share * (at_centre[:, right] - at_centre[:, left])
    return (turns % 1).float()


class HiFT(nn.Module):
    """The vocoder: 480 samples a mel frame."""

    def __init__(self, in_channels: int = 80, base_channels: int = 512, pitch_channels: int = 512) -> None:
        super().__init__()
        self.m_source = HarmonicSource()
        self.f0_predictor = PitchPredictor(in_channels, pitch_channels)
        self.conv_pre = _convolution(in_channels, base_channels, 7)
        widths = [base_channels >> (stage + 1) for stage in range(len(UP_RATES))]
        ups = zip([base_channels, *widths], widths, UP_RATES, UP_KERNELS, strict=False)
        self.ups = nn.ModuleList(
            weight_norm(nn.ConvTranspose1d(wide, narrow, kernel, rate, (kernel - rate) // 2))
            for wide, narrow, rate, kernel in ups
        )
        bins = N_FFT + 2
        self.source_downs = nn.ModuleList(
            nn.Conv1d(bins, width, kernel, stride, padding)
            for width, (stride, kernel, padding) in zip(widths, SOURCE_DOWNS, strict=True)
        )
        self.source_resblocks = nn.ModuleList(ResidualBlock(w, k) for w, k in zip(widths, SOURCE_KERNELS, strict=True))
        self.resblocks = nn.ModuleList(ResidualBlock(width, kernel) for width in widths for kernel in KERNELS)
        self.conv_post = _convolution(widths[-1], bins, 7)
        self.register_buffer("window", torch.hann_window(N_FFT), persistent=False)
        self.window: torch.Tensor

    def source(self, mel: torch.Tensor, noise: torch.Tensor | None = None) -> torch.Tensor:
        """The harmonics that a mel (B, C, T) asks for, (B, 1, 480 T). noise: normal, (B, 480 T, 9)."""
        return self.m_source(self.f0_predictor(mel), noise)

    def decode(self, mel: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
        """Shape a source (B, 1, 480 T) by a mel (B, C, T): sound (B, 480 T) within +-0.99."""
        spectrum = torch.stft(source[:, 0], N_FFT, HOP, window=self.window, return_complex=True)
        excitation = torch.cat([spectrum.real, spectrum.imag], 1)
        x = self.conv_pre(mel)
        for stage, up in enumerate(self.ups):
            x = up(F.leaky_relu(x, SLOPE))
            if stage == len(self.ups) - 1:
                x = torch.cat([x[:, :, 1:2], x], 2)
            x = channels_last(x) + self.source_resblocks[stage](self.source_downs[stage](excitation))
            first, *others = self.resblocks[stage * len(KERNELS) : (stage + 1) * len(KERNELS)]
            summed = first(x)
            for block in others:
                summed = summed + block(x)
            x = summed / len(KERNELS)
        x = self.conv_post(F.leaky_relu(x, LAST_SLOPE))
        bins = N_FFT // 2 + 1
        magnitude, phase = x[:, :bins].exp().clamp(max=MAX_MAGNITUDE), torch.sin(x[:, bins:])
        sound = torch.istft(torch.polar(magnitude, phase), N_FFT, HOP, window=self.window)
        return sound.clamp(-LIMIT, LIMIT)


def _sine(x: torch.Tensor) -> torch.Tensor:
    """In place. numpy's takes a third of the time of torch's on the CPU, and sines are a tenth of the vocoder's."""
    if x.device.type == "cpu" and x.dtype == torch.float32:
        np.sin(x.numpy(), out=x.numpy())
        return x
    return x.sin_()


def _convolution(wide: int, narrow: int, kernel: int, dilation: int = 1) -> nn.Module:
    return weight_norm(nn.Conv1d(wide, narrow, kernel, dilation=dilation, padding=dilation * (kernel - 1) // 2))


def fold_weight_norms(modules: Sequence[nn.Module]) -> None:
    """Compute the weights once instead of at every call."""
    for module in modules:
        for part in module.modules():
            if nn.utils.parametrize.is_parametrized(part):
                nn.utils.parametrize.remove_parametrizations(part, "weight")
