"""The flow: from noise to mel frames in a few Euler steps, guided by tokens and speaker (specification, 7.4 to 7.7)."""

from dataclasses import dataclass, field
from math import pi

import torch
from torch import nn
from torch.nn import functional as F

from vivavoce.model.token2wav.estimator import Estimator
from vivavoce.model.token2wav.flow_encoder import EncoderState, FlowEncoder

GUIDANCE = 0.7
STEPS = 10


@dataclass(slots=True)
class EstimatorState:
    """What the estimator remembers of a stream.

    pasts: per step and block, k and v of frames before, (2, heads, P, 2 d), the rows with and without guidance; one row
    where a step goes without. contexts: per step and block, (2, 2 H, 2).
    """

    pasts: list[list[torch.Tensor]] = field(default_factory=list[list[torch.Tensor]])
    contexts: list[list[torch.Tensor]] = field(default_factory=list[list[torch.Tensor]])

    @property
    def length(self) -> int:
        """Frames that are remembered."""
        return self.pasts[0][0].shape[2] if self.pasts else 0

    def copy(self) -> "EstimatorState":
        """One that can go on by itself; tensors are never changed in place."""
        return EstimatorState(list(self.pasts), list(self.contexts))


@dataclass(slots=True)
class FlowState:
    """What a stream's flow remembers."""

    encoder: EncoderState = field(default_factory=EncoderState)
    estimator: EstimatorState = field(default_factory=EstimatorState)

    def copy(self) -> "FlowState":
        """One that can go on by itself."""
        return FlowState(self.encoder.copy(), self.estimator.copy())


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
        self.input_embedding = nn.Embedding(vocab_size, input_size)
        self.spk_embed_affine_layer = nn.Linear(speaker_size, mel_bands)
        self.encoder = encoder
        self.encoder_proj = nn.Linear(encoder.width, mel_bands)
        self.decoder = Decoder(estimator)

    def speaker(self, embedding: torch.Tensor) -> torch.Tensor:
        """x-vector (1, S) -> (1, bands)."""
        return self.spk_embed_affine_layer(F.normalize(embedding, dim=1))

    def course(self, tokens: torch.Tensor, state: EncoderState, *, last: bool) -> torch.Tensor:
        """Tokens (1, T) -> mu (1, frames, bands); see `FlowEncoder.forward`."""
        return self.encoder_proj(self.encoder(self.input_embedding(tokens.clamp(min=0)), state, last=last))

    def solve(
        self,
        mu: torch.Tensor,
        speaker: torch.Tensor,
        prompt: torch.Tensor,
        noise: torch.Tensor,
        steps: int = STEPS,
        state: EstimatorState | None = None,
        *,
        guided_every: int = 1,
        newest_first: bool = False,
    ) -> torch.Tensor:
        """Follow the flow from noise to mel.

        mu: (1, T, bands). speaker: (1, bands). prompt: mel of the prompt where it stands, else 0, (1, T, bands). noise:
        (1, T, bands). state: of a stream; changed. guided_every: steps between two evaluations without guidance; the steps
        between take the last difference again. newest_first: the order in which the reference keeps what it remembers,
        which matters once it forgets. Returns (1, T, bands).
        """
        estimator = self.decoder.estimator
        times = time_points(steps).to(mu)
        vectors = estimator.vectors(times[:-1])
        guided = torch.cat([mu, speaker[:, None].expand(-1, mu.shape[1], -1), prompt], 2)
        given = torch.cat([guided, torch.zeros_like(guided)])
        x, now = noise, times[0]
        pasts: list[list[torch.Tensor]] = []
        contexts: list[list[torch.Tensor]] = []
        difference = torch.zeros_like(x)
        for step in range(steps):
            known = state is not None and bool(state.pasts)
            rows = 2 if step % guided_every == 0 else 1
            velocity, knowns, nexts = estimator(
                torch.cat([x.expand(rows, -1, -1), given[:rows]], 2),
                [vector[step : step + 1] for vector in vectors],
                state.pasts[step] if state and known else None,
                state.contexts[step] if state and known else None,
                newest_first=newest_first,
            )
            if rows == 2:
                difference = velocity[:1] - velocity[1:]
            if state is not None:
                pasts.append(knowns)
                contexts.append(nexts)
            x = x + (times[step + 1] - now) * (velocity[:1] + GUIDANCE * difference)
            now = times[step + 1]
        if state is not None:
            state.pasts, state.contexts = pasts, contexts
        return x


def time_points(steps: int) -> torch.Tensor:
    """0 to 1, denser at the beginning: (steps + 1,)."""
    return 1 - torch.cos(torch.linspace(0, 1, steps + 1) * pi / 2)
