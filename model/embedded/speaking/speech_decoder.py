"""Speaks: a small neural voice, phrase by phrase, moved toward the timbre of a reference clip."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from vivavoce.core.audio import AudioClip
from vivavoce.core.durable import write_atomic
from vivavoce.core.errors import AudioError, ModelError, reason
from vivavoce.core.messages import AudioTokens, SpokenClip, TextDelta
from vivavoce.core.protocols import SpokenDelta, VoiceConditioning
from vivavoce.core.voice import Voice
from vivavoce.model.embedded.speaking.phrases import Part, PhraseCutter, parts_of
from vivavoce.model.embedded.speaking.synthesiser import SAMPLE_RATE_HZ, Synthesiser
from vivavoce.model.embedded.speaking.timbre import TimbreStatistics, convert, measure

logger = logging.getLogger(__name__)
Result = TypeVar("Result")
Samples = NDArray[np.float32]
NATIVE_VOICE = "hibari-tts/heart"
FADE_S = 0.005
SENTENCE_PAUSE_S, CLAUSE_PAUSE_S = 0.18, 0.04


@dataclass(frozen=True, slots=True)
class Timbre:
    """The conditioning of `EmbeddedDecoder`. conversion: from what timbre to what other, None for the voice's own."""

    voice_id: str
    conversion: tuple[TimbreStatistics, TimbreStatistics] | None


class EmbeddedDecoder:
    """Implements `SpeechDecoder` over hibari-tts and WORLD.

    synthesiser: may be shared with other decoders. cache_dir: where timbres are kept that were measured once, by content.
    """

    sample_rate = SAMPLE_RATE_HZ

    def __init__(self, synthesiser: Synthesiser, cache_dir: Path) -> None:
        self._synthesiser = synthesiser
        self._cache_dir = cache_dir
        self._measured: dict[str, TimbreStatistics] = {}
        # One worker: phrases keep their order, and two never compete for the same cores.
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="decoder")

    async def warm_up(self) -> None:
        """Load the voice."""
        await self._run(self._synthesiser.load)

    async def prepare(self, voice: Voice) -> Timbre:
        """See `SpeechDecoder.prepare`."""
        if voice.native == NATIVE_VOICE:
            return Timbre(voice.id, None)
        try:
            return await self._run(self._timbre, voice)
        except AudioError as error:
            raise AudioError(f"voice {voice.id}: {error}") from error

    async def decode(self, deltas: AsyncIterable[SpokenDelta], conditioning: VoiceConditioning) -> AsyncIterator[SpokenClip]:
        """See `SpeechDecoder.decode`. One clip a phrase, and one for each run of words in it that cannot be said."""
        async with aclosing(_phrases(deltas, _own(conditioning))) as phrases:
            async for phrase, timbre in phrases:
                for part in parts_of(phrase):
                    yield await self._run(self._clip, part, timbre)

    async def close(self) -> None:
        """Let the worker end."""
        self._worker.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[..., Result], *arguments: object) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._worker, partial(work, *arguments))

    def _clip(self, part: Part, timbre: Timbre) -> SpokenClip:
        pause_s = SENTENCE_PAUSE_S if part.written.rstrip()[-1] in ".!?。！？" else CLAUSE_PAUSE_S
        sound = self._sound(part.said, timbre) if part.said else None
        samples = np.zeros(0, np.float32) if sound is None else _faded(sound)
        pause = np.zeros(int(pause_s * SAMPLE_RATE_HZ), np.float32)
        audio = AudioClip(np.concatenate([samples, pause]), SAMPLE_RATE_HZ)
        return SpokenClip(audio, part.written, spoken=sound is not None)

    def _sound(self, text: str, timbre: Timbre) -> AudioClip | None:
        """The sound of a text; None where this text cannot be spoken, which must not end the answer."""
        self._synthesiser.load()
        try:
            clip = self._synthesiser.speak(text)
            if timbre.conversion is None:
                return clip
            return convert(clip, *timbre.conversion).resampled(SAMPLE_RATE_HZ)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is about this text alone
            logger.warning("left out of the sound: %r (%s: %s)", text[:40], type(error).__name__, reason(error))
            return None

    def _timbre(self, voice: Voice) -> Timbre:
        clip = voice.reference
        source = self._kept(self._synthesiser.timbre_key, self._synthesiser.timbre)
        return Timbre(voice.id, (source, self._kept(clip.content_hash, lambda: measure(clip))))

    def _kept(self, key: str, measured: Callable[[], TimbreStatistics]) -> TimbreStatistics:
        """What was measured once, here or in an earlier process."""
        if key not in self._measured:
            self._measured[key] = self._stored(self._cache_dir / f"embedded-{key[:32]}.npz", measured)
        return self._measured[key]

    def _stored(self, path: Path, measured: Callable[[], TimbreStatistics]) -> TimbreStatistics:
        if path.is_file():
            try:
                return TimbreStatistics.from_bytes(path.read_bytes())
            except (ValueError, OSError):
                pass  # a damaged or older file is written anew below
        statistics = measured()
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
                yield phrase, timbre
        else:
            for phrase in cutter.finish():
                yield phrase, timbre
            timbre = _own(delta)
    for phrase in cutter.finish():
        yield phrase, timbre
    if tokens and not text:
        raise ModelError("the embedded decoder speaks text, and the model gave audio tokens alone; ask again")


def _own(conditioning: VoiceConditioning) -> Timbre:
    if not isinstance(conditioning, Timbre):
        raise ModelError("this conditioning was prepared by another decoder; prepare the voice again")
    return conditioning


def _faded(clip: AudioClip) -> Samples:
    """The samples with their edges faded, so that joints do not click."""
    samples = clip.samples.copy()
    length = min(int(FADE_S * clip.sample_rate), samples.size // 2)
    ramp = np.linspace(0.0, 1.0, length, dtype=np.float32)
    samples[:length] *= ramp
    samples[samples.size - length :] *= ramp[::-1]
    return samples
