"""Speech tokens to the course of the mel frames: a conformer that looks ahead and doubles the rate (specification, 7.4)."""

from dataclasses import dataclass, field
from math import log, sqrt

import torch
from torch import nn
from torch.nn import functional as F

LOOKAHEAD = 3  # tokens
CONTEXT = 2  # frames that the second look-ahead convolution remembers
UP_CONTEXT = 4  # frames that the convolution behind the doubling remembers
CONFORMER_EPS = 1e-12
UP = 2


@dataclass(slots=True)
class EncoderState:
    """What a stream's encoder remembers. attention: per layer k and v side by side, (1, heads, T, 2 d)."""

    context: torch.Tensor | None = None  # (1, D, 2)
    up_context: torch.Tensor | None = None  # (1, D, 4)
    attention: list[torch.Tensor] = field(default_factory=list[torch.Tensor])

    def copy(self) -> "EncoderState":
        """One that can go on by itself; tensors are never changed in place."""
        return EncoderState(self.context, self.up_context, list(self.attention))


class Embedding(nn.Module):
    """Linear and norm, scaled by the root of the width."""

    def __init__(self, width_in: int, width: int) -> None:
        super().__init__()
        self.out = nn.Sequential(nn.Linear(width_in, width), nn.LayerNorm(width))
        self.scale = sqrt(width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, T, in) -> (B, T, D)."""
        return self.out(x) * self.scale


class LookAhead(nn.Module):
    """Mixes three future tokens in."""

    def __init__(self, width: int, lookahead: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(width, width, lookahead + 1)
        self.conv2 = nn.Conv1d(width, width, CONTEXT + 1)

    def forward(self, x: torch.Tensor, context: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
        """(1, T + 3, D), (1, D, 2) -> (1, T, D) and the next context."""
        ahead = F.leaky_relu(self.conv1(x.transpose(1, 2)))
        if context is None:
            context = ahead.new_zeros(1, ahead.shape[1], CONTEXT)
        joined = torch.cat([context, ahead], 2)
        mixed = self.conv2(joined).transpose(1, 2)
        return mixed + x[:, : mixed.shape[1]], joined[:, :, -CONTEXT:]


class RelativeAttention(nn.Module):
    """Attention by content and by distance."""

    def __init__(self, width: int, heads: int, key_bias: bool) -> None:
        super().__init__()
        self.heads, self.head_width = heads, width // heads
        self.linear_q = nn.Linear(width, width)
        self.linear_k = nn.Linear(width, width, bias=key_bias)
        self.linear_v = nn.Linear(width, width)
        self.linear_out = nn.Linear(width, width)
        self.linear_pos = nn.Linear(width, width, bias=False)
        self.pos_bias_u = nn.Parameter(torch.empty(heads, self.head_width))
        self.pos_bias_v = nn.Parameter(torch.empty(heads, self.head_width))

    def forward(
        self, x: torch.Tensor, positions: torch.Tensor, past: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """X (1, T, D), positions (2 T + P - 1, D), past (1, heads, P, 2 d) -> (1, T, D) and the new past."""
        q, k, v = (self._split(layer(x)) for layer in (self.linear_q, self.linear_k, self.linear_v))
        new = torch.cat([k, v], 3)
        past = new if past is None else torch.cat([past, new], 2)
        k, v = past.chunk(2, 3)
        distances = self._split(self.linear_pos(positions)[None])
        by_distance = (q + self.pos_bias_v[:, None]) @ distances.transpose(2, 3)
        bias = _shifted(by_distance, k.shape[2]) / sqrt(self.head_width)
        out = F.scaled_dot_product_attention(q + self.pos_bias_u[:, None], k, v, attn_mask=bias)
        return self.linear_out(out.transpose(1, 2).flatten(2)), past

    def _split(self, x: torch.Tensor) -> torch.Tensor:
        return x.view(x.shape[0], -1, self.heads, self.head_width).transpose(1, 2)


class FeedForward(nn.Module):
    """Two layers with SiLU between."""

    def __init__(self, width: int, units: int) -> None:
        super().__init__()
        self.w_1 = nn.Linear(width, units)
        self.w_2 = nn.Linear(units, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, T, D) -> (B, T, D)."""
        return self.w_2(F.silu(self.w_1(x)))


