"""What one block of the estimator remembers of a stream, at one step of the flow (specification, 7.7)."""

from dataclasses import dataclass, replace
from typing import Self

import torch

RECENT_FRAMES = 100  # kept beside the prompt

KeysValues = tuple[torch.Tensor, torch.Tensor]  # (R, heads, T, d) each; R rows, with and without guidance


@dataclass(frozen=True, slots=True)
class Memory:
    """Keys and values of the prompt, shared by all streams of a voice, and of recent frames. Never changed in place.

    context: (R, 2, 2, H), the last two inputs of both convolutions.
    """

    prompt: KeysValues | None = None
    recent: KeysValues | None = None
    context: torch.Tensor | None = None

    @property
    def parts(self) -> list[KeysValues]:
        """Everything that can be attended to."""
        return [part for part in (self.prompt, self.recent) if part is not None]

    @property
    def length(self) -> int:
        """Frames that are remembered."""
        return sum(keys.shape[2] for keys, _ in self.parts)

    def joined(self, keys: torch.Tensor, values: torch.Tensor) -> Self:
        """With the next frames."""
        if self.recent is not None:
            keys, values = torch.cat([self.recent[0], keys], 2), torch.cat([self.recent[1], values], 2)
        return replace(self, recent=(keys, values))

    def shortened(self) -> Self:
        """Without what is neither prompt nor recent. A prompt that is being read is kept whole."""
        if self.prompt is None or self.recent is None or self.recent[0].shape[2] <= RECENT_FRAMES:
            return self
        keys, values = (part[:, :, -RECENT_FRAMES:].clone() for part in self.recent)
        return replace(self, recent=(keys, values))

    def as_prompt(self) -> Self:
        """The recent frames made the prompt of streams to come."""
        return replace(self, prompt=self.recent, recent=None)


@dataclass(frozen=True, slots=True)
class ReferenceMemory(Memory):
    """Forgets as the reference does: the newest frames stand first, and what is cut out is the wrong part (8.12).

    prompt_frames: of the prompt, which is not held apart.
    """

    prompt_frames: int | None = None

    def joined(self, keys: torch.Tensor, values: torch.Tensor) -> Self:
        """With the next frames, in front."""
        if self.recent is not None:
            keys, values = torch.cat([keys, self.recent[0]], 2), torch.cat([values, self.recent[1]], 2)
        return replace(self, recent=(keys, values))

    def shortened(self) -> Self:
        """As many of the first as the prompt has, which are the newest, and the last 100, which are the prompt's end."""
        first = self.prompt_frames
        if self.recent is None or first is None or self.recent[0].shape[2] <= first + RECENT_FRAMES:
            return self
        keys, values = (torch.cat([part[:, :, :first], part[:, :, -RECENT_FRAMES:]], 2) for part in self.recent)
        return replace(self, recent=(keys, values))

    def as_prompt(self) -> Self:
        """The same, knowing how long the prompt is."""
        return replace(self, prompt_frames=self.length)
