"""Token2Wav as a `SpeechDecoder`: audio tokens in, speech in the timbre of a reference clip out."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import torch

from vivavoce.core.audio import AudioClip
from vivavoce.core.errors import AudioError, ModelError
from vivavoce.core.messages import AudioTokens, SpokenClip, TextDelta
from vivavoce.core.protocols import SpeechDecoder, VoiceConditioning
from vivavoce.core.voice import Voice
from vivavoce.model.packing import pack
from vivavoce.model.token2wav.checkpoint import Token2Wav, load_token2wav
from vivavoce.model.token2wav.conditioning import ConditioningKey, Token2WavConditioning, restore, store
from vivavoce.model.token2wav.dynamic_int8 import shrink
from vivavoce.model.token2wav.reference import ReferenceReader
from vivavoce.model.token2wav.stitching import Stitcher
from vivavoce.model.token2wav.stream import CHUNK, FULL, MelStream, PromptState, Quality, TokenChunks, read_prompt
from vivavoce.model.token2wav.vocoder import HARMONICS, RATE

Result = TypeVar("Result")
PROMPT_SEED = 0  # of the noise that a prompt is read with: the same clip comes to the same state


class Token2WavDecoder:
    """Decodes any number of streams; each has a state of its own, and chunks take turns on one worker thread.

    folder: the checkpoint's ``token2wav/``. cache: where what was made of voices is kept. quality: of the flow. int8:
    compute its large products in 8 bits. first_chunk: tokens before the first sound. seed: of the noise of every stream.
    text_decoder: speaks what comes as text alone, such as an apology of the controller; it must have the same sample rate.
    """

    sample_rate = RATE

    def __init__(
        self,
        folder: Path,
        cache: Path,
        *,
        quality: Quality = FULL,
        int8: bool = False,
        first_chunk: int = CHUNK,
        seed: int = 0,
        threads: int | None = None,
        text_decoder: SpeechDecoder | None = None,
    ) -> None:
        self._folder, self._cache, self._text_decoder = folder, cache, text_decoder
        self._quality, self._int8 = quality, int8
        self._first_chunk, self._seed, self._threads = first_chunk, seed, threads
        self._models: Token2Wav | None = None
        self._reader: ReferenceReader | None = None
        self._prepared: dict[str, PromptState] = {}
        self._worker = ThreadPoolExecutor(1, "token2wav", initializer=_set_threads, initargs=(threads,))

    async def prepare(self, voice: Voice) -> Token2WavConditioning:
        """See `SpeechDecoder.prepare`. Slow once for each clip, then a file is read."""
        clip = voice.reference.content_hash
        if clip not in self._prepared:
            try:
                self._prepared[clip] = await self._run(self._read, voice.reference)
            except AudioError as error:
                raise AudioError(f"voice {voice.id}: {error}") from error
        for_text = await self._text_decoder.prepare(voice) if self._text_decoder is not None else None
        return Token2WavConditioning(voice.id, self._prepared[clip], for_text)

    async def decode(
        self, deltas: AsyncIterable[TextDelta | AudioTokens], conditioning: VoiceConditioning
    ) -> AsyncIterator[SpokenClip]:
        """See `SpeechDecoder.decode`. A clip carries the text that came before its last token."""
        if not isinstance(conditioning, Token2WavConditioning):
            raise ModelError("this conditioning was prepared by another decoder; prepare the voice again")
        chunks, text, tokens = TokenChunks(self._first_chunk), "", False
        speak = await self._run(self._opened, conditioning.prompt)
        async for delta in deltas:
            if isinstance(delta, TextDelta):
                text += delta.text
                continue
            tokens = True
            for chunk in chunks.push(delta.ids):
                yield SpokenClip(await self._run(speak, chunk, False), text)
                text = ""
        if rest := chunks.finish():
            yield SpokenClip(await self._run(speak, rest, True), text)
        elif not tokens and self._text_decoder is not None and conditioning.for_text is not None:
            async for clip in self._text_decoder.decode(_one(TextDelta(text)), conditioning.for_text):
                yield clip

    async def close(self) -> None:
        """Stop the worker and forget all voices. May be called twice."""
        await asyncio.to_thread(self._worker.shutdown, wait=True, cancel_futures=True)
        self._prepared.clear()
        if self._text_decoder is not None:
            await self._text_decoder.close()

    async def _run(self, work: Callable[..., Result], *arguments: object) -> Result:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._worker, work, *arguments)
        except RuntimeError as error:
            raise ModelError(f"the decoder failed ({str(error).splitlines()[0][:200]}); open the agent again") from error

    def _loaded(self) -> Token2Wav:
        if self._models is None:
            self._models = load_token2wav(self._folder)
            if self._int8:
                shrink(self._models.flow.decoder.estimator)
            pack(self._models.flow)
            pack(self._models.vocoder)
        return self._models

    def _read(self, clip: AudioClip) -> PromptState:
        models = self._loaded()
        key = ConditioningKey(clip.content_hash, ("int8" if self._int8 else "") + models.digest, self._quality)
        if (known := restore(self._cache, key)) is not None:
            return known
        bands = models.flow.mel_bands
        if self._reader is None:
            networks = (models.speaker_network, models.tokenizer_network)
            self._reader = ReferenceReader(*networks, bands, self._threads or 1)
        reference = self._reader.read(clip)
        noise = _noise(PROMPT_SEED, bands)
        prompt = read_prompt(models.flow, reference.tokens, reference.mel, reference.embedding, noise, self._quality)
        store(self._cache, key, prompt)
        return prompt

    def _opened(self, prompt: PromptState) -> Callable[[list[int], bool], AudioClip]:
        """A new stream, as a function from chunks to sound."""
        models = self._loaded()
        bands = models.flow.mel_bands
        stream = MelStream(models.flow, prompt, _noise(self._seed + 1, bands), self._quality)
        generator = torch.Generator().manual_seed(self._seed + 2)
        stitcher = Stitcher(models.vocoder, lambda count: torch.randn(1, count, HARMONICS, generator=generator))

        def speak(chunk: list[int], last: bool) -> AudioClip:
            mel = stream.push(chunk, last=last).transpose(1, 2)
            return AudioClip(stitcher.push(mel, last=last).numpy(), RATE)

        return speak


def _noise(seed: int, bands: int) -> Callable[[int, int], torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return lambda offset, frames: torch.randn(1, frames, bands, generator=generator)


async def _one(delta: TextDelta) -> AsyncIterator[TextDelta]:
    yield delta


def _set_threads(threads: int | None) -> None:
    if threads is not None:
        torch.set_num_threads(threads)
