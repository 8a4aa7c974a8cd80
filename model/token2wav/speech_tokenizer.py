"""A reference clip to speech tokens: S3 tokenizer v2, 25 a second (specification, 7.3)."""

from math import ceil

import torch
from torch import nn
from torch.nn import functional as F

KERNEL = 31  # of the memory in attention, frames
HEAD_WIDTH = 64
ROPE_THETA = 10_000.0
MASKED = -1e10
LEVELS = 8  # digits of three values: 3^8 = 6561 codes
SQUEEZE = 0.9990000128746033
WINDOW, STRIDE = 3000, 2600  # frames of a long clip that are encoded at once, and how far apart
FRAMES_A_TOKEN = 4


class MemoryAttention(nn.Module):
    """Attention with rotated positions, plus a memory of the frames around."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width)
        self.out = nn.Linear(width, width)
        self.fsmn_block = nn.Conv1d(width, width, KERNEL, groups=width, bias=False)

    def forward(self, x: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
        """X (B, T, D), valid (B, T) -> (B, T, D)."""
        q, k, v = self.query(x), self.key(x), self.value(x)
        kept = v * valid[..., None]
        around = F.pad(kept.transpose(1, 2), (KERNEL // 2, KERNEL // 2))
        memory = (self.fsmn_block(around).transpose(1, 2) + kept) * valid[..., None]
        q, k, v = (self._split(part) for part in (q, k, v))
        bias = (~valid)[:, None, None].to(x.dtype) * MASKED
        heard = F.scaled_dot_product_attention(_rotated(q), _rotated(k), v, attn_mask=bias)
        return self.out(heard.transpose(1, 2).flatten(2)) + memory

    def _split(self, x: torch.Tensor) -> torch.Tensor:
        return x.view(x.shape[0], x.shape[1], self.heads, -1).transpose(1, 2)


class TokenizerBlock(nn.Module):
    """Pre-norm attention and feed-forward, both residual."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attn = MemoryAttention(width, heads)
        self.attn_ln = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.mlp_ln = nn.LayerNorm(width)

    def forward(self, x: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
        """(B, T, D) -> (B, T, D)."""
        x = x + self.attn(self.attn_ln(x), valid)
        return x + self.mlp(self.mlp_ln(x))


class TokenizerEncoder(nn.Module):
    """Log-mel frames to one state in 40 ms."""

    def __init__(self, bands: int, width: int, heads: int, layers: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(bands, width, 3, stride=2, padding=1)
        self.conv2 = nn.Conv1d(width, width, 3, stride=2, padding=1)
        self.blocks = nn.ModuleList(TokenizerBlock(width, heads) for _ in range(layers))

    def forward(self, mel: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Mel (B, bands, T) padded with 0, lengths (B,) -> (B, T / 4, D) and lengths."""
        x = F.gelu(self.conv1(mel * _valid(lengths, mel.shape[2])[:, None]))
        lengths = (lengths - 1) // 2 + 1
        x = F.gelu(self.conv2(x * _valid(lengths, x.shape[2])[:, None]))
        lengths = (lengths - 1) // 2 + 1
        x = x.transpose(1, 2)
        valid = _valid(lengths, x.shape[1])
        for block in self.blocks:
            x = block(x, valid)
        return x, lengths


class Codebook(nn.Module):
    """Finite scalar quantisation."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.project_down = nn.Linear(width, LEVELS)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(..., D) -> (...) codes in [0, 6561)."""
        digits = (torch.tanh(self.project_down(x)) * SQUEEZE).round().long() + 1
        return (digits * 3 ** torch.arange(LEVELS, device=x.device)).sum(-1)


class Quantizer(nn.Module):
    """Holds the codebook under its official name."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self._codebook = Codebook(width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(..., D) -> (...)."""
        return self._codebook(x)


class SpeechTokenizer(nn.Module):
    """The whole tokenizer in torch."""

    def __init__(self, bands: int = 128, width: int = 1280, heads: int = 20, layers: int = 6) -> None:
        super().__init__()
        self.encoder = TokenizerEncoder(bands, width, heads, layers)
        self.quantizer = Quantizer(width)

    def forward(self, mel: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Mel (B, bands, T) padded with 0, lengths (B,) frames -> codes (B, ceil(T / 4)) and lengths."""
        states, lengths = self.encoder(mel, lengths)
        return self.quantizer(states), lengths


def long_windows(frames: int, *, as_reference: bool = False) -> list[tuple[int, int]]:
    """Where the windows of a long clip begin and end, frames.

    as_reference: with a last window that can lie wholly in the one before, for which tokens are lost (8b.6).
    """
    if frames <= WINDOW:
        return [(0, frames)]
    count = ceil(frames / STRIDE) if as_reference else 1 + ceil((frames - WINDOW) / STRIDE)
    return [(at * STRIDE, min(at * STRIDE + WINDOW, frames)) for at in range(count)]


def joined_windows(codes: list[torch.Tensor]) -> torch.Tensor:
    """Codes of overlapping windows as one row: half of each overlap from either side."""
    edge = (WINDOW - STRIDE) // FRAMES_A_TOKEN // 2
    kept = [
        part[edge if at else 0 : part.shape[0] - edge if at < len(codes) - 1 else part.shape[0]]
        for at, part in enumerate(codes)
    ]
    return torch.cat(kept)


def _valid(lengths: torch.Tensor, frames: int) -> torch.Tensor:
    return torch.arange(frames, device=lengths.device)[None] < lengths[:, None]


def _rotated(x: torch.Tensor) -> torch.Tensor:
    """Rotary positions over halves of 64 channels: (B, heads, T, d) -> the same."""
    half = HEAD_WIDTH // 2
    frequencies = ROPE_THETA ** -(torch.arange(half, dtype=torch.float32, device=x.device) / half)
    angles = torch.arange(x.shape[2], device=x.device)[:, None] * frequencies
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    left, right = x.chunk(2, 3)
    return torch.cat([left * cos - right * sin, right * cos + left * sin], 3)
