"""One thread that speaks the chunks of all streams; what waits at the same time is computed as one batch."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from threading import Lock
from typing import TypeVar

import torch

from vivavoce.core.errors import ModelError, reason
from vivavoce.model.token2wav.stitching import Stitcher
from vivavoce.model.token2wav.stream import MelStream, push_together

MOST_TOGETHER = 8  # streams; more would let the first of them wait too long
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class SpokenStream:
    """A stream from tokens to sound."""

    mel: MelStream
    stitcher: Stitcher


@dataclass(frozen=True, slots=True)
class _Job:
    """A chunk that waits; see `ChunkWorker.speak`."""

    stream: SpokenStream
    chunk: Sequence[int]
    last: bool
    ends: bool
    done: Future[torch.Tensor] = field(default_factory=Future[torch.Tensor])

    def fits(self, other: "_Job") -> bool:
        """Whether both can be computed as one batch."""
        return (len(self.chunk), self.last) == (len(other.chunk), other.last)


class ChunkWorker:
    """Computes in the order in which work came. threads: of torch; None leaves them as they are."""

    def __init__(self, threads: int | None) -> None:
        self._pool = ThreadPoolExecutor(1, "token2wav", initializer=_set_threads, initargs=(threads,))
        self._waiting: deque[_Job] = deque()
        self._lock = Lock()
        self._closed = False

    async def run(self, work: Callable[..., Result], *arguments: object) -> Result:
        """Anything else that must not run beside a chunk.

        Raises:
            ModelError: the weights failed at it, or the worker was closed.
        """
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, self._unless_closed, work, *arguments)
        except RuntimeError as error:
            raise _failure(error) from error

    async def speak(self, stream: SpokenStream, chunk: Sequence[int], *, last: bool, ends: bool) -> torch.Tensor:
        """The next chunk of a stream, as samples (N,), 0 of them for one that is held back for a fade.

        last: of its tokens. ends: no sound follows, not even a fade into another voice. A chunk that nobody waits for any
        more is not begun.

        Raises:
            ModelError: the weights failed at it, or the worker was closed.
        """
        job = _Job(stream, chunk, last, ends)
        try:
            with self._lock:
                self._waiting.append(job)
                self._pool.submit(self._speak_next)
            return await asyncio.wrap_future(job.done)
        except RuntimeError as error:
            raise _failure(error) from error

    async def close(self) -> None:
        """End after the chunk that is being computed; whoever waits for another is told so. May be called twice."""
        self._closed = True
        await asyncio.to_thread(self._pool.shutdown, wait=True)

    def _unless_closed(self, work: Callable[..., Result], *arguments: object) -> Result:
        if self._closed:
            raise RuntimeError("it was closed")
        return work(*arguments)

    def _speak_next(self) -> None:
        jobs = [job for job in self._taken() if job.done.set_running_or_notify_cancel()]
        if not jobs:
            return
        try:
            streams, chunks = [job.stream.mel for job in jobs], [job.chunk for job in jobs]
            mels = self._unless_closed(partial(push_together, last=jobs[0].last), streams, chunks)
            for job, mel in zip(jobs, mels, strict=True):
                sound = job.stream.stitcher.push(mel.transpose(1, 2), last=job.ends)
                job.done.set_result(sound.cpu())
        except Exception as error:  # noqa: BLE001 - it reaches whoever waits
            for job in jobs:
                if not job.done.done():
                    job.done.set_exception(error)

    def _taken(self) -> list[_Job]:
        """The job that came first, and those that fit it."""
        with self._lock:
            if not self._waiting:
                return []
            first = self._waiting[0]
            # Numbers in 8 bits have one scale a batch, and streams would be heard in each other.
            most = 1 if first.stream.mel.quality.products == "int8" else MOST_TOGETHER
            fitting = [job for job in self._waiting if job.fits(first)][:most]
            self._waiting = deque(job for job in self._waiting if not any(job is taken for taken in fitting))
        return fitting


def _failure(error: RuntimeError) -> ModelError:
    return ModelError(f"the decoder failed ({reason(error)}); open the agent again")


def _set_threads(threads: int | None) -> None:
    if threads is not None:
        torch.set_num_threads(threads)
