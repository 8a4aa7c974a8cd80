"""A language model that does what a function says."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence

from vivavoce.core.messages import (
    Heard,
    LMDelta,
    Message,
    SystemMessage,
    TextDelta,
    ToolCall,
    ToolMessage,
    ToolSpec,
    UserMessage,
)

Script = Callable[[Sequence[Message], Sequence[ToolSpec]], Iterable[LMDelta | str]]


def call(name: str, /, **arguments: object) -> ToolCall:
    """A call of a tool, for scripts."""
    return ToolCall.new(name, json.dumps(arguments, ensure_ascii=False))


def in_turn(*answers: LMDelta | str | Sequence[LMDelta | str]) -> Script:
    """A script that gives one answer each time the model is asked, in the order given, and nothing after the last."""
    left = iter(answers)

    def script(_: Sequence[Message], __: Sequence[ToolSpec]) -> Iterator[LMDelta | str]:
        answer = next(left, ())
        yield from [answer] if not isinstance(answer, Sequence) or isinstance(answer, str) else answer

    return script


def echo(messages: Sequence[Message], tools: Sequence[ToolSpec]) -> Iterator[LMDelta | str]:
    """The default script: `tool NAME {json}` calls a tool, results are read out, anything else is repeated."""
    last = messages[-1]
    if isinstance(last, ToolMessage):
        yield last.result.output.spoken or last.result.output.content
        return
    text = last.text or "" if isinstance(last, UserMessage) else ""
    if isinstance(last, UserMessage) and last.text is None and last.audio is not None:
        text = f"{last.audio.duration_s:.1f} seconds of speech"
        yield Heard(text)
    command, _, rest = text.partition(" ")
    name, _, arguments = rest.partition(" ")
    if command == "tool" and name:
        yield ToolCall.new(name, arguments or "{}")
    else:
        yield f"You said: {text}."


class ScriptedLM:
    """Implements `SpeechLM`. script: what it answers to the messages; strings are text to be spoken."""

    def __init__(self, script: Script = echo, delay_s: float = 0.0) -> None:
        self._script = script
        self._delay_s = delay_s

    async def warm_up(self, tools: Sequence[ToolSpec], instructions: Sequence[SystemMessage] = ()) -> None:
        """Nothing is loaded."""

    async def stream(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> AsyncGenerator[LMDelta]:
        """See `SpeechLM.stream`."""
        for item in self._script(messages, tools):
            await asyncio.sleep(self._delay_s)
            yield TextDelta(item) if isinstance(item, str) else item

    async def close(self) -> None:
        """Nothing is held."""
