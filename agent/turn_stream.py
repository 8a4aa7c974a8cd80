"""A turn for whoever listens: its events, and the ways to end it."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress

from vivavoce.agent.running_turn import RunningTurn
from vivavoce.agent.turn import TurnEvent
from vivavoce.core.errors import VivavoceError

logger = logging.getLogger(__name__)
_ending: set[asyncio.Task[None]] = set()  # else nobody holds them


class TurnStream(AsyncIterator[TurnEvent]):
    """The events of one turn, once. The turn begins when the first of them is asked for.

    Leaving the loop, or closing this, interrupts the turn; the dialogue keeps what was heard.
    """

    def __init__(self, turn: RunningTurn) -> None:
        self._turn = turn

    def __aiter__(self) -> AsyncIterator[TurnEvent]:
        """One loop over the events; whoever leaves it early has given up the turn."""
        return _Loop(self._turn)

    async def __anext__(self) -> TurnEvent:
        """The next event."""
        return await self._turn.next()

    def played(self, seconds: float) -> None:
        """Tell how much of the answer was played so far.

        Without reports, a chunk counts as heard when the next event is asked for.

        Raises:
            ConfigError: it is no length of time.
        """
        self._turn.playback.played(seconds)

    async def interrupt(self) -> None:
        """End the turn now, such as when the user begins to speak.

        Events go on with `TurnDone`, if anybody asks for it; one that has not begun never begins.
        """
        await self._turn.interrupt()

    async def aclose(self) -> None:
        """The same as `interrupt`."""
        await self._turn.interrupt()

    def __del__(self) -> None:
        _give_up(self._turn)


class _Loop(AsyncIterator[TurnEvent]):
    """What an ``async for`` holds as long as it runs."""

    def __init__(self, turn: RunningTurn) -> None:
        self._turn = turn

    async def __anext__(self) -> TurnEvent:
        return await self._turn.next()

    def __del__(self) -> None:
        _give_up(self._turn)


def _give_up(turn: RunningTurn) -> None:
    """Interrupt a turn that nobody listens to any more."""
    if not turn.is_running:
        return
    turn.is_leaving = True
    with suppress(RuntimeError):  # the loop has ended, and the turn with it
        turn.loop.call_soon_threadsafe(_end, turn)


def _end(turn: RunningTurn) -> None:
    task = asyncio.create_task(_interrupted(turn))
    _ending.add(task)
    task.add_done_callback(_ending.discard)


async def _interrupted(turn: RunningTurn) -> None:
    try:
        await turn.interrupt()
    except VivavoceError as error:
        logger.warning("%s", error)
