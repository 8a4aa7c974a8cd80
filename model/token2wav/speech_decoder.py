"""Token2Wav as a `SpeechDecoder`: audio tokens in, speech in the timbre of a reference clip out."""

import logging
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from vivavoce.core.audio import AudioClip
from vivavoce.core.errors import AudioError, ModelError
from vivavoce.core.messages import AudioTokens, SpokenClip, TextDelta
from vivavoce.core.protocols import SpeechDecoder, SpokenDelta, VoiceConditioning
from vivavoce.core.voice import Voice
from vivavoce.model.token2wav.chunk_worker import ChunkWorker, SpokenStream
from vivavoce.model.token2wav.conditioning import ConditioningKey, Token2WavConditioning, restore, store
from vivavoce.model.token2wav.network import Token2WavNetwork
from vivavoce.model.token2wav.stitching import Stitcher
from vivavoce.model.token2wav.stream import (
    CHUNK,
    SHORTEST_CHUNK,
    MelStream,
    PromptState,
    TokenChunks,
    read_prompt,
)
from vivavoce.model.token2wav.vocoder import HARMONICS, RATE

logger = logging.getLogger(__name__)
UNSPOKEN_S = 0.02  # of silence, in the place of text without tokens
PROMPT_SEED = 0  # of the noise that a prompt is read with: the same clip comes to the same state


@dataclass(frozen=True, slots=True)
class _Part:
    """A chunk of an answer and the text that came before it. last, ends: see `ChunkWorker.speak`."""

    stream: SpokenStream
    chunk: Sequence[int]
    text: str
    last: bool = False
    ends: bool = False


