"""The estimator's matrix products in 8-bit integers on the CPU: several times faster, with a small, measured error."""

import warnings

import torch
from torch import nn

from vivavoce.model.packing import GeluLinear
from vivavoce.model.token2wav.flow.estimator import CausalConvolutions, DiTAttention, DiTMlp, Estimator

INT8_MAX = 127


class DynamicInt8Linear(nn.Module):
    """A linear layer with one scale a row of weights, and one for all inputs of a call."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor) -> None:
        super().__init__()
        scales = (weight.abs().amax(1).double() / INT8_MAX).clamp(min=1e-12)
        zeros = torch.zeros(weight.shape[0], dtype=torch.long)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch means to move these tensors into a package of its own
            rounded = torch.quantize_per_channel(weight.float().contiguous(), scales, zeros, 0, torch.qint8)
        self._packed = torch.ops.quantized.linear_prepack(rounded, bias.float())
        # Without 8-bit multiply-add instructions sums of two full products overflow, and inputs must keep to 7 bits.
        self._seven_bits = not torch.cpu._is_vnni_supported()  # pyright: ignore[reportPrivateUsage] - no public name

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """float32 (..., in) -> (..., out)."""
        return torch.ops.quantized.linear_dynamic(x, self._packed, self._seven_bits)


class DynamicInt8Conv(nn.Module):
    """A convolution as a product with frames laid side by side."""

    def __init__(self, convolution: nn.Conv1d) -> None:
        super().__init__()
        weight = convolution.weight.detach()
        bias = torch.zeros(weight.shape[0]) if convolution.bias is None else convolution.bias.detach()
        self._kernel = weight.shape[2]
        self._product = DynamicInt8Linear(weight.permute(0, 2, 1).flatten(1), bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, T) -> (B, out, T - kernel + 1)."""
        windows = x.transpose(1, 2).unfold(1, self._kernel, 1)  # (B, T', C, kernel)
        return self._product(windows.transpose(2, 3).flatten(2)).transpose(1, 2)


def shrink(estimator: Estimator) -> None:
    """Replace the large products of every block. Not to be undone."""
    for module in list(estimator.modules()):
        if isinstance(module, (DiTAttention, DiTMlp)):
            for name, layer in list(module.named_children()):
                if isinstance(layer, nn.Linear):
                    product = DynamicInt8Linear(layer.weight.detach(), layer.bias.detach())
                    activated = nn.Sequential(product, nn.GELU("tanh")) if isinstance(layer, GeluLinear) else product
                    setattr(module, name, activated)
        elif isinstance(module, CausalConvolutions):
            for name, layer in list(module.block.items()):
                if isinstance(layer, nn.Conv1d):
                    module.block[name] = DynamicInt8Conv(layer)
