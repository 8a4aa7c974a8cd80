"""The velocity field of the flow: a diffusion transformer with causal convolutions (specification, 7.5)."""

from collections.abc import Sequence
from dataclasses import replace
from math import log
from typing import cast

import torch
from torch import nn
from torch.nn import functional as F

from vivavoce.model.packing import GeluLinear
from vivavoce.model.token2wav.flow.memory import KeysValues, Memory

TIME_WIDTH = 256
TIME_SCALE = 1000.0
NORM_EPS = 1e-6
CONTEXT = 2  # frames that a convolution remembers
VECTORS = 9  # a block's shift, scale and gate for attention, feed-forward and convolution


class TimeEmbedding(nn.Module):
    """A point of time in [0, 1] to a vector."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(TIME_WIDTH, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, t: torch.Tensor) -> torch.Tensor:
        """(N,) -> (N, H)."""
        half = TIME_WIDTH // 2
        frequencies = torch.exp(-log(10_000.0) * torch.arange(half, dtype=torch.float32, device=t.device) / half)
        angles = TIME_SCALE * t[:, None].float() * frequencies
        return self.mlp(torch.cat([angles.cos(), angles.sin()], 1).to(t.dtype))


class DiTAttention(nn.Module):
    """Attention without positions; q and k are normalised by head."""

    def __init__(self, width: int, heads: int, head_width: int) -> None:
        super().__init__()
        self.heads, self.head_width = heads, head_width
        self.to_q = nn.Linear(width, heads * head_width)
        self.to_k = nn.Linear(width, heads * head_width)
        self.to_v = nn.Linear(width, heads * head_width)
        self.q_norm = nn.LayerNorm(head_width)
        self.k_norm = nn.LayerNorm(head_width)
        self.proj = nn.Linear(heads * head_width, width)

    def forward(self, x: torch.Tensor, memories: Sequence[Memory]) -> tuple[torch.Tensor, list[Memory]]:
        """Map x (R n, T, H), the n streams of each row side by side, with the memory of each to (R n, T, H) and to what each
        remembers now.
        """  # noqa: D205
        q, k, v = (self._split(layer(x), len(memories)) for layer in (self.to_q, self.to_k, self.to_v))
        q, k = self.q_norm(q), self.k_norm(k)
        present = [memory.joined(k[:, n], v[:, n]) for n, memory in enumerate(memories)]
        heard = [_attention(q[:, n], memory.parts) for n, memory in enumerate(present)]
        out = heard[0] if len(heard) == 1 else torch.stack(heard, 1).flatten(0, 1)
        return self.proj(out.transpose(1, 2).flatten(2)), present

    def _split(self, x: torch.Tensor, streams: int) -> torch.Tensor:
        """(R n, T, heads d) -> (R, n, heads, T, d)."""
        return x.view(-1, streams, x.shape[1], self.heads, self.head_width).transpose(2, 3)


def _attention(q: torch.Tensor, parts: Sequence[KeysValues]) -> torch.Tensor:
    """Attend to frames that lie in one or two places: q (R, heads, T, d) -> the same."""
    if len(parts) == 1:
        return F.scaled_dot_product_attention(q, *parts[0])
    (keys, values), (recent_keys, recent_values) = parts
    if q.device.type != "cpu":
        return F.scaled_dot_product_attention(q, torch.cat([keys, recent_keys], 2), torch.cat([values, recent_values], 2))
    # Attending twice and weighing the two by their sums needs no copy of a prompt that all streams of a voice share.
    attend = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
    (out, logsum), (recent, recent_logsum) = attend(q, keys, values), attend(q, recent_keys, recent_values)
    return torch.lerp(out, recent, torch.sigmoid(recent_logsum - logsum)[..., None].to(q.dtype))


class CausalConvolutions(nn.Module):
    """Two causal convolutions with a norm between."""

    def __init__(self, width: int) -> None:
        super().__init__()
        # Numbered as in the checkpoint, where moves between layouts count too.
        self.block = nn.ModuleDict(
            {"1": nn.Conv1d(width, width, CONTEXT + 1), "3": nn.LayerNorm(width), "6": nn.Conv1d(width, width, CONTEXT + 1)}
        )

    def forward(self, x: torch.Tensor, context: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """X (B, T, H), context (B, 2, 2, H), of each convolution two frames -> (B, T, H) and the next context."""
        joined = torch.cat([context[:, 0], x], 1)
        hidden = self.block["3"](self.block["1"](joined.transpose(1, 2)).transpose(1, 2))
        hidden = torch.cat([context[:, 1], F.mish(hidden)], 1)
        context = torch.stack([joined[:, -CONTEXT:], hidden[:, -CONTEXT:]], 1)
        return self.block["6"](hidden.transpose(1, 2)).transpose(1, 2), context


class DiTMlp(nn.Module):
    """Feed-forward with the tanh form of GELU."""

    def __init__(self, width: int, units: int) -> None:
        super().__init__()
        self.fc1 = GeluLinear(width, units)
        self.fc2 = nn.Linear(units, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, T, H) -> (B, T, H)."""
        return self.fc2(self.fc1(x))


