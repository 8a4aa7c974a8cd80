"""Feeds the model's deltas to the decoder while the model still writes, and turns voice changes into new streams."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

from vivavoce.agent.answering import Speech
from vivavoce.core.messages import AudioTokens, SpokenClip, TextDelta
from vivavoce.core.protocols import SpeechDecoder, VoiceConditioning

Prepare = Callable[[str], Awaitable[VoiceConditioning]]
SpeechQueue = asyncio.Queue[Speech | None]


async def speak(queue: SpeechQueue, decoder: SpeechDecoder, prepare: Prepare) -> AsyncGenerator[SpokenClip]:
    """Speak what comes out of the queue until None; each run of one voice is one decoder stream."""
    first = await queue.get()
    while first is not None:
        segment = _Segment(queue, first)
        async for clip in decoder.decode(segment.deltas(), await prepare(first.voice_id)):
            yield clip
        first = segment.next


class _Segment:
    """The deltas of one voice; ``next`` is what ended them."""

    def __init__(self, queue: SpeechQueue, first: Speech) -> None:
        self._queue = queue
        self._first = first
        self.next: Speech | None = None

    async def deltas(self) -> AsyncIterator[TextDelta | AudioTokens]:
        """Deltas until the voice changes or the turn ends."""
        item: Speech | None = self._first
        while item is not None and item.voice_id == self._first.voice_id:
            yield item.delta
            item = await self._queue.get()
        self.next = item
