"""What a tool may know of the call that it is answering."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from threading import Event

from vivavoce.core.messages import SessionFacts


def unheard(_: str) -> None:
    """Outside an agent nobody listens."""


@dataclass(frozen=True, slots=True)
class RunningCall:
    """A call while its tool runs.

    id: the same however often the call is tried, so that it can be handed on as an idempotency key. session: the dialogue
    that the call was made in. report: tells the user, in a few words, how far the work is; may be called from any thread.
    at_work: set while a thread works for the call, which nothing can stop.
    """

    id: str = ""
    session: SessionFacts = field(default_factory=SessionFacts)
    report: Callable[[str], None] = unheard
    at_work: Event = field(default_factory=Event)


_RUNNING: ContextVar[RunningCall] = ContextVar("vivavoce_running_call")


def current_call() -> RunningCall:
    """The call that this code runs for, in any tool, coroutine or thread of it; an empty one outside of an agent."""
    return _RUNNING.get(RunningCall())


@contextmanager
def running(call: RunningCall) -> Generator[RunningCall]:
    """Let `current_call` return this call."""
    token = _RUNNING.set(call)
    try:
        yield call
    finally:
        _RUNNING.reset(token)