class DiTBlock(nn.Module):
    """Attention, convolution, feed-forward, each scaled, shifted and gated by the point of time."""

    def __init__(self, width: int, heads: int, head_width: int, mlp_ratio: float) -> None:
        super().__init__()
        self.attn = DiTAttention(width, heads, head_width)
        self.conv = CausalConvolutions(width)
        self.mlp = DiTMlp(width, int(width * mlp_ratio))
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(width, VECTORS * width))

    def forward(
        self, x: torch.Tensor, vectors: torch.Tensor, memories: Sequence[Memory]
    ) -> tuple[torch.Tensor, list[Memory]]:
        """Map x (R n, T, H), vectors (9, H) and the memory of each of n streams to x and what each remembers now."""
        shift_a, scale_a, gate_a, shift_m, scale_m, gate_m, shift_c, scale_c, gate_c = vectors
        heard, present = self.attn(modulated(x, shift_a, scale_a), memories)
        x = torch.addcmul(x, gate_a, heard)
        smoothed, contexts = self.conv(modulated(x, shift_c, scale_c), _contexts(x, memories))
        x = torch.addcmul(x, gate_c, smoothed)
        x = torch.addcmul(x, gate_m, self.mlp(modulated(x, shift_m, scale_m)))
        contexts = contexts.view(-1, len(memories), *contexts.shape[1:])
        return x, [replace(memory, context=contexts[:, n]) for n, memory in enumerate(present)]


def _contexts(x: torch.Tensor, memories: Sequence[Memory]) -> torch.Tensor:
    """(R n, 2, 2, H)."""
    rows = x.shape[0] // len(memories)
    empty = x.new_zeros(rows, 2, CONTEXT, x.shape[2])
    given = [empty if memory.context is None else memory.context for memory in memories]
    return torch.stack(given, 1).flatten(0, 1)


class FinalLayer(nn.Module):
    """To mel channels."""

    def __init__(self, width: int, channels: int) -> None:
        super().__init__()
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(width, 2 * width))
        self.linear = nn.Linear(width, channels)

    def forward(self, x: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
        """(B, T, H), (2, H) -> (B, T, channels)."""
        shift, scale = vectors
        return self.linear(modulated(x, shift, scale))


class Estimator(nn.Module):
    """The whole transformer."""

    def __init__(
        self,
        *,
        in_channels: int,
        out_channels: int,
        hidden_size: int,
        depth: int,
        num_heads: int,
        head_dim: int,
        mlp_ratio: float,
    ) -> None:
        super().__init__()
        self.in_proj = nn.Linear(in_channels, hidden_size)
        self.t_embedder = TimeEmbedding(hidden_size)
        self.blocks = nn.ModuleList(DiTBlock(hidden_size, num_heads, head_dim, mlp_ratio) for _ in range(depth))
        self.final_layer = FinalLayer(hidden_size, out_channels)

    def vectors(self, t: torch.Tensor) -> list[torch.Tensor]:
        """What points of time (N,) do to each block and to the final layer, (N, 9, H) each and (N, 2, H)."""
        embedded = self.t_embedder(t)
        layers: list[nn.Module] = [cast(DiTBlock | FinalLayer, p).adaLN_modulation for p in (*self.blocks, self.final_layer)]
        return [layer(embedded).unflatten(1, (-1, embedded.shape[1])) for layer in layers]

    def forward(
        self, x: torch.Tensor, vectors: Sequence[torch.Tensor], memories: Sequence[Sequence[Memory]]
    ) -> tuple[torch.Tensor, list[list[Memory]]]:
        """One evaluation at one point of time.

        x: (R n, T, in_channels), the state of the flow, the encoder's course, speaker and prompt mel side by side; R rows,
        with and without guidance, of n streams each. vectors: of this point of time, see `vectors`. memories: per block,
        of each stream. Returns the velocity (R n, T, out_channels) and the memories behind these frames.
        """
        x = self.in_proj(x)
        present: list[list[Memory]] = []
        for number, block in enumerate(self.blocks):
            x, remembered = block(x, vectors[number], memories[number])
            present.append(remembered)
        return self.final_layer(x, vectors[-1]), present


def modulated(x: torch.Tensor, shift: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Normalise without weights, then scale and shift, both (H,)."""
    return F.layer_norm(x, x.shape[-1:], 1 + scale, shift, NORM_EPS)
