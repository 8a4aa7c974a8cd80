"""Mel chunks to one continuous sound (specification, 7.9)."""

from collections.abc import Callable

import torch

from vivavoce.model.token2wav.vocoder import HARMONICS, SAMPLES_A_FRAME, HiFT, turns_before

TAIL_FRAMES = 8  # decoded again with the next chunk, and faded over
TAIL = TAIL_FRAMES * SAMPLES_A_FRAME

Noise = Callable[[int], torch.Tensor | None]


class Stitcher:
    """The vocoder of one stream.

    noise: normal values for so many samples, (1, N, 9), or None for silence. after: another voice's, whose last frames this
    one speaks again and fades into. as_reference: each chunk begins with phase 0 and the two sides of a fade add up to 1.08;
    otherwise phases go on and fades keep the level.
    """

    def __init__(self, vocoder: HiFT, noise: Noise, *, after: "Stitcher | None" = None, as_reference: bool = False) -> None:
        self._vocoder = vocoder
        self._noise = noise
        self._as_reference = as_reference
        window = torch.hamming_window(2 * TAIL, periodic=False)
        rising, falling = window[:TAIL], window[TAIL:]
        self._rising = rising if as_reference else rising / (rising + falling)
        self._falling = falling if as_reference else falling / (rising + falling)
        self._mel: torch.Tensor | None = None
        self._source: torch.Tensor | None = None
        self._sound = None if after is None else after._sound
        self._turns = torch.zeros(1, HARMONICS, dtype=torch.float64)

    @torch.inference_mode()
    def push(self, mel: torch.Tensor, *, last: bool) -> torch.Tensor:
        """The next mel frames (1, bands, T) to samples (N,); 480 a frame but for the tail, which waits unless ``last``."""
        if self._mel is not None:
            mel = torch.cat([self._mel, mel], 2)
        source = self._sourced(mel)
        if self._source is not None:
            source[:, :, :TAIL] = self._source
        sound = self._vocoder.decode(mel, source)
        if self._sound is not None:
            sound[:, :TAIL] = sound[:, :TAIL] * self._rising + self._sound * self._falling
        self._mel, self._source, self._sound = mel[:, :, -TAIL_FRAMES:], source[:, :, -TAIL:], sound[:, -TAIL:].clone()
        return sound[0] if last else sound[0, :-TAIL]

    def _sourced(self, mel: torch.Tensor) -> torch.Tensor:
        noise = self._noise(mel.shape[2] * SAMPLES_A_FRAME)
        if self._as_reference:
            return self._vocoder.source(mel, noise)
        f0 = self._vocoder.f0_predictor(mel)
        source = self._vocoder.m_source(f0, noise, self._turns)
        self._turns = turns_before(f0, self._turns)[:, max(0, f0.shape[1] - TAIL_FRAMES)] % 1
        return source
