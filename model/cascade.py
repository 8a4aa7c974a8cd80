"""A model that hears, made of two that do not need each other: any recogniser before any model that reads."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from vivavoce.core.audio import AudioClip
from vivavoce.core.errors import ModelError
from vivavoce.core.messages import Heard, LMDelta, Message, SystemMessage, ToolSpec, UserMessage
from vivavoce.core.protocols import Recogniser, TextModel


class Cascade:
    """Implements `SpeechLM`: ears write down what was said, a mind answers it. Closing it closes both."""

    def __init__(self, ears: Recogniser, mind: TextModel) -> None:
        self.ears = ears
        self.mind = mind
        self._earlier: dict[str, str] = {}  # what was said in turns that another model heard, by content hash

    async def warm_up(self, tools: Sequence[ToolSpec], instructions: Sequence[SystemMessage] = ()) -> None:
        """See `SpeechLM.warm_up`."""
        await asyncio.gather(self.ears.warm_up(), self.mind.warm_up(tools, instructions))

    async def stream(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> AsyncGenerator[LMDelta]:
        """See `SpeechLM.stream`."""
        last = max((at for at, message in enumerate(messages) if isinstance(message, UserMessage)), default=-1)
        readable: list[Message] = []
        for at, message in enumerate(messages):
            if isinstance(message, UserMessage):
                if message.text is None and at == last:
                    message = UserMessage(await self.ears.transcribe(_sound_of(message)), message.audio)
                    yield Heard(message.text or "")
                elif message.text is None:
                    message = UserMessage(await self._recalled(_sound_of(message)))
                if at == last and not (message.text or "").strip():
                    return
            readable.append(message)
        async with aclosing(self.mind.stream(readable, tools)) as deltas:
            async for delta in deltas:
                yield delta

    async def _recalled(self, audio: AudioClip) -> str:
        """What was said in an earlier turn of a dialogue that a model which does not transcribe began."""
        if audio.content_hash not in self._earlier:
            self._earlier[audio.content_hash] = await self.ears.transcribe(audio)
        return self._earlier[audio.content_hash]

    async def close(self) -> None:
        """See `SpeechLM.close`."""
        await self.ears.close()
        await self.mind.close()


def _sound_of(message: UserMessage) -> AudioClip:
    if message.audio is None:
        raise ModelError("a user message holds neither text nor audio; give it one of them")
    return message.audio