class ConformerLayer(nn.Module):
    """Pre-norm attention and feed-forward, both residual."""

    def __init__(self, width: int, heads: int, units: int, key_bias: bool) -> None:
        super().__init__()
        self.self_attn = RelativeAttention(width, heads, key_bias)
        self.feed_forward = FeedForward(width, units)
        self.norm_mha = nn.LayerNorm(width, eps=CONFORMER_EPS)
        self.norm_ff = nn.LayerNorm(width, eps=CONFORMER_EPS)

    def forward(
        self, x: torch.Tensor, positions: torch.Tensor, past: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """See `RelativeAttention.forward`."""
        heard, present = self.self_attn(self.norm_mha(x), positions, past)
        x = x + heard
        return x + self.feed_forward(self.norm_ff(x)), present


class UpLayer(nn.Module):
    """Repeats each frame and smooths."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(width, width, UP_CONTEXT + 1)

    def forward(self, x: torch.Tensor, context: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
        """(1, T, D), (1, D, 4) -> (1, 2 T, D) and the next context."""
        doubled = x.repeat_interleave(UP, 1).transpose(1, 2)
        if context is None:
            context = doubled.new_zeros(1, doubled.shape[1], UP_CONTEXT)
        joined = torch.cat([context, doubled], 2)
        return self.conv(joined).transpose(1, 2), joined[:, :, -UP_CONTEXT:]


class FlowEncoder(nn.Module):
    """Streams; a whole utterance is a stream of one last chunk."""

    def __init__(
        self, *, input_size: int, output_size: int, blocks: int, up_blocks: int, heads: int, units: int, key_bias: bool
    ) -> None:
        super().__init__()
        self.width = output_size
        self.embed = Embedding(input_size, output_size)
        self.pre_lookahead_layer = LookAhead(output_size, LOOKAHEAD)
        layer = (output_size, heads, units, key_bias)
        self.encoders = nn.ModuleList(ConformerLayer(*layer) for _ in range(blocks))
        self.up_layer = UpLayer(output_size)
        self.up_embed = Embedding(output_size, output_size)
        self.up_encoders = nn.ModuleList(ConformerLayer(*layer) for _ in range(up_blocks))
        self.after_norm = nn.LayerNorm(output_size)

    def forward(self, x: torch.Tensor, state: EncoderState, *, last: bool) -> torch.Tensor:
        """Encode the next tokens of a stream and change its state.

        x: embedded tokens (1, T, in), of which the last three only look ahead unless ``last``. Returns (1, 2 T', D), T' the
        tokens that were consumed.
        """
        x = self.embed(x)
        if last:
            x = F.pad(x, (0, 0, 0, LOOKAHEAD))
        x, state.context = self.pre_lookahead_layer(x, state.context)
        pasts: list[torch.Tensor] = []
        x = self._run(self.encoders, x, state.attention[: len(self.encoders)], pasts)
        x, state.up_context = self.up_layer(x, state.up_context)
        x = self._run(self.up_encoders, self.up_embed(x), state.attention[len(self.encoders) :], pasts)
        state.attention = pasts
        return self.after_norm(x)

    def _run(
        self, layers: nn.ModuleList, x: torch.Tensor, old: list[torch.Tensor], pasts: list[torch.Tensor]
    ) -> torch.Tensor:
        done = old[0].shape[2] if old else 0
        positions = relative_positions(x.shape[1], done, self.width).to(x)
        for number, layer in enumerate(layers):
            x, past = layer(x, positions, old[number] if old else None)
            pasts.append(past)
        return x


def relative_positions(new: int, past: int, width: int) -> torch.Tensor:
    """Sinusoids of all distances of ``new`` queries, behind ``past`` keys, to all keys; largest first.

    Returns (2 new + past - 1, width).
    """
    distances = torch.arange(past + new - 1, -new, -1, dtype=torch.float32)
    frequencies = torch.exp(torch.arange(0, width, 2, dtype=torch.float32) * -(log(10_000.0) / width))
    angles = distances[:, None] * frequencies
    return torch.stack([angles.sin(), angles.cos()], 2).flatten(1)


def _shifted(by_distance: torch.Tensor, keys: int) -> torch.Tensor:
    """(1, heads, T, L) by distance -> (1, heads, T, keys) by key: row i begins T - 1 - i columns in."""
    _, heads, queries, columns = by_distance.shape
    by_distance = by_distance.contiguous()
    strides = (by_distance.stride(0), by_distance.stride(1), columns - 1, 1)
    return by_distance.as_strided((1, heads, queries, keys), strides, by_distance.storage_offset() + queries - 1)
