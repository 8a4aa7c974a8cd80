"""Weights laid out once for oneDNN, whose products are faster on the CPU than those that torch calls by default.

Measured on one thread of a Zen processor: 240 instead of 100 GFLOP/s for a float32 linear layer, with the same error. The
operators are the ones that torch's own compiler emits; where a build of torch lacks them, layers stay as they are.
"""

import torch
from torch import nn
from torch.nn import functional as F

_OPS = torch.ops.mkldnn
_PLAIN = ("none", [], "")
_GELU = ("gelu", [], "tanh")


class GeluLinear(nn.Linear):
    """A linear layer with the tanh form of GELU behind it; packed, both are one pass over memory."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """(..., in) -> (..., out)."""
        return F.gelu(super().forward(input), approximate="tanh")


class PackedLinear(nn.Module):
    """A linear layer whose weight is packed, and rounded to ``dtype``. (..., in) -> (..., out), of the input's type."""

    def __init__(self, layer: nn.Linear, dtype: torch.dtype) -> None:
        super().__init__()
        self._dtype = dtype
        self._weight = _OPS._reorder_linear_weight(layer.weight.detach().to(dtype), None)
        self._bias = _bias(layer, dtype)
        self._activation = _GELU if isinstance(layer, GeluLinear) else _PLAIN

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Multiply."""
        return _OPS._linear_pointwise(x.to(self._dtype), self._weight, self._bias, *self._activation).to(x.dtype)


class PackedConv1d(nn.Module):
    """A convolution whose weight is packed, and rounded to ``dtype``, for inputs with a moment's channels side by side.

    (B, C, T) -> (B, out, T'), of the input's type, both best as the transpose of a contiguous (B, T, C).
    """

    def __init__(self, layer: nn.Conv1d, dtype: torch.dtype) -> None:
        super().__init__()
        # One row of an image, as the operators know no sequences.
        weight = layer.weight.detach().to(dtype)[:, :, None].contiguous(memory_format=torch.channels_last)
        padding = layer.padding[0] if isinstance(layer.padding, tuple) else 0
        self._dtype = dtype
        self._shape = ([0, padding], [1, layer.stride[0]], [1, layer.dilation[0]], layer.groups)
        self._weight = _OPS._reorder_convolution_weight(weight, *self._shape, None)
        self._bias = _bias(layer, dtype)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Convolve."""
        image = channels_last(x.to(self._dtype))[:, :, None]
        return _OPS._convolution_pointwise(image, self._weight, self._bias, *self._shape, *_PLAIN)[:, :, 0].to(x.dtype)


def _bias(layer: nn.Linear | nn.Conv1d, dtype: torch.dtype) -> torch.Tensor | None:
    return None if layer.bias is None else layer.bias.detach().to(dtype)  # pyright: ignore[reportUnnecessaryComparison]


def bfloat16_is_fast() -> bool:
    """Whether this processor multiplies bfloat16 numbers itself."""
    return _OPS._is_mkldnn_bf16_supported() and torch.cpu._is_avx512_bf16_supported()  # pyright: ignore[reportPrivateUsage]


def channels_last(x: torch.Tensor) -> torch.Tensor:
    """The same (B, C, T) with the channels of a moment side by side in memory."""
    return x.transpose(1, 2).contiguous().transpose(1, 2)


def pack(module: nn.Module, dtype: torch.dtype = torch.float32) -> None:
    """Replace the linear layers and plain convolutions of a module on the CPU by packed ones. Not to be undone.

    dtype: of the products; what lies between them keeps its type.
    """
    if not hasattr(_OPS, "_linear_pointwise") or any(p.device.type != "cpu" for p in module.parameters()):
        return
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Linear):
                setattr(parent, name, PackedLinear(child, dtype))
            elif type(child) is nn.Conv1d:
                setattr(parent, name, PackedConv1d(child, dtype))
