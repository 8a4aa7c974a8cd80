"""A dialogue played again from its recordings, with the results that its tools gave then: what is different now?

No tool does anything: its results come from the log.
"""

import asyncio
import json
import uuid
from collections import defaultdict, deque
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any

from vivavoce.agent import Agent, AudioChunk, ModelFailed, PastTurn, ToolFinished, ToolStarted
from vivavoce.agent.session.store import open_sessions
from vivavoce.agent.turn_stream import TurnStream
from vivavoce.app.backends import at_home
from vivavoce.app.parts import Parts
from vivavoce.app.wiring import open_agent, open_tools
from vivavoce.core.audio import AudioClip
from vivavoce.core.errors import ModelError, ToolFailed, VivavoceError
from vivavoce.core.messages import ToolOutput, ToolResult, ToolSpec
from vivavoce.core.settings import Settings
from vivavoce.core.untrusted import fence

ANYTHING = {"type": "object", "properties": {}}


@dataclass(frozen=True, slots=True)
class Difference:
    """What was, and what is now. what: heard, calls or answer."""

    what: str
    then: str
    now: str


@dataclass(frozen=True, slots=True)
class ReplayedTurn:
    """A turn that was played again. failed: why it came to no end now; "" where it did."""

    then: PastTurn
    differences: tuple[Difference, ...] = ()
    failed: str = ""

    @property
    def is_same(self) -> bool:
        """Whether nothing is different."""
        return not (self.differences or self.failed)


async def replay(
    session: str,
    settings: Settings,
    *,
    tools: Sequence[Any] = (),
    **parts: Any,  # noqa: ANN401 - whatever `open_agent` takes
) -> AsyncGenerator[ReplayedTurn]:
    """Play a session again, turn by turn, on the model of the settings, in a session that is deleted afterwards.

    A turn that was interrupted is interrupted at the same word. tools: those that the agent had beside the product's own;
    their specs are shown to the model, and none is called. parts: see `open_agent`.

    Raises:
        SessionError: there is no such session, or it cannot be read. VivavoceError: the agent cannot be opened.
    """
    home = at_home(settings)
    async with open_sessions(home.sessions_dir) as sessions:
        await sessions.summary(session)
        turns = await sessions.history(session)
        questions = [_question(turn, sessions.recordings.get) for turn in turns]
    logged = _Logged(turns)
    again = [_LoggedTool(spec, logged) for spec in _specs(turns, tools, home)]
    async with open_agent(settings, only=(), tools=again, **parts) as agent:
        scratch = f"replay-{uuid.uuid4().hex[:10]}"
        try:
            for turn, question in zip(turns, questions, strict=True):
                yield await _played(agent, scratch, turn, question)
        finally:
            await agent.forget(scratch)


def _question(turn: PastTurn, load: Any) -> AudioClip | str | None:  # noqa: ANN401 - a method of `Recordings`
    """What was asked, as it was asked; its text where the recording is gone."""
    recording = load(turn.recording) if turn.recording is not None else None
    return recording if recording is not None else turn.heard or None


def _specs(turns: Sequence[PastTurn], tools: Sequence[Any], settings: Settings) -> list[ToolSpec]:
    """The tools as the model saw them; of one that is known no more, the name."""
    registry = open_tools(Parts(settings))
    for tool in tools:
        registry.add(tool)
    known = {spec.name: spec for spec in registry.specs}
    called = {result.call.name for turn in turns for result in turn.tool_calls if result.status != "failed"}
    return [*known.values(), *(ToolSpec(name, name.replace("_", " "), ANYTHING) for name in sorted(called - set(known)))]


class _Logged:
    """The results of a log, each to be given once, in order."""

    def __init__(self, turns: Iterable[PastTurn]) -> None:
        self._left: dict[tuple[str, str], deque[ToolResult | None]] = defaultdict(deque)
        for turn in turns:
            for result in turn.tool_calls:
                self._left[result.call.name, plain(result.call.arguments)].append(None if _is_open(result, turn) else result)

    async def next(self, name: str, arguments: str) -> ToolResult:
        """The next result of a tool for these arguments. Where it was interrupted then, nothing comes now either.

        Raises:
            ToolFailed: the log has no more.
        """
        left = self._left[name, plain(arguments)]
        if not left:
            raise ToolFailed("this call is not in the log")
        return left.popleft() or await asyncio.Future[ToolResult]()  # which never comes


