"""The flow: from noise to mel frames in a few Euler steps, guided by tokens and speaker (specification, 7.4 to 7.7)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import pi

import torch
from torch import nn
from torch.nn import functional as F

from vivavoce.model.token2wav.flow.encoder import EncoderState, FlowEncoder
from vivavoce.model.token2wav.flow.estimator import Estimator
from vivavoce.model.token2wav.flow.memory import Memory

GUIDANCE = 0.7
STEPS = 10
NOTHING = Memory()


@dataclass(slots=True)
class FlowState:
    """What a stream's flow remembers. memories: of the estimator, per step and block."""

    memories: list[list[Memory]]
    encoder: EncoderState = field(default_factory=EncoderState)

    @property
    def length(self) -> int:
        """Frames that the estimator remembers."""
        return self.memories[0][0].length

    def copy(self) -> "FlowState":
        """One that can go on by itself; tensors are never changed in place."""
        return FlowState(list(self.memories), self.encoder.copy())

    def as_prompt(self) -> "FlowState":
        """What streams begin with, whose prompt this was."""
        return FlowState([[memory.as_prompt() for memory in step] for step in self.memories], self.encoder)


class Decoder(nn.Module):
    """Holds the estimator under its official name."""

    def __init__(self, estimator: Estimator) -> None:
        super().__init__()
        self.estimator = estimator


class Flow(nn.Module):
    """Speech tokens, speaker and prompt to mel frames."""

    def __init__(
        self,
        *,
        encoder: FlowEncoder,
        estimator: Estimator,
        vocab_size: int,
        input_size: int,
        mel_bands: int,
        speaker_size: int,
    ) -> None:
        super().__init__()
        self.mel_bands = mel_bands
        self.input_embedding = nn.Embedding(vocab_size, input_size)
        self.spk_embed_affine_layer = nn.Linear(speaker_size, mel_bands)
        self.encoder = encoder
        self.encoder_proj = nn.Linear(encoder.width, mel_bands)
        self.decoder = Decoder(estimator)
        self._known_vectors: dict[int, list[torch.Tensor]] = {}

    def speaker(self, embedding: torch.Tensor) -> torch.Tensor:
        """x-vector (1, S) -> (1, bands)."""
        return self.spk_embed_affine_layer(F.normalize(embedding, dim=1))

    def course(self, tokens: torch.Tensor, state: EncoderState, *, last: bool) -> torch.Tensor:
        """Tokens (1, T) -> mu (1, frames, bands); see `FlowEncoder.forward`."""
        return self.encoder_proj(self.encoder(self.input_embedding(tokens.clamp(min=0)), state, last=last))

    def fresh(self, steps: int = STEPS, memory: Memory = NOTHING) -> FlowState:
        """Before the first frame, for so many steps."""
        return FlowState([[memory] * len(self.decoder.estimator.blocks) for _ in range(steps)])

    def solve(
        self,
        mu: torch.Tensor,
        speaker: torch.Tensor,
        prompt: torch.Tensor,
        noise: torch.Tensor,
        states: Sequence[FlowState],
        *,
        guided_every: int = 1,
        last: bool = False,
    ) -> torch.Tensor:
        """Follow the flow from noise to mel, for n streams at once, and change the state of each unless it is the ``last``.

        mu: (n, T, bands). speaker: (n, bands). prompt: mel of the prompt where it stands, else 0, (n, T, bands). noise:
        (n, T, bands). states: all of the same number of steps. guided_every: steps between two evaluations without guidance;
        the steps between take the last difference again. Returns (n, T, bands).
        """
        estimator, streams = self.decoder.estimator, len(states)
        steps = len(states[0].memories)
        times = time_points(steps).to(mu)
        vectors = self._vectors(steps, times)
        guided = torch.cat([mu, speaker[:, None].expand(-1, mu.shape[1], -1), prompt], 2)
        given = torch.cat([guided, torch.zeros_like(guided)])
        x, now = noise, times[0]
        difference = torch.zeros_like(x)
        for step in range(steps):
            rows = 2 if step % guided_every == 0 else 1
            known = [[state.memories[step][block] for state in states] for block in range(len(estimator.blocks))]
            velocity, present = estimator(
                torch.cat([x.repeat(rows, 1, 1), given[: rows * streams]], 2), [vector[step] for vector in vectors], known
            )
            if rows == 2:
                difference = velocity[:streams] - velocity[streams:]
            for number, state in enumerate([] if last else states):
                state.memories[step] = [block[number].shortened() for block in present]
            x = x + (times[step + 1] - now) * (velocity[:streams] + GUIDANCE * difference)
            now = times[step + 1]
        return x

    def _vectors(self, steps: int, times: torch.Tensor) -> list[torch.Tensor]:
        """Of all points of time; the same in every chunk of every stream, and a tenth of a short chunk's time."""
        if steps not in self._known_vectors:
            self._known_vectors[steps] = self.decoder.estimator.vectors(times[:-1])
        return self._known_vectors[steps]


def time_points(steps: int) -> torch.Tensor:
    """0 to 1, denser at the beginning: (steps + 1,)."""
    return 1 - torch.cos(torch.linspace(0, 1, steps + 1) * pi / 2)
