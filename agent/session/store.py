"""Everything that is kept of sessions: their log, their recordings, the turns that are under way."""

import logging
import os
import time
from collections.abc import AsyncGenerator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver

from vivavoce.agent.session.checkpoints import Checkpoints, open_checkpoints
from vivavoce.agent.session.database import refusals
from vivavoce.agent.session.earlier import take_over
from vivavoce.agent.session.history import PastTurn, turns_of
from vivavoce.agent.session.log import SessionLog, SessionSummary
from vivavoce.agent.session.queue import SessionBusy, SessionQueue, WhenBusy
from vivavoce.agent.session.recordings import Recordings
from vivavoce.core.durable import discard, private_folder
from vivavoce.core.errors import SessionError

DATABASE = "sessions.sqlite"
DAY_S = 86_400.0
HELD_AT_ONCE = 100  # each is an open file
logger = logging.getLogger(__name__)


class Sessions:
    """What an agent keeps. checkpoints: of LangGraph, for the turn that is under way."""

    def __init__(self, folder: Path, log: SessionLog, checkpoints: BaseCheckpointSaver[Any], when_busy: WhenBusy) -> None:
        self.log = log
        self.checkpoints = checkpoints
        self.recordings = Recordings(folder / "recordings")
        self.queue = SessionQueue(folder / "locks", when_busy)

    async def all(self) -> list[SessionSummary]:
        """All sessions, the last used first.

        Raises:
            SessionError: they cannot be read.
        """
        return await self.log.sessions()

    async def summary(self, session: str) -> SessionSummary:
        """One session from outside.

        Raises:
            SessionError: there is no such session, or it cannot be read.
        """
        known = {summary.name: summary for summary in await self.all()}
        if session in known:
            return known[session]
        near = get_close_matches(session, known, 1)
        hint = f"did you mean {near[0]}?" if near else "`vivavoce sessions list` shows what there is"
        raise SessionError(f"there is no session {session!r:.80}; {hint}")

    async def history(self, session: str) -> tuple[PastTurn, ...]:
        """What was said and done in a session, turn by turn; () where there is no such session.

        Raises:
            SessionError: it cannot be read.
        """
        await self.queue.settled(session)
        return turns_of(await self.log.records(session))

    async def open_turn(self, session: str) -> str:
        """The thread of the turn that a session was left in; "" where there is none, or it is running at this moment.

        Raises:
            SessionError: it cannot be read.
        """
        if not (await self.log.facts(session)).get("open"):
            return ""
        try:
            async with self.queue.held(session, "refuse"):
                return (await self.log.facts(session)).get("open") or ""
        except SessionBusy:
            return ""

    async def forget(self, session: str) -> bool:
        """Delete a session with its recordings and its lock, so that nothing of it is left. Returns whether there was one.

        A turn of it that is under way comes first, see `Settings.when_busy`.

        Raises:
            SessionError: a turn of it is under way, or the disk refuses.
        """
        async with self.queue.held(session):
            existed = session in await self.log.names()
            await self._erase([session])
        return existed

    async def prune(self, days: float) -> list[str]:
        """Forget the sessions that were not used for so many days; those that are in a turn stay. Returns their names.

        Raises:
            SessionError: they cannot be read.
        """
        names = await self.log.names(unused_since=time.time() - days * DAY_S)
        erased: list[str] = []
        for start in range(0, len(names), HELD_AT_ONCE):
            erased += await self._erase_idle(names[start : start + HELD_AT_ONCE])
        return erased

    async def sweep(self) -> None:
        """Remove what killed processes left behind: turns that had ended, recordings and locks of no session.

        Raises:
            SessionError: the disk refuses.
        """
        for name in {*self.recordings.sessions(), *self.queue.sessions()} - set(await self.log.names()):
            await self._erase_unknown(name)
        if isinstance(self.checkpoints, Checkpoints):
            threads = {thread for thread in await self.checkpoints.threads() if "/" in thread}
            for thread in threads - await self.log.open_turns():  # asked last: a turn that began meanwhile is among them
                await self.checkpoints.adelete_thread(thread)

    async def _erase_unknown(self, session: str) -> None:
        try:
            async with self.queue.held(session, "refuse"):
                if session not in await self.log.names():
                    self.recordings.delete(session)
                    discard(self.queue.lock_file(session))
        except SessionBusy:  # it begins just now
            return

    async def _erase_idle(self, names: Iterable[str]) -> list[str]:
        """Erase the sessions that are in no turn; return their names."""
        async with AsyncExitStack() as held:
            idle: list[str] = []
            for name in names:
                try:
                    await held.enter_async_context(self.queue.held(name, "refuse"))
                except SessionBusy:
                    continue
                idle.append(name)
            if idle:
                await self._erase(idle)
        return idle

    async def _threads_of(self, session: str) -> list[str]:
        if isinstance(self.checkpoints, Checkpoints):
            return [thread for thread in await self.checkpoints.threads() if thread.startswith(f"{session}/")]
        thread = (await self.log.facts(session)).get("open")  # another saver cannot tell which it has
        return [thread] if thread else []

    async def _erase(self, sessions: Iterable[str]) -> None:
        """Remove all of sessions that are held. The log comes last: cut off, they are still there to be deleted again."""
        for session in sessions:
            for thread in await self._threads_of(session):
                await self.checkpoints.adelete_thread(thread)
            self.recordings.delete(session)
        await self.log.delete(*sessions)
        for session in sessions:
            discard(self.queue.lock_file(session))


@asynccontextmanager
async def open_sessions(
    folder: Path,
    checkpoints: BaseCheckpointSaver[Any] | None = None,
    *,
    when_busy: WhenBusy = "queue",
    retention_days: float | None = None,
) -> AsyncGenerator[Sessions]:
    """The sessions of a folder, which only its owner can look into. Those of earlier versions are taken over.

    checkpoints: a saver of your own, for the turns that are under way. retention_days: sessions that were not used for
    longer are forgotten.

    Raises:
        SessionError: they cannot be kept, or the database is damaged or of a newer version.
    """
    path = folder / DATABASE
    with refusals(folder):
        _make_private(folder, path)
    log = SessionLog(path)
    await log.open()
    try:
        async with open_checkpoints(path) as own:
            sessions = Sessions(folder, log, own if checkpoints is None else checkpoints, when_busy)
            await take_over(folder, log, own, sessions.recordings)
            await _tidy(sessions, retention_days)
            try:
                yield sessions
            finally:
                await sessions.queue.end()
    finally:
        await log.close()


def _make_private(folder: Path, database: Path) -> None:
    """Let only the owner look into a folder and all that is in it, which earlier versions and copies left open."""
    private_folder(folder)
    os.close(os.open(database, os.O_CREAT | os.O_RDWR, 0o600))
    for path in folder.rglob("*"):
        try:
            if path.stat().st_mode & 0o077:
                path.chmod(0o700 if path.is_dir() else 0o600)
        except FileNotFoundError:  # another process is done with it
            continue


async def _tidy(sessions: Sessions, days: float | None) -> None:
    try:
        await sessions.sweep()
        if days is not None and (names := await sessions.prune(days)):
            logger.info("forgot %d sessions that were not used for %g days", len(names), days)
    except SessionError as error:  # old sessions are no reason not to answer
        logger.warning("%s", error)