@dataclass(frozen=True, slots=True)
class _LoggedTool:
    """Implements `Tool`: answers what the log says."""

    spec: ToolSpec
    logged: _Logged = field(repr=False)

    async def call(self, arguments: str) -> ToolOutput:
        result = await self.logged.next(self.spec.name, arguments)
        if result.status != "done":
            raise ToolFailed(result.output.content)
        before, _, after = fence(self.spec.name, "\0").partition("\0")  # which every result is put into
        return replace(result.output, content=result.output.content.removeprefix(before).removesuffix(after))


def _is_open(result: ToolResult, turn: PastTurn) -> bool:
    """Whether a turn was interrupted while this call was under way."""
    return turn.interrupted and result.status in ("interrupted", "cancelled")


def plain(arguments: str) -> str:
    """Arguments in a form in which equal ones are equal texts."""
    try:
        return json.dumps(json.loads(arguments or "{}"), sort_keys=True, ensure_ascii=False)
    except (ValueError, RecursionError):
        return arguments.strip()


async def _played(agent: Agent, scratch: str, turn: PastTurn, question: AudioClip | str | None) -> ReplayedTurn:
    if question is None:
        return ReplayedTurn(turn, failed="its recording is gone")
    known = len(await agent.history(scratch))
    failed = ""
    try:
        await _listened(agent.stream(question, session=scratch, voice=_chosen_voice(turn)), turn)
    except VivavoceError as error:
        failed = str(error) or type(error).__name__
    now = (await agent.history(scratch))[known:]
    return ReplayedTurn(turn, _differences(turn, now[0]) if now else (), failed)


def _chosen_voice(turn: PastTurn) -> str | None:
    """The voice that was chosen along with the question, and not by a tool."""
    by_tools = {result.output.voice_id for result in turn.tool_calls}
    return next((switch.voice_id for switch in turn.voices if switch.voice_id not in by_tools), None)


async def _listened(stream: TurnStream, turn: PastTurn) -> None:
    """Hear the turn to its end, or as much of it as was heard then.

    Raises:
        ModelError: the model failed.
    """
    left, started, ended = len(_letters(turn.answer)), 0, 0
    calls, open_ = len(turn.tool_calls), sum(_is_open(result, turn) for result in turn.tool_calls)
    is_heard = left == 0 and open_ > 0
    async with aclosing(stream):
        async for event in stream:
            if isinstance(event, ModelFailed):
                raise ModelError(event.why)
            started += isinstance(event, ToolStarted)
            ended += isinstance(event, ToolFinished)
            if isinstance(event, AudioChunk) and not is_heard:
                heard = _end_of(event.text, left)
                left -= len(_letters(event.text[:heard]))
                is_heard = left <= 0
                if turn.interrupted and is_heard:
                    share = min(1.0, (heard + 0.5) / len(event.text)) if heard else 0.0
                    stream.played(event.start_s + share * (event.end_s - event.start_s))
            if turn.interrupted and is_heard and started >= calls and ended >= calls - open_:
                return


def _end_of(text: str, letters: int) -> int:
    """Where the word begins that comes after so many letters of a text; its end where it has fewer."""
    for at, character in enumerate(text):
        if not character.isspace():
            if letters <= 0:
                return at
            letters -= 1
    return len(text)


def _letters(text: str) -> str:
    return "".join(text.split())


def _differences(then: PastTurn, now: PastTurn) -> tuple[Difference, ...]:
    found: list[Difference] = []
    if (then.heard or "").strip() != (now.heard or "").strip():
        found.append(Difference("heard", then.heard or "", now.heard or ""))
    made, making = _calls(then), _calls(now)
    if made != (making[: len(made)] if then.interrupted else making):
        found.append(Difference("calls", "; ".join(made), "; ".join(making)))
    said, saying = _letters(then.answer), _letters(now.answer)
    if not (said == saying or (then.interrupted and saying.startswith(said))):
        found.append(Difference("answer", then.answer, now.answer))
    return tuple(found)


def _calls(turn: PastTurn) -> list[str]:
    return [f"{result.call.name} {plain(result.call.arguments)}" for result in turn.tool_calls]