class Token2WavDecoder:
    """Decodes any number of streams; each has a state of its own, and chunks that wait together are computed together.

    network: may be shared with other decoders. cache: where what was made of voices is kept. first_chunk: tokens before
    the first sound. seed: of the noise of every stream. verify: what was kept against its checksum. text_decoder: speaks
    what comes as text alone, such as an apology of the controller; it must have the same sample rate.
    """

    sample_rate = RATE

    def __init__(
        self,
        network: Token2WavNetwork,
        cache: Path,
        *,
        first_chunk: int = CHUNK,
        seed: int = 0,
        verify: bool = False,
        text_decoder: SpeechDecoder | None = None,
    ) -> None:
        self._network, self._cache, self._text_decoder = network, cache, text_decoder
        self._first_chunk, self._seed, self._verify = first_chunk, seed, verify
        self._prepared: dict[str, PromptState] = {}
        self._worker = ChunkWorker(network.threads)

    async def warm_up(self) -> None:
        """Load the networks; the decoder of texts is seldom needed, and loads when it is."""
        await self._worker.run(self._network.models)

    async def prepare(self, voice: Voice) -> Token2WavConditioning:
        """See `SpeechDecoder.prepare`. Slow once for each clip, then a file is read."""
        clip = voice.reference.content_hash
        if clip not in self._prepared:
            try:
                self._prepared[clip] = await self._worker.run(self._read, voice)
            except AudioError as error:
                raise AudioError(f"voice {voice.id}: {error}") from error
        for_text = await self._text_decoder.prepare(voice) if self._text_decoder is not None else None
        return Token2WavConditioning(voice.id, self._prepared[clip], for_text)

    async def decode(self, deltas: AsyncIterable[SpokenDelta], conditioning: VoiceConditioning) -> AsyncIterator[SpokenClip]:
        """See `SpeechDecoder.decode`. A clip carries the text that came before its last token.

        Text that no token follows is not spoken, unless there are no tokens at all and a decoder of texts.
        """
        own, script = _own(conditioning), list[SpokenDelta]()
        spoke, text, told = False, "", 0
        async with aclosing(self._parts(deltas, own, script)) as parts:
            async for part in parts:
                sound = await self._worker.speak(part.stream, part.chunk, last=part.last, ends=part.ends)
                spoke, text = True, text + part.text
                if sound.numel():
                    yield SpokenClip(AudioClip(sound.numpy(), RATE), text)
                    text, told = "", told + len(text)
        if not spoke and self._text_decoder is not None and own.for_text is not None:
            async for clip in self._text_decoder.decode(_all(script), own.for_text):
                yield clip
        elif left := "".join(delta.text for delta in script if isinstance(delta, TextDelta))[told:].rstrip():
            yield SpokenClip(AudioClip(np.zeros(int(UNSPOKEN_S * RATE), np.float32), RATE), left, spoken=False)

    async def close(self) -> None:
        """Stop the worker and forget all voices. May be called twice."""
        await self._worker.close()
        self._prepared.clear()
        if self._text_decoder is not None:
            await self._text_decoder.close()

    async def _parts(
        self, deltas: AsyncIterable[SpokenDelta], own: Token2WavConditioning, script: list[SpokenDelta]
    ) -> AsyncGenerator[_Part]:
        """What is to be spoken, in order; what a decoder of texts would need to know goes into ``script``."""
        chunks, text, next_text = TokenChunks(self._first_chunk), "", ""
        stream = await self._worker.run(self._opened, own.prompt, None)
        async for delta in deltas:
            if isinstance(delta, TextDelta):
                next_text += delta.text
                script.append(delta)
            elif isinstance(delta, AudioTokens):
                text, next_text = text + next_text, ""
                for chunk in chunks.push(delta.ids):
                    yield _Part(stream, chunk, text)
                    text = ""
            else:
                own = _own(delta)
                script += [] if own.for_text is None else [own.for_text]
                rest, tail = chunks.finish(), chunks.tail()
                fades = len(tail) == SHORTEST_CHUNK
                if fades:  # less than what is faded over is spoken by the next voice alone
                    yield _Part(stream, rest, text, last=True, ends=False)
                    text = ""
                stream = await self._worker.run(self._opened, own.prompt, stream if fades else None)
                chunks = TokenChunks(self._first_chunk, tail)
        if rest := chunks.finish():
            yield _Part(stream, rest, text, last=True, ends=True)

    def _read(self, voice: Voice) -> PromptState:
        models, quality, clip = self._network.models(), self._network.quality, voice.reference
        key = ConditioningKey(clip.content_hash, models.digest, quality)
        if (known := restore(self._cache, key, verify=self._verify)) is not None:
            return known
        if clip.duration_s > quality.prompt_s:
            logger.warning(
                "voice %s: of its %.1f s the %g s with the most energy are used", voice.id, clip.duration_s, quality.prompt_s
            )
        reference = self._network.reader().read(clip, quality.prompt_s, as_reference=quality.as_reference)
        noise = _noise(PROMPT_SEED, models.flow.mel_bands)
        prompt = read_prompt(models.flow, reference.tokens, reference.mel, reference.embedding, noise, quality)
        store(self._cache, key, prompt)
        return restore(self._cache, key) or prompt  # mapped from the disk, where many voices take no memory

    def _opened(self, prompt: PromptState, after: SpokenStream | None) -> SpokenStream:
        """A new stream, which may fade out of another."""
        models, generator = self._network.models(), torch.Generator().manual_seed(self._seed + 2)
        stitcher = Stitcher(
            models.vocoder,
            lambda count: torch.randn(1, count, HARMONICS, generator=generator),
            after=None if after is None else after.stitcher,
            as_reference=prompt.quality.as_reference,
        )
        return SpokenStream(MelStream(models.flow, prompt, _noise(self._seed + 1, models.flow.mel_bands)), stitcher)


def _own(conditioning: VoiceConditioning) -> Token2WavConditioning:
    if not isinstance(conditioning, Token2WavConditioning):
        raise ModelError("this conditioning was prepared by another decoder; prepare the voice again")
    return conditioning


def _noise(seed: int, bands: int) -> Callable[[int, int], torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return lambda offset, frames: torch.randn(1, frames, bands, generator=generator)


async def _all(deltas: Iterable[SpokenDelta]) -> AsyncIterator[SpokenDelta]:
    for delta in deltas:
        yield delta
