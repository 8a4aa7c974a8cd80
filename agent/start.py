"""Where a turn begins in the graph: anew, where one waits for the user's consent, or where a process died."""

from dataclasses import dataclass
from typing import Any

from langgraph.types import Command

from vivavoce.agent.calls.in_words import confirmation
from vivavoce.agent.graph import left_over
from vivavoce.agent.services import Services
from vivavoce.agent.session.held import HeldSession
from vivavoce.agent.state import Progress
from vivavoce.core.errors import SessionError


@dataclass(frozen=True, slots=True)
class Start:
    """turn: its id. thread: of its checkpoints. inputs: what LangGraph takes; None goes on where the thread was left."""

    turn: str
    thread: str
    inputs: Any


async def start_of(services: Services, session: HeldSession, turn: str, *, asks: bool) -> Start:
    """Where a turn begins. turn: its id, should it be a new one. asks: False goes on with the turn that was cut off.

    Raises:
        SessionError: no turn was cut off, it waits for the user's reply, or it cannot be read.
    """
    thread = session.facts.get("open")
    if not thread:
        if not asks:
            raise SessionError(f"session {session.name!r} has no turn that was cut off; ask something")
        return _anew(session, turn)
    left = await left_over(services.graph, thread)
    has_reply = left.waits and session.records[-1]["turn"] != left.turn  # whose turn was cut off
    if not asks:
        if left.waits and not has_reply:
            specs = {spec.name: spec for spec in services.tools.specs}
            question = confirmation(left.held, specs, services.language)
            raise SessionError(f"session {session.name!r} waits for your answer: {question}")
        turn = session.records[-1]["turn"]
    if left.waits:
        was_asked = session.facts.get("asked_in") == left.turn and not (asks and has_reply)
        return Start(turn, thread, Command(resume=_begun(turn, reply=True, was_asked=was_asked)))
    if not asks:
        inputs = None if left.is_there else {"progress": _begun(turn, steps=_steps_over(session, turn))}
        return Start(turn, thread, inputs)
    await services.sessions.checkpoints.adelete_thread(thread)
    return _anew(session, turn)


def _anew(session: HeldSession, turn: str) -> Start:
    return Start(turn, f"{session.name}/{turn}", {"progress": _begun(turn)})


def _begun(turn: str, *, steps: int = 0, reply: bool = False, was_asked: bool = False) -> Progress:
    return {
        "turn": turn,
        "steps": steps,
        "calls_made": 0,
        "pending": [],
        "held": [],
        "reply": reply,
        "was_asked": was_asked,
    }


def _steps_over(session: HeldSession, turn: str) -> int:
    """How many steps of the turn made calls that have all ended."""
    own = [record for record in session.records if record["turn"] == turn]
    ended = {record["result"]["call"]["id"] for record in own if record["role"] == "tool" and record["ended"]}
    calls = [{call["id"] for call in record["tool_calls"]} for record in own if record.get("tool_calls")]
    return sum(made <= ended for made in calls)
