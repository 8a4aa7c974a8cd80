"""Weights in 8 or 4 bits, computed with in bfloat16: a token is read several times faster from memory."""

from typing import Literal

import torch
from torch import nn
from torch.nn import functional as F

from vivavoce.core.errors import ConfigError

WeightBits = Literal["full", "int8", "int4"]
FEW_ROWS = 8  # up to here reading the weights is what takes time
CHUNK_ROWS = 8192  # rounded at a time: keeps the memory for intermediate results small
GROUP = 64  # weights that share a scale in 4 bits
INT8_MAX = 127
INT4_LEVELS = 15
INT4_ZERO = 8


class Int8Linear(nn.Module):
    """A linear layer with one scale an output row: weights are rounded to 1/127 of the row's largest."""

    weight: torch.Tensor
    scale: torch.Tensor

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        given = linear.weight.detach()
        weight = torch.empty_like(given, dtype=torch.int8)
        scale = given.new_empty(given.shape[0], dtype=torch.bfloat16)
        for at in range(0, given.shape[0], CHUNK_ROWS):
            weight[at : at + CHUNK_ROWS], scale[at : at + CHUNK_ROWS] = _rounded(given[at : at + CHUNK_ROWS])
        self.register_buffer("weight", weight)
        self.register_buffer("scale", scale)
        self.bias: torch.Tensor | None = linear.bias

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(..., in) -> (..., out) in bfloat16."""
        rows = x.reshape(-1, x.shape[-1]).to(torch.bfloat16)
        if rows.shape[0] <= FEW_ROWS and rows.device.type == "cpu":
            out = torch._weight_int8pack_mm(rows.contiguous(), self.weight, self.scale)  # pyright: ignore
        else:
            out = F.linear(rows, self.weight.to(torch.bfloat16)) * self.scale
        out = out if self.bias is None else out + self.bias
        return out.view(*x.shape[:-1], -1)


class Int4Linear(nn.Module):
    """A linear layer with a scale and a zero for each 64 weights of a row. On the CPU only."""

    packed: torch.Tensor
    scale_and_zero: torch.Tensor

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        rows, columns = linear.weight.shape
        levels = torch.empty(rows, columns, dtype=torch.int32)
        both = torch.empty(columns // GROUP, rows, 2, dtype=torch.bfloat16)
        for at in range(0, rows, CHUNK_ROWS):
            part = linear.weight.detach()[at : at + CHUNK_ROWS].float().view(-1, columns // GROUP, GROUP)
            low, high = part.amin(2, keepdim=True), part.amax(2, keepdim=True)
            scale = ((high - low) / INT4_LEVELS).clamp(min=1e-12)
            levels[at : at + CHUNK_ROWS] = ((part - low) / scale).round_().clamp_(0, INT4_LEVELS).view(-1, columns)
            both[:, at : at + CHUNK_ROWS] = torch.cat([scale, low + INT4_ZERO * scale], 2).transpose(0, 1)
        self.register_buffer("packed", torch._convert_weight_to_int4pack_for_cpu(levels, 1))  # pyright: ignore
        self.register_buffer("scale_and_zero", both)
        self.bias: torch.Tensor | None = linear.bias

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(..., in) -> (..., out) in bfloat16."""
        rows = x.reshape(-1, x.shape[-1]).to(torch.bfloat16).contiguous()
        multiply = torch._weight_int4pack_mm_for_cpu  # pyright: ignore
        out = multiply(rows, self.packed, GROUP, self.scale_and_zero)
        out = out if self.bias is None else out + self.bias
        return out.view(*x.shape[:-1], -1)


def fits(linear: nn.Linear, bits: WeightBits) -> bool:
    """Whether a layer can be stored in these bits; others keep their weights."""
    rows, columns = linear.weight.shape
    return bits == "int8" or (columns % GROUP == 0 and rows % 16 == 0)


def quantised(linear: nn.Linear, bits: WeightBits) -> nn.Module:
    """The same layer with fewer bits; as it is where they do not fit."""
    if bits == "full" or not fits(linear, bits):
        return linear
    return Int8Linear(linear) if bits == "int8" else Int4Linear(linear)


def _rounded(rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Weights (n, in) as int8 and their scales (n,)."""
    scale = rows.abs().amax(1).float().clamp(min=1e-12) / INT8_MAX
    return (rows / scale[:, None]).round_().clamp_(-INT8_MAX, INT8_MAX).to(torch.int8), scale


def check_device(bits: WeightBits, device: torch.device) -> None:
    """Refuse what cannot run.

    Raises:
        ConfigError: 4-bit weights on something else than the CPU.
    """
    if bits == "int4" and device.type != "cpu":
        raise ConfigError(f"4-bit weights run on the CPU only; use int8 on {device}")
