"""Speech tokens to mel frames, chunk by chunk, each stream with a state of its own (specification, 7.7)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch

from vivavoce.core.messages import AUDIO_TOKEN_COUNT
from vivavoce.model.token2wav.flow_encoder import LOOKAHEAD
from vivavoce.model.token2wav.flow_matching import STEPS, Flow, FlowState

CHUNK = 25  # tokens, one second
SHORTEST_CHUNK = 4  # tokens; its frames are the tail that the next chunk fades over
FRAMES_A_TOKEN = 2
RECENT_FRAMES = 100  # what the estimator remembers beside the prompt
RECENT_TOKENS = 250  # what the encoder remembers beside the prompt; the reference remembers all, and breaks after 100 s

Noise = Callable[[int, int], torch.Tensor]


@dataclass(frozen=True, slots=True)
class Quality:
    """How carefully the flow is followed.

    steps: of Euler's method. guided_every: steps between two evaluations without guidance; 1 is the reference's.
    """

    steps: int = STEPS
    guided_every: int = 1


FULL = Quality()


@dataclass(frozen=True, slots=True)
class PromptState:
    """What a reference clip comes to: the flow's state behind it. frames: of the prompt. speaker: (1, bands)."""

    state: FlowState
    speaker: torch.Tensor
    frames: int


@torch.inference_mode()
def read_prompt(
    flow: Flow,
    tokens: torch.Tensor,
    mel: torch.Tensor,
    embedding: torch.Tensor,
    noise: Noise,
    quality: Quality = FULL,
    *,
    as_reference: bool = False,
) -> PromptState:
    """Run the flow over a prompt.

    tokens: (1, P). mel: (1, 2 P, bands). embedding: x-vector (1, S). noise: of an offset and a number of frames,
    (1, T, bands). as_reference: let the first three tokens stand for those that follow the prompt; otherwise its last
    three are what it looks ahead to, and are not part of it.
    """
    state = FlowState()
    if as_reference:
        tokens = torch.cat([tokens, tokens[:, :LOOKAHEAD]], 1)
    mu = flow.course(tokens, state.encoder, last=False)
    speaker = flow.speaker(embedding)
    flow.solve(
        mu,
        speaker,
        mel[:, : mu.shape[1]],
        noise(0, mu.shape[1]),
        quality.steps,
        state.estimator,
        guided_every=quality.guided_every,
        newest_first=as_reference,
    )
    return PromptState(state, speaker, mu.shape[1])


class MelStream:
    """One stream behind a prompt.

    quality: as the prompt was read with. noise: as in `read_prompt`; offsets go on behind the prompt. as_reference: forget
    what the reference forgets, and take its noise again and again.
    """

    def __init__(
        self, flow: Flow, prompt: PromptState, noise: Noise, quality: Quality = FULL, *, as_reference: bool = False
    ) -> None:
        self._flow = flow
        self._prompt = prompt
        self._noise = noise
        self._quality = quality
        self._as_reference = as_reference
        self._done = prompt.frames
        self.state = prompt.state.copy()

    @torch.inference_mode()
    def push(self, tokens: Sequence[int], *, last: bool) -> torch.Tensor:
        """The next tokens, of which the last three only look ahead unless ``last``, to mel (1, frames, bands)."""
        device = self._prompt.speaker.device
        mu = self._flow.course(torch.tensor([list(tokens)], device=device), self.state.encoder, last=last)
        offset = self.state.estimator.length if self._as_reference else self._done
        mel = self._flow.solve(
            mu,
            self._prompt.speaker,
            torch.zeros_like(mu),
            self._noise(offset, mu.shape[1]),
            self._quality.steps,
            self.state.estimator,
            guided_every=self._quality.guided_every,
            newest_first=self._as_reference,
        )
        self._done += mu.shape[1]
        self._forget()
        return mel

    def _forget(self) -> None:
        keep, estimator, encoder = self._prompt.frames, self.state.estimator, self.state.encoder
        estimator.pasts = [[_shortened(past, keep, RECENT_FRAMES) for past in step] for step in estimator.pasts]
        if not self._as_reference:
            tokens = self._prompt.frames // FRAMES_A_TOKEN
            shortest = min(past.shape[2] for past in encoder.attention)
            encoder.attention = [
                _shortened(past, tokens * (past.shape[2] // shortest), RECENT_TOKENS * (past.shape[2] // shortest))
                for past in encoder.attention
            ]


class TokenChunks:
    """Cuts a stream of tokens into chunks that do not depend on how it comes in.

    first: tokens of the first chunk, at least 4; fewer give the first sound earlier. Ids that are no sound are dropped.
    """

    def __init__(self, first: int = CHUNK) -> None:
        self._waiting: list[int] = []
        self._size = max(first, SHORTEST_CHUNK)

    def push(self, ids: Sequence[int]) -> Iterator[list[int]]:
        """Take the next ids; yield whole chunks with what they look ahead to."""
        self._waiting += [i for i in ids if 0 <= i < AUDIO_TOKEN_COUNT]
        while len(self._waiting) >= self._size + LOOKAHEAD:
            yield self._waiting[: self._size + LOOKAHEAD]
            self._waiting = self._waiting[self._size :]
            self._size = CHUNK

    def finish(self) -> list[int]:
        """The last chunk; empty where there was nothing at all."""
        rest, self._waiting = self._waiting, []
        return rest


def _shortened(past: torch.Tensor, first: int, recent: int) -> torch.Tensor:
    """The first and the most recent entries of (B, heads, T, 2 d)."""
    if past.shape[2] <= first + recent:
        return past
    return torch.cat([past[:, :, :first], past[:, :, -recent:]], 2)
