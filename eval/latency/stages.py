"""The same stages one after the other: each begins when the one before has brought all it has."""

import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace

from vivavoce.agent.calls.runner import run_tool
from vivavoce.agent.services import Services
from vivavoce.agent.turn import Span, Timings
from vivavoce.core.audio import AudioClip
from vivavoce.core.errors import ModelError
from vivavoce.core.messages import (
    AssistantMessage,
    AudioTokens,
    Heard,
    Message,
    SessionFacts,
    TextDelta,
    ToolCall,
    ToolMessage,
    ToolResult,
    ToolSpec,
    UserMessage,
)

Spoken = TextDelta | AudioTokens


@dataclass(frozen=True, slots=True)
class StagedTurn:
    """What came of a question. heard: "" where the model does not tell."""

    heard: str
    text: str
    results: tuple[ToolResult, ...]
    audio: AudioClip
    timings: Timings


class StageByStage:
    """Runs the parts of an agent without its controller: no stream is passed on before it has ended, no two stages overlap.

    Nothing is checkpointed, and sentences are not compared with passages: what is left out makes this baseline faster.
    """

    def __init__(self, services: Services) -> None:
        self._services = services

    async def ask(self, question: AudioClip) -> StagedTurn:
        """Hear, choose, call, write the whole answer, speak all of it.

        Raises:
            ModelError: the model or the decoder failed, or there was nothing to say.
        """
        services, clock = self._services, _Clock()
        messages: list[Message] = [UserMessage(audio=question)]
        results: list[ToolResult] = []
        said, calls = await self._think(messages, services.tools.specs, clock)
        while calls:
            messages.append(AssistantMessage(_text(said), tuple(calls)))
            for call in calls:
                results.append(
                    await run_tool(call, services.tools, services.result_chars, SessionFacts(services.default_voice))
                )
                clock.close(f"tool: {call.name}")
                messages.append(ToolMessage(results[-1]))
            last = sum(isinstance(message, AssistantMessage) for message in messages) >= services.max_steps
            said, calls = await self._think(messages, () if last else services.tools.specs, clock)
        voice = next(
            (result.output.voice_id for result in reversed(results) if result.output.voice_id), services.default_voice
        )
        audio = await self._speak(said, voice, clock)
        now, user = clock.now(), messages[0]
        heard = user.text or "" if isinstance(user, UserMessage) else ""
        return StagedTurn(heard, _text(said), tuple(results), audio, Timings(tuple(clock.spans), now, now))

    async def _think(
        self, messages: list[Message], tools: Sequence[ToolSpec], clock: "_Clock"
    ) -> tuple[list[Spoken], list[ToolCall]]:
        """All that the model says and calls. What it heard is put into the question, so that it listens only once."""
        said: list[Spoken] = []
        calls: list[ToolCall] = []
        async for delta in self._services.lm.stream(messages, tools):
            match delta:
                case Heard(text):
                    clock.close("hear")
                    messages[0] = replace(messages[0], text=text)
                case ToolCall():
                    calls.append(delta)
                case _:
                    said.append(delta)
        calls = calls if tools else []
        clock.close("choose" if calls else "answer")
        return said, calls

    async def _speak(self, said: Sequence[Spoken], voice: str, clock: "_Clock") -> AudioClip:
        decoder = self._services.decoder
        conditioning = await decoder.prepare(self._services.bank.get(voice))
        clips = [clip.audio async for clip in decoder.decode(_all(said), conditioning)]
        clock.close("speak")
        if not clips:
            raise ModelError("the stages brought nothing to say; ask another question")
        return AudioClip.joined(clips)


class _Clock:
    """Seconds since it was made; stages follow each other without a gap."""

    def __init__(self) -> None:
        self._zero = time.perf_counter()
        self._begin = 0.0
        self.spans: list[Span] = []

    def now(self) -> float:
        return time.perf_counter() - self._zero

    def close(self, stage: str) -> None:
        """End the stage that began when the last one ended."""
        now = self.now()
        self.spans.append(Span(stage, self._begin, now))
        self._begin = now


def _text(said: Sequence[Spoken]) -> str:
    return " ".join("".join(delta.text for delta in said if isinstance(delta, TextDelta)).split())


async def _all(said: Sequence[Spoken]) -> AsyncIterator[Spoken]:
    for delta in said:
        yield delta
