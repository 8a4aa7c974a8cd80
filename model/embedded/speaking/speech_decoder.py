"""Speaks: a small neural voice, phrase by phrase, moved toward the timbre of a reference clip."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from vivavoce.core.audio import AudioClip
from vivavoce.core.durable import write_atomic
from vivavoce.core.errors import AudioError, ModelError
from vivavoce.core.messages import AudioTokens, SpokenClip, TextDelta
from vivavoce.core.protocols import SpokenDelta, VoiceConditioning
from vivavoce.core.voice import Voice
from vivavoce.model.embedded.speaking.phrases import PhraseCutter, speakable
from vivavoce.model.embedded.speaking.timbre import TimbreStatistics, convert, measure

if TYPE_CHECKING:
    from hibari import Hibari

Result = TypeVar("Result")
NATIVE_VOICE = "hibari-tts/heart"
SAMPLE_RATE_HZ = 24_000
FADE_S = 0.005
SENTENCE_PAUSE_S, CLAUSE_PAUSE_S = 0.18, 0.04
SEED = 0  # the voice draws noise; the same text must sound the same
CALIBRATION = (
    "The birch canoe slid on the smooth planks. Glue the sheet to the dark blue background. "
    "It is easy to tell the depth of a well, but these days a chicken leg is a rare dish. "
    "Rice is often served in round bowls. Why do four hours of steady work face us?"
)


@dataclass(frozen=True, slots=True)
class Timbre:
    """The conditioning of `EmbeddedDecoder`; ``target`` is None for the voice's own timbre."""

    voice_id: str
    target: TimbreStatistics | None


class EmbeddedDecoder:
    """Implements `SpeechDecoder` over hibari-tts and WORLD.

    cache_dir: where prepared timbres are kept, by content hash of the clip; None keeps them in memory only.
    """

    sample_rate = SAMPLE_RATE_HZ

    def __init__(self, cache_dir: Path | None, threads: int = 2) -> None:
        self._cache_dir = cache_dir
        self._threads = threads
        self._prepared: dict[str, TimbreStatistics] = {}
        self._tts: Hibari | None = None
        self._source: TimbreStatistics | None = None
        # One worker: phrases keep their order, and two never compete for the same cores.
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="decoder")

    async def warm_up(self) -> None:
        """Load the voice and measure it."""
        await self._run(self._source_statistics)

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

    def speak_natively(self, text: str) -> AudioClip:
        """A text in the voice's own timbre, uncut. Blocking.

        Raises:
            ModelError: the voice cannot speak it.
        """
        try:
            samples = np.asarray(self._voice()(text, seed=SEED), np.float32)
        except (RuntimeError, ValueError, IndexError, KeyError) as error:
            raise ModelError(f"the voice cannot speak {text[:40]!r}: {error}") from error
        return AudioClip(samples, SAMPLE_RATE_HZ)

    async def close(self) -> None:
        """Let the worker end."""
        self._worker.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[..., Result], *arguments: object) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._worker, partial(work, *arguments))

    def _spoken(self, phrase: str, target: TimbreStatistics | None) -> AudioClip | None:
        text = speakable(phrase)
        if not any(c.isalnum() for c in text):
            return None
        clip = self.speak_natively(text)
        if target is not None:
            clip = convert(clip, self._source_statistics(), target).resampled(SAMPLE_RATE_HZ)
        return _joinable(clip, SENTENCE_PAUSE_S if phrase[-1] in ".!?。！？" else CLAUSE_PAUSE_S)

    def _voice(self) -> "Hibari":
        if self._tts is None:
            from hibari import Hibari

            self._tts = Hibari(threads=self._threads)
        return self._tts

    def _source_statistics(self) -> TimbreStatistics:
        if self._source is None:
            self._source = measure(self.speak_natively(CALIBRATION))
        return self._source

    def _measured(self, reference: AudioClip, key: str) -> TimbreStatistics:
        path = self._cache_dir / f"embedded-{key[:32]}.npz" if self._cache_dir else None
        if path is not None and path.is_file():
            try:
                return TimbreStatistics.from_bytes(path.read_bytes())
            except (ValueError, OSError):
                pass  # a damaged or older file is written anew below
        statistics = measure(reference)
        if path is not None:
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
