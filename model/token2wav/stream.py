"""Speech tokens to mel frames, chunk by chunk, each stream with a state of its own (specification, 7.7)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import torch

from vivavoce.core.messages import AUDIO_TOKEN_COUNT
from vivavoce.model.token2wav.flow.encoder import LOOKAHEAD
from vivavoce.model.token2wav.flow.matching import NOTHING, STEPS, Flow, FlowState
from vivavoce.model.token2wav.flow.memory import ReferenceMemory

CHUNK = 25  # tokens, one second
SHORTEST_CHUNK = 4  # tokens; its frames are the tail that the next chunk fades over
FRAMES_A_TOKEN = 2
RECENT_TOKENS = 250  # what the encoder remembers beside the prompt; the reference remembers all, and breaks after 100 s

Noise = Callable[[int, int], torch.Tensor]


@dataclass(frozen=True, slots=True)
class Quality:
    """How carefully a voice is read and the flow followed.

    steps: of Euler's method. guided_every: steps between two evaluations without guidance; 1 is the reference's. products:
    what large matrix products are computed in. prompt_s: longest part of a clip that is heard. as_reference: with all its
    mistakes (specification, 7.7, 8.12, 8b.6), for comparisons.
    """

    steps: int = STEPS
    guided_every: int = 1
    products: Literal["float32", "bfloat16", "int8"] = "float32"
    prompt_s: float = 5.0
    as_reference: bool = False


FULL = Quality()


@dataclass(frozen=True, slots=True)
class PromptState:
    """What a reference clip comes to: the flow's state behind it.

    speaker: (1, bands). frames: of the prompt. quality: it was read with, and streams behind it are solved with.
    """

    state: FlowState
    speaker: torch.Tensor
    frames: int
    quality: Quality = FULL


@torch.inference_mode()
def read_prompt(
    flow: Flow,
    tokens: torch.Tensor,
    mel: torch.Tensor,
    embedding: torch.Tensor,
    noise: Noise,
    quality: Quality = FULL,
) -> PromptState:
    """Run the flow over a prompt.

    tokens: (1, P). mel: (1, 2 P, bands). embedding: x-vector (1, S). noise: of an offset and a number of frames,
    (1, T, bands). The last three tokens are what the prompt looks ahead to, and not part of it; the reference lets the
    first three stand for those that follow it.
    """
    state = flow.fresh(quality.steps, ReferenceMemory() if quality.as_reference else NOTHING)
    if quality.as_reference:
        tokens = torch.cat([tokens, tokens[:, :LOOKAHEAD]], 1)
    mu = flow.course(tokens, state.encoder, last=False)
    frames, speaker = mu.shape[1], flow.speaker(embedding)
    flow.solve(mu, speaker, mel[:, :frames], noise(0, frames), [state], guided_every=quality.guided_every)
    return PromptState(state.as_prompt(), speaker, frames, quality)


class MelStream:
    """One stream behind a prompt. noise: as in `read_prompt`; offsets go on behind the prompt."""

    def __init__(self, flow: Flow, prompt: PromptState, noise: Noise) -> None:
        self.flow = flow
        self.quality = prompt.quality
        self._prompt = prompt
        self._noise = noise
        self._done = prompt.frames
        self.state = prompt.state.copy()

    def push(self, tokens: Sequence[int], *, last: bool) -> torch.Tensor:
        """The next tokens, of which the last three only look ahead unless ``last``, to mel (1, frames, bands)."""
        return push_together([self], [tokens], last=last)[0]

    def course(self, tokens: Sequence[int], *, last: bool) -> torch.Tensor:
        """What the encoder makes of the next tokens, (1, frames, bands)."""
        device = self._prompt.speaker.device
        mu = self.flow.course(torch.tensor([list(tokens)], device=device), self.state.encoder, last=last)
        if not self.quality.as_reference:
            self._forget()
        return mu

    def take_noise(self, frames: int) -> torch.Tensor:
        """Where the flow of the next frames begins, (1, frames, bands); the reference takes some again and again."""
        offset = self.state.length if self.quality.as_reference else self._done
        self._done += frames
        return self._noise(offset, frames)

    @property
    def speaker(self) -> torch.Tensor:
        """Of the prompt, (1, bands)."""
        return self._prompt.speaker

    def _forget(self) -> None:
        """Keep of the tokens those of the prompt and the recent; upper layers hold two entries a token."""
        encoder, tokens = self.state.encoder, self._prompt.frames // FRAMES_A_TOKEN
        shortest = min(past.shape[2] for past in encoder.attention)
        rates = [past.shape[2] // shortest for past in encoder.attention]
        encoder.attention = [
            _shortened(past, tokens * rate, RECENT_TOKENS * rate)
            for past, rate in zip(encoder.attention, rates, strict=True)
        ]


@torch.inference_mode()
def push_together(streams: Sequence[MelStream], chunks: Sequence[Sequence[int]], *, last: bool) -> list[torch.Tensor]:
    """The next chunk of each of several streams, as `MelStream.push`, computed as one batch.

    All streams are of one flow and quality and all chunks of one length. Each stream hears what it would have heard alone.
    """
    first = streams[0]
    mu = torch.cat([stream.course(chunk, last=last) for stream, chunk in zip(streams, chunks, strict=True)])
    mel = first.flow.solve(
        mu,
        torch.cat([stream.speaker for stream in streams]),
        torch.zeros_like(mu),
        torch.cat([stream.take_noise(mu.shape[1]) for stream in streams]),
        [stream.state for stream in streams],
        guided_every=first.quality.guided_every,
        last=last,
    )
    return list(mel.split(1))


class TokenChunks:
    """Cuts a stream of tokens into chunks that do not depend on how it comes in.

    first: tokens of the first chunk, at least 4; fewer give the first sound earlier. before: tokens that others spoke and
    that are spoken again. Ids that are no sound are dropped.
    """

    def __init__(self, first: int = CHUNK, before: Sequence[int] = ()) -> None:
        self._waiting = list(before)
        self._size = max(first, SHORTEST_CHUNK)
        self._spoken: list[int] = []

    def push(self, ids: Sequence[int]) -> Iterator[list[int]]:
        """Take the next ids; yield whole chunks with what they look ahead to."""
        self._waiting += [i for i in ids if 0 <= i < AUDIO_TOKEN_COUNT]
        while len(self._waiting) >= self._size + LOOKAHEAD:
            chunk, size = self._waiting[: self._size + LOOKAHEAD], self._size
            self._spoken, self._waiting, self._size = chunk[:size], self._waiting[size:], CHUNK
            yield chunk

    def finish(self) -> list[int]:
        """The last chunk; empty where there was nothing at all."""
        rest, self._waiting = self._waiting, []
        self._spoken = self._spoken + rest
        return rest

    def tail(self) -> list[int]:
        """The tokens whose frames were spoken last, and fade into what comes; fewer where there were fewer."""
        return self._spoken[-SHORTEST_CHUNK:]


def _shortened(past: torch.Tensor, first: int, recent: int) -> torch.Tensor:
    """The first and the most recent entries of (B, heads, T, 2 d)."""
    if past.shape[2] <= first + recent:
        return past
    return torch.cat([past[:, :, :first], past[:, :, -recent:]], 2)
