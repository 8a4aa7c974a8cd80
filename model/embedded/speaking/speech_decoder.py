"""Speaks: a small neural voice, phrase by phrase, moved toward the timbre of a reference clip."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from vivavoce.core.audio import AudioClip
from vivavoce.core.durable import write_atomic
from vivavoce.core.errors import AudioError, ModelError
from vivavoce.core.messages import AudioTokens, SpokenClip, TextDelta
from vivavoce.core.protocols import SpokenDelta, VoiceConditioning
from vivavoce.core.voice import Voice
from vivavoce.model.embedded.speaking.phrases import PhraseCutter, speakable
from vivavoce.model.embedded.speaking.synthesiser import SAMPLE_RATE_HZ, Synthesiser
from vivavoce.model.embedded.speaking.timbre import TimbreStatistics, convert, measure

Result = TypeVar("Result")
NATIVE_VOICE = "hibari-tts/heart"
FADE_S = 0.005
SENTENCE_PAUSE_S, CLAUSE_PAUSE_S = 0.18, 0.04


@dataclass(frozen=True, slots=True)
class Timbre:
    """The conditioning of `EmbeddedDecoder`; ``target`` is None for the voice's own timbre."""

    voice_id: str
    target: TimbreStatistics | None


class EmbeddedDecoder:
    """Implements `SpeechDecoder` over hibari-tts and WORLD.

    synthesiser: may be shared with other decoders. cache_dir: where prepared timbres are kept, by content hash of the clip.
    """

    sample_rate = SAMPLE_RATE_HZ

    def __init__(self, synthesiser: Synthesiser, cache_dir: Path) -> None:
        self._synthesiser = synthesiser
        self._cache_dir = cache_dir
        self._prepared: dict[str, TimbreStatistics] = {}
        # One worker: phrases keep their order, and two never compete for the same cores.
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="decoder")

    async def warm_up(self) -> None:
        """Load the voice and measure it."""
        await self._run(self._synthesiser.timbre)

    async def prepare(self, voice: Voice) -> Timbre:
        """See `SpeechDecoder.prepare`."""
        if voice.native == NATIVE_VOICE:
            return Timbre(voice.id, None)
        key = voice.reference.content_hash
        if key not in self._prepared:
            try:
                self._prepared[key] = await self._run(self._measured, voice.reference, key)
            except AudioError as error:
                raise AudioError(f"voice {voice.id}: {error}") from error
        return Timbre(voice.id, self._prepared[key])

    async def decode(self, deltas: AsyncIterable[SpokenDelta], conditioning: VoiceConditioning) -> AsyncIterator[SpokenClip]:
        """See `SpeechDecoder.decode`. One clip a phrase."""
        async with aclosing(_phrases(deltas, _own(conditioning))) as phrases:
            async for phrase, timbre in phrases:
                if clip := await self._run(self._spoken, phrase.rstrip(), timbre.target):
                    yield SpokenClip(clip, phrase)

    async def close(self) -> None:
        """Let the worker end."""
        self._worker.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[..., Result], *arguments: object) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._worker, partial(work, *arguments))

    def _spoken(self, phrase: str, target: TimbreStatistics | None) -> AudioClip | None:
        text = speakable(phrase)
        if not any(c.isalnum() for c in text):
            return None
        clip = self._synthesiser.speak(text)
        if target is not None:
            clip = convert(clip, self._synthesiser.timbre(), target).resampled(SAMPLE_RATE_HZ)
        return _joinable(clip, SENTENCE_PAUSE_S if phrase[-1] in ".!?。！？" else CLAUSE_PAUSE_S)

    def _measured(self, reference: AudioClip, key: str) -> TimbreStatistics:
        path = self._cache_dir / f"embedded-{key[:32]}.npz"
        if path.is_file():
            try:
                return TimbreStatistics.from_bytes(path.read_bytes())
            except (ValueError, OSError):
                pass  # a damaged or older file is written anew below
        statistics = measure(reference)
        write_atomic(path, statistics.to_bytes())
        return statistics


async def _phrases(deltas: AsyncIterable[SpokenDelta], timbre: Timbre) -> AsyncGenerator[tuple[str, Timbre]]:
    """What is to be spoken, and how."""
    cutter = PhraseCutter()
    tokens = text = False
    async for delta in deltas:
        if isinstance(delta, AudioTokens):
            tokens = True  # they say what the text beside them says
        elif isinstance(delta, TextDelta):
            text = text or bool(delta.text)
            for phrase in cutter.push(delta.text):
                yield phrase + " ", timbre
        else:
            for phrase in cutter.finish():
                yield phrase + " ", timbre
            cutter, timbre = PhraseCutter(), _own(delta)
    for phrase in cutter.finish():
        yield phrase, timbre
    if tokens and not text:
        raise ModelError("the embedded decoder speaks text, and the model gave audio tokens alone; ask again")


def _own(conditioning: VoiceConditioning) -> Timbre:
    if not isinstance(conditioning, Timbre):
        raise ModelError("this conditioning was prepared by another decoder; prepare the voice again")
    return conditioning


def _joinable(clip: AudioClip, pause_s: float) -> AudioClip:
    """The clip with its edges faded and a pause after it, so that joints do not click."""
    samples = clip.samples.copy()
    length = min(int(FADE_S * clip.sample_rate), samples.size // 2)
    ramp = np.linspace(0.0, 1.0, length, dtype=np.float32)
    samples[:length] *= ramp
    samples[samples.size - length :] *= ramp[::-1]
    return AudioClip(np.concatenate([samples, np.zeros(int(pause_s * clip.sample_rate), np.float32)]), clip.sample_rate)
