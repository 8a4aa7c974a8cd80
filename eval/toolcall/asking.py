"""Puts a question to the agent after its earlier turns, and sees which tools are called first."""

import asyncio
import json
import time
import uuid
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vivavoce.agent import Agent
from vivavoce.agent.state import Record, assistant_record, tool_record, user_record
from vivavoce.agent.turn import HeardText, ModelFailed, SpokenText, ToolStarted
from vivavoce.core.audio import AudioClip
from vivavoce.core.errors import ModelError
from vivavoce.core.messages import ToolCall, ToolOutput, ToolResult
from vivavoce.core.untrusted import fence
from vivavoce.eval.toolcall.questions import Earlier


@dataclass(frozen=True, slots=True)
class Asked:
    """What a question led to. calls: of the first round that had any. said: before the turn was interrupted."""

    heard: str
    said: str
    calls: tuple[ToolCall, ...]
    decided_s: float


async def ask_for_calls(
    agent: Agent,
    text: str,
    audio: str = "",
    history: Sequence[Earlier] = (),
    *,
    transcribes: bool,
    speaks_first: bool,
) -> Asked:
    """Ask, and interrupt the turn as soon as it is clear what is called: closing the stream is the product's barge-in.

    audio: path of the recording that is asked in place of the text. transcribes: whether earlier recordings are known to the
    model by their text. speaks_first: whether the model may say something before it calls, or what it says instead is
    wanted; then only the end of the turn tells that it does not call.

    Raises:
        VivavoceError: as `Agent.stream`. ModelError: the model failed.
    """
    session = f"toolcall-{uuid.uuid4().hex[:12]}"
    await _remember(agent, session, history, transcribes=transcribes)
    asked = await asyncio.to_thread(AudioClip.load, audio) if audio else text
    heard, said, calls = text if not audio else "", "", tuple[ToolCall, ...]()
    start, decided_s = time.perf_counter(), 0.0
    async with aclosing(agent.stream(asked, session=session)) as events:
        async for event in events:
            match event:
                case HeardText(words):
                    heard = words
                case ToolStarted():
                    decided_s = time.perf_counter() - start
                    calls = await _calls_of_round(agent, session)
                    break
                case SpokenText(words):
                    said += words
                    if not speaks_first:
                        break
                case ModelFailed(why):
                    raise ModelError(why)
                case _:
                    continue
    return Asked(heard, said.strip(), calls, decided_s or time.perf_counter() - start)


async def _calls_of_round(agent: Agent, session: str) -> tuple[ToolCall, ...]:
    """All calls of the round that has begun: they are in the log before any of them starts."""
    records = await agent.services.sessions.log.records(session)
    made = next(record["tool_calls"] for record in reversed(records) if record.get("tool_calls"))
    return tuple(ToolCall(**call) for call in made)


async def _remember(agent: Agent, session: str, history: Sequence[Earlier], *, transcribes: bool) -> None:
    """Give a new session its past, as the controller itself would have kept it."""
    if not history:
        return
    sessions, turn = agent.services.sessions, "earlier"
    records: list[Record] = []
    for part in history:
        match part.who:
            case "user":
                turn = uuid.uuid4().hex
                recording = sessions.recordings.put(session, AudioClip.load(Path(part.audio))) if part.audio else None
                records.append(user_record(turn, part.text if transcribes or not recording else None, recording))
            case "call":
                call = ToolCall.new(part.name, part.arguments)
                records.append(assistant_record(turn, uuid.uuid4().hex, "", (call,)))
                records.append(tool_record(turn, ToolResult(call, "done", ToolOutput(fence(part.name, part.text)))))
            case _:
                records.append(assistant_record(turn, uuid.uuid4().hex, part.text, ()))
    await sessions.log.put(session, records)


def arguments_of(call: ToolCall) -> dict[str, Any] | None:
    """A call's arguments, None where they are no JSON object."""
    try:
        arguments = json.loads(call.arguments or "{}")
    except (ValueError, RecursionError):
        return None
    return arguments if isinstance(arguments, dict) else None
