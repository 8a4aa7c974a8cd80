"""Hears: log-mel frames to embeddings of the backbone's width (specification, sections 3.1 and 3.2)."""

import torch
from torch import nn
from torch.nn import functional as F

from vivavoce.model.step_audio2.network.configuration import AudioEncoderConfig

ADAPTOR_WIDTH = 2048
MASKED = -1e10


class Attention(nn.Module):
    """Self-attention as Whisper's: the keys have no bias."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width)
        self.out = nn.Linear(width, width)

    def forward(self, x: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        """X (B, T, D), bias (B, 1, 1, T) added to the scores -> (B, T, D)."""
        q, k, v = (self._split(layer(x)) for layer in (self.query, self.key, self.value))
        heard = F.scaled_dot_product_attention(q, k, v, attn_mask=bias.to(q.dtype))
        return self.out(heard.transpose(1, 2).flatten(2))

    def _split(self, x: torch.Tensor) -> torch.Tensor:
        batch, frames, width = x.shape
        return x.view(batch, frames, self.heads, width // self.heads).transpose(1, 2)


class Block(nn.Module):
    """Pre-norm attention and feed-forward, both residual."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attn = Attention(width, heads)
        self.attn_ln = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.mlp_ln = nn.LayerNorm(width)

    def forward(self, x: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        """(B, T, D) -> (B, T, D)."""
        x = x + self.attn(self.attn_ln(x), bias)
        return x + self.mlp(self.mlp_ln(x))


class AudioEncoder(nn.Module):
    """Log-mel frames to one state in 40 ms."""

    def __init__(self, config: AudioEncoderConfig) -> None:
        super().__init__()
        width = config.n_audio_state
        self.conv1 = nn.Conv1d(config.n_mels, width, 3, padding=1)
        self.conv2 = nn.Conv1d(width, width, 3, stride=2, padding=1)
        self.positional_embedding = nn.Embedding(config.n_audio_ctx, width)
        self.blocks = nn.ModuleList(Block(width, config.n_audio_head) for _ in range(config.n_audio_layer))
        self.avg_pooler = nn.AvgPool1d(2, stride=2)
        self.after_norm = nn.LayerNorm(width)

    def forward(self, mel: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Encode a padded batch.

        mel: (B, n_mels, T), padded with 0. lengths: (B,) declared frames. Returns (B, T // 4, D) and lengths (B,).

        Where a key mask begins depends on the parity of the padded T, as in the reference: the states of a short piece
        depend on what it is batched with. A piece encoded alone has no such neighbours.

        Raises:
            ValueError: T is more than twice ``n_audio_ctx``.
        """
        longest = 2 * self.positional_embedding.num_embeddings
        if mel.shape[2] > longest:
            raise ValueError(f"{mel.shape[2]} frames of sound are more than the encoder's {longest}")
        x = F.gelu(self.conv1(mel))
        x = F.gelu(self.conv2(x)).transpose(1, 2)
        frames = torch.arange(mel.shape[2], device=mel.device)
        valid = (frames[None, :] < lengths[:, None])[:, (mel.shape[2] + 1) % 2 :: 2]
        bias = (~valid)[:, None, None, :].to(x.dtype) * max(MASKED, torch.finfo(x.dtype).min)
        x = x + self.positional_embedding.weight[: x.shape[1]]
        for block in self.blocks:
            x = block(x, bias)
        x = self.avg_pooler(x.transpose(1, 2)).transpose(1, 2)
        return self.after_norm(x), (lengths + 1) // 2 // 2


class Adaptor(nn.Module):
    """Encoder states to embeddings of the backbone, one in 80 ms."""

    def __init__(self, config: AudioEncoderConfig) -> None:
        super().__init__()
        width, kernel = config.n_audio_state, config.kernel_size
        self.stride = config.adapter_stride
        if self.stride != -1:
            self.conv = nn.Conv1d(width, width, kernel, stride=self.stride, padding=1)
        self.linear1 = nn.Linear(width, ADAPTOR_WIDTH)
        self.linear2 = nn.Linear(ADAPTOR_WIDTH, config.llm_dim)

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, T, D), (B,) -> (B, ceil(T / 2), llm_dim), (B,)."""
        if self.stride != -1:
            x = F.gelu(self.conv(x.transpose(1, 2))).transpose(1, 2)
            lengths = torch.div(lengths - 1, 2, rounding_mode="floor") + 1
        return self.linear2(F.relu(self.linear1(x))), lengths
