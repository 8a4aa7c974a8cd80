"""The velocity field of the flow: a diffusion transformer with causal convolutions (specification, 7.5)."""

from math import log
from typing import cast

import torch
from torch import nn
from torch.nn import functional as F

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

    def forward(
        self, x: torch.Tensor, past: torch.Tensor | None, *, newest_first: bool
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Map x (B, T, H), past (B, heads, P, 2 d) to (B, T, H) and all k and v, (B, heads, P + T, 2 d)."""
        q, k, v = (self._split(layer(x)) for layer in (self.to_q, self.to_k, self.to_v))
        known = torch.cat([self.k_norm(k), v], 3)
        if past is not None:
            known = torch.cat([known, past] if newest_first else [past, known], 2)
        keys, values = known.chunk(2, 3)
        out = F.scaled_dot_product_attention(self.q_norm(q), keys, values)
        return self.proj(out.transpose(1, 2).flatten(2)), known

    def _split(self, x: torch.Tensor) -> torch.Tensor:
        return x.view(x.shape[0], x.shape[1], self.heads, self.head_width).transpose(1, 2)


class CausalConvolutions(nn.Module):
    """Two causal convolutions with a norm between."""

    def __init__(self, width: int) -> None:
        super().__init__()
        # Numbered as in the checkpoint, where moves between layouts count too.
        self.block = nn.ModuleDict(
            {"1": nn.Conv1d(width, width, CONTEXT + 1), "3": nn.LayerNorm(width), "6": nn.Conv1d(width, width, CONTEXT + 1)}
        )

    def forward(self, x: torch.Tensor, context: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
        """X (B, T, H), context (B, 2 H, 2) -> (B, T, H) and the next context."""
        x = x.transpose(1, 2)
        before = x.new_zeros(x.shape[0], 2 * x.shape[1], CONTEXT) if context is None else context
        first, second = before.chunk(2, 1)
        joined = torch.cat([first, x], 2)
        hidden = self.block["3"](self.block["1"](joined).transpose(1, 2)).transpose(1, 2)
        hidden = torch.cat([second, F.mish(hidden)], 2)
        context = torch.cat([joined[:, :, -CONTEXT:], hidden[:, :, -CONTEXT:]], 1)
        return self.block["6"](hidden).transpose(1, 2), context


class DiTMlp(nn.Module):
    """Feed-forward with the tanh form of GELU."""

    def __init__(self, width: int, units: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, units)
        self.fc2 = nn.Linear(units, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, T, H) -> (B, T, H)."""
        return self.fc2(F.gelu(self.fc1(x), approximate="tanh"))


class DiTBlock(nn.Module):
    """Attention, convolution, feed-forward, each scaled, shifted and gated by the point of time."""

    def __init__(self, width: int, heads: int, head_width: int, mlp_ratio: float) -> None:
        super().__init__()
        self.attn = DiTAttention(width, heads, head_width)
        self.conv = CausalConvolutions(width)
        self.mlp = DiTMlp(width, int(width * mlp_ratio))
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(width, VECTORS * width))

    def forward(
        self,
        x: torch.Tensor,
        vectors: torch.Tensor,
        past: torch.Tensor | None,
        context: torch.Tensor | None,
        *,
        newest_first: bool,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Map x (B, T, H), vectors (B or 1, 9 H) to x, all k and v, the next context."""
        shift_a, scale_a, gate_a, shift_m, scale_m, gate_m, shift_c, scale_c, gate_c = vectors[:, None].chunk(VECTORS, 2)
        heard, known = self.attn(modulated(x, shift_a, scale_a), past, newest_first=newest_first)
        x = x + gate_a * heard
        smoothed, following = self.conv(modulated(x, shift_c, scale_c), context)
        x = x + gate_c * smoothed
        return x + gate_m * self.mlp(modulated(x, shift_m, scale_m)), known, following


class FinalLayer(nn.Module):
    """To mel channels."""

    def __init__(self, width: int, channels: int) -> None:
        super().__init__()
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(width, 2 * width))
        self.linear = nn.Linear(width, channels)

    def forward(self, x: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
        """(B, T, H), (B or 1, 2 H) -> (B, T, channels)."""
        shift, scale = vectors[:, None].chunk(2, 2)
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
        """What points of time (N,) do to each block and to the final layer, (N, 9 H) each and (N, 2 H)."""
        embedded = self.t_embedder(t)
        layers: list[nn.Module] = [cast(DiTBlock | FinalLayer, p).adaLN_modulation for p in (*self.blocks, self.final_layer)]
        return [layer(embedded) for layer in layers]

    def forward(
        self,
        x: torch.Tensor,
        vectors: list[torch.Tensor],
        pasts: list[torch.Tensor] | None = None,
        contexts: list[torch.Tensor] | None = None,
        *,
        newest_first: bool = False,
    ) -> tuple[torch.Tensor, list[torch.Tensor], list[torch.Tensor]]:
        """One evaluation.

        x: (B, T, in_channels), the state of the flow, the encoder's course, speaker and prompt mel side by side. pasts,
        contexts: per block, of the frames before. newest_first: put new k and v before the old. Returns the velocity
        (B, T, out_channels), and per block all k and v and the next context.
        """
        x = self.in_proj(x)
        knowns: list[torch.Tensor] = []
        nexts: list[torch.Tensor] = []
        for number, block in enumerate(self.blocks):
            past, context = (pasts[number] if pasts else None), (contexts[number] if contexts else None)
            x, known, following = block(x, vectors[number], past, context, newest_first=newest_first)
            knowns.append(known)
            nexts.append(following)
        return self.final_layer(x, vectors[-1]), knowns, nexts


def modulated(x: torch.Tensor, shift: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Normalise without weights, then scale and shift."""
    return F.layer_norm(x, x.shape[-1:], eps=NORM_EPS) * (1 + scale) + shift
