"""Keys and values of a dialogue so far: appended in place, copied at a prefix, found again by prefix."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedConfig
from transformers.cache_utils import Cache, DynamicLayer

SPARE = 256  # positions of room that a full buffer gets at least

Keys = NDArray[np.int64]


class GrowingLayer(DynamicLayer):
    """Appends into spare room. transformers' own layer copies everything at every token."""

    def __init__(self) -> None:
        super().__init__()
        self._key_buffer: torch.Tensor | None = None
        self._value_buffer: torch.Tensor | None = None

    def update(
        self,
        key_states: torch.Tensor,
        value_states: torch.Tensor,
        *args: object,
        **kwargs: object,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Append (B, H, n, D) and return everything, (B, H, T + n, D)."""
        done = self.get_seq_length()
        self._key_buffer = _appended(self._key_buffer, key_states, done)
        self._value_buffer = _appended(self._value_buffer, value_states, done)
        end = done + key_states.shape[2]
        self.keys, self.values = self._key_buffer[:, :, :end], self._value_buffer[:, :, :end]
        self.dtype, self.device, self.is_initialized = key_states.dtype, key_states.device, True
        return self.keys, self.values

    def prefix(self, length: int) -> "GrowingLayer":
        """A copy of the first positions."""
        copy = GrowingLayer()
        if self.keys is not None and self.values is not None:
            copy.update(self.keys[:, :, :length], self.values[:, :, :length])
        return copy

    @property
    def nbytes(self) -> int:
        """What the buffers hold, spare room included."""
        return sum(buffer.nbytes for buffer in (self._key_buffer, self._value_buffer) if buffer is not None)


class GrowingCache(Cache):
    """The layers of one dialogue, for a batch of one."""

    def __init__(self, layers: Sequence[GrowingLayer]) -> None:
        super().__init__(layers=list(layers))
        self._growing = layers

    @classmethod
    def empty(cls, config: PreTrainedConfig) -> "GrowingCache":
        """For a backbone of this configuration."""
        return cls([GrowingLayer() for _ in range(config.num_hidden_layers)])

    def prefix(self, length: int) -> "GrowingCache":
        """A copy of the first positions."""
        return GrowingCache([layer.prefix(length) for layer in self._growing])

    def keep(self, length: int) -> None:
        """Forget everything behind the first positions."""
        if (surplus := self.get_seq_length() - length) > 0:
            self.crop(-surplus)

    @property
    def nbytes(self) -> int:
        """Memory of all layers, bytes."""
        return sum(layer.nbytes for layer in self._growing)


class PrefixCache:
    """Caches of dialogues, found by the longest common beginning; the longest unused go when the budget is spent.

    A dialogue is a sequence of integers, one a position: the token's id, or for heard sound a number that its content
    gives (see `prompt`). No session needs to be named: a dialogue that goes on finds its own past, and a new one finds the
    instructions it shares with others.
    """

    def __init__(self, config: PreTrainedConfig, budget_bytes: int) -> None:
        self._config = config
        self._budget = budget_bytes
        self._kept: list[tuple[Keys, GrowingCache]] = []  # least recently used first

    def take(self, keys: Keys) -> tuple[GrowingCache, int]:
        """The best beginning of a dialogue as a cache of its own, and its length, at most ``len(keys) - 1``."""
        best, length = None, 0
        for entry in self._kept:
            if (common := _common(entry[0], keys)) > length:
                best, length = entry, common
        length = min(length, keys.size - 1)
        if best is None or length == 0:
            return GrowingCache.empty(self._config), 0
        if length < best[0].size * 3 // 4:  # another dialogue's past: leave it to that one
            return best[1].prefix(length), length
        self._kept = [entry for entry in self._kept if entry is not best]
        best[1].keep(length)
        return best[1], length

    def put(self, keys: Keys, cache: GrowingCache) -> None:
        """Keep a cache of these positions for later turns; old ones make room, but the newest always stays."""
        self._kept.append((keys, cache))
        while self.nbytes > self._budget and len(self._kept) > 1:
            self._kept.pop(0)

    def clear(self) -> None:
        """Drop everything."""
        self._kept.clear()

    @property
    def nbytes(self) -> int:
        """Memory of everything kept, bytes."""
        return sum(cache.nbytes for _, cache in self._kept)


def _appended(buffer: torch.Tensor | None, states: torch.Tensor, done: int) -> torch.Tensor:
    batch, heads, new, width = states.shape
    if buffer is None or buffer.shape[2] < done + new:
        room = done + new + max(SPARE, done // 4)
        larger = states.new_empty((batch, heads, room, width))
        if buffer is not None:
            larger[:, :, :done] = buffer[:, :, :done]
        buffer = larger
    buffer[:, :, done : done + new] = states
    return buffer


def _common(one: Keys, other: Keys) -> int:
    size = min(one.size, other.size)
    different = np.flatnonzero(one[:size] != other[:size])
    return int(different[0]) if different.size else size
